"""Finished months on disk: a run that was stopped goes on where it was, bit for bit."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import logging
import os
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED

import numpy as np
import pandas as pd

from attngru_bt.atomic import replacing
from attngru_bt.signals.fit import Fit
from attngru_bt.signals.record import MonthRecord

if TYPE_CHECKING:
    from attngru_bt.signals.generator import SignalGenerator

logger = logging.getLogger(__name__)

# what stored models may be made of; anything else is not loaded
TRUSTED = ("attngru_bt.", "sklearn.", "xgboost.", "numpy.", "scipy.", "collections.", "builtins.")
# parameters of a generator that say where and when it works, not what comes out
_IDLE = ("progress", "checkpoints", "universe")
# packages whose versions decide the bits
_PACKAGES = ("attngru_bt", "numpy", "scipy", "scikit-learn", "torch")


class Checkpoints:
    """A folder with one file per finished month.

    A file is named by its month-end and by a digest of everything its content depends on: the
    generator's parameters, the cross-sections and outcomes up to the month-end, the month the model
    was fitted at, and the versions of the packages that compute. A run with other settings or
    other data finds no file of its own and disturbs none; nothing has to be deleted.

    The files hold models in skops' format, which loads without running code of the file: only types
    of this package, scikit-learn, xgboost, numpy and scipy are accepted.

    Parameters
    ----------
    folder : path
        Made when the first month is stored.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    def path(
        self,
        settings: SignalGenerator,
        month_end: pd.Timestamp,
        state: str,
        fitted_at: pd.Timestamp,
    ) -> Path:
        """Return the file of a month.

        Parameters
        ----------
        settings : SignalGenerator
        month_end : Timestamp
        state : str
            Digest of the cross-sections and outcomes up to the month-end.
        fitted_at : Timestamp
            Month-end the model in use was fitted at.
        """
        text = f"{settings_digest(settings)}:{state}:{fitted_at.date()}"
        digest = hashlib.sha256(text.encode()).hexdigest()
        return self.folder / f"{month_end:%Y-%m-%d}-{digest[:16]}.skops"

    def load(self, path: Path) -> tuple[MonthRecord, Fit | None] | None:
        """Return the record of a finished month, with the model if it was fitted then.

        None if the month is not finished. A file that cannot be read (cut off, or of types that
        are not trusted) counts as not finished, and a warning says so.
        """
        if not path.is_file():
            return None
        from skops.io import get_untrusted_types, loads

        try:
            data = path.read_bytes()
            types = get_untrusted_types(data=data)
            strange = [name for name in types if not name.startswith(TRUSTED)]
            if strange:
                raise ValueError(f"it holds the type {strange[0]}, which is not trusted")
            content = loads(data, trusted=types)
            record = MonthRecord(**(_grown(content["record"]) | {"found": True}))
            fitted = content["fit"]
            return record, None if fitted is None else Fit(**_grown(fitted))
        except Exception as error:  # whatever is wrong with the file, the month can be had anew
            logger.warning("%s cannot be used (%s): the month is computed again.", path, error)
            return None

    def save(self, path: Path, record: MonthRecord, fitted: Fit | None) -> None:
        """Store a finished month; the file is there in whole or not at all."""
        from skops.io import dumps

        content = {"record": _flat(record), "fit": None if fitted is None else _flat(fitted)}
        data = dumps(content, compression=ZIP_DEFLATED)
        with replacing(path) as rough:
            rough.write_bytes(data)


def settings_digest(settings: SignalGenerator) -> str:
    """Digest of a generator's parameters, its model's among them, and of package versions."""
    params = {
        name: _described(value)
        for name, value in sorted(settings.get_params(deep=True).items())
        if name not in _IDLE
    }
    text = json.dumps([params, _versions()], sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def _versions() -> dict[str, str]:
    return {package: importlib.metadata.version(package) for package in _PACKAGES}


def _described(value: Any) -> Any:
    """Return what tells one value from another; of an estimator its class, parameters follow."""
    if hasattr(value, "get_params"):
        return f"{type(value).__module__}.{type(value).__qualname__}"
    if callable(value):
        return f"{value.__module__}.{getattr(value, '__qualname__', repr(value))}"
    return repr(value)


def _flat(value: MonthRecord | Fit) -> dict[str, Any]:
    """Fields of a record, pandas' taken apart (skops stores arrays, not pandas)."""
    flat: dict[str, Any] = {}
    for item in fields(value):
        content = getattr(value, item.name)
        if isinstance(content, pd.Timestamp):
            content = {"timestamp": content.isoformat()}
        elif isinstance(content, pd.Series):
            content = {"assets": list(content.index), "scores": content.to_numpy(dtype=np.float64)}
        elif isinstance(content, pd.DataFrame):
            content = {
                "rows": list(content.index),
                "columns": list(content.columns),
                "loadings": content.to_numpy(dtype=np.float64),
            }
        elif item.name == "losses":
            content = json.dumps(content)  # thousands of small numbers: slow one by one
        flat[item.name] = content
    return flat


def _grown(flat: dict[str, Any]) -> dict[str, Any]:
    """Fields of a record from what `_flat` made."""
    grown: dict[str, Any] = {}
    for name, content in flat.items():
        if isinstance(content, dict) and "timestamp" in content:
            content = pd.Timestamp(content["timestamp"])
        elif isinstance(content, dict) and "assets" in content:
            index = pd.Index(content["assets"], name="asset")
            content = pd.Series(content["scores"], index=index, name="score")
        elif isinstance(content, dict) and "loadings" in content:
            content = pd.DataFrame(
                content["loadings"],
                index=pd.Index(content["rows"], name="component"),
                columns=content["columns"],
            )
        elif name == "losses":
            content = json.loads(content)
        grown[name] = content
    return grown
