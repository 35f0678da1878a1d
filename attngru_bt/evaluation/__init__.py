"""Numbers: what a run earned, how good scores were, and whether it could be luck.

Pure functions of returns and scores: ``statistics`` of returns, ``quality`` of scores month by
month, ``significance`` (intervals, random portfolios, deflated Sharpe ratio) and ``attribution``
(attention carried back to factors). ``spread`` decides when a series varies by more than rounding.
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
