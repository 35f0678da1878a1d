"""Anything that scores: networks, classic estimators and baselines, by name or as objects.

``catalog`` lists the models and where their settings differ, and ``names`` finds them, blends
included. ``presets`` holds the settings of the paper, the default and its members; ``classic`` are
the models that are no networks. ``networks`` are torch modules, ``estimators`` their scikit-learn
interface, and ``training`` the loop. ``baselines`` need no model, ``given`` are scores made
elsewhere. ``contract`` is what a walk-forward asks of a scikit-learn model.
"""

from __future__ import annotations

import importlib
from typing import Any

from attngru_bt.models.catalog import Model
from attngru_bt.models.names import find, names

__all__ = ["Model", "find", "generator", "names"]


def __getattr__(name: str) -> Any:
    """Return `generator`, which users import from here; it is defined where walks are made."""
    if name == "generator":
        return importlib.import_module("attngru_bt.walkforward.by_name").generator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
