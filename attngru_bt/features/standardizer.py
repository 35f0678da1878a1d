"""Outliers and scale: winsorize and standardize."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.features.base import Floats, PanelTransformer, dates_of, moments

MAD_TO_STD = 1.4826  # of a normal distribution


class Winsorizer(PanelTransformer):
    """Pull outliers in to a limit, date by date.

    Parameters
    ----------
    method : {"mad", "quantile"}, default="mad"
        "mad": at most `limit` robust standard deviations (1.4826 x the median absolute deviation)
        from the date's median. Where more than half of a date's values are equal there is no such
        measure, and they are left as they are. "quantile": between the date's quantiles.
    limit : float, default=5.0
        Robust standard deviations, for "mad".
    quantile : float, default=0.01
        Share pulled in at either end, for "quantile".
    """

    def __init__(self, method: str = "mad", limit: float = 5.0, quantile: float = 0.01) -> None:
        self.method = method
        self.limit = limit
        self.quantile = quantile

    def _check_parameters(self) -> None:
        if self.method not in ("mad", "quantile"):
            raise ValueError(f"`method` must be 'mad' or 'quantile'; got method={self.method!r}.")
        if not self.limit > 0:
            raise ValueError(f"`limit` must be positive; got limit={self.limit!r}.")
        if not 0 <= self.quantile < 0.5:
            raise ValueError(f"`quantile` must be in [0, 0.5); got quantile={self.quantile!r}.")

    def _change(self, X: pd.DataFrame, values: Floats) -> Floats:
        out = np.empty_like(values)
        for rows in dates_of(X):
            block = values[rows]
            ordered = np.sort(block, axis=0)  # NaN last
            n = len(block) - np.isnan(ordered).sum(axis=0)
            if self.method == "mad":
                middle = _quantile(ordered, n, 0.5)
                away = np.sort(np.abs(block - middle), axis=0)
                reach = self.limit * MAD_TO_STD * _quantile(away, n, 0.5)
                reach[reach == 0] = np.inf
                low, high = middle - reach, middle + reach
            else:
                low = _quantile(ordered, n, self.quantile)
                high = _quantile(ordered, n, 1 - self.quantile)
            out[rows] = np.clip(block, low, high)
        return out


def _quantile(ordered: Floats, n: NDArray[np.intp], q: float) -> Floats:
    """Quantile per column of sorted values with NaN last, linear between neighbors."""
    place = q * (np.maximum(n, 1) - 1)
    below = np.floor(place).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(n, 1) - 1)
    columns = np.arange(ordered.shape[1])
    low, high = ordered[below, columns], ordered[above, columns]
    return np.asarray(low + (high - low) * (place - below))


class Standardizer(PanelTransformer):
    """Subtract the mean and divide by the standard deviation (of the population).

    A factor that is the same for all stocks tells nothing: it becomes 0, as does the only stock of
    a date.

    Parameters
    ----------
    by : {"date", "panel"}, default="date"
        "date": each date's stocks among themselves. "panel": mean and deviation of all rows fitted
        on, as in the paper.
    limit : float or None, default=None
        Deviations from the mean beyond which a value is pulled in, such as 3; None: no limit. The
        mean and the deviation are those of the values as they came.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (factors,)
        Only with `by="panel"`.
    """

    def __init__(self, by: str = "date", limit: float | None = None) -> None:
        self.by = by
        self.limit = limit

    def _check_parameters(self) -> None:
        if self.by not in ("date", "panel"):
            raise ValueError(f"`by` must be 'date' or 'panel'; got by={self.by!r}.")
        if self.limit is not None and not 0 < self.limit < np.inf:
            raise ValueError(f"`limit` must be None or above 0; got limit={self.limit!r}.")

    def _learn(self, X: pd.DataFrame, values: Floats) -> None:
        if self.by == "panel":
            self.mean_, self.scale_ = moments(values)

    def _change(self, X: pd.DataFrame, values: Floats) -> Floats:
        if self.by == "panel":
            out = _scale(values, self.mean_, self.scale_)
        else:
            out = np.empty_like(values)
            for rows in dates_of(X):
                block = values[rows]
                out[rows] = _scale(block, *moments(block))
        if self.limit is not None:
            np.clip(out, -self.limit, self.limit, out=out)  # NaN stays NaN
        return out


def _scale(values: Floats, center: Floats, spread: Floats) -> Floats:
    out = values - center
    out *= np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), 0.0)
    return out
