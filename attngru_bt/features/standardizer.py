"""Outliers and scale: winsorizing and standardizing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from attngru_bt import checks
from attngru_bt.features.base import Floats, FrameTransformer, dates_of, moments

MAD_TO_STD = 1.4826  # standard deviation over MAD of a normal distribution


class Winsorizer(FrameTransformer):
    """Limit outliers, date by date.

    Parameters
    ----------
    method : {"mad", "quantile"}, default="mad"
        "mad": values stay within `limit` robust standard deviations (1.4826 x the median absolute
        deviation, MAD) of the date's median. If more than half of a date's values are equal, the
        MAD is 0 and the values are left unchanged. "quantile": values stay between two quantiles
        of the date.
    limit : float, default=5.0
        Number of robust standard deviations, for "mad".
    quantile : float, default=0.01
        Share of the values that is limited at either end, for "quantile".
    """

    def __init__(self, method: str = "mad", limit: float = 5.0, quantile: float = 0.01) -> None:
        self.method = method
        self.limit = limit
        self.quantile = quantile

    def _check_parameters(self) -> None:
        checks.one_of("method", self.method, ("mad", "quantile"))
        checks.number("limit", self.limit, above=0)
        checks.fraction("quantile", self.quantile, below=0.5)

    def _change(self, X: pd.DataFrame, values: Floats) -> Floats:
        out = np.empty_like(values)
        for rows in dates_of(X):
            block = values[rows]
            ordered = np.sort(block, axis=0)  # (n, factors); NaN comes last
            n = len(block) - np.isnan(ordered).sum(axis=0)
            if self.method == "mad":
                median = _quantile(ordered, n, 0.5)
                distance = np.sort(np.abs(block - median), axis=0)
                reach = self.limit * MAD_TO_STD * _quantile(distance, n, 0.5)
                reach[reach == 0] = np.inf  # more than half of the values are equal
                low, high = median - reach, median + reach
            else:
                low = _quantile(ordered, n, self.quantile)
                high = _quantile(ordered, n, 1 - self.quantile)
            out[rows] = np.clip(block, low, high)
        return out


def _quantile(ordered: Floats, n: NDArray[np.intp], q: float) -> Floats:
    """Return a quantile per column of sorted values with NaN last, linear between neighbors."""
    position = q * (np.maximum(n, 1) - 1)
    below = np.floor(position).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(n, 1) - 1)
    columns = np.arange(ordered.shape[1])
    low, high = ordered[below, columns], ordered[above, columns]
    return np.asarray(low + (high - low) * (position - below))


class Standardizer(FrameTransformer):
    """Subtract the mean and divide by the standard deviation (of the population).

    A factor that is the same for all stocks becomes 0, as does a stock that is alone on its date.

    Parameters
    ----------
    by : {"date", "panel"}, default="date"
        Rows that mean and deviation are taken of. "date": the rows of the same date. "panel": all
        rows that the transformer was fitted on, as in the paper.
    limit : float or None, default=None
        Largest distance from the mean, in standard deviations, such as 3; values beyond it are set
        to it. None: no limit. Mean and deviation are those before the limit.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (factors,)
        Only with `by="panel"`.
    """

    def __init__(self, by: str = "date", limit: float | None = None) -> None:
        self.by = by
        self.limit = limit

    def _check_parameters(self) -> None:
        checks.one_of("by", self.by, ("date", "panel"))
        checks.number("limit", self.limit, above=0, or_none=True)

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


def normalized(
    values: NDArray[np.float32], dates: pd.DatetimeIndex, columns: Sequence[str]
) -> NDArray[np.float32]:
    """Winsorize and z-score each step of a cross-section among its own stocks.

    Parameters
    ----------
    values : array of shape (n_stocks, n_steps, n_factors)
    dates : DatetimeIndex of shape (n_steps,)
    columns : sequence of str
        Names of the factors.
    """
    n, n_steps, n_factors = values.shape
    rows = pd.DataFrame(
        values.transpose(1, 0, 2).reshape(-1, n_factors),  # (n_steps * n, n_factors)
        index=pd.MultiIndex.from_product([dates, range(n)], names=["date", "asset"]),
        columns=list(columns),
    )
    normalize = Pipeline([("winsorize", Winsorizer()), ("z-score", Standardizer(by="date"))])
    out = np.asarray(normalize.fit_transform(rows), dtype=np.float32)
    return out.reshape(n_steps, n, n_factors).transpose(1, 0, 2)  # (n, n_steps, n_factors)


def _scale(values: Floats, center: Floats, spread: Floats) -> Floats:
    out = values - center
    out *= np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), 0.0)
    return out
