"""Cross-sections, labels and sequences: what a model is fitted on.

A month-end is one `CrossSection`: the factors of the stocks that could be held then, over the last
few steps, and (once the next month has ended) their forward returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

if TYPE_CHECKING:
    from attngru_bt.features.covariance import RunningCovariance

FloatArray = NDArray[np.float64]

BLOCK = 4000  # rows preprocessed at once: all factors of a whole training window fill the memory


def month_ends(dates: pd.DatetimeIndex) -> NDArray[np.intp]:
    """Positions of the last session of each month; the last date counts as one.

    Parameters
    ----------
    dates : DatetimeIndex of shape (days,)
        Sessions in increasing order. The caller vouches that the last one ends a month.
    """
    if len(dates) == 0:
        return np.empty(0, dtype=np.intp)
    months = dates.year.to_numpy() * 12 + dates.month.to_numpy()
    return np.append(np.flatnonzero(months[1:] != months[:-1]), len(dates) - 1)


def step_positions(
    dates: pd.DatetimeIndex, month_end: int, lookback: int, step: str
) -> NDArray[np.intp]:
    """Positions of the `lookback` steps up to a month-end, oldest first; -1 = before the data.

    Parameters
    ----------
    dates : DatetimeIndex of shape (days,)
    month_end : int
        Position of the month-end in `dates`.
    lookback : int
        Number of steps, at least 1.
    step : {"day", "month"}
        Consecutive sessions, or consecutive month-ends.
    """
    ends = month_ends(dates[: month_end + 1]) if step == "month" else np.arange(month_end + 1)
    steps = np.full(lookback, -1, dtype=np.intp)
    known = ends[-lookback:]
    steps[lookback - len(known) :] = known
    return steps


def forward_returns(close: FloatArray, next_close: FloatArray) -> FloatArray:
    """Return from one month-end close to the next, as a fraction; NaN where either is not known."""
    with np.errstate(invalid="ignore", divide="ignore"):
        returns = np.asarray(next_close / close - 1.0, dtype=np.float64)
    returns[~np.isfinite(returns)] = np.nan
    return returns


def top_labels(returns: FloatArray, topk: int) -> FloatArray:
    """Label 1 for the `topk` best returns of a cross-section, 0 for the rest, NaN where not known.

    Ties go to the name listed first. With no more than `topk` known returns every label is 1.
    """
    labels = np.where(np.isnan(returns), np.nan, 0.0)
    known = np.flatnonzero(~np.isnan(returns))
    best = known[np.argsort(-returns[known], kind="stable")[:topk]]
    labels[best] = 1.0
    return labels


def rank_targets(returns: FloatArray) -> FloatArray:
    """Rank of each return within a cross-section, scaled to -1 (worst) .. 1 (best).

    Ties share their mean rank; NaN where the return is not known; a single known return is 0.
    """
    targets = np.full(len(returns), np.nan)
    known = ~np.isnan(returns)
    n = int(known.sum())
    if n:
        targets[known] = 2 * (rankdata(returns[known]) - 1) / max(n - 1, 1) - (n > 1)
    return targets


@dataclass
class CrossSection:
    """Factors of the stocks that could be held at one month-end, and later their labels.

    Attributes
    ----------
    date : Timestamp
        The month-end.
    assets : tuple of str, length n
        Members of the universe with a bar at the month-end and at least one known factor.
    columns : tuple of str, length n_factors
    values : float32 array of shape (n, n_steps, n_factors)
        Oldest step first; the last step is the month-end. NaN = not known. A step on which a stock
        had no bar is NaN throughout.
    close : array of shape (n,)
        Close at the month-end, in the feed's currency (adjusted when the bars are).
    returns : array of shape (n,) or None
        Return to the next month-end, as a fraction; None until that month has ended.
    moments : RunningCovariance or None
        Of the month-end's factors, where they are the same in every training window.
    """

    date: pd.Timestamp
    assets: tuple[str, ...]
    columns: tuple[str, ...]
    values: NDArray[np.float32]
    close: FloatArray
    returns: FloatArray | None = None
    moments: RunningCovariance | None = None

    def __len__(self) -> int:
        return len(self.assets)

    def labels(self, topk: int) -> FloatArray:
        """Labels of shape (n,): 1 = among the `topk` best of the next month; NaN while unknown."""
        if self.returns is None:
            return np.full(len(self), np.nan)
        return top_labels(self.returns, topk)

    def ranks(self) -> FloatArray:
        """Rank of the next month's return, of shape (n,): -1 worst .. 1 best; NaN while unknown."""
        if self.returns is None:
            return np.full(len(self), np.nan)
        return rank_targets(self.returns)

    def frame(self, step: int = -1) -> pd.DataFrame:
        """Rows (date, asset) × factors at one step, as the preprocessing takes them."""
        return row_frame([self], step)


def row_frame(sections: Sequence[CrossSection], step: int | None = -1) -> pd.DataFrame:
    """Rows of several cross-sections as one DataFrame indexed (date, asset), columns factors.

    Parameters
    ----------
    sections : sequence of CrossSection
        All with the same columns.
    step : int or None, default -1
        Which step to take; None takes all of them, a row per (stock, step), steps innermost, all
        carrying the date of their month-end.
    """
    columns = sections[0].columns
    take = slice(None) if step is None else [step]
    values = np.concatenate([s.values[:, take, :].reshape(-1, len(columns)) for s in sections])
    steps = sections[0].values.shape[1] if step is None else 1
    names = pd.Index(sorted({a for s in sections for a in s.assets}), name="asset")
    # the stubs know lists of hashables only; arrays are taken as they are, without a copy
    levels: Any = [pd.DatetimeIndex([s.date for s in sections]), names]
    codes: Any = [
        np.repeat(np.arange(len(sections)), [len(s) * steps for s in sections]),
        np.repeat(names.get_indexer(pd.Index([a for s in sections for a in s.assets])), steps),
    ]
    index = pd.MultiIndex(levels=levels, codes=codes, names=["date", "asset"])
    return pd.DataFrame(values, index=index, columns=list(columns), copy=False)


def sequences(sections: Sequence[CrossSection], transform: Any | None) -> FloatArray:
    """Model input of shape (rows, n_steps, n_features): preprocessed steps of all rows.

    A step on which no factor of a stock was known stays NaN throughout, whatever the
    preprocessing fills: the network masks it rather than taking it for an average stock.

    Parameters
    ----------
    sections : sequence of CrossSection
    transform : fitted transformer with `transform(DataFrame)`, or None
    """
    parts: list[FloatArray] = []
    block: list[CrossSection] = []
    for section in sections:  # in whole months: some transformers look at all rows of a date
        block.append(section)
        if sum(map(len, block)) >= BLOCK:
            parts.append(_block(block, transform))
            block = []
    if block:
        parts.append(_block(block, transform))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _block(sections: Sequence[CrossSection], transform: Any | None) -> FloatArray:
    rows = row_frame(sections, step=None)
    absent = np.isnan(rows.to_numpy()).all(axis=1)
    out = rows if transform is None else transform.transform(rows)
    features = np.array(out, dtype=np.float64)  # (rows * n_steps, n_features)
    features[absent] = np.nan
    n_steps = sections[0].values.shape[1]
    return features.reshape(-1, n_steps, features.shape[1])  # (rows, n_steps, n_features)
