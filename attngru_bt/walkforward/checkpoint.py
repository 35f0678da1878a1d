"""Finished months on disk, so that a run that was stopped goes on from there, bit for bit."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from attngru_bt.data.atomic import replacing
from attngru_bt.walkforward import record_file
from attngru_bt.walkforward.recipe import Recipe
from attngru_bt.walkforward.record import MonthRecord

logger = logging.getLogger(__name__)

# more than any record of a month, and little enough to be read whole
MAX_BYTES = 32 * 2**20
# parameters that act on the cross-sections alone, whose digest is part of a file's name
_IN_THE_SECTIONS = ("universe", "train_on")
# parameters of a run that do not change what is computed
_OF_A_RUN = ("progress", "checkpoints")
# packages whose versions decide the bits; those of the models are added
_PACKAGES = ("attngru_bt", "numpy", "pandas", "scipy", "scikit-learn", "torch")


class Checkpoints:
    """A folder with one file per finished month.

    A file is named by its month-end and by a digest of everything its content depends on: the
    recipe's parameters, the cross-sections and outcomes up to the month-end, the month the model
    was fitted at, and the versions of the packages that compute. A run with other settings or
    other data finds no file of its own and disturbs none; nothing has to be deleted.

    A file holds numbers and names as JSON, see `attngru_bt.walkforward.record_file`, and their
    origin as text, but never a model: reading a file cannot run code. A model is fitted again when
    it is needed, which gives the same bits.

    Parameters
    ----------
    folder : path
        Made when the first month is stored.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    def path(
        self,
        recipe: Recipe,
        month_end: pd.Timestamp,
        state: str,
        fitted_at: pd.Timestamp,
    ) -> Path:
        """Return the file of a month.

        Parameters
        ----------
        recipe : Recipe
        month_end : Timestamp
        state : str
            Digest of the cross-sections and outcomes up to the month-end.
        fitted_at : Timestamp
            Month-end the model in use was fitted at.
        """
        text = f"{recipe_digest(recipe)}:{state}:{fitted_at.date()}"
        digest = hashlib.sha256(text.encode()).hexdigest()
        return self.folder / f"{month_end:%Y-%m-%d}-{digest[:16]}.month"

    def load(self, path: Path) -> MonthRecord | None:
        """Return the record of a finished month, None if the month is not finished.

        A file that is damaged, or that is not what its name says, counts as not finished, and a
        warning says so.
        """
        if not path.is_file():
            return None
        try:
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                raise ValueError(f"it is larger than {MAX_BYTES:,} bytes")
            return record_file.from_bytes(content, path.stem)
        except (OSError, ValueError) as error:
            logger.warning("%s cannot be used (%s): the month is computed again.", path, error)
            return None

    def save(self, path: Path, record: MonthRecord, about: Mapping[str, Any] | None = None) -> None:
        """Store a finished month; the file is there in whole or not at all.

        A record that cannot be stored, such as one with a training history of an unknown form, is
        not kept, and a warning says so.

        Parameters
        ----------
        path : Path
        record : MonthRecord
        about : mapping, default None
            Where the record comes from, see `origin`.
        """
        try:
            content = record_file.to_bytes(record, path.stem, about)
        except (TypeError, ValueError) as error:
            logger.warning(
                "%s is not kept (%s): a later run computes the month again.", path, error
            )
            return
        with replacing(path) as rough:
            rough.write_bytes(content)


def recipe_digest(recipe: Recipe) -> str:
    """Digest of a recipe's parameters, its model's among them, and of package versions."""
    params = {
        name: _described(value)
        for name, value in sorted(recipe.get_params(deep=True).items())
        if name not in _IN_THE_SECTIONS and not (name == "row_weights" and callable(value))
    }
    text = json.dumps([params, package_versions()], sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def origin(recipe: Recipe, data: str) -> dict[str, Any]:
    """Return where a record comes from, for readers; programs go by the name of its file.

    Parameters
    ----------
    recipe : Recipe
    data : str
        Digest of the cross-sections and outcomes up to the month-end.

    Returns
    -------
    dict
        "settings", the recipe's parameters as text, "data", and "versions" of the packages that
        compute, those of the model among them.
    """
    return {
        "settings": settings_of(recipe.get_params(deep=False)),
        "data": data,
        "versions": package_versions() | _versions_of_models(recipe),
    }


def settings_of(params: Mapping[str, Any]) -> dict[str, str]:
    """Return parameters as text of one line each, without those of a run alone."""
    return {
        name: _in_a_line(value) for name, value in sorted(params.items()) if name not in _OF_A_RUN
    }


def _in_a_line(value: Any) -> str:
    if callable(value) and hasattr(value, "__qualname__"):  # its repr has a memory address
        return f"{value.__module__}.{value.__qualname__}"
    return " ".join(repr(value).split())


def _versions_of_models(recipe: Recipe) -> dict[str, str]:
    """Return the versions of packages that a recipe's estimators come from, where they have one."""
    versions = {}
    for value in recipe.get_params(deep=True).values():
        if hasattr(value, "get_params"):
            name = type(value).__module__.partition(".")[0]
            version = getattr(sys.modules.get(name), "__version__", None)
            if version is not None and name not in ("sklearn", *_PACKAGES):
                versions[name] = str(version)
    return versions


@functools.cache
def package_versions() -> dict[str, str]:
    """Return the versions of the packages that compute with any model."""
    return {package: importlib.metadata.version(package) for package in _PACKAGES}


def _described(value: Any) -> str:
    """Return a text that differs between values: of estimators and functions their full name.

    It has the version of their package. The parameters of an estimator are described separately.
    """
    named = type(value) if hasattr(value, "get_params") and not isinstance(value, type) else value
    module, name = getattr(named, "__module__", None), getattr(named, "__qualname__", None)
    if not (callable(named) and module and name):
        # a list of factors means the same as a tuple of them
        return repr(list(value) if isinstance(value, tuple) else value)
    package = sys.modules.get(module.partition(".")[0])
    return f"{module}.{name} {getattr(package, '__version__', '')}"
