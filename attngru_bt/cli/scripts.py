"""Factors the user asks for: names, and Python files that register functions of their own."""

from __future__ import annotations

import hashlib
import os
import sys
import traceback
import types
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from attngru_bt.data.files import names_a_file
from attngru_bt.factors import Factor, registry

_PACKAGE = str(Path(__file__).parent.parent) + os.sep


@dataclass(frozen=True)
class Script:
    """A file of factors that was run.

    Attributes
    ----------
    path : Path
    digest : str
        SHA-256 of its text.
    nodes : dict of str to Factor
        What it registered, shared steps included.
    replaced : dict of str to Factor
        What stood in their place before.
    """

    path: Path
    digest: str
    nodes: dict[str, Factor]
    replaced: dict[str, Factor]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the factors it registered."""
        return tuple(name for name, node in self.nodes.items() if not node.step)


@dataclass(frozen=True)
class Choice:
    """What ``--factors`` asked for: the files, and the names (None: the default set)."""

    scripts: tuple[Script, ...]
    names: tuple[str, ...] | None


_loaded: dict[Path, Script] = {}


def choose(options: Iterable[str] | None) -> Choice:
    """Read ``--factors``: files are run, names are collected; either may be separated by commas.

    Raises
    ------
    ValueError
        See `load_script`.
    """
    scripts, names = [], []
    for option in options or ():
        # a file's name may have a comma in it
        for item in [option] if names_a_file(option) else option.split(","):
            item = item.strip()
            if item.endswith(".py") or os.sep in item:
                scripts.append(load_script(Path(item)))
            elif item:
                names.append(item)
    return Choice(tuple(scripts), tuple(names) or None)


def load_script(path: Path) -> Script:
    """Run a Python file for the factors it registers with ``@attngru_bt.factor(...)``.

    The same file again registers nothing twice: unchanged, it is not run again; changed, what it
    registered before is forgotten first. Of a file that fails nothing stays registered.

    Raises
    ------
    ValueError
        If there is no such file, it is not Python, or it registers nothing. Its own errors come
        as they are; `told` says where they arose.
    """
    place = path.resolve()
    if path.suffix != ".py":
        raise ValueError(
            f"{path}: a file of factors is a Python file (.py); expected one, or names of factors."
        )
    if not place.is_file():
        raise ValueError(f"{path}: there is no such file; check the path.")
    source = place.read_bytes()
    digest = hashlib.sha256(source).hexdigest()
    old = _loaded.get(place)
    if old is not None and old.digest == digest and old.names and _stands(old):
        return old
    before = registry.snapshot()
    try:
        _forget(place)
        known = dict(registry.nodes)
        _loaded[place] = Script(path, digest, {}, {})  # so that `told` knows the file
        _run(path, source)
        nodes = {name: f for name, f in registry.nodes.items() if known.get(name) is not f}
        script = Script(path, digest, nodes, {n: f for n, f in known.items() if n in nodes})
        if not script.names:
            raise ValueError(
                f"{path}: registers no factor; put @attngru_bt.factor(family='mine') above the "
                "functions that are factors."
            )
    except BaseException:
        registry.restore(before)
        if old is not None:
            _loaded[place] = old
        raise
    _loaded[place] = script
    return script


def told(error: BaseException) -> str | None:
    """Say where in a user's file an error arose, and what it is; None if it arose elsewhere."""
    files = {str(place): script.path for place, script in _loaded.items()}
    if isinstance(error, SyntaxError) and error.filename in files:
        return f"{files[error.filename]}, line {error.lineno}: {error.msg}."
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename in files]
    if not own:
        return None
    where = f"{files[own[-1].filename]}, line {own[-1].lineno}"
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    # the library's own sentences stand by themselves
    if isinstance(error, ValueError) and frames[-1].filename.startswith(_PACKAGE):
        return f"{where}: {text}"
    return f"{where}: {type(error).__name__}{': ' if text else ''}{text}"


def _run(path: Path, source: bytes) -> None:
    """Run a file as a module of its own that finds the modules beside it."""
    place = path.resolve()
    name = f"attngru_bt_script_{hashlib.sha256(str(place).encode()).hexdigest()[:12]}"
    module = types.ModuleType(name)
    module.__file__ = str(place)
    sys.modules[name] = module  # dataclasses and pickle look their module up
    sys.path.insert(0, str(place.parent))
    try:
        exec(compile(source, str(place), "exec", dont_inherit=True), module.__dict__)
    except SystemExit as error:
        raise ValueError(
            f"{path}: calls sys.exit({error.code!r}); a file of factors only registers them."
        ) from error
    finally:
        sys.path.remove(str(place.parent))


def _stands(script: Script) -> bool:
    """Whether all that a file registered is still registered."""
    return all(registry.nodes.get(name) is node for name, node in script.nodes.items())


def _forget(place: Path) -> None:
    """Take out of the registry what a file has put there, whoever ran it."""
    old = _loaded.pop(place, None)
    if old is not None:
        for name, node in old.nodes.items():
            if registry.nodes.get(name) is node:
                if name in old.replaced:
                    registry.add(old.replaced[name], replace=True)
                else:
                    registry.remove(name)
    for name, node in list(registry.nodes.items()):
        code = getattr(node.function, "__code__", None)
        if code is not None and Path(code.co_filename).resolve() == place:
            registry.remove(name)


def describe_scripts(scripts: Sequence[Script]) -> str:
    """Say which files brought which factors, for the progress line; empty without a file."""
    return "; ".join(f"{', '.join(s.names)} from {s.path.name}" for s in scripts)
