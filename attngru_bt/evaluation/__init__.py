"""Numbers: what a run earned, how good scores were, and whether it could be luck.

Pure functions of returns and scores: ``statistics`` of returns, ``quality`` of scores month by
month, ``attribution`` of attention to factors. Three answer whether a result could be luck:
``bootstrap``, ``random_portfolios`` and ``deflated_sharpe``. ``spread`` decides whether a series
varies by more than rounding.
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
