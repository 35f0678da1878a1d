"""From factors to what a model is given: cross-sections, the panel of them, preprocessing.

``cross_section`` holds a month-end with its outcome once known, ``panel`` those of all month-ends
so far. The transformers (``missing``, ``standardizer``, ``neutralizer``, ``components``) take and
return a DataFrame indexed (date, asset) with one column per factor, so they compose in a
`sklearn.pipeline.Pipeline`. Those that work per date look at one date's rows at a time and have
nothing to fit: dates do not see each other, so neither past nor future leaks. NaN means "not known"
and stays NaN until `ConstantImputer`. ``foresight`` warns of lines that know the future.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "Components": "attngru_bt.features.components",
    "ConstantImputer": "attngru_bt.features.missing",
    "MissingShareFilter": "attngru_bt.features.missing",
    "Neutralizer": "attngru_bt.features.neutralizer",
    "RunningCovariance": "attngru_bt.features.covariance",
    "Standardizer": "attngru_bt.features.standardizer",
    "Winsorizer": "attngru_bt.features.standardizer",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Load a transformer, and scikit-learn with it, when it is asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
