"""Exposures of scores to characteristics of stocks, and what is left of the scores without them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from attngru_bt.evaluation.horizons import mean_and_t
from attngru_bt.evaluation.ranks import rank_rows, row_correlation

_ROUNDING = 1e-9
LEAST = 5  # stocks of a group in a month, below which its rank correlation is left out


def exposures(scores: pd.DataFrame, kinds: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Rank correlation of scores and characteristics, month by month.

    Parameters
    ----------
    scores : DataFrame of shape (n_months, n_assets)
    kinds : mapping of str to DataFrame of the same shape
        As `characteristics` returns them.

    Returns
    -------
    DataFrame of shape (n_months, n_characteristics)
    """
    values = scores.to_numpy()
    return pd.DataFrame(
        {name: row_correlation(values, kind.to_numpy()) for name, kind in kinds.items()},
        index=scores.index,
    )


def neutral_scores(scores: pd.DataFrame, kinds: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Rank of the scores, less what a regression on the ranks of the characteristics explains.

    Each month by itself. Stocks that lack a characteristic are left out of it; a characteristic
    that no stock has in a month is left out of that month.

    Returns
    -------
    DataFrame of shape (n_months, n_assets)
        NaN also in months with no more stocks than characteristics, or of which nothing is left.
    """
    out = np.full(scores.shape, np.nan)
    score = scores.to_numpy()
    tables = [kind.to_numpy() for kind in kinds.values()]
    for month in range(len(score)):
        used = [table[month] for table in tables if not np.isnan(table[month]).all()]
        known = ~np.isnan(np.vstack([score[month], *used])).any(axis=0)
        if known.sum() <= len(used) + 1:
            continue
        rows = rank_rows(np.vstack([score[month], *used])[:, known])
        design = np.column_stack([np.ones(known.sum()), *rows[1:]])
        coefficients = np.linalg.lstsq(design, rows[0], rcond=None)[0]
        rest = rows[0] - design @ coefficients
        # what the characteristics explain wholly leaves rounding, which has no ranks
        if np.sqrt(rest @ rest) > _ROUNDING:
            out[month, known] = rest
    return pd.DataFrame(out, index=scores.index, columns=scores.columns)


def group_ic(scores: pd.DataFrame, returns: pd.DataFrame, group: pd.DataFrame) -> pd.DataFrame:
    """Rank IC within each group of stocks.

    Parameters
    ----------
    scores, returns, group : DataFrame of shape (n_months, n_assets)
        `group` holds a number or name per stock and month; NaN = in none.

    Returns
    -------
    DataFrame of shape (n_groups, 5)
        Indexed by group: mean, t, t_hac, months, stocks (mean number); months with fewer than five
        stocks are left out, and groups without such a month.
    """
    rows = {}
    for name in sorted(pd.unique(group.to_numpy()[group.notna().to_numpy()])):
        inside = (group == name) & scores.notna() & returns.notna()
        count = inside.sum(axis=1).to_numpy()
        ic = row_correlation(scores.where(inside).to_numpy(), returns.to_numpy())
        ic[count < LEAST] = np.nan
        if not np.isnan(ic).all():
            rows[name] = mean_and_t(ic) | {"stocks": float(count[count >= LEAST].mean())}
    return pd.DataFrame.from_dict(rows, orient="index")
