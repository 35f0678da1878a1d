"""Numbers: what a run earned, how good scores were, and whether it could be luck.

All are pure functions of returns and scores. ``statistics``, ``rolling`` and ``contribution`` (by
name) measure returns. ``quality`` (month by month), ``horizons`` (how long scores stay good),
``deciles``, ``exposures`` to the ``characteristics`` of stocks and ``outcomes`` (of scores made
elsewhere) measure scores. ``attribution`` traces attention back to factors, ``permutation`` says
what each family of factors is worth, and ``newey_west`` is the t-statistic of months that resemble
each other. Five ask whether a result could be luck: ``bootstrap``, ``random_portfolios``,
``deflated_sharpe``, ``overfitting``, and ``tries``, which applies the last two to several
candidates. ``spread`` decides whether a series varies by more than rounding.
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
