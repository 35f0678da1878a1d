"""The walk-forward: a month-end in, a score per stock out, with what was known and nothing else.

`SignalGenerator` goes along with a backtest, `walk_forward` takes all months of many models and
seeds at once. A month is made of ``training_set``, ``fit`` and ``record``; finished months are kept
by ``checkpoint``. ``tasks`` cuts a walk-forward into fits, ``crew`` and ``cluster`` do them.
"""

from attngru_bt.walkforward.checkpoint import Checkpoints
from attngru_bt.walkforward.fit import Fit
from attngru_bt.walkforward.generator import SignalGenerator
from attngru_bt.walkforward.record import MonthRecord
from attngru_bt.walkforward.run import walk_forward
from attngru_bt.walkforward.walk import Walk

__all__ = ["Checkpoints", "Fit", "MonthRecord", "SignalGenerator", "Walk", "walk_forward"]
