"""From factors to the input of a model: cross-sections, the panel of them, preprocessing.

``cross_section`` is one month-end, with its outcome once that is known; ``panel`` is all month-ends
so far, and ``rows`` are theirs as a table and as sequences. The transformers (``missing``,
``standardizer``, ``neutralizer``, ``components``) take and return a DataFrame indexed (date, asset)
with one column per factor, and so fit into a `sklearn.pipeline.Pipeline`. A transformer that works
per date uses the rows of that date only, so that nothing leaks from other dates. NaN means
"unknown" and stays NaN until `ConstantImputer`. ``exposures`` are what scores can be made neutral
to. ``foresight`` warns of lines that know the future.
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
