"""The standard deviation that ratios divide by; NaN where it is only rounding."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

NOISE = 1e-12
"""Deviation that rounding alone can leave. Returns, shares and rank correlations are of order one
and computed to about 1e-16; no real series of them varies as little as this."""


def spread(values: ArrayLike) -> float:
    """Sample standard deviation (ddof 1) of returns, shares or correlations.

    Returns
    -------
    float
        NaN below two values, with an unknown one, or where the values differ by no more than
        rounding: a constant series has no t-statistic and no Sharpe ratio.
    """
    array = np.asarray(values, dtype=np.float64)
    if len(array) < 2 or np.isnan(array).any():
        return float("nan")
    deviation = float(array.std(ddof=1))
    scale = max(1.0, float(np.abs(array).max()))
    return deviation if deviation > NOISE * scale else float("nan")
