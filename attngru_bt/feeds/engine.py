"""The engine that the package runs in: backtrader, or another that is built like it.

It is imported here alone. The rest of the package takes it from this module, and so may a script
that is to run on whichever engine is installed:

>>> from attngru_bt.feeds.engine import bt
>>> bt.Cerebro.__name__
'Cerebro'
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

__all__ = ["bt", "check_engine", "engine_name", "names_used"]

VARIABLE = "ATTNGRU_BACKTRADER"
KNOWN = ("backtrader", "backtrader_next")


def engine_name() -> str:
    """Name of the engine's module.

    Returns
    -------
    str
        The environment variable ``ATTNGRU_BACKTRADER``. If it is not set: `backtrader`, or
        `backtrader_next` where that alone is installed.

    Raises
    ------
    ImportError
        If there is no such module.
    """
    asked = os.environ.get(VARIABLE)
    if asked:
        if asked.isidentifier() and importlib.util.find_spec(asked) is not None:
            return asked
        raise ImportError(
            f"{VARIABLE} is {asked!r}, which is not an installed module; give the name that the "
            "engine is imported by, such as backtrader_next, or unset it."
        )
    for name in KNOWN:
        if importlib.util.find_spec(name) is not None:
            return name
    raise ImportError(
        "no engine is installed: pip install backtrader, or name another that is built like it "
        f"in the environment variable {VARIABLE}."
    )


def check_engine(engine: ModuleType) -> None:
    """Refuse an engine whose classes take their parameters in another way than backtrader's.

    backtrader's metaclass takes the values of ``params`` out of a call, and hands the rest to
    ``__init__``. cloudQuant's rewrite has no metaclass and hands over all of them, so analyzers and
    feeds that are written for backtrader fail there, and those of this package as well.

    Raises
    ------
    ImportError
        If the engine is of that kind.
    """
    if type(engine.Cerebro) is type:
        version = getattr(engine, "__version__", "of an unknown version")
        raise ImportError(
            f"the engine {engine.__name__} {version} ({engine.__file__}) hands parameters to "
            "__init__, unlike backtrader, for which this package is written: pip install "
            f"backtrader into an environment without it, or name another engine in {VARIABLE}."
        )


if TYPE_CHECKING:
    import backtrader as bt
else:
    bt = importlib.import_module(engine_name())
    check_engine(bt)


def names_used(function: Callable[..., Any]) -> frozenset[str]:
    """Return the names of the globals and attributes that a function uses.

    By them a method of the engine at hand is compared with the method of backtrader that a faster
    one here stands for: if they differ, the engine may do something else.
    """
    code = [inspect.unwrap(function).__code__]  # type: ignore[attr-defined]
    names: set[str] = set()
    while code:
        part = code.pop()
        names.update(part.co_names)
        code += [constant for constant in part.co_consts if isinstance(constant, CodeType)]
    return frozenset(names)
