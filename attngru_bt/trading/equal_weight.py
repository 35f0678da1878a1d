"""The baseline that chooses nobody: every name that can be held, in equal weight."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pandas as pd

from attngru_bt.data.bars import Bars
from attngru_bt.trading.monthly import MonthlyTopK


class EqualWeight(MonthlyTopK):
    """Hold every scored name that trades in equal weight, set equal again at each decision.

    Params are those of `MonthlyTopK`. `topk` is counted at each decision: the names that can be
    bought then, and those that are held. How many there will be later is not known, so no cash
    waits for them.
    """

    params: Any = dict(rebalance="full")

    def _scores(self, month_end: dt.date, before: dt.date, bars: Callable[[], Bars]) -> pd.Series:
        scores = super()._scores(month_end, before, bars)
        assert self._dealer.orders.session is not None
        held = self._holdings.slots(self._dealer.orders.session)
        closed = self._dealer.closed_to
        names = [name for name in scores.index if name in self.feeds]
        names = [name for name in names if name in held or not closed(name, "buy")]
        stuck = sum(1 for name in held.difference(names) if closed(name, "sell"))
        self.p.topk = max(len(names) + stuck, 1)
        return scores[names]
