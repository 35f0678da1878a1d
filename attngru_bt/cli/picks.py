"""``attngru-bt picks``: the same as `attngru_bt.picks.run`."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from attngru_bt import picks as engine
from attngru_bt.cli.backtest import asked, tell_data
from attngru_bt.cli.console import err, log_to_stderr, print_table, say, tell
from attngru_bt.cli.console import sentences as errors_as_sentences
from attngru_bt.cli.inputs import workers
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
from attngru_bt.picks.book import Entry
from attngru_bt.picks.tables import heading, order_table, pick_table, sentences
from attngru_bt.trading import idle

MONTH = {
    "asof": Option(str | None, None, "Do as if it were the end of this day. [default: today]"),
    "old": Option(bool, False, "Take data that are older than one rebalance.", ("--old",)),
    "calendar": Option(
        str | None, None, "Trading calendar of exchange_calendars, such as XSHG or XNYS."
    ),
}
HELD = {
    "holdings": Option(
        Path | None, None, "What is held: symbol,shares[,cost]; a line CASH has the cash."
    ),
    "cash": Option(float | None, None, "Cash. [default: the line CASH; 1,000,000 if none held]"),
}
MODEL = {name: option for name, option in WALK.items() if name != "end"}
ORDERS = {
    name: ACCOUNT[name]
    for name in (
        "keep",
        "rebalance",
        "weights",
        "max_per_group",
        "groups",
        "commission",
        "rules",
        "slippage",
    )
}

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


@shared(INPUTS, SCORES, FACTORS, MONTH, HELD, MODEL, ORDERS, WORKERS, DEBUG)
def picks(
    *,
    model: ModelName = "default",
    n_networks: Networks = None,
    out_dir: Annotated[
        Path, typer.Option("--out", help="Folder that the files are written to.")
    ] = Path("picks"),
    folder: Annotated[
        Path | None,
        typer.Option(help="Folder of a backtest to go on from. [default: that of --out]"),
    ] = None,
    book: Annotated[
        Path | None,
        typer.Option(help="Folder of a ledger that keeps what was proposed: see reconcile."),
    ] = None,
    explain: Annotated[
        bool, typer.Option(help="Say why each name, which fits the last model once more.")
    ] = True,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Write a line to stderr for each month.")
    ] = False,
    **options: Any,
) -> None:
    """Say what to hold next, and which orders lead there from what is held. Nothing is sent.

    Takes the options of `backtest`: with the same ones the scores are those of the backtest, and
    the months that it has finished are taken from its folder. Exit code 3: the month is not
    complete yet.
    """
    began = time.perf_counter()
    # that nothing is to be traded is a result here
    log_to_stderr(logging.INFO if verbose else logging.WARNING, without=idle.logger.name)
    with errors_as_sentences(options["debug"], out_dir):
        groups = MONTH, HELD, MODEL, ORDERS
        choice, market, scored, settings = asked(model, n_networks, options, *groups)
        progress = Progress(err)
        until = market.until(settings["asof"]) if "asof" in settings else market
        tell_data(progress, until, choice)
        try:
            with progress.resumable():
                result = engine.run(
                    market,
                    model=scored,
                    out=out_dir,
                    book=book,
                    folder=folder,
                    explain=explain,
                    progress=progress.fit,
                    **workers(options),
                    **settings,
                )
        except engine.MonthIncompleteError as error:
            tell(error)
            raise typer.Exit(INCOMPLETE) from None
        progress.stage("picks", f"written to {out_dir}{os.sep}")
        print_table(heading(result), pick_table(result))
        if len(result.orders):
            orders = order_table(result)
            headings = [column.heading for column in orders.columns]
            # without the value, so that it fits a terminal of 80 columns
            shown = orders.select(lambda i: headings[i] != "Value")
            print_table("Orders, at the last closes", shown)
        else:
            say("There is nothing to buy or sell.")
        for sentence in sentences(result):
            say(sentence)
        for path in result.files:
            say(f"  {path}")
        if book is not None:
            say(_kept(book, result.entry))
        progress.stage("done", f"in {time.perf_counter() - began:.0f} s")


def _kept(book: Path, entry: Entry | None) -> str:
    if entry is None:
        return f"  {book}: has these picks already"
    return f"  {book}: kept as line {entry.line}, digest {entry.digest[:12]}"
