"""Equal weight: every stock, the same share. What choosing has to beat.

Belief
    Nobody knows which stocks will do best: hold them all, and set the shares equal again each
    month.
Universe
    The feeds it is given, except those that an analyzer names as its benchmark; with `universe`
    the members of the day.
Run
    btrun --csvformat btcsv --data A.csv --data B.csv … --cerebro cheat_on_open=True \
        --strategy strategies/equal_weight.py:EqualWeight
"""

from typing import Any

import attngru_bt
from attngru_bt.models.baselines import EqualScores


class EqualWeight(attngru_bt.MonthlyTopK):
    """Hold every stock that could be held at the month-end, in equal weight.

    Params are those of `attngru_bt.MonthlyTopK`; `topk` is the number of stocks, month by month.
    """

    params = dict(rebalance="full")

    def make_signal(self) -> Any:
        """Return itself: asked for scores, it learns how many slots there are."""
        return self

    def scores(self, bars: attngru_bt.Bars) -> Any:
        """Score every stock alike and give each a slot."""
        equal = EqualScores(self.p.universe).scores(bars)
        self.p.topk = len(equal)
        return equal
