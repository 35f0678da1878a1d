"""``attngru-bt picks``: the same as `attngru_bt.picks.run`."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from attngru_bt import picks as engine
from attngru_bt.cli.backtest import embedded, tell_data
from attngru_bt.cli.console import err, log_to_stderr, out, print_table
from attngru_bt.cli.console import sentences as errors_as_sentences
from attngru_bt.cli.inputs import check_fees, dask_tls, date, read_market
from attngru_bt.cli.options import (
    Benchmark,
    Commission,
    Dask,
    DaskCa,
    DaskCert,
    DaskKey,
    Data,
    Debug,
    Device,
    FactorFile,
    Factors,
    Ignore,
    Jobs,
    Lookback,
    Members,
    MinMonths,
    RandomState,
    Rebalance,
    Refit,
    Rules,
    Slippage,
    Start,
    Step,
    TopK,
    Window,
)
from attngru_bt.cli.progress import Progress
from attngru_bt.cli.scripts import choose
from attngru_bt.picks.tables import heading, order_table, pick_table, sentences
from attngru_bt.trading import idle

INCOMPLETE = 3  # exit code

EXAMPLES = """
**Examples**

The embedded data, which end in 2022: `attngru-bt picks --model ridge --asof 2022-12-31`

Going on from a backtest, with what is held:
`attngru-bt picks --data sse50/ --start 2017-01-01 --rules ashare --folder runs/sse50
--holdings holdings.csv --cash 20000 --out picks/2026-11`

From cron, each evening: exit code 3 says that there is nothing to decide yet.
`attngru-bt picks --data sse50/ --calendar XSHG --holdings holdings.csv`
"""


def picks(
    data: Data = None,
    benchmark: Benchmark = None,
    membership: Members = None,
    factors: Factors = None,
    factor_file: FactorFile = None,
    ignore: Ignore = None,
    asof: Annotated[
        str | None,
        typer.Option(help="Do as if it were the end of this day. [default: today]"),
    ] = None,
    old: Annotated[
        bool, typer.Option("--old", help="Take data that are older than one rebalance.")
    ] = False,
    calendar: Annotated[
        str | None,
        typer.Option(help="Trading calendar of exchange_calendars, such as XSHG or XNYS."),
    ] = None,
    holdings: Annotated[
        Path | None,
        typer.Option(help="What is held: symbol,shares[,cost]; a line CASH has the cash."),
    ] = None,
    cash: Annotated[
        float | None,
        typer.Option(help="Cash. [default: the line CASH; 1,000,000 if nothing is held]"),
    ] = None,
    start: Start = None,
    topk: TopK = None,
    model: Annotated[
        str, typer.Option(help="default, paper, gbdt, ridge, momentum, …: see strategies/README.")
    ] = "default",
    n_networks: Annotated[
        int | None, typer.Option(help="Networks averaged into one score. [default: the model's]")
    ] = None,
    out_dir: Annotated[Path, typer.Option("--out", help="Where the files go.")] = Path("picks"),
    folder: Annotated[
        Path | None,
        typer.Option(help="Folder of a backtest to go on from. [default: that of --out]"),
    ] = None,
    explain: Annotated[
        bool, typer.Option(help="Say why each name, which fits the last model once more.")
    ] = True,
    lookback: Lookback = None,
    step: Step = None,
    refit: Refit = None,
    min_months: MinMonths = None,
    window: Window = None,
    rebalance: Rebalance = "entrants",
    commission: Commission = None,
    rules: Rules = None,
    slippage: Slippage = 0.0,
    random_state: RandomState = None,
    device: Device = None,
    jobs: Jobs = 1,
    dask: Dask = None,
    dask_ca: DaskCa = None,
    dask_cert: DaskCert = None,
    dask_key: DaskKey = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log each month.")] = False,
    debug: Debug = False,
) -> None:
    """Say what to hold next, and which orders lead there from what is held. Nothing is sent.

    Takes the options of `backtest`: with the same ones the scores are those of the backtest, and
    the months that it has finished are taken from its folder. Exit code 3: the month is not
    complete yet.
    """
    began = time.perf_counter()
    # that nothing is to be traded is a result here
    log_to_stderr(logging.INFO if verbose else logging.WARNING, without=idle.logger.name)
    with errors_as_sentences(debug, out_dir):
        check_fees(commission, rules)
        choice = choose(factors)
        market = read_market(data, benchmark, membership, factor_file, ignore)
        start = None if start is None else date("start", start)
        asof = None if asof is None else date("asof", asof)
        settings: dict[str, Any] = dict(
            asof=asof,
            start=start,
            topk=topk,
            lookback=lookback,
            step=step,
            refit=refit,
            min_months=min_months,
            window=window,
            rebalance=rebalance,
            commission=commission,
            slippage=slippage,
            rules=rules,
            n_networks=n_networks,
            random_state=random_state,
            device=device,
            factors=choice.names,
        )
        given = {name: value for name, value in settings.items() if value is not None}
        progress = Progress(err)
        tell_data(progress, market if asof is None else market.until(asof), choice)
        try:
            found = engine.run(
                market,
                model=model,
                holdings=holdings,
                cash=cash,
                old=old,
                calendar=calendar,
                out=out_dir,
                folder=folder,
                explain=explain,
                jobs=jobs,
                client=dask,
                tls=dask_tls(dask_ca, dask_cert, dask_key),
                progress=progress.fit,
                **((embedded(model) | given) if data is None else given),
            )
        except engine.MonthIncompleteError as error:
            err.print(str(error), highlight=False, markup=False, soft_wrap=True)
            raise typer.Exit(INCOMPLETE) from None
        except KeyboardInterrupt as stopped:
            progress.stop()
            text = str(stopped) or "Interrupted: the same command goes on from what is finished."
            err.print(f"\n{text}", highlight=False, markup=False, soft_wrap=True)
            raise typer.Exit(130) from None
        progress.stage("picks", f"written to {out_dir}{os.sep}")
        print_table(heading(found), pick_table(found))
        if len(found.orders):
            orders = order_table(found)
            headings = [column.heading for column in orders.columns]
            # without the value, so that it fits a terminal of 80 columns
            shown = orders.select(lambda i: headings[i] != "Value")
            print_table("Orders, at the last closes", shown)
        else:
            out.print("There is nothing to buy or sell.")
        for sentence in sentences(found):
            out.print(sentence, highlight=False, markup=False, soft_wrap=True)
        for path in found.files:
            out.print(f"  {path}", highlight=False, markup=False, soft_wrap=True)
        progress.stage("done", f"in {time.perf_counter() - began:.0f} s")
