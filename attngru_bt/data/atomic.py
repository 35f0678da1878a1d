"""Files that are there in whole or not at all: nobody ever reads half of one."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a place beside a file to write to; what stands there takes the file's place at the end.

    If anything fails, Ctrl-C included, the file stays as it was and nothing is left beside it. What
    was written is flushed to disk first, so that this holds when the power fails, too. Two that
    write the same file at once do not disturb each other: the last one to end has it.

    Parameters
    ----------
    path : path
        The file to write; its folder is made if need be.

    Yields
    ------
    Path
        Where to write it: hidden, of a name no other has, ending in ``.part``.

    Examples
    --------
    >>> with replacing("run.json") as rough:
    ...     rough.write_text("{}")
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    rough = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        yield rough
        with rough.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(rough, target)
        _flush_folder(target.parent)
    finally:
        rough.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    """Flush the names in a folder to disk, where the system can."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):  # some network file systems cannot; the file is in place
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
