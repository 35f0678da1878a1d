"""The lock of a folder, in which only one run at a time may work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

NAME = ".lock"


@contextmanager
def sole_use(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Lock a folder; another run that asks for it is refused at once.

    The operating system releases the lock when the process ends, even after a crash.

    Parameters
    ----------
    folder : path
        Created if it does not exist, and removed again if it is empty at the end.

    Yields
    ------
    Path
        The folder.

    Raises
    ------
    BlockingIOError
        If another run works in the folder.

    Examples
    --------
    >>> import tempfile
    >>> with sole_use(tempfile.mkdtemp()) as folder:
    ...     sorted(path.name for path in folder.iterdir())
    ['.lock']
    """
    path = Path(folder)
    new = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path / NAME, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise BlockingIOError(
            f"{path}: another run is working in this folder; wait until it has ended, or choose "
            f"another folder."
        ) from None
    try:
        yield path
    finally:
        # removed before it is released: the next run creates a file of its own
        (path / NAME).unlink(missing_ok=True)
        lock.release()
        if new:
            with suppress(OSError):  # the folder is not empty
                path.rmdir()
