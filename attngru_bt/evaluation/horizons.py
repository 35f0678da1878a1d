"""How long scores stay good, and how much they and the best names change."""

from __future__ import annotations

import numpy as np
import pandas as pd

from attngru_bt.evaluation.newey_west import hac_t_statistic
from attngru_bt.evaluation.quality import t_statistic
from attngru_bt.evaluation.ranks import row_correlation

MONTHS = 12


def ic_decay(scores: pd.DataFrame, returns: pd.DataFrame, months: int = MONTHS) -> pd.DataFrame:
    """Rank IC of scores with the return of the first month after them, the second, and so on.

    Each month is measured by itself: a score that is only right about the next month has a rank IC
    near 0 from the second on.

    Parameters
    ----------
    scores, returns : DataFrame of shape (n_months, n_assets)
        As `ranks.wide` returns them, a row per month-end without a gap. Returns are known only of
        names that were scored at the month-end before them, so names that have left are not
        counted.
    months : int, default=12

    Returns
    -------
    DataFrame of shape (months, 4)
        Indexed by months ahead, from 1: mean, t, t_hac, months. NaN where no month is known.
    """
    rows = {}
    for ahead in range(1, months + 1):
        pairs = max(len(scores) - ahead + 1, 0)
        later = returns.to_numpy()[ahead - 1 : ahead - 1 + pairs]
        ic = row_correlation(scores.to_numpy()[:pairs], later)
        rows[ahead] = mean_and_t(ic)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("months_ahead")


def rank_autocorrelation(scores: pd.DataFrame) -> pd.Series:
    """Rank correlation of each month's scores with those of the month before.

    Returns
    -------
    Series of shape (n_months,)
        NaN in the first month.
    """
    values = scores.to_numpy()
    before = np.vstack([np.full_like(values[:1], np.nan), values[:-1]])
    return pd.Series(row_correlation(values, before), index=scores.index)


def top_turnover(scores: pd.DataFrame, k: int = 10) -> pd.Series:
    """Share of the `k` best names that were not among the `k` best a month before.

    Returns
    -------
    Series of shape (n_months,)
        NaN in the first month. Equal scores are taken in the order of the columns.
    """
    rank = scores.rank(axis=1, ascending=False, method="first")
    best = (rank <= k).to_numpy()
    new = (best[1:] & ~best[:-1]).sum(axis=1) / np.maximum(best[1:].sum(axis=1), 1)
    return pd.Series(np.concatenate([[np.nan], new]), index=scores.index)


def mean_and_t(values: np.ndarray) -> dict[str, float]:
    """Mean of the known values, its plain and its Newey-West t, and their number."""
    known = values[~np.isnan(values)]
    return {
        "mean": float(known.mean()) if len(known) else float("nan"),
        "t": t_statistic(pd.Series(known)),
        "t_hac": hac_t_statistic(known),
        "months": float(len(known)),
    }
