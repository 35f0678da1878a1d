"""``attngru-bt backtest``: the same run as `attngru_bt.backtest.run`."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from rich.table import Table

from attngru_bt import backtest as engine
from attngru_bt import tearsheet
from attngru_bt.cli.console import err, log_to_stderr, out, sentences
from attngru_bt.cli.inputs import check_fees, dask_tls, date, read_market
from attngru_bt.cli.options import (
    Benchmark,
    Cash,
    Commission,
    Dask,
    DaskCa,
    DaskCert,
    DaskKey,
    Data,
    Debug,
    Device,
    End,
    FactorFile,
    Factors,
    Ignore,
    Jobs,
    Lookback,
    Members,
    MinMonths,
    Periods,
    RandomState,
    Rebalance,
    Refit,
    Riskfree,
    Rules,
    Slippage,
    Start,
    Step,
    TopK,
    Window,
)
from attngru_bt.cli.progress import Progress
from attngru_bt.cli.scripts import Choice, choose, describe_scripts
from attngru_bt.data.bars import DataError
from attngru_bt.data.lock import sole_use
from attngru_bt.data.market import Market
from attngru_bt.factors.engine import cost_of, plan
from attngru_bt.features.cross_section import month_ends
from attngru_bt.models.names import find
from attngru_bt.reports.tables import DASH
from attngru_bt.trading import idle
from attngru_bt.trading.monthly import MonthlyTopK
from attngru_bt.walkforward import walk_forward
from attngru_bt.walkforward.by_name import generator
from attngru_bt.walkforward.crew import stop_on_interrupt
from attngru_bt.walkforward.generator import SignalGenerator

logger = logging.getLogger(__name__)

# what the bundled 20 stocks are run with: ten years out of sample, each trained on the ten before
EMBEDDED = dict(topk=5, start="2013-01-01", window=120)

EXAMPLES = """
**Examples**

The embedded data (20 S&P 500 stocks, daily closes 1990-2022): `attngru-bt backtest`

A folder with panel.csv.gz, membership.csv and index.csv, traded from 2017:
`attngru-bt backtest --data sse50/ --start 2017-01-01 --periods 242 --out runs/sse50`

One long table (date,symbol,close,…) or a folder with a file per symbol, and an index file:
`attngru-bt backtest --data prices.parquet --benchmark index.csv --topk 10 --n-networks 5`

Factors of your own beside the default ones, and values computed elsewhere:
`attngru-bt backtest --data sse50/ --factors my_factors.py --factor-file uqer.csv`
"""


def backtest(
    data: Data = None,
    benchmark: Benchmark = None,
    membership: Members = None,
    factors: Factors = None,
    factor_file: FactorFile = None,
    ignore: Ignore = None,
    start: Start = None,
    end: End = None,
    topk: TopK = None,
    model: Annotated[
        str, typer.Option(help="default, paper, gbdt, ridge, momentum, …: see strategies/README.")
    ] = "default",
    n_networks: Annotated[
        int | None, typer.Option(help="Networks averaged into one score. [default: the model's]")
    ] = None,
    out_dir: Annotated[Path, typer.Option("--out", help="Where the files go.")] = Path("runs/run"),
    lookback: Lookback = None,
    step: Step = None,
    refit: Refit = None,
    min_months: MinMonths = None,
    window: Window = None,
    rebalance: Rebalance = "entrants",
    cash: Cash = 1_000_000.0,
    commission: Commission = None,
    rules: Rules = None,
    slippage: Slippage = 0.0,
    periods: Periods = 252,
    riskfree: Riskfree = 0.0,
    random_state: RandomState = 0,
    device: Device = "cpu",
    jobs: Jobs = 1,
    dask: Dask = None,
    dask_ca: DaskCa = None,
    dask_cert: DaskCert = None,
    dask_key: DaskKey = None,
    baseline: Annotated[
        bool, typer.Option(help="Also hold the whole universe in equal weight, at the same costs.")
    ] = True,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log each rebalance.")] = False,
    debug: Debug = False,
) -> None:
    """Train month by month, trade the best names, report: everything out of sample.

    Each finished month is kept in OUT/checkpoints. After Ctrl-C or a crash the same command goes
    on from there and ends with the same figures.
    """
    began = time.perf_counter()
    # that nothing was traded is an error here
    log_to_stderr(logging.INFO if verbose else logging.WARNING, without=idle.logger.name)
    with sentences(debug, out_dir), sole_use(out_dir):
        check_fees(commission, rules)
        progress = _backtest(
            read_market(data, benchmark, membership, factor_file, ignore),
            choose(factors),
            out_dir,
            baseline,
            Crew(jobs, dask, dask_tls(dask_ca, dask_cert, dask_key)),
            EMBEDDED if data is None else {},
            dict(
                start=start,
                end=end,
                topk=topk,
                lookback=lookback,
                step=step,
                cash=cash,
                commission=commission,
                slippage=slippage,
                periods=periods,
                riskfree=riskfree,
                refit=refit,
                min_months=min_months,
                window=window,
                rebalance=rebalance,
                rules=rules,
                model=model,
                n_networks=n_networks,
                random_state=random_state,
                device=device,
            ),
        )
        progress.stage("done", f"in {time.perf_counter() - began:.0f} s")


@dataclass(frozen=True)
class Crew:
    """Who trains: how many processes, or which cluster."""

    jobs: int
    cluster: str | None
    tls: dict[str, Path] | None

    @property
    def alone(self) -> bool:
        """Whether this process does everything itself."""
        return self.jobs == 1 and self.cluster is None and self.tls is None


def _backtest(
    market: Market,
    choice: Choice,
    folder: Path,
    baseline: bool,
    crew: Crew,
    otherwise: dict[str, Any],
    settings: dict[str, Any],
) -> Progress:
    given = otherwise | {name: value for name, value in settings.items() if value is not None}
    given = {k: date(k, v) if k in ("start", "end") else v for k, v in given.items()}
    if choice.names is not None:
        given["factors"] = choice.names
    if "end" in given:
        market = market.until(given["end"])
    engine.check_sessions(market, given["periods"])
    bars = market.bars
    planned = plan(bars, choice.names)  # a name that cannot be is an error at once
    signal = _signal(market, given, folder)
    first = pd.Timestamp(given.get("start", bars.dates[0]))
    months = len(month_ends(bars.dates[bars.dates >= first]))
    progress = Progress(err, months, folder)
    progress.stage(
        "data",
        f"{market.name}: {len(bars.assets)} stocks, {len(bars)} sessions "
        f"{bars.dates[0]:%Y-%m-%d} .. {bars.dates[-1]:%Y-%m-%d}"
        + (", point-in-time members" if market.membership is not None else ""),
    )
    notes = [note for note in (describe_scripts(choice.scripts), cost_of(planned.missing)) if note]
    progress.stage(
        "factors",
        "; ".join(
            [f"{len(planned.columns)}, computed month by month from the bars known then", *notes]
        ),
    )
    account = {name: given[name] for name in _ACCOUNT if name in given}
    try:
        if isinstance(signal, SignalGenerator) and not crew.alone:
            _train(market, given["model"], signal, given.get("start"), crew, progress)
        with stop_on_interrupt() as stop:

            def month(record: Any) -> None:
                progress.month(record)
                if stop.is_set():  # the month is finished and on disk
                    raise KeyboardInterrupt

            if isinstance(signal, SignalGenerator):
                signal.set_params(progress=month)
            strategy = engine.run(
                market,
                MonthlyTopK,
                signal=signal,
                **{name: given[name] for name in _TRADING if name in given},
                **account,
            )
    except KeyboardInterrupt as stopped:
        progress.stop()
        text = f"\n{stopped}" if str(stopped) else progress.interrupted()
        err.print(text, highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(130) from None
    if strategy.why_not_traded:
        raise DataError(f"Nothing was traded: {strategy.why_not_traded}")
    progress.stage(
        "backtest",
        f"{len(strategy.decisions)} rebalances since {strategy.trading_since:%Y-%m-%d}, "
        f"{len(strategy.trade_log)} entries in the trade log",
    )
    plain = None
    if baseline:
        plain = engine.equal_weight(market, start=strategy.trading_since, **account)
        if plain.why_not_traded:
            logger.warning("The baseline bought nothing: %s", plain.why_not_traded)
    progress.stage("report", f"written to {folder}{os.sep}")
    paths = tearsheet.write_run(
        strategy,
        folder,
        baseline=plain,
        baseline_name="equal weight",
        title=f"{find(given['model']).title}, best {strategy.p.topk} of each month",
        run={"data": market.name, "digests": _digests(market, choice), "settings": given},
    )
    progress.partial.unlink(missing_ok=True)
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    if plain is not None:
        metrics["baseline"] = plain.analyzers.performance.get_analysis()
    _print_metrics(metrics)
    for path in paths:
        out.print(f"  {path}", highlight=False, markup=False, soft_wrap=True)
    return progress


_ACCOUNT = ("end", "cash", "commission", "slippage", "periods", "riskfree", "rules")
_TRADING = ("start", "topk", "rebalance")
_TRAINING = ("lookback", "step", "refit", "min_months", "window", "n_networks")
# what a model's generator is told
_MODEL = (
    "topk", "factors", "lookback", "step", "refit", "min_months", "window", "n_networks",
    "random_state", "device",
)  # fmt: skip


def _signal(market: Market, given: dict[str, Any], folder: Path) -> Any:
    """Return what gives the scores, set up as asked for, keeping its months in the folder."""
    asked = {name: given[name] for name in _MODEL if name in given}
    signal = generator(given["model"], universe=market.membership, **asked)
    if find(given["model"]).family == "baseline":
        for name in _TRAINING:
            if name in given and (name, given[name]) not in EMBEDDED.items():
                option = f"--{name.replace('_', '-')}"
                raise ValueError(
                    f"{option} has no effect with --model {given['model']}, which is not trained; "
                    f"leave it out."
                )
    if isinstance(signal, SignalGenerator):
        # where the walk-forward of several processes keeps those of the first seed
        signal.set_params(checkpoints=folder / "checkpoints" / given["model"] / "seed0")
        signal.check()
    return signal


def _train(
    market: Market, name: str, signal: Any, start: Any, crew: Crew, progress: Progress
) -> None:
    """Fit all months at once, into the folder that the backtest then reads them from."""
    walk_forward(
        market,
        {name: signal},
        start=start,
        jobs=crew.jobs,
        client=crew.cluster,
        tls=crew.tls,
        folder=signal.checkpoints.parent.parent,
        progress=progress.fit,
    )


_FIGURES = {
    "annual_return": ("annualized return", "{:.1%}"),
    "volatility": ("volatility", "{:.1%}"),
    "sharpe": ("Sharpe ratio", "{:.2f}"),
    "information_ratio": ("information ratio", "{:.2f}"),
    "max_drawdown": ("maximum drawdown", "{:.1%}"),
    "turnover": ("turnover a year", "{:.1f}"),
    "cost_rate": ("commission a year", "{:.2%}"),
}


def _print_metrics(metrics: dict[str, Any]) -> None:
    """Print what the run earned beside its benchmark and baseline, and how good the scores were."""
    run = metrics["strategy"]
    title = (
        f"{metrics['evidence'].capitalize()}, {run['start'][:10]} .. {run['end'][:10]}, after costs"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("")
    runs = {"strategy": metrics["strategy"]}
    if metrics["baseline"]:
        runs["equal weight"] = metrics["baseline"]
    if metrics["benchmark"]:
        runs["benchmark"] = metrics["benchmark"]
    for name in runs:
        table.add_column(name, justify="right")
    for key, (label, form) in _FIGURES.items():
        values = [run.get(key) for run in runs.values()]
        table.add_row(label, *(DASH if v is None else form.format(v) for v in values))
    out.print(table)
    if metrics["signal"]:
        quality = Table(title="Scores, month by month, out of sample", title_justify="left")
        for column in ("", "mean", "t", "without skill", "months"):
            quality.add_column(column, justify="right" if column else "left")
        for key, row in metrics["signal"].items():
            label = {"rank_ic": "rank IC", "auc": "AUC"}.get(key, f"precision@{row.get('k')}")
            figures = (("mean", ".3f"), ("t", ".1f"), ("chance", ".3f"))
            cells = (DASH if row[k] is None else format(row[k], f) for k, f in figures)
            quality.add_row(label, *cells, str(row["months"]))
        out.print(quality)


def _digests(market: Market, choice: Choice) -> dict[str, str]:
    """Digest of everything a run read, so that a change of any of it shows in run.json."""
    digests = {"bars": market.bars.digest()}
    if market.benchmark is not None:
        digests["benchmark"] = _digest(market.benchmark.to_csv())
    if market.membership is not None:
        stays = [(d, sorted(market.membership.at(d))) for d in market.bars.dates]
        digests["members"] = _digest(repr(stays))
    return digests | {script.path.name: script.digest for script in choice.scripts}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
