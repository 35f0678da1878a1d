"""The command line: ``attngru-bt backtest``, the same run as `attngru_bt.backtest.run`."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from attngru_bt import __version__, tearsheet
from attngru_bt import backtest as engine
from attngru_bt.bars import DataError, read_index
from attngru_bt.datasets import Market, load, load_sp500
from attngru_bt.progress import Progress
from attngru_bt.samples import month_ends
from attngru_bt.universe import Membership

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Honest deep-learning stock selection for backtrader.",
)
out = Console()
err = Console(stderr=True)

# what the bundled 20 stocks are run with: ten years out of sample, each trained on the ten before
EMBEDDED = dict(topk=5, start="2013-01-01", window=120)

EXAMPLES = """
**Examples**

The embedded data (20 S&P 500 stocks, daily closes 1990-2022): `attngru-bt backtest`

A folder with panel.csv.gz, membership.csv and index.csv, traded from 2017:
`attngru-bt backtest --data sse50/ --start 2017-01-01 --periods 242 --out runs/sse50`

One long table (date,symbol,close,…) or a folder with a file per symbol, and an index file:
`attngru-bt backtest --data prices.parquet --benchmark index.csv --topk 10 --seeds 5`
"""


def _version(asked: bool) -> None:
    if asked:
        out.print(f"attngru_bt {__version__}", highlight=False)
        raise typer.Exit()


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", callback=_version, is_eager=True
        ),
    ] = False,
) -> None:
    pass


@app.command(epilog=EXAMPLES)
def backtest(
    data: Annotated[
        Path | None,
        typer.Option(help="Panel folder, folder with a file per symbol, or one long table."),
    ] = None,
    benchmark: Annotated[Path | None, typer.Option(help="Index file: date,close[,…].")] = None,
    membership: Annotated[
        Path | None, typer.Option(help="Members over time: symbol,in_date,out_date.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="First day to trade; earlier bars only train.")
    ] = None,
    end: Annotated[str | None, typer.Option(help="Last day; later bars change nothing.")] = None,
    topk: Annotated[
        int | None, typer.Option(help="Names to hold. [default: 10; 5 on the embedded data]")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Networks averaged into one score.")] = 1,
    out_dir: Annotated[Path, typer.Option("--out", help="Where the files go.")] = Path("runs/run"),
    lookback: Annotated[int | None, typer.Option(help="Steps the network sees.")] = None,
    step: Annotated[str | None, typer.Option(help="A step is a 'day' or a 'month'.")] = None,
    refit: Annotated[int, typer.Option(help="Months between refits.")] = 1,
    min_months: Annotated[int, typer.Option(help="Labelled months before the first trade.")] = 12,
    window: Annotated[
        int | None,
        typer.Option(help="Months to train on. [default: all so far; 120 on the embedded data]"),
    ] = None,
    rebalance: Annotated[
        str, typer.Option(help="'entrants' leaves stayers alone, 'full' equalises all.")
    ] = "entrants",
    cash: Annotated[float, typer.Option(help="Starting cash.")] = 1_000_000.0,
    commission: Annotated[float, typer.Option(help="Fraction of the traded value.")] = 0.001,
    slippage: Annotated[float, typer.Option(help="Fraction of the price.")] = 0.0,
    periods: Annotated[float, typer.Option(help="Sessions per year (China: 242).")] = 252,
    riskfree: Annotated[float, typer.Option(help="Risk-free rate a year, a fraction.")] = 0.0,
    random_state: Annotated[int, typer.Option(help="Same number, same result.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "cpu",
    baseline: Annotated[
        bool, typer.Option(help="Also hold the whole universe in equal weight, at the same costs.")
    ] = True,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log each rebalance.")] = False,
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
) -> None:
    """Train month by month, trade the best names, report: everything out of sample."""
    _log_to_stderr(logging.INFO if verbose else logging.WARNING)
    with _sentences(debug):
        _backtest(
            data,
            benchmark,
            membership,
            out_dir,
            baseline,
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
                seeds=seeds,
                random_state=random_state,
                device=device,
            ),
        )


def _backtest(
    data: Path | None,
    benchmark: Path | None,
    membership: Path | None,
    folder: Path,
    baseline: bool,
    settings: dict[str, Any],
) -> None:
    began = time.perf_counter()
    market = _market(data, benchmark, membership)
    given = {name: value for name, value in settings.items() if value is not None}
    if data is None:
        given = {**EMBEDDED, **given}
    given = {k: _date(k, v) if k in ("start", "end") else v for k, v in given.items()}
    if "end" in given:
        market = engine.until(market, given["end"])
    bars = market.bars
    first = pd.Timestamp(given.get("start", bars.dates[0]))
    months = len(month_ends(bars.dates[bars.dates >= first]))
    progress = Progress(err, months, folder)
    progress.stage(
        "data",
        f"{market.name}: {len(bars.assets)} stocks, {len(bars)} sessions "
        f"{bars.dates[0]:%Y-%m-%d} .. {bars.dates[-1]:%Y-%m-%d}"
        + (", point-in-time members" if market.membership is not None else ""),
    )
    progress.stage("factors", "computed month by month from the bars known then")
    try:
        strategy = engine.run(market, progress=progress.month, **given)
    except KeyboardInterrupt:
        progress.stop()
        err.print(
            f"\nInterrupted after {progress.done} of {progress.months} months"
            + (f": their scores are in {progress.partial}." if progress.done else ".")
        )
        raise typer.Exit(130) from None
    if strategy.trading_since is None:
        raise DataError(
            f"Nothing was traded: {strategy.signal.sections_ and len(strategy.signal.sections_)} "
            f"months of data give no model after min_months={given['min_months']} labelled months. "
            f"Bring longer data, an earlier --start, or a smaller --min-months."
        )
    progress.stage(
        "backtest",
        f"{len(strategy.decisions)} rebalances since {strategy.trading_since:%Y-%m-%d}, "
        f"{len(strategy.trade_log)} entries in the trade log",
    )
    plain = None
    if baseline:
        costs = {name: given[name] for name in _ACCOUNT if name in given}
        plain = engine.equal_weight(market, start=strategy.trading_since, **costs)
    progress.stage("report", f"written to {folder}{os.sep}")
    paths = tearsheet.write_run(
        strategy,
        folder,
        baseline=plain,
        baseline_name="equal weight",
        run={"data": market.name, "digests": _digests(market), "settings": given},
    )
    progress.partial.unlink(missing_ok=True)
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    if plain is not None:
        metrics["baseline"] = plain.analyzers.performance.get_analysis()
    _print_metrics(metrics)
    for path in paths:
        out.print(f"  {path}", highlight=False, soft_wrap=True)
    progress.stage("done", f"in {time.perf_counter() - began:.0f} s")


_ACCOUNT = ("end", "cash", "commission", "slippage", "periods", "riskfree")

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
        table.add_row(label, *("" if v is None else form.format(v) for v in values))
    out.print(table)
    if metrics["signal"]:
        quality = Table(title="Scores, month by month, out of sample", title_justify="left")
        for column in ("", "mean", "t", "without skill", "months"):
            quality.add_column(column, justify="right" if column else "left")
        for key, row in metrics["signal"].items():
            label = {"rank_ic": "rank IC", "auc": "AUC"}.get(key, f"precision@{row.get('k')}")
            figures = (("mean", ".3f"), ("t", ".1f"), ("chance", ".3f"))
            cells = ("" if row[k] is None else format(row[k], f) for k, f in figures)
            quality.add_row(label, *cells, str(row["months"]))
        out.print(quality)


def _digests(market: Market) -> dict[str, str]:
    """Digest of everything a run read, so that a change of any of it shows in run.json."""
    digests = {"bars": market.bars.digest()}
    if market.benchmark is not None:
        digests["benchmark"] = _digest(market.benchmark.to_csv())
    if market.membership is not None:
        stays = [(d, sorted(market.membership.at(d))) for d in market.bars.dates]
        digests["members"] = _digest(repr(stays))
    return digests


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _date(option: str, text: str) -> str:
    """Check a date given on the command line; returns it as YYYY-MM-DD."""
    try:
        return f"{pd.Timestamp(text):%Y-%m-%d}"
    except ValueError:
        raise ValueError(f"--{option} must be a date such as 2017-01-31; got {text!r}.") from None


def _market(data: Path | None, benchmark: Path | None, membership: Path | None) -> Market:
    """Read the data, with the benchmark and members given apart from them."""
    market = load_sp500() if data is None else load(data)
    if benchmark is not None:
        market = replace(market, benchmark=read_index(benchmark))
    if membership is not None:
        market = replace(market, membership=Membership.from_csv(membership))
    return market


def _log_to_stderr(level: int) -> None:
    """Show the package's log on stderr; the root logger is left alone."""
    package = logging.getLogger("attngru_bt")
    package.setLevel(level)
    for old in [h for h in package.handlers if h.get_name() == _HANDLER]:
        package.removeHandler(old)
    handler = logging.StreamHandler()
    handler.set_name(_HANDLER)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    # that nothing was traded is an error here, with a sentence of its own
    handler.addFilter(lambda record: record.name != "attngru_bt.analyzers.record")
    package.addHandler(handler)


_HANDLER = "attngru-bt"


@contextmanager
def _sentences(debug: bool) -> Iterator[None]:
    """Turn the errors a user can mend into one sentence on stderr and exit code 2."""
    try:
        yield
    except (ValueError, TypeError, OSError, ModuleNotFoundError) as error:
        if debug:
            raise
        err.print(f"[bold red]Error:[/] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error


def main() -> None:
    """Entry point of the ``attngru-bt`` command."""
    app()


if __name__ == "__main__":
    main()
