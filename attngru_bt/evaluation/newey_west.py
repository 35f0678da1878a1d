"""A t-statistic that allows for months that resemble the ones before them (Newey & West)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from attngru_bt import checks
from attngru_bt.evaluation.spread import spread


def hac_t_statistic(values: ArrayLike, lags: int | None = None) -> float:
    """Mean over its Newey-West standard error.

    The plain t-statistic takes the values as independent. Where a good month tends to follow a good
    month, the mean is less certain than that, and this statistic is smaller.

    Parameters
    ----------
    values : array-like of shape (n,)
        In time order; leave unknown ones out.
    lags : int, default None
        How many earlier values a value may depend on, with Bartlett weights falling to 0. None:
        the whole part of 4 (n / 100) ** (2/9), such as 4 for 120 months.

    Returns
    -------
    float
        NaN below two values, with an unknown one, and where they differ by rounding only.

    Notes
    -----
    The variance is that of the sample (times n / (n - 1)), so that `lags=0` is the plain
    t-statistic.

    References
    ----------
    Newey & West (1987), A simple, positive semi-definite, heteroskedasticity and autocorrelation
    consistent covariance matrix. The rule for the lags: Newey & West (1994).
    """
    array = np.asarray(values, dtype=np.float64)
    if np.isnan(spread(array)):
        return float("nan")
    n = len(array)
    if lags is None:
        lags = int(4.0 * (n / 100.0) ** (2.0 / 9.0))
    checks.whole_number("lags", lags, at_least=0)
    centered = array - array.mean()
    variance = centered @ centered
    for lag in range(1, min(lags, n - 1) + 1):
        variance += 2.0 * (1.0 - lag / (lags + 1.0)) * (centered[lag:] @ centered[:-lag])
    error = np.sqrt(variance / (n * (n - 1.0)))
    return float(array.mean() / error)
