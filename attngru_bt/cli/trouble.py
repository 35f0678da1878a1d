"""Errors of the operating system as sentences: a full disk, no permission, a file in the way."""

from __future__ import annotations

import errno
from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_IN_THE_WAY = (errno.EEXIST, errno.ENOTDIR)


def explanation(error: OSError, out_path: Path | None = None) -> str:
    """Say which path an error is about and what to do.

    Parameters
    ----------
    error : OSError
        With an ``errno``.
    out_path : Path or None
        What the command writes: when a write fails, the system does not say to which file.
    """
    where = _place(error, out_path)
    reason = f"({error.strerror})" if error.strerror else ""
    if error.errno in _FULL:
        # Tables are sent to worker processes as temporary files.
        beside = "" if error.filename else ", or on that of temporary files (TMPDIR)"
        return (
            f"{where}: no space is left on its disk{beside}; make room, then give the same command "
            f"again: what was finished is kept."
        )
    if error.errno in _FORBIDDEN:
        return (
            f"{where}: this may not be read or written {reason}; change its permissions, or choose "
            f"another place."
        )
    if error.errno in _IN_THE_WAY:
        return (
            f"{where}: a file stands where a folder is needed {reason}; move it, or choose another "
            f"folder."
        )
    if error.errno == errno.ENOENT:
        return f"{where}: there is no such file or folder; check the path."
    return f"{where}: {error.strerror or error}."


def _place(error: OSError, out_path: Path | None) -> str:
    if error.filename is None:
        return "The system" if out_path is None else str(out_path)
    path = Path(str(error.filename))
    # Unfinished files have hidden names and are removed: name their folder.
    return str(path.parent if path.name.endswith(".part") else path)
