"""What a factor declares about itself.

A factor is a function of one to four lines whose parameter names say what it needs:

- a line of the bars (`close`), the `benchmark`'s close, or another factor's name: required;
- the same with the default None: used when it is there;
- anything with a number as default: a window.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MEMORIES = ("finite", "ema", "cumulative")
CLOCKS = ("traded", "calendar")


@dataclass(frozen=True)
class Factor:
    """A registered factor.

    Attributes
    ----------
    name, family : str
    function : callable
        Formula on arrays of shape (bars, assets).
    inputs, optional : tuple of str
        Lines and factors it needs, and those it takes if they are there.
    windows : mapping of str to number
        The windows it is called with.
    lookback : int or None
        Bars, the current one included, that fix its value; None: the whole history.
    history : int
        Bars an asset must have before there is a value.
    memory : {"finite", "ema", "cumulative"}
        Of the factor together with all that goes into it.
    degree, volume_degree, amount_degree : int
        If all prices are multiplied by c, the value is multiplied by c ** degree; volume and traded
        amount likewise.
    clock : {"traded", "calendar"}
        "traded": an asset's bars are the days it traded, moved together. "calendar": every
        session, the close carried forward over suspensions.
    default : bool
        Whether a model gets it unless told otherwise.
    step : bool
        An intermediate result that several factors share, not a factor.
    extra_lines : tuple of str
        Lines of the user's own data among the inputs.
    stands_for : str or None
        Line that this step replaces in bars that lack it.
    own_lookback : int or None
        Bars of its direct inputs that fix its value; None: the whole history.
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

    @property
    def scales(self) -> tuple[tuple[str, int], ...]:
        """What the value is divided by to be free of scale, and the power; empty if it is so."""
        pairs = (
            ("close", self.degree),
            ("usual_volume", self.volume_degree),
            ("usual_amount", self.amount_degree),
        )
        return tuple((name, degree) for name, degree in pairs if degree)

    @property
    def summary(self) -> str:
        """First sentence of the docstring, the windows filled in."""
        doc = inspect.getdoc(self.function) or ""
        text = " ".join(doc.split("\n\n")[0].split())
        for name, value in self.windows.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    @property
    def formula(self) -> str:
        """Python source of the formula, without signature and docstring."""
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
        if start == before:  # on the line of what comes before
            lines[start - 1] = lines[start - 1].encode()[body[0].col_offset :].decode()
            return "\n".join([lines[start - 1], textwrap.dedent("\n".join(lines[start:]))]).strip()
        while start - 1 > before and lines[start - 2].lstrip().startswith("#"):
            start -= 1
        return textwrap.dedent("\n".join(lines[start - 1 :])).strip()
