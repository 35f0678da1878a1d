"""The result of a comparison: tables, curves and the settings they were made with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from attngru_bt.compare.attention import Attention
from attngru_bt.evaluation.tries import Tries

# what a notebook shows of the two tables
_SHOWN = (
    "rank_ic", "rank_ic_t", "auc", "precision", "annual_return", "sharpe", "information_ratio",
    "max_drawdown", "chance",
)  # fmt: skip

SPREAD = "_spread"


@dataclass(frozen=True)
class Comparison:
    """Models side by side.

    Attributes
    ----------
    table2 : DataFrame indexed by model
        How good the scores are: means over the seeds, `…_spread` their sample deviations. The
        columns accuracy_in_sample, accuracy_at_k_in_sample and auc_in_sample are of training rows,
        all others out of sample. paper_accuracy and paper_seconds are the paper's own claims.
    table3 : DataFrame indexed by model
        What the scores earned out of sample after costs, in the same form. excess: mean return a
        month (week, quarter) above equal weight, else above the index; excess_t: its t. ir_low,
        ir_high: mean of the seeds' 95% bootstrap intervals; chance: probability that a random
        portfolio does as well; deflated_sharpe; ``paper_…``: the paper's claims, of another period.
    runs : DataFrame indexed (model, seed)
        The figures of both tables for each walk.
    monthly : DataFrame indexed (model, seed, month_end)
        Figures of the scores per month, and the returns of account and benchmark (`return`,
        `benchmark_return`) from one month-end to the next.
    growth : DataFrame of shape (n_sessions, n_models)
        Growth of 1, mean over seeds; with the column "benchmark" if there is one.
    buckets : DataFrame of shape (n_models, 10)
        Mean return of the next month by score, less the month's mean: see `quality.by_bucket`.
    attention : dict of str to Attention
        By model; only models with attention weights that can be traced back to factors.
    offsets : DataFrame indexed (model, offset), or None
        Figures of accounts that decide so many sessions after month-ends (0: at them), on the same
        sessions: see `offsets.by_offset`.
    tries : Tries or None
        How far the best of the models can be trusted, of the monthly returns above equal weight
        (else above the index); None with one model or fewer than 24 months.
    titles, families : dict of str to str
        By model.
    benchmark : dict or None
        Figures of the index on the same sessions.
    about : dict
        Data, dates, costs and settings that the figures were made with.
    files : tuple of Path
        The files that `attngru_bt.compare.run` has written, the page first.
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
    offsets: pd.DataFrame | None = None
    tries: Tries | None = None
    about: dict[str, Any] = field(default_factory=dict)
    files: tuple[Path, ...] = ()

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(self.titles.values())}>"

    def _repr_html_(self) -> str:
        """Show the main figures of both tables, a row per model."""
        models = self.table2.index.union(self.table3.index, sort=False)
        rows = pd.concat([self.table2.reindex(models), self.table3.reindex(models)], axis=1)
        rows = rows.loc[:, ~rows.columns.duplicated()]
        shown = rows[[name for name in _SHOWN if name in rows]].rename(index=self.titles)
        return shown.to_html(float_format="{:.3f}".format, na_rep="")
