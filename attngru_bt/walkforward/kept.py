"""The files that earlier runs have kept in a folder: finished months and saved walks."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from attngru_bt.data.bars import DataError
from attngru_bt.data.lock import NAME as LOCK
from attngru_bt.data.lock import sole_use
from attngru_bt.walkforward import record_file
from attngru_bt.walkforward.checkpoint import MAX_BYTES
from attngru_bt.walkforward.record import MonthRecord
from attngru_bt.walkforward.saved_walk import SavedWalk


@dataclass(frozen=True)
class Kept:
    """A file that an earlier run has kept.

    Attributes
    ----------
    path : Path
    size : int
        Bytes.
    changed : float
        When it was written, seconds since 1970.
    records : list of MonthRecord
        One for a finished month, all for a saved walk; none if the file cannot be used.
    about : dict
        "settings" as text, "data", the digest of what was known, and "versions" of the packages.
        Empty for a finished month of an earlier version, which has them only in the digest that is
        part of its name.
    problem : str
        Why the file cannot be used; empty if it can.
    """

    path: Path
    size: int
    changed: float
    records: list[MonthRecord] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def is_month(self) -> bool:
        """Whether it is a finished month; else it is a saved walk."""
        return self.path.suffix == ".month"


def find(folder: str | os.PathLike[str]) -> list[Kept]:
    """Return what is kept in a folder and in those below it, by path.

    Raises
    ------
    DataError
        If there is no such folder or file.
    """
    path = Path(folder)
    if not path.exists():
        raise DataError(f"{path}: there is no such folder; give that of a run.")
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    kept = [_read(file) for file in files if file.suffix in (".month", ".walk")]
    return [file for file in kept if file is not None]


def _read(path: Path) -> Kept | None:
    """Return what a file holds; None if it is a folder, or was removed in the meantime."""
    if not path.is_file():
        return None
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    kept = Kept(path, state.st_size, state.st_mtime)
    try:
        if path.suffix == ".walk":
            walk = SavedWalk(path)
            return replace(kept, records=walk.records, about=walk.about)
        if state.st_size > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES:,} bytes")
        record, about = record_file.read(path.read_bytes(), path.stem)
        return replace(kept, records=[record], about=about)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        return replace(kept, problem=str(error))


def remove(
    folder: str | os.PathLike[str],
    *,
    before: pd.Timestamp | None = None,
    damaged: bool = False,
    superseded: bool = False,
    dry_run: bool = False,
) -> list[Kept]:
    """Remove the files that `to_remove` names, and return them.

    No run may work in `folder`, in a folder below it that keeps something, or in one above it:
    their locks are taken meanwhile.

    Parameters
    ----------
    folder : path
        The folder of a run, or one above or below it; or a file.
    before, damaged, superseded
        See `to_remove`.
    dry_run : bool, default False
        Only return what would be removed, without locking anything.

    Raises
    ------
    BlockingIOError
        If a run, or another call of this function, works there.
    """
    which: dict[str, Any] = {"before": before, "damaged": damaged, "superseded": superseded}
    found = find(folder)
    if dry_run:
        return to_remove(found, **which)
    with ExitStack() as locks:
        for to_lock in _places(Path(folder), found):
            locks.enter_context(sole_use(to_lock))
        gone = to_remove(find(folder), **which)  # looked up again, now that no run can add to it
        for file in gone:
            file.path.unlink(missing_ok=True)
    return gone


def _places(folder: Path, found: Iterable[Kept]) -> list[Path]:
    """Return the folders to lock, from the top, so that no run works on what was found."""
    top = (folder if folder.is_dir() else folder.parent).resolve()
    below = {
        parent
        for file in found
        for parent in file.path.resolve().parents
        if parent.is_relative_to(top)
    }
    above = {parent for parent in top.parents if (parent / LOCK).exists()}
    return sorted({top} | below | above)


def to_remove(
    kept: Iterable[Kept],
    *,
    before: pd.Timestamp | None = None,
    damaged: bool = False,
    superseded: bool = False,
) -> list[Kept]:
    """Return the files that may be removed; a run that needs one of them computes its month again.

    Saved walks are only removed if they are damaged.

    Parameters
    ----------
    kept : iterable of Kept
    before : Timestamp, default None
        Finished months with a month-end before this date.
    damaged : bool, default False
        Files that cannot be used.
    superseded : bool, default False
        If other settings, data or versions have left several files for a month-end in one folder,
        all but the one written last.
    """
    kept = list(kept)
    newest: dict[tuple[Path, str], Kept] = {}
    for file in kept:
        if file.is_month and not file.problem:
            key = _place(file)
            if key not in newest or newest[key].changed < file.changed:
                newest[key] = file

    def unwanted(file: Kept) -> bool:
        if file.problem:
            return damaged
        if not file.is_month:
            return False
        if before is not None and file.records[0].month_end < before:
            return True
        return superseded and newest[_place(file)] is not file

    return [file for file in kept if unwanted(file)]


def _place(file: Kept) -> tuple[Path, str]:
    """Return the folder and month-end of a finished month, which several files may have."""
    return file.path.parent, file.path.name[:10]
