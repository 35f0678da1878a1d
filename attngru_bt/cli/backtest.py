"""``attngru-bt backtest``: the same run as `attngru_bt.backtest.run`."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from attngru_bt import backtest as engine
from attngru_bt.cli.console import err, log_to_stderr, out, say, sentences
from attngru_bt.cli.inputs import (
    check_fees,
    chosen,
    given,
    model_of,
    read_market,
    span,
    with_groups,
    workers,
)
from attngru_bt.cli.options import (
    ACCOUNT,
    DEBUG,
    FACTORS,
    INPUTS,
    SCORES,
    WALK,
    WORKERS,
    ModelName,
    Networks,
    Option,
    shared,
)
from attngru_bt.cli.progress import Progress
from attngru_bt.data.market import Market
from attngru_bt.data.schedule import schedule_of
from attngru_bt.factors.plan import cost_of, plan
from attngru_bt.factors.scripts import Choice, choose, describe_scripts
from attngru_bt.models.names import find
from attngru_bt.reports.partial import PartialScores
from attngru_bt.reports.tables import DASH
from attngru_bt.trading import idle

# Settings for the 20 embedded stocks: ten years out of sample, each trained on the ten before it.
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


@shared(INPUTS, SCORES, FACTORS, WALK, ACCOUNT, WORKERS, DEBUG)
def backtest(
    *,
    model: ModelName = "default",
    n_networks: Networks = None,
    out_dir: Annotated[
        Path, typer.Option("--out", help="Folder that the files are written to.")
    ] = Path("runs/run"),
    baseline: Annotated[
        bool, typer.Option(help="Also hold the whole universe in equal weight, at the same costs.")
    ] = True,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Write a line to stderr for each rebalance.")
    ] = False,
    **options: Any,
) -> None:
    """Train month by month, trade the best names, report: everything out of sample.

    Each finished month is kept in OUT/checkpoints. After Ctrl-C or a crash the same command goes
    on from there and ends with the same figures.
    """
    began = time.perf_counter()
    # If nothing is traded, the command ends with an error: it need not be a warning as well.
    log_to_stderr(logging.INFO if verbose else logging.WARNING, without=idle.logger.name)
    with sentences(options["debug"], out_dir):
        choice, market, scored, settings = asked(model, n_networks, options, WALK, ACCOUNT)
        partial = PartialScores(out_dir)
        progress = Progress(err, partial)
        tell_data(progress, market.until(settings["end"]) if "end" in settings else market, choice)
        with progress.resumable():
            strategy = engine.run(
                market,
                model=scored,
                folder=out_dir,
                baseline=baseline,
                inputs={script.path.name: script.digest for script in choice.scripts},
                progress=progress.fit,
                **workers(options),
                **settings,
            )
        partial.remove()
        progress.stage(
            "backtest",
            f"{len(strategy.decisions)} rebalances since {strategy.trading_since:%Y-%m-%d}, "
            f"{len(strategy.trade_log)} entries in the trade log",
        )
        progress.stage("report", f"written to {out_dir}{os.sep}")
        metrics = json.loads((out_dir / "metrics.json").read_text(encoding="utf-8"))
        if strategy.baseline is not None:  # its figures over all of its own sessions
            metrics["baseline"] = strategy.baseline.analyzers.performance.get_analysis()
        _print_metrics(metrics, schedule_of(strategy.p.schedule).unit)
        for path in strategy.files:
            say(f"  {path}")
        progress.stage("done", f"in {time.perf_counter() - began:.0f} s")


def asked(
    model: str, n_networks: int | None, options: Mapping[str, Any], *groups: Mapping[str, Option]
) -> tuple[Choice, Market, Any, dict[str, Any]]:
    """Return the factors chosen, the market, the model, and the settings of some option groups."""
    check_fees(options)
    choice = choose(options["factors"])
    market = read_market(**chosen(options, INPUTS))
    scored = model_of(model, options["scores"])
    settings = given(
        **with_groups(chosen(options, *groups)), n_networks=n_networks, factors=choice.names
    )
    if options["data"] is None:
        settings = embedded(scored) | settings
    return choice, market, scored, settings


def embedded(model: Any) -> dict[str, Any]:
    """Return the settings for the embedded stocks; only a trained model has a window."""
    return {
        name: value
        for name, value in EMBEDDED.items()
        if name != "window" or (isinstance(model, str) and find(model).family != "baseline")
    }


def tell_data(progress: Progress, market: Market, choice: Choice) -> None:
    """Print which data are read and which factors are computed."""
    planned = plan(market.bars, choice.names)  # an unknown name is an error before any fit
    progress.stage(
        "data",
        span(market) + (", point-in-time members" if market.membership is not None else ""),
    )
    notes = [note for note in (describe_scripts(choice.scripts), cost_of(planned.missing)) if note]
    progress.stage(
        "factors",
        "; ".join(
            [f"{len(planned.columns)}, each computed from the bars known at the time", *notes]
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


def _print_metrics(metrics: dict[str, Any], unit: str) -> None:
    """Print the returns beside those of benchmark and baseline, and the quality of the scores.

    `unit` is what the scores are counted by: "month", "week" or "quarter".
    """
    run = metrics["strategy"]
    title = (
        f"{metrics['evidence'].capitalize()}, {run['start'][:10]} .. {run['end'][:10]}, after costs"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("")
    # a column per account, a row per figure
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
        evidence = ", out of sample" if metrics["evidence"] == "out-of-sample" else ""
        quality = Table(title=f"Scores, {unit} by {unit}{evidence}", title_justify="left")
        for column in ("", "mean", "t", "without skill", f"{unit}s"):
            quality.add_column(column, justify="right" if column else "left")
        for key, row in metrics["signal"].items():
            label = {"rank_ic": "rank IC", "auc": "AUC"}.get(key, f"precision@{row.get('k')}")
            figures = (("mean", ".3f"), ("t", ".1f"), ("chance", ".3f"))
            cells = (DASH if row[k] is None else format(row[k], f) for k, f in figures)
            quality.add_row(label, *cells, str(row["months"]))
        out.print(quality)
