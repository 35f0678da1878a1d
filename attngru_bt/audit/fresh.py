"""A process that has seen nothing yet: where code of the user's own computes the past.

What a function keeps from one call to the next (a module's dictionary, an `lru_cache`, a table read
once) may carry the future into the past: computed on all bars first, it answers the same on bars
that end. In a process of its own, which is handed only bars that end, and those that end first
before the others, there is no future to be kept.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import numpy as np

from attngru_bt.audit.history import History, history
from attngru_bt.data.bars import Bars
from attngru_bt.data.market import Market
from attngru_bt.factors import Factor, compute, registry

logger = logging.getLogger(__name__)

OURS = ("attngru_bt", "sklearn", "xgboost", "torch", "pandas", "numpy", "datetime", "builtins")
"""Packages whose code keeps nothing from one call to the next that an answer depends on."""


def is_ours(thing: Any) -> bool:
    """Whether a class, function or object was defined in this package or one it is built on."""
    module = getattr(thing, "__module__", None) or type(thing).__module__
    return module.partition(".")[0] in OURS


def own_factors(names: Iterable[str]) -> tuple[str, ...]:
    """Those of some factors that code of the user's own goes into, itself or through inputs."""
    found: dict[str, bool] = {}

    def own(node: Factor) -> bool:
        if node.name not in found:
            found[node.name] = False
            inner = (registry.node(name) for name in node.needs)
            found[node.name] = not is_ours(node.function) or any(
                own(other) for other in inner if other is not None
            )
        return found[node.name]

    return tuple(name for name in names if name in registry and own(registry[name]))


class Fresh:
    """A process of its own, begun before anything is computed; a context manager.

    Parameters
    ----------
    run : callable, optional
        Market and members -> finished strategy, for `run`; anything for `call`.
    classes : iterable of type
        Classes it uses that travel by name only: backtrader's do not survive being copied.

    Raises
    ------
    CannotTravel
        If the code cannot be handed to another process.
    """

    def __init__(self, run: Any = None, classes: Iterable[type[Any]] = ()) -> None:
        own = [node for node in registry.nodes.values() if not is_ours(node.function)]
        for kind in classes:
            _check_importable(kind)
        try:
            import cloudpickle
            from joblib.externals.loky import ProcessPoolExecutor

            code = cloudpickle.dumps((own, run))
        except Exception as error:  # whatever an object of the user's raises when pickled
            raise CannotTravel(f"{type(error).__name__}: {error}") from error
        files = _files(node.function for node in own)
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
        self._pool.shutdown(kill_workers=True)  # all has been answered, or nothing is wanted

    def run(self, market: Market, members: Any) -> History:
        """Make the run there on a market that ends, and return what it came to."""
        return self._ask(_run, market, members)  # type: ignore[no-any-return]

    def compute(self, bars: Bars, names: Sequence[str]) -> np.ndarray:
        """Compute factors there."""
        return self._ask(_compute, bars, tuple(names))  # type: ignore[no-any-return]

    def call(self, *arguments: Any) -> Any:
        """Call `run` there, whatever it is."""
        return self._ask(_call, *arguments)

    def _ask(self, function: Any, *arguments: Any) -> Any:
        from joblib.externals.loky.process_executor import BrokenProcessPool

        try:
            self._begun.result()
        except Exception as error:  # whatever the user's modules raise when they are imported
            raise CannotTravel(f"{type(error).__name__}: {error}") from error
        try:
            return self._pool.submit(function, *arguments).result()
        except BrokenProcessPool as error:
            raise CannotTravel(f"the process ended ({error})") from error


class CannotTravel(Exception):
    """Code that cannot be handed to another process; the message says why."""


def _check_importable(kind: type[Any]) -> None:
    """Refuse a class that another process cannot import."""
    found: Any = sys.modules.get(kind.__module__)
    for name in kind.__qualname__.split("."):
        found = getattr(found, name, None)
    if kind.__module__ == "__main__" or found is not kind:
        raise CannotTravel(f"{kind.__name__} cannot be imported; put it at the top of a module")


def _files(functions: Iterable[Any]) -> dict[str, str]:
    """Modules of some functions that cannot be imported by name: name -> file to run."""
    found = {}
    for function in functions:
        name = function.__module__
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None)
        if file is None or name == "__main__" or name in found:
            continue
        if getattr(module, "__spec__", None) is None:  # run from its file, not imported
            found[name] = str(Path(file).resolve())
    return found


# -- in the process -----------------------------------------------------------------------------

_state: dict[str, Any] = {}


def _begin(path: list[str], files: dict[str, str], code: bytes, parent: int) -> None:
    """Take over the code of the process that asks."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    sys.path[:] = path
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # printed here already
    _state.update(files=files, code=code)


def _end_with(parent: int) -> None:
    """End when the process that asks has ended."""
    while os.getppid() == parent or os.name == "nt":
        time.sleep(1)
    os._exit(1)


def _prepare() -> None:
    """Run the files and unpack the code."""
    for name, file in _state["files"].items():
        _load(name, file)
    import cloudpickle

    own, _state["run"] = cloudpickle.loads(_state["code"])
    for node in own:
        registry.add(node, replace=True)


def _load(name: str, file: str) -> ModuleType:
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


def _run(market: Market, members: Any) -> History:
    return history(_state["run"](market, members))


def _call(*arguments: Any) -> Any:
    return _state["run"](*arguments)


def _compute(bars: Bars, names: Sequence[str]) -> np.ndarray:
    return compute(bars, names)[0]
