"""Files that are there in whole or not at all: nobody ever reads half of one."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a place beside a file to write to; what stands there takes the file's place at the end.

    If anything fails, Ctrl-C included, the file stays as it was and nothing is left beside it. Two
    that write the same file at once do not disturb each other: the last one to end has it.

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
        os.replace(rough, target)
    finally:
        rough.unlink(missing_ok=True)
