"""What a tear sheet shows of a finished run, collected from its strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from attngru_bt.analyzers import Performance
from attngru_bt.analyzers.benchmark import Benchmark
from attngru_bt.data.schedule import schedule_of
from attngru_bt.evaluation.outcomes import outcomes_of
from attngru_bt.evaluation.quality import monthly_quality, summary
from attngru_bt.feeds.parameters import parameter_values
from attngru_bt.models.names import is_known, title_of
from attngru_bt.reports.sheet import OUT_OF_SAMPLE, Part, TearSheet

if TYPE_CHECKING:
    from attngru_bt.data.market import Market
    from attngru_bt.walkforward import MonthRecord

_LEAST_SESSIONS = 2
TRADING = (
    "start_value", "end_value", "turnover", "costs", "cost_rate", "fills", "trades", "hit_rate",
)  # fmt: skip


def collect(
    strategy: Any,
    benchmark: pd.Series | None = None,
    baseline: Any = None,
    baseline_name: str | None = None,
    run: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    market: Market | None = None,
) -> TearSheet:
    """Collect what a tear sheet shows; parameters as in `attngru_bt.tearsheet.save`."""
    performance = find_performance(strategy)
    metrics = {k: v for k, v in performance.get_analysis().items() if k != "benchmark"}
    if len(performance.returns) < _LEAST_SESSIONS:
        raise ValueError(
            f"A tear sheet needs at least {_LEAST_SESSIONS} measured sessions; this run has "
            f"{len(performance.returns)}. Run over more data, or check the `start` of Performance."
        )
    sheet = TearSheet(
        name=name or name_of(strategy),
        strategy_class=_class_name(strategy),
        market=market,
        performance=performance,
        metrics=metrics,
        returns=performance.returns,
        benchmark=_benchmark(performance),
        benchmark_returns=performance.benchmark_returns,
        run=dict(run or {}),
    )
    _add_benchmark(sheet, benchmark)
    if baseline is not None:
        _add_baseline(sheet, baseline, baseline_name)
    sheet.parameters = parameter_values(strategy)
    sheet.schedule = schedule_of(sheet.parameters.get("schedule") or "month")
    sheet.scores = dict(getattr(strategy, "scores_by_month", {}))
    _add_signal(sheet, getattr(strategy, "signal", None))
    log = getattr(strategy, "trade_log", None)
    if log is not None:
        sheet.orders = log.frame()
    else:
        sheet.gaps.append("Orders: the strategy keeps no trade log, so only fills are listed.")
    return sheet


def find_performance(strategy: Any) -> Performance:
    """Return the strategy's Performance analyzer.

    Raises
    ------
    TypeError
        If `strategy` is a list, as `cerebro.run()` returns, or no strategy at all.
    ValueError
        If the strategy has no such analyzer, or the run has not ended.
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


def name_of(strategy: Any) -> str:
    """Return what a reader knows a strategy by: its model, or its class if that is the user's own.

    A walk or a parameter names the model; the classes of this package say nothing about it.
    """
    model = getattr(getattr(strategy, "signal", None), "model", None)
    if model is None:
        parameters = parameter_values(strategy) if hasattr(strategy, "p") else {}
        model = parameters.get("model") or parameters.get("signal")
        if model is None and _class_name(strategy) == "AttentionGRUStrategy":
            model = "attention-gru-ranks"
    if isinstance(model, str) and is_known(model):
        return title_of(model)
    return str(getattr(model, "title", None) or _class_name(strategy))


def _benchmark(performance: Performance) -> dict[str, Any] | None:
    figures = performance.get_analysis().get("benchmark")
    # the feed's name says which role it has, not which index it is
    known_as = {"INDEX": "index"}
    return figures and {**figures, "name": known_as.get(figures["name"], figures["name"])}


def _class_name(strategy: Any) -> str:
    # optstrategy returns an OptReturn that names the class it stands for
    return str(getattr(strategy, "strategycls", type(strategy)).__name__)


def _add_benchmark(sheet: TearSheet, closes: pd.Series | None) -> None:
    """Replace the analyzer's benchmark by the given closes, if there are any."""
    if isinstance(closes, str):
        raise TypeError(
            f"`benchmark` of a tear sheet must be a Series of closes; got {closes!r}. "
            f"A feed is named in the analyzer: Performance, benchmark={closes!r}."
        )
    if closes is not None:
        performance = sheet.performance
        returns = Benchmark(closes).returns(performance.sessions)
        sheet.benchmark_returns = returns.iloc[performance.first : performance.end]
        compared = performance.compare(sheet.benchmark_returns)
        sheet.benchmark = compared.pop("benchmark")
        sheet.metrics.update(compared)
    if sheet.benchmark is None:
        sheet.gaps.append(
            "Benchmark: none was given (Performance, benchmark=…), so nothing is compared with it."
        )
    elif not sheet.benchmark["sessions"]:
        sheet.gaps.append(
            f"Benchmark: {sheet.benchmark['name']} is not known on the measured sessions."
        )
        sheet.benchmark = sheet.benchmark_returns = None


def _add_baseline(sheet: TearSheet, baseline: Any, name: str | None) -> None:
    """Measure another run on this run's sessions."""
    other = find_performance(baseline)
    returns = other.returns.reindex(sheet.returns.index)
    if returns.isna().any():
        # a baseline that starts later or ends earlier is measured on the sessions it has
        sheet.gaps.append(
            f"Baseline: known on {int(returns.notna().sum())} of {len(returns)} sessions only."
        )
    known = returns.dropna()
    figures = sheet.performance.figures(known)
    if sheet.benchmark_returns is not None:
        figures |= sheet.performance.against(known, sheet.benchmark_returns[known.index])
    traded = other.get_analysis()
    if len(other.returns) != len(known):
        sheet.gaps.append("Baseline: its trading figures are of all its own sessions.")
    figures |= {key: traded[key] for key in TRADING}
    sheet.baseline = {"name": name or name_of(baseline), **figures}
    sheet.baseline_returns = returns


def _add_signal(sheet: TearSheet, signal: Any) -> None:
    """Add what a signal generator keeps of its months; a table of scores keeps nothing."""
    sheet.topk = int(sheet.parameters.get("topk") or 10)
    if signal is not None:
        sheet.signal_name = type(signal).__name__
        recipe = getattr(signal, "recipe", None) or signal  # of a walk, or of what drives one
        walk = getattr(signal, "walk_", signal)
        if hasattr(walk, "parameters"):  # of a blend
            sheet.signal_parameters = walk.parameters
        elif hasattr(recipe, "get_params"):
            sheet.signal_parameters = {
                name: value
                for name, value in recipe.get_params(deep=False).items()
                # where the run reports and stores its months does not change its scores
                if name not in ("progress", "checkpoints")
            }
    # a signal generator has records_, a finished walk records
    records: Sequence[MonthRecord] = getattr(signal, "records_", getattr(signal, "records", ()))
    # months before the first fit have no scores
    sheet.records = [record for record in records if len(record.scores)]
    if not sheet.records:
        sheet.gaps.append(
            "Model: the scores were not made by a model that was fitted along the way, so whether "
            "they are out-of-sample is for their maker to say."
            if sheet.scores
            else "Model: the strategy has no signal generator that made scores, so there is "
            "nothing to say about their quality, and whether its decisions are out-of-sample is "
            "for their maker to say."
        )
        if sheet.scores and sheet.market is not None:
            sheet.labels = outcomes_of(sheet.scores, sheet.market.bars, sheet.topk, sheet.schedule)
            _add_quality(sheet)
        elif sheet.scores:
            sheet.gaps.append(
                "Scores: what came of them needs the data of the run; pass `market=` to `save` or "
                "`write_run`."
            )
        return
    sheet.evidence = OUT_OF_SAMPLE
    sheet.scores = {record.month_end: record.scores for record in sheet.records}
    sheet.labels = signal.labels()
    sheet.topk = int(getattr(signal, "topk", sheet.topk))
    _add_quality(sheet)
    sheet.parts = _parts(sheet, getattr(signal, "walk_", signal))
    records = [record for part in sheet.parts for record in part.records]
    who = "the model has" if len(sheet.parts) == 1 else "its members have"
    if all(record.explained_variance is None for record in records):
        sheet.gaps.append(f"Explained variance: {who} no principal components.")
    if not any(record.attention for record in records):
        sheet.gaps.append(f"Attention: {who} no attention weights over factors.")


def _add_quality(sheet: TearSheet) -> None:
    assert sheet.labels is not None
    sheet.quality = monthly_quality(sheet.labels, sheet.topk)
    sheet.quality_summary = summary(sheet.quality)
    if not sheet.quality_summary["months"].any():
        sheet.gaps.append(
            f"Rank IC and precision: no scored {sheet.schedule.unit} has ended yet."
            if sheet.records
            else "Rank IC and precision: the scores rank no stocks whose outcome is known."
        )


def _parts(sheet: TearSheet, walk: Any) -> list[Part]:
    """Return the members of a blend that are walks, else the model itself."""
    assert sheet.labels is not None
    members = getattr(walk, "members", None)
    if not isinstance(members, Mapping) or not members:
        return [Part(sheet.name, sheet.records, sheet.labels)]
    months = set(sheet.scores)
    return [
        Part(
            title_of(name) if is_known(name) else name,
            [r for r in member.records if r.month_end in months and len(r.scores)],
            member.labels(),
            walk.shares[name],
        )
        for name, member in members.items()
    ]
