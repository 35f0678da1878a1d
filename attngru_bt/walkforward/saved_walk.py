"""A walk that outlives its run: one file of JSON behind a checksum; reading it runs no code."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.data.atomic import replacing
from attngru_bt.data.bars import Bars
from attngru_bt.data.schedule import Schedule, schedule_of
from attngru_bt.features.cross_section import CrossSection
from attngru_bt.walkforward import record_file
from attngru_bt.walkforward.blend_walk import BlendWalk
from attngru_bt.walkforward.checkpoint import package_versions, settings_of
from attngru_bt.walkforward.record import MonthRecord
from attngru_bt.walkforward.walk import Walk

FORM = "attngru_bt walk 1"
COLUMNS = ("score", "label", "forward_return")
_KINDS = {
    "settings": dict, "data": str, "versions": dict, "model": str, "seed": int, "topk": int,
    "schedule": str, "records": list, "labels": dict,
}  # fmt: skip


@dataclass
class SavedPanel:
    """What is left of a panel: when was decided. It has no cross-sections."""

    schedule: Schedule
    sections: list[CrossSection] = field(default_factory=list)


class SavedWalk(Walk):
    """A walk that was read from a file: it answers what it knew, and takes no further step.

    Parameters
    ----------
    stored : mapping
        The content of the file.

    Attributes
    ----------
    about : dict
        "settings" of the recipe as text, "data", the digest of the last cross-section and all
        before it, and "versions" of the packages.
    """

    def __init__(self, stored: Mapping[str, Any]) -> None:
        panel: Any = SavedPanel(schedule_of(stored["schedule"]))
        super().__init__(
            None, panel, model=stored["model"], seed=stored["seed"], topk=stored["topk"]
        )
        self.about = {name: stored[name] for name in ("settings", "data", "versions")}
        self._labels = _read_table(stored["labels"])
        for name, text in stored["records"]:
            record = record_file.from_bytes(text.encode(), name)
            if self._records and record.month_end <= self.records[-1].month_end:
                raise ValueError(f"the month-end {name} follows a later one")
            self.keep(len(self._records), record)

    def labels(self) -> pd.DataFrame:
        """Scores beside what came of them, as far as it was known when the walk was saved."""
        return self._labels.copy()

    def step(self, bars: Bars) -> MonthRecord:
        """Refuse: a saved walk has neither cross-sections nor a model."""
        raise TypeError(
            "A walk read from a file takes no further step: walk its recipe over the longer data "
            "again, from the checkpoints of its run."
        )

    take = step


def save(walk: Walk, path: str | os.PathLike[str]) -> Path:
    """Write a walk as `Walk.save` says; return the path."""
    body = json.dumps(
        {
            **(walk.about if isinstance(walk, SavedWalk) else _about(walk)),
            "model": walk.model,
            "seed": walk.seed,
            "topk": walk.topk,
            "schedule": str(walk.panel.schedule),
            "records": [_written(record) for record in walk.records],
            "labels": _write_table(walk.labels()),
        },
        separators=(",", ":"),
    ).encode()
    with replacing(path) as rough:
        rough.write_bytes(f"{FORM} {hashlib.sha256(body).hexdigest()}\n".encode() + body)
    return Path(path)


def load(path: str | os.PathLike[str]) -> SavedWalk:
    """Read a walk as `Walk.load` says."""
    place = Path(path)
    if not place.is_file():
        raise ValueError(f"{place}: there is no such file; give one that Walk.save has written.")
    header, _, body = place.read_bytes().partition(b"\n")
    form, _, checksum = header.decode("utf-8", "replace").rpartition(" ")
    if form != FORM:
        raise ValueError(
            f"{place}: is no walk; a file of Walk.save begins with {FORM!r}, and this one with "
            f"{form[:40]!r}."
        )
    if checksum != hashlib.sha256(body).hexdigest():
        raise ValueError(f"{place}: is damaged (its content does not match its checksum).")
    stored = _parsed(body, place)
    here, there = package_versions(), stored["versions"]
    other = [
        f"{name} {there.get(name, 'none')} (here {here.get(name, 'none')})"
        for name in sorted({*here, *there})
        if here.get(name) != there.get(name)
    ]
    if other:
        raise ValueError(
            f"{place}: was made with {', '.join(other)}, and other versions give other scores: "
            f"install these, or walk the recipe again."
        )
    try:
        return SavedWalk(stored)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(f"{place}: holds no walk ({type(error).__name__}: {error}).") from error


def _parsed(body: bytes, place: Path) -> dict[str, Any]:
    """Return what a file holds; a ValueError unless its fields are of their kinds."""
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


def _about(walk: Walk) -> dict[str, Any]:
    params: dict[str, Any] = {}
    if isinstance(walk, BlendWalk):
        params = walk.parameters
    elif walk.recipe is not None:
        params = walk.recipe.get_params(deep=False)
    digests = walk.panel.digests()
    return {
        "settings": settings_of(params),
        "data": digests[-1] if digests else "",
        "versions": package_versions(),
    }


def _written(record: MonthRecord) -> tuple[str, str]:
    name = f"{record.month_end:%Y-%m-%d}"
    return name, record_file.to_bytes(record, name).decode()


def _write_table(labels: pd.DataFrame) -> dict[str, Any]:
    dates = pd.DatetimeIndex(labels.index.get_level_values(0))
    values = labels.reindex(columns=list(COLUMNS)).to_numpy(dtype="<f8")
    return {
        "unit": dates.unit,
        "dates": dates.asi8.tolist(),
        "assets": list(map(str, labels.index.get_level_values(1))),
        "values": base64.b64encode(values.tobytes()).decode(),
    }


def _read_table(stored: Mapping[str, Any]) -> pd.DataFrame:
    data = np.frombuffer(base64.b64decode(stored["values"], validate=True), dtype="<f8")
    unit = stored["unit"]
    if unit not in ("s", "ms", "us", "ns"):
        raise ValueError(f"dates in {unit!r}")
    dates = pd.DatetimeIndex(np.array(stored["dates"], dtype=f"datetime64[{unit}]"))
    index = pd.MultiIndex.from_arrays([dates, stored["assets"]], names=["month_end", "asset"])
    values = data.reshape(len(index), len(COLUMNS)).astype(np.float64)
    return pd.DataFrame(values, index=index, columns=list(COLUMNS))
