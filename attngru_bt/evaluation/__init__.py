"""Numbers: what a run earned, how good scores were, and whether it could be luck.

Pure functions of returns and scores. Of returns: ``statistics``, ``rolling``, and ``contribution``
by name. Of scores: ``quality`` month by month, ``horizons`` (how long they stay good), ``deciles``,
``exposures`` to the ``characteristics`` of stocks; ``attribution`` of attention to factors;
``newey_west`` is the t-statistic of months that resemble each other. Four answer whether a result
could be luck: ``bootstrap``, ``random_portfolios``, ``deflated_sharpe`` and ``overfitting``.
``spread`` decides whether a series varies by more than rounding.
"""

from attngru_bt.evaluation.quality import (
    auc,
    monthly_quality,
    precision_at_k,
    rank_ic,
    summary,
    t_statistic,
)

__all__ = ["auc", "monthly_quality", "precision_at_k", "rank_ic", "summary", "t_statistic"]
