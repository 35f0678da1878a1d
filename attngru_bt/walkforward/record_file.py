"""The bytes of a finished month: a record as JSON behind a checksum; reading them runs no code."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.walkforward.record import MonthRecord

# types of the arrays that are stored; none of them can hold objects
DTYPES = ("bool", "int32", "int64", "float16", "float32", "float64")


def to_bytes(record: MonthRecord, name: str, about: Mapping[str, Any] | None = None) -> bytes:
    """Return the content of the file that keeps a record.

    The first line holds `name` and the SHA-256 of the second line. The second line is the record as
    JSON; its arrays are base64 of their little-endian bytes, so that every bit is kept.

    Parameters
    ----------
    record : MonthRecord
        `found` is not stored: it says where a record came from.
    name : str
        Begins with the month-end, YYYY-MM-DD, and has no space.
    about : mapping, default None
        What the record comes from, for a reader: "settings" and "versions", names with texts, and
        "data", a digest. None stores nothing.

    Raises
    ------
    TypeError
        If the record holds something that is neither JSON nor an array of `DTYPES`.
    """
    fields = {field: write(getattr(record, field)) for field, (write, _) in _FIELDS.items()}
    if about is not None:
        fields["about"] = _about(dict(about))
    body = json.dumps(fields, separators=(",", ":"), default=_number).encode()
    return f"{name} {hashlib.sha256(body).hexdigest()}\n".encode() + body


def from_bytes(content: bytes, name: str) -> MonthRecord:
    """Return the record that `to_bytes` has written under the same name, with ``found=True``.

    Raises
    ------
    ValueError
        If the content is damaged, or was written under another name.
    """
    return read(content, name)[0]


def read(content: bytes, name: str) -> tuple[MonthRecord, dict[str, Any]]:
    """Return the record as `from_bytes`, and what is stored about it; {} if nothing is.

    Raises
    ------
    ValueError
        If the content is damaged, or was written under another name.
    """
    header, _, body = content.partition(b"\n")
    written_as, _, checksum = header.decode("utf-8", "replace").partition(" ")
    if checksum != hashlib.sha256(body).hexdigest():
        raise ValueError("its content does not match its checksum")
    if written_as != name:
        raise ValueError(f"it holds {written_as[:40]!r}")
    try:
        stored = json.loads(body)
        about = _about(stored.pop("about")) if "about" in stored else {}
        if set(stored) != set(_FIELDS):
            raise ValueError("other fields than those of a record")
        fields = {field: convert(stored[field]) for field, (_, convert) in _FIELDS.items()}
    except Exception as error:  # any other content is no record either; the month is refitted
        raise ValueError(f"it holds no record of a month ({type(error).__name__})") from error
    record = MonthRecord(**fields, found=True)
    if str(record.month_end)[:10] != name[:10]:
        raise ValueError(f"its record is that of {record.month_end}")
    return record, about


def _number(value: Any) -> Any:
    """Return a number of numpy, which JSON does not know, as one of Python."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be stored as JSON")


def _or_none(*converters: Any) -> tuple[Any, ...]:
    """Return the converters of a field, made to let None pass."""
    return tuple(lambda value, c=c: None if value is None else c(value) for c in converters)


def _write_array(values: Any) -> dict[str, Any]:
    """Return an array as JSON that keeps every bit, on machines of either byte order."""
    array = np.asarray(values)
    if array.dtype.name not in DTYPES:
        raise TypeError(f"an array of {array.dtype} cannot be stored, only of {', '.join(DTYPES)}")
    little_endian = array.astype(array.dtype.newbyteorder("<"))
    return {
        "dtype": array.dtype.name,
        "shape": array.shape,
        "base64": base64.b64encode(little_endian.tobytes()).decode(),
    }


def _read_array(stored: dict[str, Any]) -> np.ndarray:
    if stored["dtype"] not in DTYPES:
        raise ValueError(f"an array of {stored['dtype']!r}")
    dtype = np.dtype(stored["dtype"])
    data = base64.b64decode(stored["base64"], validate=True)
    return np.frombuffer(data, dtype.newbyteorder("<")).reshape(stored["shape"]).astype(dtype)


def _write_arrays(arrays: dict[str, Any]) -> dict[str, Any]:
    return {name: _write_array(values) for name, values in arrays.items()}


def _read_arrays(stored: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: _read_array(values) for name, values in stored.items()}


def _write_scores(scores: pd.Series) -> dict[str, Any]:
    return {"assets": list(scores.index), "values": _write_array(scores)}


def _read_scores(stored: dict[str, Any]) -> pd.Series:
    index = pd.Index(_read_names(stored["assets"]), name="asset")
    return pd.Series(_read_array(stored["values"]), index=index, name="score")


def _write_loadings(loadings: pd.DataFrame) -> dict[str, Any]:
    return {
        "components": list(loadings.index),
        "factors": list(loadings.columns),
        "values": _write_array(loadings),
    }


def _read_loadings(stored: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(
        _read_array(stored["values"]),
        index=pd.Index(_read_names(stored["components"]), name="component"),
        columns=_read_names(stored["factors"]),
    )


def _read_names(stored: list[str]) -> list[str]:
    if not all(isinstance(name, str) for name in stored):
        raise ValueError("a name is no string")
    return list(stored)


def _about(stored: dict[str, Any]) -> dict[str, Any]:
    """Return what is stored about a record, or raise a ValueError if it has another form."""
    texts = [stored["data"]]
    for part in ("settings", "versions"):
        texts += [text for name_and_text in stored[part].items() for text in name_and_text]
    if set(stored) != {"settings", "data", "versions"} or not all(
        isinstance(text, str) for text in texts
    ):
        raise ValueError("settings, data and versions of another form")
    return stored


def _floats(figures: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in figures.items()}


# how each field of a record is written and read
_FIELDS: dict[str, tuple[Any, ...]] = {
    "month_end": (pd.Timestamp.isoformat, pd.Timestamp),
    "scores": (_write_scores, _read_scores),
    "n_rows": (int, int),
    "n_months": (int, int),
    "refit": (bool, bool),
    "fit_seconds": (float, float),
    "score_seconds": (float, float),
    "explained_variance": _or_none(_write_array, _read_array),
    "attention": _or_none(_write_arrays, _read_arrays),
    "losses": (list, list),
    "in_sample": _or_none(_floats, _floats),
    "loadings": _or_none(_write_loadings, _read_loadings),
    "factors": (list, tuple),
    "dropped": (_floats, _floats),
    "shuffled": (_write_arrays, _read_arrays),
    "by_network": _or_none(_write_array, _read_array),
}
