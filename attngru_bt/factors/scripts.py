"""Python files that register factors of the user's own."""

from __future__ import annotations

import hashlib
import os
import sys
import traceback
import types
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from attngru_bt.data.raw import names_a_file
from attngru_bt.factors.declaration import Factor
from attngru_bt.factors.registry import registry

_PACKAGE = str(Path(__file__).parent.parent) + os.sep


@dataclass(frozen=True)
class Script:
    """A file that was run for the factors that it registers.

    Attributes
    ----------
    path : Path
    digest : str
        SHA-256 of its text.
    nodes : dict of str to Factor
        The factors that the file registered, shared steps included.
    replaced : dict of str to Factor
        The factors that had these names before.
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
    """Factors that a user asked for: files, and names (None: the default set)."""

    scripts: tuple[Script, ...]
    names: tuple[str, ...] | None


_loaded: dict[Path, Script] = {}


def choose(options: Iterable[str] | None) -> Choice:
    """Run the files and collect the names among some options such as ``my_factors.py,MA5``.

    Raises
    ------
    ValueError
        See `load_script`.
    """
    scripts, names = [], []
    for option in options or ():
        # The name of a file may contain a comma.
        for item in [option] if names_a_file(option) else option.split(","):
            item = item.strip()
            if item.endswith(".py") or os.sep in item:
                scripts.append(load_script(Path(item)))
            elif item:
                names.append(item)
    return Choice(tuple(scripts), tuple(names) or None)


def load_script(path: str | Path) -> Script:
    """Run a Python file for the factors it registers with ``@attngru_bt.factor(...)``.

    An unchanged file is not run again. Of a changed one, what it registered before is removed
    first. If the file fails, the registry is as it was before.

    Raises
    ------
    ValueError
        If there is no such file, it is not Python, or it registers nothing. An error of the file
        itself is raised as it is; `blame` says where it arose.
    """
    path = Path(path)
    resolved = path.resolve()
    if path.suffix != ".py":
        raise ValueError(
            f"{path}: a file of factors is a Python file (.py); expected one, or names of factors."
        )
    if not resolved.is_file():
        raise ValueError(f"{path}: there is no such file; check the path.")
    source = resolved.read_bytes()
    digest = hashlib.sha256(source).hexdigest()
    earlier = _loaded.get(resolved)
    if earlier is not None and earlier.digest == digest and earlier.names and _stands(earlier):
        return earlier
    undo = registry.snapshot()
    try:
        forget(resolved)
        before = dict(registry.nodes)
        _loaded[resolved] = Script(path, digest, {}, {})  # so that `blame` knows the file
        _run(path, source)
        new = {name: f for name, f in registry.nodes.items() if before.get(name) is not f}
        script = Script(path, digest, new, {n: f for n, f in before.items() if n in new})
        if not script.names:
            raise ValueError(
                f"{path}: registers no factor; put @attngru_bt.factor(family='mine') above the "
                "functions that are factors."
            )
    except BaseException:
        registry.restore(undo)
        if earlier is not None:
            _loaded[resolved] = earlier
        raise
    _loaded[resolved] = script
    return script


def blame(error: BaseException) -> str | None:
    """Say at which line of a file that was run an error arose; None if it arose elsewhere."""
    files = {str(place): script.path for place, script in _loaded.items()}
    if isinstance(error, SyntaxError) and error.filename in files:
        return f"{files[error.filename]}, line {error.lineno}: {error.msg}."
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if frame.filename in files]
    if not inside:
        return None
    where = f"{files[inside[-1].filename]}, line {inside[-1].lineno}"
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    # The package's own messages are whole sentences and need no name of the error.
    if isinstance(error, ValueError) and frames[-1].filename.startswith(_PACKAGE):
        return f"{where}: {text}"
    return f"{where}: {type(error).__name__}{': ' if text else ''}{text}"


def _run(path: Path, source: bytes) -> None:
    """Run a file as a module of its own, which can import the modules beside it."""
    resolved = path.resolve()
    name = f"attngru_bt_script_{hashlib.sha256(str(resolved).encode()).hexdigest()[:12]}"
    module = types.ModuleType(name)
    module.__file__ = str(resolved)
    sys.modules[name] = module  # where dataclasses and pickle look their module up
    sys.path.insert(0, str(resolved.parent))
    try:
        exec(compile(source, str(resolved), "exec", dont_inherit=True), module.__dict__)
    except SystemExit as error:
        raise ValueError(
            f"{path}: calls sys.exit({error.code!r}); a file of factors only registers them."
        ) from error
    finally:
        sys.path.remove(str(resolved.parent))


def _stands(script: Script) -> bool:
    """Whether everything that a file registered is still registered."""
    return all(registry.nodes.get(name) is node for name, node in script.nodes.items())


def forget(path: str | Path) -> None:
    """Remove from the registry the factors that a file has registered, however it was run.

    Factors that it had replaced are registered again.
    """
    resolved = Path(path).resolve()
    script = _loaded.pop(resolved, None)
    if script is not None:
        for name, node in script.nodes.items():
            if registry.nodes.get(name) is node:
                if name in script.replaced:
                    registry.add(script.replaced[name], replace=True)
                else:
                    registry.remove(name)
    for name, node in list(registry.nodes.items()):
        code = getattr(node.function, "__code__", None)
        if code is not None and Path(code.co_filename).resolve() == resolved:
            registry.remove(name)


def describe_scripts(scripts: Sequence[Script]) -> str:
    """Say which file brought which factors; empty without a file."""
    return "; ".join(f"{', '.join(s.names)} from {s.path.name}" for s in scripts)
