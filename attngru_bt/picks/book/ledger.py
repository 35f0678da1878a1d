"""The ledger of a book: lines that are only ever added, each with a digest of the line before.

A line is JSON. It begins with the SHA-256 of the bytes of the line before and ends with that of its
own text. So a line that was changed, cut or removed shows, unless all lines after it were removed
as well, which a digest of the last line that is kept elsewhere shows. A line is written in one
piece and flushed to disk: a crash leaves at most one damaged last line, after which the next entry
begins on a line of its own. Nothing is ever rewritten, damage included.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attngru_bt.data.bars import DataError
from attngru_bt.data.lock import sole_use

logger = logging.getLogger(__name__)

FILE = "ledger.jsonl"
FIRST = "0" * 64  # in place of the digest of a line before
_OWN = ',"digest":"'


@dataclass(frozen=True)
class Entry:
    """A line of a ledger.

    Attributes
    ----------
    line : int
        Its number, from 1.
    kind : str
        What it is, such as "proposal".
    content : dict
        JSON values.
    digest : str
        SHA-256 of its text; another entry refers to it by this.
    """

    line: int
    kind: str
    content: dict[str, Any]
    digest: str


class Ledger:
    """The ledger in a folder.

    Parameters
    ----------
    folder : path
        Made when the first entry is added.

    Examples
    --------
    >>> import tempfile
    >>> ledger = Ledger(tempfile.mkdtemp())
    >>> entry = ledger.append("note", {"text": "begun"})
    >>> [(entry.line, entry.kind, entry.content) for entry in ledger.read()[0]]
    [(1, 'note', {'text': 'begun'})]
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.path = self.folder / FILE

    def read(self) -> tuple[list[Entry], list[str]]:
        """Return the entries that are sound, and a sentence per fault, with the line's number.

        Raises
        ------
        DataError
            If there is no ledger in the folder.
        """
        if not self.path.is_file():
            raise DataError(
                f"{self.folder}: there is no ledger ({FILE}) in this folder; `attngru-bt picks "
                f"--book {self.folder}` begins one."
            )
        entries, faults = [], []
        before = FIRST
        for number, line in enumerate(_lines(self.path.read_bytes()), start=1):
            parsed = _parsed(line)
            if parsed is None:
                faults.append(f"{self.path}, line {number}: is damaged and is left out.")
            else:
                follows, kind, content, digest = parsed
                if follows != before:
                    faults.append(
                        f"{self.path}, line {number}: does not continue the line before, which "
                        f"was changed later, or a line between them is missing."
                    )
                entries.append(Entry(number, kind, content, digest))
            # of the line as it stands: only the line after a changed one does not continue it
            before = hashlib.sha256(line).hexdigest()
        return entries, faults

    def append(self, kind: str, content: Mapping[str, Any], *, locked: bool = False) -> Entry:
        """Add an entry.

        Parameters
        ----------
        kind : str
        content : mapping
            JSON values; no NaN.
        locked : bool, default False
            Whether the caller has locked the folder with `sole_use` already.

        Raises
        ------
        BlockingIOError
            If another run works in the folder.
        ValueError, TypeError
            If the content is no JSON.
        """
        if not locked:
            with sole_use(self.folder):
                return self.append(kind, content, locked=True)
        written = self.path.read_bytes() if self.path.exists() else b""
        lines = _lines(written)
        before = hashlib.sha256(lines[-1]).hexdigest() if lines else FIRST
        text = json.dumps(
            {"before": before, "kind": kind, "content": dict(content)},
            separators=(",", ":"), ensure_ascii=False, allow_nan=False,
        )  # fmt: skip
        digest = hashlib.sha256(text.encode()).hexdigest()
        # begin a new line after one that was cut
        start = "\n" if written and not written.endswith(b"\n") else ""
        _write(self.path, f'{start}{text[:-1]}{_OWN}{digest}"}}\n'.encode())
        logger.info("%s: added line %d, a %s", self.path, len(lines) + 1, kind)
        return Entry(len(lines) + 1, kind, json.loads(text)["content"], digest)


def _lines(known: bytes) -> list[bytes]:
    """Return the lines of a ledger, the last one complete or not."""
    # an editor, or git on Windows, may have put a carriage return in front of each line's end
    lines = known.replace(b"\r\n", b"\n").split(b"\n")
    return lines if lines[-1] else lines[:-1]


def _parsed(line: bytes) -> tuple[str, str, dict[str, Any], str] | None:
    """Return what a line says of the line before, its kind, content and digest; None: damaged."""
    try:
        body, _, end = line.decode().rpartition(_OWN)
        digest, text = end.removesuffix('"}'), body + "}"
        if hashlib.sha256(text.encode()).hexdigest() != digest:
            return None
        stored = json.loads(text)
        if not isinstance(stored["content"], dict):
            return None
        return str(stored["before"]), str(stored["kind"]), stored["content"], digest
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _write(path: Path, line: bytes) -> None:
    """Add a line in one piece and flush it to disk."""
    new = not path.exists()
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o666)
    try:
        if os.write(descriptor, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    except OSError as error:
        error.filename = str(path)  # the system does not name it
        raise
    finally:
        os.close(descriptor)
    if new and os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
