"""What the generator asks of a scikit-learn model, whichever it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import get_tags


def is_scorer(model: Any) -> bool:
    """Whether a model can tell how likely label 1 is."""
    return hasattr(model, "predict_proba") or hasattr(model, "decision_function")


def value(model: Any, features: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(label 1), or the distance from the border of classifiers that know no probabilities."""
    if hasattr(model, "predict_proba"):
        return model.predict_proba(features)[:, list(model.classes_).index(1)]
    return model.decision_function(features)


def takes_sequences(model: Any) -> bool:
    """Whether a classifier takes (rows, steps, features) rather than (rows, features)."""
    return bool(get_tags(model).input_tags.three_d_array)
