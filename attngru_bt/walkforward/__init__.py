"""The walk-forward: a month-end in, a score per stock out, with what was known and nothing else.

A `Recipe` is the parameters, a `Walk` what came of them, month-end by month-end: each is made of
``training_set``, ``fit`` and ``record``, and kept by ``checkpoint``. A `Blend` is the mean rank of
several models, a `BlendWalk` that of their walks. Two drivers fill a walk: `SignalGenerator` or
`Blend` goes along with a backtest, `walk_forward` takes all months of many models and seeds at
once: ``lineup`` says which walks there are, ``panels`` takes the cross-sections, ``tasks`` cuts the
walks into fits, which ``crew`` and ``cluster`` do.
"""

from attngru_bt.walkforward.blend import Blend
from attngru_bt.walkforward.blend_walk import BlendWalk
from attngru_bt.walkforward.checkpoint import Checkpoints
from attngru_bt.walkforward.fit import Fit
from attngru_bt.walkforward.generator import SignalGenerator
from attngru_bt.walkforward.recipe import Recipe
from attngru_bt.walkforward.record import MonthRecord
from attngru_bt.walkforward.run import walk_forward
from attngru_bt.walkforward.walk import Walk

__all__ = [
    "Blend",
    "BlendWalk",
    "Checkpoints",
    "Fit",
    "MonthRecord",
    "Recipe",
    "SignalGenerator",
    "Walk",
    "walk_forward",
]
