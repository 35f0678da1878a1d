"""What a tear sheet shows of a finished run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attngru_bt.analyzers import Performance
from attngru_bt.data.schedule import Schedule
from attngru_bt.evaluation import statistics
from attngru_bt.evaluation.tries import Tries
from attngru_bt.reports.tables import short

if TYPE_CHECKING:
    from attngru_bt.data.market import Market
    from attngru_bt.walkforward import MonthRecord

OUT_OF_SAMPLE = "out-of-sample"
UNLABELED = "unlabeled"


@dataclass
class Part:
    """A model whose fits a tear sheet tells of: the run's own, or a member of a blend.

    Attributes
    ----------
    name : str
        What a reader knows it by.
    records : list
        As of `TearSheet`; none of what is not fitted.
    labels : DataFrame
        As of `TearSheet`.
    share : float or None
        In the mean of a blend; None for the run's own model.
    """

    name: str
    records: list[MonthRecord]
    labels: pd.DataFrame
    share: float | None = None

    @property
    def in_sample(self) -> dict[str, float]:
        """As `TearSheet.in_sample`."""
        return last_losses(self.records)


@dataclass
class TearSheet:
    """Everything that a tear sheet shows.

    Attributes
    ----------
    name : str
        What the strategy is called: its model, or its class.
    strategy_class : str
    performance : Performance
        Its analyzer, with returns, positions and fills.
    metrics : dict
        The strategy's figures, as `Performance.get_analysis` without the benchmark's.
    benchmark, baseline : dict or None
        Figures of the benchmark and of another run on the same sessions.
    returns, benchmark_returns, baseline_returns : Series
        Return per measured session as a fraction, naive dates; None where there is none.
    evidence : {"out-of-sample", "unlabeled"}
        Out-of-sample if a signal generator made the scores walk-forward.
    records : list
        One per month-end with scores, as `Walk.records`.
    scores : dict of Timestamp to Series
        Scores by month-end, in time order.
    labels : DataFrame or None
        score, label, forward_return per (month_end, asset).
    parts : list of Part
        The models that made the scores: the members of a blend, else the model itself; empty for
        scores that were given.
    schedule : Schedule
        When the scores were made.
    quality, quality_summary : DataFrame or None
        Rank IC, precision@k and AUC per month, and their means.
    topk : int
        The k of precision@k.
    tries : Tries or None
        How far the choice among the models walked in the run's folder can be trusted; None where
        there is one.
    orders : DataFrame or None
        The strategy's trade log.
    market : Market or None
        What the run was given, where the caller says so.
    parameters, signal_parameters, run : dict
        What the run was made with; `run` as given by the caller.
    gaps : list of str
        What is left out and why, one sentence each.
    """

    name: str
    strategy_class: str
    performance: Performance
    metrics: dict[str, Any]
    returns: pd.Series
    benchmark: dict[str, Any] | None = None
    benchmark_returns: pd.Series | None = None
    baseline: dict[str, Any] | None = None
    baseline_returns: pd.Series | None = None
    evidence: str = UNLABELED
    records: list[MonthRecord] = field(default_factory=list)
    scores: dict[pd.Timestamp, pd.Series] = field(default_factory=dict)
    labels: pd.DataFrame | None = None
    parts: list[Part] = field(default_factory=list)
    schedule: Schedule = field(default_factory=Schedule)
    quality: pd.DataFrame | None = None
    quality_summary: pd.DataFrame | None = None
    topk: int = 10
    tries: Tries | None = None
    orders: pd.DataFrame | None = None
    market: Market | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    signal_name: str = ""
    signal_parameters: dict[str, Any] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)

    @property
    def short_name(self) -> str:
        """The name where there is little room: a blend without its members."""
        return short(self.name)

    @property
    def benchmark_called(self) -> str:
        """The benchmark's name within a sentence or a title; empty where there is none."""
        return "" if self.benchmark is None else called(self.benchmark["name"])

    @property
    def curves(self) -> list[tuple[str, str, pd.Series]]:
        """Name, color and returns of the strategy, and of baseline and benchmark if there are any.

        A baseline or benchmark that is not known on a session is NaN there.
        """
        curves = [(self.short_name, "strategy", self.returns)]
        for other, color, returns in (
            (self.baseline, "baseline", self.baseline_returns),
            (self.benchmark, "benchmark", self.benchmark_returns),
        ):
            if other is not None and returns is not None:
                curves.append((other["name"], color, returns))
        return curves

    def difference(self, other: pd.Series) -> float:
        """Annualized return less that of another run, on the sessions that both know."""
        known = other.notna()
        periods = self.metrics["periods"]
        mine, others = (
            statistics.annualized_return(returns[known], periods)
            for returns in (self.returns, other)
        )
        return float("nan") if np.isnan(self.metrics["annual_return"]) else mine - others

    @property
    def in_sample(self) -> dict[str, float]:
        """Mean loss of the last epoch over all fits and networks: "loss" on the training rows.

        "val_loss", if there is one, is the loss on the validation months.
        """
        return last_losses(self.records)


def called(name: str) -> str:
    """Return a benchmark's name as it stands within a sentence or a title."""
    return "the index" if name == "index" else name


def last_losses(records: Sequence[MonthRecord]) -> dict[str, float]:
    """Return the mean loss of the last epoch over all fits and networks; see `TearSheet`."""
    last_epochs = [
        history[-1]
        for record in records
        if getattr(record, "refit", True)
        for history in record.losses or []
        if history
    ]
    losses = {
        key: [epoch[key] for epoch in last_epochs if epoch.get(key) is not None]
        for key in ("loss", "val_loss")
    }
    return {key: float(np.mean(values)) for key, values in losses.items() if values}
