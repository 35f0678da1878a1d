"""Momentum: last year's winners, the latest month left out.

Belief
    Stocks that rose over the past year go on for a while; what they did in the last month tends to
    reverse and is left out (Jegadeesh and Titman, 1993).
Universe
    The feeds it is given, except those that an analyzer names as its benchmark.
Run
    btrun --csvformat btcsv --data A.csv --data B.csv … --cerebro cheat_on_open=True \
        --strategy strategies/momentum.py:Momentum:months=6
"""

from typing import Any

import attngru_bt
from attngru_bt.models.baselines import MomentumScores


class Momentum(attngru_bt.MonthlyTopK):
    """Hold the ten stocks that rose most from `months` to `skip` months ago.

    Params: `months` (12), `skip` (1) and those of `attngru_bt.MonthlyTopK`.
    """

    params = dict(months=12, skip=1)

    def make_signal(self) -> Any:
        """Return past returns as scores."""
        return MomentumScores(self.p.months, self.p.skip, self.p.universe)
