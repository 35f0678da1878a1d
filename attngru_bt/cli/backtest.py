"""``attngru-bt backtest``: the same run as `attngru_bt.backtest.run`."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from attngru_bt import backtest as engine
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
from attngru_bt.cli.progress import PARTIAL, Progress
from attngru_bt.cli.scripts import Choice, choose, describe_scripts
from attngru_bt.data.market import Market
from attngru_bt.factors.plan import cost_of, plan
from attngru_bt.models.names import find
from attngru_bt.reports.tables import DASH
from attngru_bt.trading import idle

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
    random_state: RandomState = None,
    device: Device = None,
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
    with sentences(debug, out_dir):
        check_fees(commission, rules)
        choice = choose(factors)
        market = read_market(data, benchmark, membership, factor_file, ignore)
        start = None if start is None else date("start", start)
        end = None if end is None else date("end", end)
        settings = dict(
            start=start,
            end=end,
            topk=topk,
            lookback=lookback,
            step=step,
            refit=refit,
            min_months=min_months,
            window=window,
            rebalance=rebalance,
            cash=cash,
            commission=commission,
            slippage=slippage,
            periods=periods,
            riskfree=riskfree,
            rules=rules,
            n_networks=n_networks,
            random_state=random_state,
            device=device,
            factors=choice.names,
        )
        given = {name: value for name, value in settings.items() if value is not None}
        progress, partial = Progress(err, out_dir), out_dir / PARTIAL
        tell_data(progress, market if end is None else market.until(end), choice)
        try:
            strategy = engine.run(
                market,
                model=model,
                jobs=jobs,
                client=dask,
                tls=dask_tls(dask_ca, dask_cert, dask_key),
                folder=out_dir,
                baseline=baseline,
                inputs={script.path.name: script.digest for script in choice.scripts},
                progress=progress.fit,
                **((embedded(model) | given) if data is None else given),
            )
        except KeyboardInterrupt as stopped:
            progress.stop()
            text = str(stopped) or "Interrupted: the same command goes on from what is finished."
            if partial.exists():
                text += f"\nScores so far: {partial}"
            err.print(f"\n{text}", highlight=False, markup=False, soft_wrap=True)
            raise typer.Exit(130) from None
        partial.unlink(missing_ok=True)
        progress.stage(
            "backtest",
            f"{len(strategy.decisions)} rebalances since {strategy.trading_since:%Y-%m-%d}, "
            f"{len(strategy.trade_log)} entries in the trade log",
        )
        progress.stage("report", f"written to {out_dir}{os.sep}")
        metrics = json.loads((out_dir / "metrics.json").read_text(encoding="utf-8"))
        if strategy.baseline is not None:  # over all of its sessions
            metrics["baseline"] = strategy.baseline.analyzers.performance.get_analysis()
        _print_metrics(metrics)
        for path in strategy.files:
            out.print(f"  {path}", highlight=False, markup=False, soft_wrap=True)
        progress.stage("done", f"in {time.perf_counter() - began:.0f} s")


def embedded(model: str) -> dict[str, Any]:
    """Return what the bundled 20 stocks are run with; a baseline is not trained on a window."""
    return {
        name: value
        for name, value in EMBEDDED.items()
        if name != "window" or find(model).family != "baseline"
    }


def tell_data(progress: Progress, market: Market, choice: Choice) -> None:
    """Print what is read, and which factors are computed."""
    bars = market.bars
    planned = plan(bars, choice.names)  # a name that cannot be is an error at once
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
