"""The file of a walk: JSON behind a checksum; reading it runs no code."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.data.atomic import replacing
from attngru_bt.walkforward import record_file
from attngru_bt.walkforward.checkpoint import package_versions
from attngru_bt.walkforward.record import MonthRecord

FORM = "attngru_bt walk 1"
CONTENT = ("settings", "data", "versions", "model", "seed", "topk", "schedule")
COLUMNS = ("score", "label", "forward_return")
_KINDS = {
    **dict.fromkeys(CONTENT, str), "settings": dict, "versions": dict, "seed": int, "topk": int,
    "records": list, "labels": dict,
}  # fmt: skip


def write(
    path: str | os.PathLike[str],
    content: Mapping[str, Any],
    records: Sequence[MonthRecord],
    labels: pd.DataFrame,
) -> Path:
    """Write a walk; return the path.

    Parameters
    ----------
    path : path
    content : mapping
        A value for each name in `CONTENT`.
    records : sequence of MonthRecord
    labels : DataFrame
        As `Walk.labels`.
    """
    body = json.dumps(
        {
            **content,
            "records": [_written(record) for record in records],
            "labels": _write_table(labels),
        },
        separators=(",", ":"),
    ).encode()
    with replacing(path) as rough:
        rough.write_bytes(f"{FORM} {hashlib.sha256(body).hexdigest()}\n".encode() + body)
    return Path(path)


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what `write` has written: its `content`, "records" and "labels".

    Raises
    ------
    ValueError
        If the file is no walk, is damaged, or was made with other versions of the packages.
    """
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"{file}: there is no such file; give one that Walk.save has written.")
    header, _, body = file.read_bytes().partition(b"\n")
    form, _, checksum = header.decode("utf-8", "replace").rpartition(" ")
    if form != FORM:
        raise ValueError(
            f"{file}: is no walk; a file of Walk.save begins with {FORM!r}, and this one with "
            f"{form[:40]!r}."
        )
    if checksum != hashlib.sha256(body).hexdigest():
        raise ValueError(f"{file}: is damaged (its content does not match its checksum).")
    stored = _parsed(body, file)
    here, there = package_versions(), stored["versions"]
    other = [
        f"{name} {there.get(name, 'none')} (here {here.get(name, 'none')})"
        for name in sorted({*here, *there})
        if here.get(name) != there.get(name)
    ]
    if other:
        raise ValueError(
            f"{file}: was made with {', '.join(other)}, and other versions give other scores: "
            f"install these, or walk the recipe again."
        )
    try:
        records = [record_file.from_bytes(text.encode(), name) for name, text in stored["records"]]
        for earlier, record in pairwise(records):
            if record.month_end <= earlier.month_end:
                raise ValueError(f"the month-end {record.month_end.date()} follows a later one")
        content = {name: stored[name] for name in CONTENT}
        return {**content, "records": records, "labels": _read_table(stored["labels"])}
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(f"{file}: holds no walk ({type(error).__name__}: {error}).") from error


def _parsed(body: bytes, place: Path) -> dict[str, Any]:
    """Return the content of a file, or raise a ValueError if a field is of another type."""
    try:
        stored = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{place}: holds no walk ({type(error).__name__}).") from None
    for name, kind in _KINDS.items():
        value = stored.get(name) if isinstance(stored, dict) else None
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(f"{place}: holds no walk ({name!r} is {str(value)[:40]}).")
    if not all(isinstance(version, str) for version in stored["versions"].values()):
        raise ValueError(f"{place}: holds no walk (a version is no text).")
    return stored  # type: ignore[no-any-return]


def _written(record: MonthRecord) -> tuple[str, str]:
    """Return a record's date and the text of its file, as the checkpoints have it."""
    name = f"{record.month_end:%Y-%m-%d}"
    return name, record_file.to_bytes(record, name).decode()


def _write_table(labels: pd.DataFrame) -> dict[str, Any]:
    """Return the labels as JSON that keeps every bit of their numbers and dates."""
    dates = pd.DatetimeIndex(labels.index.get_level_values(0))
    values = labels.reindex(columns=list(COLUMNS)).to_numpy(dtype="<f8")
    return {
        "unit": dates.unit,
        "dates": dates.asi8.tolist(),
        "assets": list(map(str, labels.index.get_level_values(1))),
        "values": base64.b64encode(values.tobytes()).decode(),
    }


def _read_table(stored: Mapping[str, Any]) -> pd.DataFrame:
    """Return the labels that `_write_table` has written."""
    data = np.frombuffer(base64.b64decode(stored["values"], validate=True), dtype="<f8")
    unit = stored["unit"]
    if unit not in ("s", "ms", "us", "ns"):
        raise ValueError(f"dates in {unit!r}")
    dates = pd.DatetimeIndex(np.array(stored["dates"], dtype=f"datetime64[{unit}]"))
    index = pd.MultiIndex.from_arrays([dates, stored["assets"]], names=["month_end", "asset"])
    values = data.reshape(len(index), len(COLUMNS)).astype(np.float64)
    return pd.DataFrame(values, index=index, columns=list(COLUMNS))
