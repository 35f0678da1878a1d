"""The declaration of a factor.

A factor is a function of one to four lines whose parameter names say what it needs:

- a line of the bars (`close`), the `benchmark`, or the name of another factor: required;
- the same with None as default: used if the bars have it;
- a parameter with a number as default: a window.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

MEMORIES = ("finite", "ema", "cumulative")
CLOCKS = ("traded", "calendar")


@dataclass(frozen=True)
class Factor:
    """A registered factor.

    Attributes
    ----------
    function : callable
        Formula on arrays of shape (bars, assets).
    inputs, optional : tuple of str
        Lines and factors that are needed, and those that are used if the bars have them.
    windows : mapping of str to number
        Arguments for the windows.
    lookback : int or None
        Number of bars, the current one included, that determine the value; None: all.
    history : int
        Number of bars that an asset needs for a value.
    memory : {"finite", "ema", "cumulative"}
        Memory of the factor, its inputs included.
    extra_lines : tuple of str
        Inputs that are lines of the user's own data.
    own_lookback : int or None
        Number of bars of the direct inputs that determine the value; None: all.

    The other attributes are those that `factor` takes.
    """

    name: str
    family: str
    function: Callable[..., Any]
    inputs: tuple[str, ...]
    optional: tuple[str, ...]
    windows: Mapping[str, float]
    lookback: int | None
    history: int
    memory: str
    degree: int
    volume_degree: int
    amount_degree: int
    clock: str
    default: bool
    step: bool
    extra_lines: tuple[str, ...] = ()
    stands_for: str | None = None
    own_lookback: int | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of all inputs, the optional ones last."""
        return self.inputs + self.optional

    @cached_property
    def scales(self) -> tuple[tuple[str, int], ...]:
        """Lines and powers that the value is divided by to be free of scale."""
        pairs = (
            ("close", self.degree),
            ("usual_volume", self.volume_degree),
            ("usual_amount", self.amount_degree),
        )
        return tuple((name, degree) for name, degree in pairs if degree)

    @property
    def summary(self) -> str:
        """First paragraph of the docstring, with the values of the windows."""
        doc = inspect.getdoc(self.function) or ""
        text = " ".join(doc.split("\n\n")[0].split())
        for name, value in self.windows.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    @property
    def formula(self) -> str:
        """Source code of the formula, without signature and docstring."""
        source = textwrap.dedent(inspect.getsource(self.function))
        function = ast.parse(source).body[0]
        if not isinstance(function, ast.FunctionDef):
            return source.strip()
        lines, body = source.splitlines(), function.body
        before = function.lineno
        if ast.get_docstring(function, clean=False) is not None:
            before, body = body[0].end_lineno or 0, body[1:]
        if not body:
            return ""
        start = body[0].lineno
        if start == before:  # the body begins on the line of the signature or docstring
            lines[start - 1] = lines[start - 1].encode()[body[0].col_offset :].decode()
            return "\n".join([lines[start - 1], textwrap.dedent("\n".join(lines[start:]))]).strip()
        while start - 1 > before and lines[start - 2].lstrip().startswith("#"):
            start -= 1
        return textwrap.dedent("\n".join(lines[start - 1 :])).strip()
