"""Atomic writing: a file is either complete or not there."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path to write to, which replaces the file at the end.

    If anything fails, Ctrl-C included, the file stays as it was and the temporary one is removed.
    The content is flushed to disk before the file is replaced, so that this also holds after a
    power failure. If two processes write the same file, the one that ends last wins.

    Parameters
    ----------
    path : path
        The file to write; its folder is created if needed.

    Yields
    ------
    Path
        Temporary path: a hidden file with a unique name that ends in ``.part``.

    Examples
    --------
    >>> with replacing("run.json") as rough:
    ...     _ = rough.write_text("{}")
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
    """Flush the entries of a folder to disk, if the system supports it."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):  # some network file systems do not; the file is in place
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
