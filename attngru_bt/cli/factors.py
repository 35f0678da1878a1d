"""``attngru-bt factors``: what factors there are, what one is, and their values as a table."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from attngru_bt.checks import nearest
from attngru_bt.cli.console import err, log_to_stderr, out, sentences
from attngru_bt.cli.inputs import date, read_market
from attngru_bt.cli.options import Benchmark, Data, End, FactorFile, Ignore
from attngru_bt.cli.scripts import choose
from attngru_bt.data.atomic import replacing
from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.market import Market
from attngru_bt.data.names import to_cells
from attngru_bt.factors import compute as compute_factors
from attngru_bt.factors import registry
from attngru_bt.factors.document import describe as described
from attngru_bt.factors.document import lines_of
from attngru_bt.factors.plan import Plan, plan

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="List, describe and compute the factors a model is given.",
)

AT_ONCE = 32_000_000
"""Values computed and written at a time, about a quarter of a gigabyte."""

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
Debug = Annotated[bool, typer.Option(help="Show the traceback of an error.")]


@app.command("list")
def list_factors(
    family: Annotated[str | None, typer.Option(help="Only this family.")] = None,
    factors: Own = None,
    debug: Debug = False,
) -> None:
    """Print a line per factor: name, family, look-back in bars, default, lines, what it is."""
    with sentences(debug):
        names = choose(factors).names
        if family is not None and family not in registry.families():
            raise ValueError(
                f"No family is called {family!r}; there are {', '.join(registry.families())}"
                f"{nearest(family, registry.families())}"
            )
        for name in names or ():
            _known(name)
        rows = [("name", "family", "look-back", "default", "lines", "value")]
        for factor in registry:
            if family not in (None, factor.family) or (names and factor.name not in names):
                continue
            lookback = "all" if factor.lookback is None else str(factor.lookback)
            default = "on" if factor.default else "off"
            lines = ",".join(lines_of(factor))
            rows.append((factor.name, factor.family, lookback, default, lines, factor.summary))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        widths[-1] = 0
        for row in rows:
            text = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            _say(text.rstrip())


@app.command("describe")
def describe_factor(
    name: Annotated[str, typer.Argument(help="Name of a factor, such as BIAS5.")],
    factors: Own = None,
    debug: Debug = False,
) -> None:
    """Say what a factor is: meaning, lines, windows, look-back, scale, and its formula."""
    with sentences(debug):
        choose(factors)
        _known(name)
        _say(described(name))


@app.command("compute", epilog=EXAMPLES)
def compute(
    out_file: Annotated[
        Path, typer.Option("--out", help="Table to write: .parquet, .csv or .csv.gz.")
    ],
    data: Data = None,
    benchmark: Benchmark = None,
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
    factor_file: FactorFile = None,
    ignore: Ignore = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="As published, not divided by close or usual volume.")
    ] = False,
    start: Annotated[
        str | None, typer.Option(help="First day written; earlier bars are looked back on.")
    ] = None,
    end: End = None,
    debug: Debug = False,
) -> None:
    """Write a table: date, symbol and a column per factor, a row per stock and day of trade."""
    log_to_stderr(logging.WARNING)
    with sentences(debug, out_file):
        if not _suffix(out_file) or out_file.is_dir():
            raise ValueError(
                f"--out must be a file that ends in .parquet, .csv or .csv.gz; got {out_file}."
            )
        market = read_market(data, benchmark, factor_file=factor_file, ignore=ignore)
        choice = choose([*(factors or ()), *([names] if names else ())])
        if end is not None:
            market = market.until(date("end", end))
        dates = _from(market, start)
        planned = plan(market.bars, choice.names)
        if choice.names is None:
            _left_out(planned)
        n_rows = _write(market.bars, planned, dates, raw, out_file)
        err.print(
            f"{len(planned.columns)} factors of {market.name}, {n_rows} rows of "
            f"{len(market.bars.assets)} stocks, {dates[0]:%Y-%m-%d} .. {dates[-1]:%Y-%m-%d}",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip
        _say(str(out_file))


def _say(text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)


def _known(name: str) -> None:
    """Refuse the name of no factor, with the nearest."""
    try:
        registry[name]
    except KeyError as error:
        raise ValueError(error.args[0]) from None


def _from(market: Market, start: str | None) -> pd.DatetimeIndex:
    """Sessions to be written."""
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


def _left_out(planned: Plan) -> None:
    """Say which of the library's factors are not in the table, and why."""
    lacking: dict[str, list[str]] = {}
    for line, names in planned.missing.items():
        for name in names:
            lacking.setdefault(name, []).append(line)
    reasons: dict[str, list[str]] = {}
    for name, lines in lacking.items():
        reasons.setdefault(f"the data have no {', '.join(lines)}", []).append(name)
    off = [f.name for f in registry if not f.default and f.name not in planned.columns]
    if off:
        reasons["off unless named"] = off
    for reason, out_of_it in reasons.items():
        text = f"left out   {len(out_of_it)}, {reason}: {', '.join(out_of_it)}"
        err.print(text, highlight=False, markup=False, soft_wrap=True)


def _tables(
    bars: Bars, planned: Plan, dates: pd.DatetimeIndex, raw: bool
) -> Iterator[pd.DataFrame]:
    """Rows of a few dates at a time, so that memory does not grow with the market's history."""
    per_day = max(1, len(bars.assets) * len(planned.columns))
    n_days = max(21, AT_ONCE // per_day)
    assets = np.array(bars.assets, dtype=object)
    for k in range(0, len(dates), n_days):
        part = dates[k : k + n_days]
        values, columns = compute_factors(bars, planned.columns, at=part, raw=raw)
        day, asset = np.nonzero(bars.traded[bars.dates.get_indexer(part)])
        keys = pd.DataFrame({"date": part[day], "symbol": assets[asset]})
        yield pd.concat([keys, pd.DataFrame(values[day, asset], columns=list(columns))], axis=1)


def _write(bars: Bars, planned: Plan, dates: pd.DatetimeIndex, raw: bool, path: Path) -> int:
    """Write the table in one step: the file is there when it is whole. Returns its rows."""
    n_rows = 0
    with replacing(path) as part, _WRITERS[_suffix(path)](part) as write:
        for table in _tables(bars, planned, dates, raw):
            write(table)
            n_rows += len(table)
    return n_rows


Write = Callable[[pd.DataFrame], None]


@contextmanager
def _csv(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="") as file:
        yield _appending(file)


@contextmanager
def _csv_gz(path: Path) -> Iterator[Write]:
    # neither name nor time: the same table gives the same bytes
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
        yield _appending(file)


def _appending(file: Any) -> Write:
    header = True

    def write(table: pd.DataFrame) -> None:
        nonlocal header
        form: Any = {"index": False, "date_format": "%Y-%m-%d", "lineterminator": "\n"}
        to_cells(table).to_csv(file, header=header, **form)
        header = False

    return write


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: Any = None

    def write(table: pd.DataFrame) -> None:
        nonlocal writer
        rows = pa.Table.from_pandas(table, preserve_index=False)
        if writer is None:
            writer = pq.ParquetWriter(path, rows.schema)
        writer.write_table(rows)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


_WRITERS = {".parquet": _parquet, ".csv": _csv, ".csv.gz": _csv_gz}


def _suffix(path: Path) -> str:
    """Return the suffix that says how to write a table; empty if none does."""
    return next((s for s in _WRITERS if path.name.lower().endswith(s)), "")
