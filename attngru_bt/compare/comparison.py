"""What a comparison is: tables, curves, and what they were made with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from attngru_bt.compare.attention import Attention

SPREAD = "_spread"


@dataclass(frozen=True)
class Comparison:
    """Models side by side.

    Attributes
    ----------
    table2 : DataFrame indexed by model
        How good the scores are. In-sample and out-of-sample figures are columns of their own:
        accuracy_in_sample, accuracy_at_k_in_sample and auc_in_sample are of training rows, all
        others out of sample. Mean over seeds; `…_spread`: sample deviation over seeds. Then
        paper_accuracy, paper_seconds: the paper's own claim.
    table3 : DataFrame indexed by model
        What they earned out of sample after costs, likewise; ir_low, ir_high: mean of the seeds'
        95% bootstrap intervals; chance: probability that a random portfolio does as well;
        deflated_sharpe. paper_…: the paper's claim, of another period.
    runs : DataFrame indexed (model, seed)
        All of these per run.
    monthly : DataFrame indexed (model, seed, month_end)
        The scores' figures per month, and `return`, `benchmark_return` of the account from one
        month-end to the next.
    growth : DataFrame of shape (n_sessions, n_models)
        Growth of 1, mean over seeds; with the column "benchmark" if there is one.
    buckets : DataFrame of shape (n_models, 10)
        Mean return of the next month by score, less the month's mean: see `quality.by_bucket`.
    attention : dict of str to Attention
        Of models that have weights and loadings.
    titles, families : dict of str to str
        Per model.
    benchmark : dict or None
        Figures of the index on the same sessions.
    about : dict
        Data, dates, costs, settings: what the figures were made with.
    """

    table2: pd.DataFrame
    table3: pd.DataFrame
    runs: pd.DataFrame
    monthly: pd.DataFrame
    growth: pd.DataFrame
    buckets: pd.DataFrame
    attention: dict[str, Attention]
    titles: dict[str, str]
    families: dict[str, str]
    benchmark: dict[str, Any] | None
    about: dict[str, Any] = field(default_factory=dict)
