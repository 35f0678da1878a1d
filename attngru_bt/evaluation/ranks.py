"""Rank correlations of many months at once, on tables of month-ends × assets."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from attngru_bt.evaluation.spread import NOISE


def wide(labels: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lay scores and outcomes out as tables.

    Parameters
    ----------
    labels : DataFrame indexed (month_end, asset)
        As `Walk.labels`.

    Returns
    -------
    scores, returns : DataFrame of shape (n_months, n_assets)
        `returns` are those from each month-end to the next, fractions. NaN = not scored, or not
        known.
    """
    table = labels[labels["score"].notna()]
    scores = table["score"].astype(float).unstack()
    return scores, table["forward_return"].astype(float).unstack().reindex_like(scores)


def rank_rows(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank the known values of each row, equal ones sharing their mean rank, about a mean of 0.

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
        Rows of length 1; NaN where the value is not known; a row of equal values is all 0.
    """
    known = ~np.isnan(values)
    # unknown values are ranked last and taken out again
    rank = rankdata(np.where(known, values, np.inf), axis=1)
    rank[~known] = np.nan
    count = known.sum(axis=1, keepdims=True)
    centered = rank - (count + 1) / 2.0
    length = np.sqrt(np.nansum(centered**2, axis=1, keepdims=True))
    return np.asarray(centered / np.where(length > NOISE, length, 1.0))


def row_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spearman correlation of each row of `a` with the same row of `b`.

    Parameters
    ----------
    a, b : ndarray of shape (n_rows, n_columns)
        NaN = not known; columns that lack one of the two are left out of a row.

    Returns
    -------
    ndarray of shape (n_rows,)
        NaN below two columns or without spread.
    """
    both = ~(np.isnan(a) | np.isnan(b))
    x, y = (rank_rows(np.where(both, values, np.nan)) for values in (a, b))
    product = np.nansum(x * y, axis=1)
    spread = (np.nansum(x**2, axis=1) > 0.5) & (np.nansum(y**2, axis=1) > 0.5)
    return np.asarray(np.where(spread, product, np.nan))
