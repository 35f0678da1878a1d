"""A folder that one run at a time works in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

NAME = ".lock"


@contextmanager
def sole_use(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Keep a folder to oneself; whoever else asks for it meanwhile is refused and does not wait.

    The system gives the lock up with the process that holds it, however that ends, so nothing has
    to be removed after a crash.

    Parameters
    ----------
    folder : path
        Made if need be, and removed again if nothing was put there.

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
    place = Path(folder)
    new = not place.exists()
    place.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place / NAME, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise BlockingIOError(
            f"{place}: another run is working in this folder; wait until it has ended, or choose "
            f"another folder."
        ) from None
    try:
        yield place
    finally:
        # before it is given up: whoever comes next makes a file of its own
        (place / NAME).unlink(missing_ok=True)
        lock.release()
        if new:
            with suppress(OSError):  # it holds something
                place.rmdir()
