"""The outcomes of scores: the returns of the stocks after each month-end, from bars alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from attngru_bt.data.bars import Bars
from attngru_bt.data.schedule import MONTH, Schedule
from attngru_bt.features.labels import forward_returns, top_labels


def outcomes_of(
    scores: Mapping[pd.Timestamp, pd.Series], bars: Bars, topk: int, schedule: Schedule = MONTH
) -> pd.DataFrame:
    """Lay scores beside the returns to the next month-end.

    Parameters
    ----------
    scores : mapping of month-end to Series, index asset
    bars : Bars
    topk : int
        How many of a month's best returns are labeled 1.
    schedule : Schedule, default month-ends
        When scores are made.

    Returns
    -------
    DataFrame, index (month_end, asset), columns score, label, forward_return
        Returns are fractions, from the close of the month-end to the last close known at the next
        one: a stock that stops trading stays where it was. NaN where the next month-end is not in
        the data, or the stock had no close at the month-end: it could not be bought, and may be
        gone. Months without scores are left out.
    """
    ends = schedule.ends(bars.dates)
    if not schedule.complete(bars.dates):
        ends = ends[:-1]  # the data end within a month, whose end is not known yet
    close = pd.DataFrame(bars["close"], columns=list(bars.assets))
    known = close.ffill()
    parts = {}
    for month_end, of_month in scores.items():
        scored = of_month.dropna()
        if scored.empty:
            continue
        # from the last session up to the month-end to the next end after it
        begin = int(bars.dates.searchsorted(month_end, side="right")) - 1
        following = int(ends.searchsorted(begin, side="right"))
        returns = np.full(len(scored), np.nan)
        if begin >= 0 and following < len(ends):
            now, then = close.iloc[begin], known.iloc[int(ends[following])]
            returns = forward_returns(
                now.reindex(scored.index).to_numpy(), then.reindex(scored.index).to_numpy()
            )
        parts[month_end] = pd.DataFrame(
            {
                "score": scored.to_numpy(dtype=float),
                "label": top_labels(returns, topk),
                "forward_return": returns,
            },
            index=pd.Index(scored.index, name="asset"),
        )
    if not parts:
        index = pd.MultiIndex.from_arrays([[], []], names=["month_end", "asset"])
        return pd.DataFrame(index=index, columns=["score", "label", "forward_return"], dtype=float)
    return pd.concat(parts, names=["month_end"])
