"""``attngru-bt factors``: what factors there are, what one is, and their values as a table."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from attngru_bt.cli.console import err, log_to_stderr, out, sentences
from attngru_bt.cli.inputs import chosen, date, read_market
from attngru_bt.cli.options import DEBUG, END, INPUTS, shared
from attngru_bt.data.bars import DataError
from attngru_bt.data.market import Market
from attngru_bt.factors.document import check_factor, describe, listing
from attngru_bt.factors.plan import left_out, plan
from attngru_bt.factors.scripts import choose
from attngru_bt.factors.table import check_path, write_table

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="List, describe and compute the factors a model is given.",
)

EXAMPLES = """
**Examples**

Everything the embedded data allow: `attngru-bt factors compute --out factors.parquet`

Some factors in their published definition, of one year:
`attngru-bt factors compute --data sse50/ --names MA20,RSI --raw --start 2018-01-01
--end 2018-12-31 --out factors.csv.gz`
"""

Own = Annotated[
    list[str] | None,
    typer.Option("--factors", help="my_factors.py adds the factors it registers."),
]


@app.command("list")
@shared(DEBUG)
def list_factors(
    family: Annotated[str | None, typer.Option(help="Only this family.")] = None,
    factors: Own = None,
    **options: Any,
) -> None:
    """Print a line per factor: name, family, look-back in bars, default, lines, what it is."""
    with sentences(options["debug"]):
        rows = listing(family, choose(factors).names)
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        widths[-1] = 0
        for row in rows:
            text = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            _say(text.rstrip())


@app.command("describe")
@shared(DEBUG)
def describe_factor(
    name: Annotated[str, typer.Argument(help="Name of a factor, such as BIAS5.")],
    factors: Own = None,
    **options: Any,
) -> None:
    """Say what a factor is: meaning, lines, windows, look-back, scale, and its formula."""
    with sentences(options["debug"]):
        choose(factors)
        check_factor(name)
        _say(describe(name))


@app.command("compute", epilog=EXAMPLES)
@shared({name: option for name, option in INPUTS.items() if name != "membership"}, END, DEBUG)
def compute(
    out_file: Annotated[
        Path, typer.Option("--out", help="Table to write: .parquet, .csv or .csv.gz.")
    ],
    names: Annotated[
        str | None,
        typer.Option(help="NAME,NAME,… [default: all that the data allow and are on by default]"),
    ] = None,
    factors: Annotated[
        list[str] | None,
        typer.Option(
            help="my_factors.py adds the factors it registers; NAME,NAME,… as in --names."
        ),
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="As published, not divided by close or usual volume.")
    ] = False,
    start: Annotated[
        str | None, typer.Option(help="First day written; earlier bars are looked back on.")
    ] = None,
    **options: Any,
) -> None:
    """Write a table: date, symbol and a column per factor, a row per stock and day of trade."""
    log_to_stderr(logging.WARNING)
    with sentences(options["debug"], out_file):
        check_path("--out", out_file)
        market = read_market(**chosen(options, INPUTS))
        asked = choose([*(factors or ()), *([names] if names else ())]).names
        if options["end"] is not None:
            market = market.until(date("end", options["end"]))
        dates = _sessions_from(market, start)
        planned = plan(market.bars, asked)
        if asked is None:
            for reason, missing in left_out(planned).items():
                _tell(f"left out   {len(missing)}, {reason}: {', '.join(missing)}")
        n_rows = write_table(market.bars, out_file, planned.columns, dates=dates, raw=raw)
        _tell(
            f"{len(planned.columns)} factors of {market.name}, {n_rows} rows of "
            f"{len(market.bars.assets)} stocks, {dates[0]:%Y-%m-%d} .. {dates[-1]:%Y-%m-%d}"
        )
        _say(str(out_file))


def _say(text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)


def _tell(text: str) -> None:
    err.print(text, highlight=False, markup=False, soft_wrap=True)


def _sessions_from(market: Market, start: str | None) -> pd.DatetimeIndex:
    """Return the sessions to be written."""
    dates = market.bars.dates
    if start is None:
        return dates
    first = pd.Timestamp(date("start", start))
    if first > dates[-1]:
        raise DataError(
            f"--start {first.date()} is after the last session of {market.name}, "
            f"{dates[-1].date()}."
        )
    return dates[dates >= first]
