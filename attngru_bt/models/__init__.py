"""Anything that scores: networks, classic estimators and baselines, by name or as objects.

``catalog`` lists the models and where their settings differ, ``names`` finds them, blends included.
``presets`` holds the settings of the paper, the default and its members, ``classic`` the models
that are no networks; ``networks`` are torch modules, ``estimators`` their scikit-learn face,
``training`` the loop; ``baselines`` need no model, ``given`` are scores made elsewhere.
``contract`` is what a walk-forward asks of a scikit-learn model.
"""

from __future__ import annotations

import importlib
from typing import Any

from attngru_bt.models.catalog import Model
from attngru_bt.models.names import find, names

__all__ = ["Model", "find", "generator", "names"]


def __getattr__(name: str) -> Any:
    """Hand out `generator`, which users know by this name; it lives where walks are made."""
    if name == "generator":
        return importlib.import_module("attngru_bt.walkforward.by_name").generator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
