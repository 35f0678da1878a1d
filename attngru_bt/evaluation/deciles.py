"""Returns of stocks sorted by score: by decile, best less worst, and how steadily they rise."""

from __future__ import annotations

import numpy as np
import pandas as pd

from attngru_bt import checks
from attngru_bt.evaluation.ranks import row_correlation

COUNT = 10


def count_of(scores: pd.DataFrame) -> int:
    """Return how many groups the scored stocks are sorted into: ten, or fewer of two stocks."""
    typical = int(np.median(scores.notna().sum(axis=1))) if len(scores) else 0
    return max(2, min(COUNT, typical // 2))


def decile_returns(scores: pd.DataFrame, returns: pd.DataFrame, count: int = COUNT) -> pd.DataFrame:
    """Mean return of the next month by score.

    Parameters
    ----------
    scores, returns : DataFrame of shape (n_months, n_assets)
        As `ranks.wide` returns them. Stocks without an outcome are left out.
    count : int, default=10
        How many groups; equal scores are in the same one.

    Returns
    -------
    DataFrame of shape (n_months, count)
        Columns 1 (lowest scores) to `count` (highest): mean return, a fraction. NaN where a group
        had no stock.
    """
    checks.whole_number("count", count, at_least=2)
    known = returns.notna() & scores.notna()
    rank = scores.where(known).rank(axis=1) - 0.5  # 0.5 to n - 0.5
    group = np.ceil(rank.div(known.sum(axis=1), axis=0).to_numpy() * count)
    values = returns.where(known).to_numpy()
    columns = {}
    for number in range(1, count + 1):
        inside = group == number
        total = np.where(inside, values, 0.0).sum(axis=1)
        size = inside.sum(axis=1)
        columns[number] = np.where(size > 0, total / np.maximum(size, 1), np.nan)
    return pd.DataFrame(columns, index=scores.index)


def spread_returns(deciles: pd.DataFrame) -> pd.Series:
    """Return of the highest group less that of the lowest, month by month."""
    return deciles.iloc[:, -1] - deciles.iloc[:, 0]


def monotonicity(deciles: pd.DataFrame) -> float:
    """Rank correlation of the groups' number and their mean return: 1 = rises all the way."""
    mean = deciles.mean().to_numpy()[None, :]
    number = np.arange(1.0, mean.shape[1] + 1.0)[None, :]
    return float(row_correlation(number, mean)[0])
