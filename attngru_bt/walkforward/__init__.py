"""The walk-forward: a month-end in, a score per stock out, from what was known then alone.

A `Recipe` is the parameters of a walk-forward, and a `Walk` is a recipe being walked. At each
month-end ``training_set`` collects the rows, ``fit`` fits and scores, ``record`` says what
happened, and ``checkpoint`` keeps it. A `Blend` is the mean rank of several models, and a
`BlendWalk` that of their walks.

Two drivers fill a walk. `SignalGenerator` or `Blend` goes along with a backtest. `walk_forward`
takes all months of many models and seeds at once: ``lineup`` says which walks there are, ``panels``
takes the cross-sections, ``tasks`` cuts the walks into fits, and ``crew`` and ``cluster`` run them.
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
