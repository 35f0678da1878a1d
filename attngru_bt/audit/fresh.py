"""A process that has seen no bars yet, in which the user's own code computes the past.

What a function keeps from one call to the next (a dictionary of its module, an `lru_cache`, a table
that is read once) may carry the future into the past, and hide it: after a call with all bars it
returns the same values for bars that end. A process of its own is only given bars that end, the
earliest end first, so there is no future to keep.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import numpy as np

from attngru_bt.audit.beside import Alter
from attngru_bt.audit.history import History, history
from attngru_bt.data.bars import Bars
from attngru_bt.data.market import Market
from attngru_bt.data.membership import Universe
from attngru_bt.factors import Factor, compute, registry
from attngru_bt.walkforward.crew import end_with

logger = logging.getLogger(__name__)

OURS = ("attngru_bt", "sklearn", "xgboost", "torch", "pandas", "numpy", "datetime", "builtins")
"""Packages whose code keeps nothing from one call to the next that a result depends on."""


def is_ours(thing: object) -> bool:
    """Whether a class, function or object is defined in this package or one that it is built on."""
    module = getattr(thing, "__module__", None) or type(thing).__module__
    return module.partition(".")[0] in OURS


def own_factors(names: Iterable[str]) -> tuple[str, ...]:
    """Return the factors that are computed by the user's own code, directly or in their inputs."""
    known: dict[str, bool] = {}

    def is_own(node: Factor) -> bool:
        if node.name not in known:
            known[node.name] = False  # while its inputs are visited
            inputs = (registry.node(name) for name in node.needs)
            known[node.name] = not is_ours(node.function) or any(
                is_own(other) for other in inputs if other is not None
            )
        return known[node.name]

    return tuple(name for name in names if name in registry and is_own(registry[name]))


class Fresh:
    """A process that is begun before anything is computed; a context manager that ends it.

    Parameters
    ----------
    run : callable, optional
        The function to call in the process: for `run` one of market and members that returns a
        finished strategy, for `call` any other.
    classes : iterable of type
        Classes that `run` uses and that the process imports by name, since those of backtrader
        cannot be pickled.

    Raises
    ------
    CannotTravel
        If the code cannot be sent to another process.
    """

    def __init__(
        self, run: Callable[..., Any] | None = None, classes: Iterable[type[Any]] = ()
    ) -> None:
        own_factors = [node for node in registry.nodes.values() if not is_ours(node.function)]
        for kind in classes:
            _check_importable(kind)
        try:
            import cloudpickle
            from joblib.externals.loky import ProcessPoolExecutor

            code = cloudpickle.dumps((own_factors, run))
        except Exception as error:  # whatever an object of the user raises when it is pickled
            raise CannotTravel(f"{type(error).__name__}: {error}") from error
        files = _files(node.function for node in own_factors)
        self._pool = ProcessPoolExecutor(
            max_workers=1,
            initializer=_begin,
            initargs=(list(sys.path), files, code, os.getpid()),
        )
        self._begun = self._pool.submit(_prepare)

    def __enter__(self) -> Fresh:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        self._pool.shutdown(kill_workers=True)  # no result is awaited any more

    def run(self, market: Market, members: Universe | None, alter: Alter | None = None) -> History:
        """Call `run` on a market that ends; return the scores and orders."""
        more = () if alter is None else (alter,)
        return self._submit(_run, market, members, *more)  # type: ignore[no-any-return]

    def compute(self, bars: Bars, names: Sequence[str]) -> np.ndarray:
        """Compute factors, as an array of shape (days, assets, factors)."""
        return self._submit(_compute, bars, tuple(names))  # type: ignore[no-any-return]

    def call(self, *arguments: Any) -> Any:
        """Call the function that was given as `run`."""
        return self._submit(_call, *arguments)

    def _submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in the process; raise CannotTravel if it did not start or has ended."""
        from joblib.externals.loky.process_executor import BrokenProcessPool

        try:
            self._begun.result()
        except Exception as error:  # whatever a module of the user raises when it is imported
            raise CannotTravel(f"{type(error).__name__}: {error}") from error
        try:
            return self._pool.submit(function, *arguments).result()
        except BrokenProcessPool as error:
            raise CannotTravel(f"the process ended ({error})") from error


class CannotTravel(Exception):
    """The user's code cannot be sent to another process; the message says why."""


def _check_importable(kind: type[Any]) -> None:
    """Refuse a class that another process cannot import."""
    imported: Any = sys.modules.get(kind.__module__)
    for name in kind.__qualname__.split("."):
        imported = getattr(imported, name, None)
    if kind.__module__ == "__main__" or imported is not kind:
        raise CannotTravel(f"{kind.__name__} cannot be imported; put it at the top of a module")


def _files(functions: Iterable[Callable[..., Any]]) -> dict[str, str]:
    """Return the files of modules that cannot be imported by name, by module name."""
    files = {}
    for function in functions:
        name = function.__module__
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None)
        if file is None or name == "__main__" or name in files:
            continue
        if getattr(module, "__spec__", None) is None:  # it was run from its file, not imported
            files[name] = str(Path(file).resolve())
    return files


# -- in the process -----------------------------------------------------------------------------

_state: dict[str, Any] = {}


def _begin(path: list[str], files: dict[str, str], code: bytes, parent: int) -> None:
    """Keep the code of the parent process for `_prepare`."""
    end_with(parent)
    sys.path[:] = path
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # the parent prints the same
    _state.update(files=files, code=code)


def _prepare() -> None:
    """Run the user's files, unpack the code, and register the user's factors."""
    for name, file in _state["files"].items():
        _load(name, file)
    import cloudpickle

    own, _state["run"] = cloudpickle.loads(_state["code"])
    for node in own:
        registry.add(node, replace=True)


def _load(name: str, file: str) -> ModuleType:
    """Run a file as the module of this name, which can import the modules beside it."""
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(Path(file).parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.pop(0)
    return module


def _run(market: Market, members: Universe | None, *alter: Alter) -> History:
    return history(_state["run"](market, members, *alter))


def _call(*arguments: Any) -> Any:
    return _state["run"](*arguments)


def _compute(bars: Bars, names: Sequence[str]) -> np.ndarray:
    return compute(bars, names)[0]
