"""Scores beside their outcomes, which are computed from the bars alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.data.bars import Bars
from attngru_bt.features.cross_section import month_ends
from attngru_bt.features.labels import forward_returns, top_labels


def outcomes(scores: Mapping[pd.Timestamp, pd.Series], bars: Bars, topk: int) -> pd.DataFrame:
    """Return scores with their outcomes, whoever made the scores.

    Parameters
    ----------
    scores : mapping of Timestamp to Series
        Month-end → scores by asset.
    bars : Bars
        All bars of the market.
    topk : int
        How many of a month's best returns are labeled 1.

    Returns
    -------
    DataFrame indexed (month_end, asset)
        Columns score, label and forward_return: the return, as a fraction, from the last close at
        the month-end to the last one at the next month-end. Label and return are NaN where this is
        not known, as in the month in which the bars end.
    """
    returns = next_month(bars)
    parts = {}
    for month_end in sorted(scores):
        known = scores[month_end].dropna()
        row = int(bars.dates.searchsorted(month_end, side="right")) - 1
        if row < 0 or known.empty:
            continue
        at = pd.Index(bars.assets).get_indexer(pd.Index(known.index))
        forward = np.where(at < 0, np.nan, returns[row, at])
        parts[month_end] = pd.DataFrame(
            {
                "score": known.to_numpy(dtype=np.float64),
                "label": top_labels(forward, topk),
                "forward_return": forward,
            },
            index=pd.Index(list(known.index), name="asset"),
        )
    if not parts:
        index = pd.MultiIndex.from_arrays([[], []], names=["month_end", "asset"])
        return pd.DataFrame(index=index, columns=["score", "label", "forward_return"], dtype=float)
    return pd.concat(parts, names=["month_end"])


def next_month(bars: Bars) -> NDArray[np.float64]:
    """Compute the return from each session's close to that of the next month's last session.

    The array has the shape (days, assets); returns are fractions. Closes are carried forward over
    suspensions. NaN: before the first bar of an asset, and where the bars end before that session.
    """
    close = bars.frame("close").ffill().to_numpy()
    ends = month_ends(bars.dates)
    month = np.searchsorted(ends, np.arange(len(bars)))  # of each session, numbered from 0
    following = ends[np.minimum(month + 1, len(ends) - 1)]
    returns = forward_returns(close, close[following])
    returns[month >= len(ends) - 2] = np.nan  # the last month may not have ended
    return returns
