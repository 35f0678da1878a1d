"""Random picks: ten stocks drawn anew each month. What skill has to be told from.

Belief
    None. One run is one draw; many, with `random_state` 0, 1, 2, …, say what luck earns.
Universe
    The feeds it is given, but for those that an analyzer names as its benchmark.
Run
    btrun --csvformat btcsv --data A.csv --data B.csv … --cerebro cheat_on_open=True \
        --strategy strategies/random_picks.py:RandomPicks:random_state=1
"""

from typing import Any

import attngru_bt
from attngru_bt.models.baselines import RandomScores


class RandomPicks(attngru_bt.MonthlyTopK):
    """Hold ten stocks drawn at random at each month-end.

    Params: `random_state` (0) and those of `attngru_bt.MonthlyTopK`.
    """

    params = dict(random_state=0)

    def _make_signal(self) -> Any:
        return RandomScores(self.p.random_state, self.p.universe)
