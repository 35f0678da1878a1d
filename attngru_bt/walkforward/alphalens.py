"""Scores and outcomes in the form that alphalens reads."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd

from attngru_bt import checks

QUANTILES = 5
PERIOD = "21D"  # a month, in alphalens's words


def to_alphalens(
    labels: pd.DataFrame, quantiles: int = QUANTILES, group: pd.Series | None = None
) -> pd.DataFrame:
    """Return what `alphalens.utils.get_clean_factor_and_forward_returns` would return.

    alphalens's functions take it as it is, such as
    ``alphalens.performance.factor_information_coefficient(data)`` and
    ``alphalens.tears.create_information_tear_sheet(data)``. The period is one month, from each
    month-end to the next, which alphalens writes in days.

    Parameters
    ----------
    labels : DataFrame indexed (month_end, asset)
        Columns score, label, forward_return, as `Walk.labels`. Rows without an outcome are left
        out, as alphalens does.
    quantiles : int, default=5
        How many groups of equal number the scores of a month are cut into.
    group : Series indexed (month_end, asset) or asset, default None
        Group of each stock, such as its sector; rows without one are left out.

    Returns
    -------
    DataFrame indexed (date, asset)
        Columns `21D` (the return of the next month, a fraction), `factor` (the score), if asked for
        `group`, and `factor_quantile` (1 = lowest scores). Months whose scores cannot be cut,
        since too many are equal, are left out.

    Raises
    ------
    ValueError
        If nothing is left.
    """
    checks.whole_number("quantiles", quantiles, at_least=2)
    table = labels[labels["score"].notna() & labels["forward_return"].notna()].astype(float)
    data = pd.DataFrame({PERIOD: table["forward_return"], "factor": table["score"]})
    if group is not None:
        names = data.index.get_level_values(1)
        groups = group.reindex(data.index if group.index.nlevels == 2 else names)
        data["group"] = pd.Categorical(groups.to_numpy())
        data = data[data["group"].notna()]
    scores = data["factor"].groupby(level=0, sort=False)
    data["factor_quantile"] = scores.transform(lambda month: _quantile(month, quantiles))
    data = data[data["factor_quantile"].notna()].astype({"factor_quantile": "int64"})
    if data.empty:
        raise ValueError(
            "No month has enough different scores with a known outcome to be cut into "
            f"{quantiles} quantiles; ask for fewer."
        )
    # alphalens reads the dates of the levels, where months that were left out would remain
    index = cast(pd.MultiIndex, data.index.set_names(["date", "asset"]))
    data.index = index.remove_unused_levels()
    return data.sort_index()


def _quantile(scores: pd.Series, quantiles: int) -> np.ndarray:
    """Cut the scores of a month; NaN where that is not possible."""
    try:
        return np.asarray(pd.qcut(scores, quantiles, labels=False), dtype=float) + 1.0
    except ValueError:  # edges are not unique
        return np.full(len(scores), np.nan)
