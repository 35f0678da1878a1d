"""Numbers: what a run earned, how good scores were, and whether it could be luck.

Pure functions of returns and scores. Of returns: ``statistics``, ``rolling``, and ``contribution``
by name. Of scores: ``quality`` month by month, ``horizons`` (how long they stay good), ``deciles``,
``exposures`` to the ``characteristics`` of stocks, ``outcomes`` of scores made elsewhere;
``attribution`` of attention to factors, ``permutation`` (what each family of factors is worth);
``newey_west`` is the t-statistic of months that resemble each other. Five answer whether a result
could be luck: ``bootstrap``, ``random_portfolios``, ``deflated_sharpe``, ``overfitting``, and
``tries``, which asks the last two of several candidates. ``spread`` decides whether a series varies
by more than rounding.
"""

from attngru_bt.evaluation.permutation import permutation_drop
from attngru_bt.evaluation.quality import (
    auc,
    monthly_quality,
    precision_at_k,
    rank_ic,
    summary,
    t_statistic,
)

__all__ = [
    "auc",
    "monthly_quality",
    "permutation_drop",
    "precision_at_k",
    "rank_ic",
    "summary",
    "t_statistic",
]
