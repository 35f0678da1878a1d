"""What a finished run has to tell, collected from its strategy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.analyzers import Performance
from attngru_bt.analyzers.benchmark import Benchmark
from attngru_bt.evaluation.quality import monthly_quality, summary

OUT_OF_SAMPLE = "out-of-sample"
UNLABELLED = "unlabeled"
_LEAST_SESSIONS = 2


@dataclass
class Report:
    """All a tear sheet shows.

    Attributes
    ----------
    name : str
        The strategy's class.
    performance : Performance
        Its analyzer, with returns, positions and fills.
    metrics : dict
        The strategy's figures, as `Performance.get_analysis` without the benchmark's.
    benchmark, baseline : dict or None
        Figures of the benchmark and of another run on the same sessions.
    returns, benchmark_returns, baseline_returns : Series
        Per measured session, fractions, naive dates; None where there is none.
    evidence : {"out-of-sample", "unlabeled"}
        Out-of-sample if the scores were made walk-forward by a signal generator.
    records : list
        One per month-end with scores, as `SignalGenerator.records_`.
    labels : DataFrame or None
        score, label, forward_return per (month_end, asset).
    quality, quality_summary : DataFrame or None
        Rank IC, precision@k and AUC per month, and their means.
    topk : int
        The k of precision@k.
    orders : DataFrame or None
        The strategy's trade log.
    parameters, signal_parameters, run : dict
        What the run was made with; `run` as given by the caller.
    gaps : list of str
        What is left out, and why, one sentence each.
    """

    name: str
    performance: Performance
    metrics: dict[str, Any]
    returns: pd.Series
    benchmark: dict[str, Any] | None = None
    benchmark_returns: pd.Series | None = None
    baseline: dict[str, Any] | None = None
    baseline_returns: pd.Series | None = None
    evidence: str = UNLABELLED
    records: list[Any] = field(default_factory=list)
    labels: pd.DataFrame | None = None
    quality: pd.DataFrame | None = None
    quality_summary: pd.DataFrame | None = None
    topk: int = 10
    orders: pd.DataFrame | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    signal_name: str = ""
    signal_parameters: dict[str, Any] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)

    @property
    def in_sample(self) -> dict[str, float]:
        """Mean loss of the last epoch over all fits and seeds: on training rows, and validation."""
        found: dict[str, list[float]] = {"loss": [], "val_loss": []}
        for record in self.records:
            if not getattr(record, "refit", True):
                continue
            for history in record.losses or []:
                for key, values in found.items():
                    if history and history[-1].get(key) is not None:
                        values.append(float(history[-1][key]))
        return {key: float(np.mean(values)) for key, values in found.items() if values}


def collect(
    strategy: Any,
    benchmark: pd.Series | None = None,
    baseline: Any = None,
    baseline_name: str | None = None,
    run: Mapping[str, Any] | None = None,
) -> Report:
    """Gather a report; parameters as in `attngru_bt.tearsheet.save`."""
    performance = find_performance(strategy)
    metrics = {k: v for k, v in performance.get_analysis().items() if k != "benchmark"}
    if len(performance.returns) < _LEAST_SESSIONS:
        raise ValueError(
            f"A tear sheet needs at least {_LEAST_SESSIONS} measured sessions; this run has "
            f"{len(performance.returns)}. Run over more data, or check the `start` of Performance."
        )
    report = Report(
        name=_class_name(strategy),
        performance=performance,
        metrics=metrics,
        returns=performance.returns,
        benchmark=performance.get_analysis().get("benchmark"),
        benchmark_returns=performance.benchmark_returns,
        run=dict(run or {}),
    )
    _add_benchmark(report, benchmark)
    if baseline is not None:
        _add_baseline(report, baseline, baseline_name)
    _add_parameters(report, strategy)
    _add_signal(report, getattr(strategy, "signal", None))
    log = getattr(strategy, "trade_log", None)
    if log is not None:
        report.orders = log.frame()
    else:
        report.gaps.append("Orders: the strategy keeps no trade log, so only fills are listed.")
    return report


def find_performance(strategy: Any) -> Performance:
    """Find the strategy's Performance analyzer.

    Raises
    ------
    TypeError
        If a list (what `cerebro.run()` returns) or no strategy is given.
    ValueError
        If there is none, or the run has not ended.
    """
    if isinstance(strategy, (list, tuple)):
        raise TypeError("Pass one strategy, not the list that run() returns: cerebro.run()[0].")
    if not hasattr(strategy, "analyzers"):
        raise TypeError(
            f"Pass the strategy that cerebro.run()[0] returns; got {type(strategy).__name__}."
        )
    for analyzer in strategy.analyzers:
        if isinstance(analyzer, Performance):
            if not hasattr(analyzer, "returns"):
                raise ValueError("The run has not ended; pass what cerebro.run()[0] returns.")
            return analyzer
    raise ValueError(
        "A tear sheet needs the Performance analyzer; add this line before cerebro.run(): "
        'cerebro.addanalyzer(attngru_bt.Performance, benchmark="INDEX", _name="performance").'
    )


def _class_name(strategy: Any) -> str:
    # optstrategy returns an OptReturn that names the class it stands for
    return str(getattr(strategy, "strategycls", type(strategy)).__name__)


def _add_benchmark(report: Report, closes: pd.Series | None) -> None:
    """Replace the analyzer's benchmark if another is given."""
    if isinstance(closes, str):
        raise TypeError(
            f"`benchmark` of a tear sheet must be a Series of closes; got {closes!r}. "
            f"A feed is named in the analyzer: Performance, benchmark={closes!r}."
        )
    if closes is not None:
        source = Benchmark(closes)
        performance = report.performance
        every = source.returns(performance.sessions)
        report.benchmark_returns = every.iloc[performance.first : performance.end]
        compared = performance.compare(report.benchmark_returns)
        report.benchmark = compared.pop("benchmark")
        report.metrics.update(compared)
    if report.benchmark is None:
        report.gaps.append(
            "Benchmark: none was given (Performance, benchmark=…), so nothing is compared with it."
        )
    elif not report.benchmark["sessions"]:
        report.gaps.append(
            f"Benchmark: {report.benchmark['name']} is not known on the measured sessions."
        )
        report.benchmark = report.benchmark_returns = None


def _add_baseline(report: Report, baseline: Any, name: str | None) -> None:
    """Measure another run on this run's sessions."""
    other = find_performance(baseline)
    returns = other.returns.reindex(report.returns.index)
    if returns.isna().any():
        # a run that starts later or ends earlier is compared where it is known
        report.gaps.append(
            f"Baseline: known on {int(returns.notna().sum())} of {len(returns)} sessions only."
        )
    known = returns.dropna()
    report.baseline = {"name": name or _class_name(baseline), **report.performance.figures(known)}
    report.baseline_returns = returns


def _add_parameters(report: Report, strategy: Any) -> None:
    params = getattr(strategy, "p", None) or getattr(strategy, "params", None)
    report.parameters = dict(params._getkwargs()) if params is not None else {}


def _add_signal(report: Report, signal: Any) -> None:
    """Take what a signal generator remembers; a given table of scores remembers nothing."""
    report.topk = int(report.parameters.get("topk") or 10)
    if signal is not None:
        report.signal_name = type(signal).__name__
        if hasattr(signal, "get_params"):
            report.signal_parameters = {
                name: value
                for name, value in signal.get_params(deep=False).items()
                if name not in ("progress", "checkpoints")  # where it ran, not what came out
            }
    every = list(getattr(signal, "records_", ()))
    report.records = [record for record in every if len(record.scores)]
    if not report.records:
        report.gaps.append(
            "Model: the strategy has no signal generator that made scores, so there is nothing to "
            "say about their quality, and whether they are out-of-sample is for their maker to say."
        )
        return
    report.evidence = OUT_OF_SAMPLE
    report.labels = signal.labels()
    report.topk = int(getattr(signal, "topk", report.topk))
    report.quality = monthly_quality(report.labels, report.topk)
    report.quality_summary = summary(report.quality)
    if not report.quality_summary["months"].any():
        report.gaps.append("Rank IC and precision: no scored month has ended yet.")
    if all(record.explained_variance is None for record in report.records):
        report.gaps.append("Explained variance: the model has no principal components.")
    if not any(record.attention for record in report.records):
        report.gaps.append("Attention: the model has no attention weights.")
