"""``attngru-bt reconcile``: the same as `attngru_bt.picks.reconcile`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Any

import typer

from attngru_bt.cli.console import log_to_stderr, out, print_table, say
from attngru_bt.cli.console import sentences as errors_as_sentences
from attngru_bt.cli.inputs import named_columns, read_market
from attngru_bt.cli.options import DEBUG, shared
from attngru_bt.picks import book as engine
from attngru_bt.picks.book.tables import month_table, order_table, sentences
from attngru_bt.reports import output

EXAMPLES = """
**Examples**

What the broker did, beside the proposals: `attngru-bt reconcile --book book/ --fills fills.csv`

Beside the backtest of the same sessions too, from an export with other headings:
`attngru-bt reconcile --book book/ --fills export.csv --data sse50/
--columns date=TradeDate,symbol=Code,side=B/S,shares=Qty,fees=Commission*-1`

On paper: each proposal fills at the next open of the data, and the book keeps the fills.
`attngru-bt reconcile --book book/ --paper --data sse50/`
"""


@shared(DEBUG)
def reconcile(
    *,
    book: Annotated[Path, typer.Option(help="Folder of the ledger that picks --book keeps.")],
    fills: Annotated[
        Path | None,
        typer.Option(help="What was traded: date,symbol,side,shares,price,fees. [default: paper]"),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(help="Which columns of the fills are ours: date=DAY,fees=COMM*-1 or fees=0."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Data with the sessions traded, for the backtest of the same month."),
    ] = None,
    data_columns: Annotated[
        list[str] | None, typer.Option(help="Which columns of the data are ours, as of picks.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="Columns of the data to leave out, as of picks.")
    ] = None,
    paper: Annotated[
        bool, typer.Option("--paper", help="Fill at the next open of --data, and keep it.")
    ] = False,
    out_path: Annotated[
        Path | None, typer.Option("--out", help="Write the orders of all months as CSV.")
    ] = None,
    **options: Any,
) -> None:
    """Compare what was proposed, what was traded and what the backtest traded, by cause.

    The difference in the account is split into price, not filled, skipped, fees, what was not
    proposed, and sizes, which the backtest takes from opens. Nothing in the book is rewritten.
    """
    log_to_stderr(logging.WARNING)
    with errors_as_sentences(options["debug"], out_path):
        if data is None and (data_columns or ignore):
            raise ValueError("--data-columns and --ignore have no effect without --data.")
        market = None if data is None else read_market(data, ignore=ignore, columns=data_columns)
        result = engine.reconcile(
            book, fills, columns=named_columns(columns or ()), market=market, paper=paper
        )
        if result.months:
            last = result.months[-1]
            print_table("Account less backtest, by cause", month_table(result))
            print_table(f"Orders of {last.month_end.date()}", order_table(last))
        else:
            out.print("There is nothing to compare yet.")
        for sentence in sentences(result):
            say(sentence)
        if out_path is not None:
            say(f"  {output.write(out_path, output.as_csv(result.frame()))}")
