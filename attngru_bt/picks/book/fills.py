"""Fills: what was traded, read from a broker's export and checked line by line."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from attngru_bt import checks
from attngru_bt.data.bars import DataError
from attngru_bt.data.codes import other_spellings
from attngru_bt.data.names import from_cell
from attngru_bt.picks.csv_rows import Row, read_rows, refuse

COLUMNS = ("date", "symbol", "side", "shares", "price", "fees")
SIDES = {
    "buy": ("buy", "b", "bot", "bought", "buy to open", "买入", "买", "证券买入"),
    "sell": ("sell", "s", "sld", "sold", "sell to close", "卖出", "卖", "证券卖出"),
}
"""Words for each side, in lower case."""
_SIDE_OF = {word: side for side, words in SIDES.items() for word in words}
_TIMES = re.compile(r"(?P<name>.+?)\s*\*\s*(?P<factor>-?\d+(\.\d+)?)")


@dataclass(frozen=True)
class Fill:
    """The part of an order that was traded on a day.

    Attributes
    ----------
    date : Timestamp
    symbol : str
    side : {"buy", "sell"}
    shares : float
        Real shares; 0 if the order was placed and nothing of it filled.
    price : float
        Of a real share; NaN without shares.
    fees : float
        All that was paid for it, in the currency of the price.
    place : str
        Its place in the export, for messages.
    why : str
        Why a paper fill is smaller than the order; empty if it is not.
    """

    date: pd.Timestamp
    symbol: str
    side: str
    shares: float
    price: float
    fees: float
    place: str = ""
    why: str = ""


def read_fills(
    fills: str | os.PathLike[str] | pd.DataFrame,
    columns: Mapping[str, str] | None = None,
    names: Iterable[str] = (),
) -> list[Fill]:
    """Read and check what was traded.

    Parameters
    ----------
    fills : path or DataFrame
        A CSV file or table with the columns date, symbol, side, shares, price and fees; a line per
        fill, or per order and day. Others are left alone. A line with 0 shares says that an order
        was placed and did not fill. `side` is one of `SIDES`, in any case.
    columns : mapping of str to str, default None
        Our names and those of the export, where they differ, with a factor if the unit or the sign
        is another: ``{"date": "Trade Date", "fees": "Commission*-1"}``. A number in place of the
        name of the fees is that for every line: ``{"fees": "0"}``.
    names : iterable of str, default ()
        Symbols of the book and of the data: other spellings of the same stock become these.

    Returns
    -------
    list of Fill
        In the order of the lines.

    Raises
    ------
    DataError
        If a column is missing or a line is not as described; the message names each line.
    """
    source, rows = _rows(fills)
    readers = _columns(source, rows[0][1] if rows else {}, dict(columns or {}))
    symbols = [from_cell(str(readers["symbol"](row)).strip()) for _, row in rows]
    ours = other_spellings(symbols, names, source)
    read, problems = [], []
    for place, row in rows:
        try:
            read.append(_fill(place, {name: cell(row) for name, cell in readers.items()}, ours))
        except ValueError as error:
            problems.append(f"{place}: {error}")
    refuse(problems)
    return read


def _rows(fills: Any) -> tuple[str, list[Row]]:
    """Return the name of the source and its lines, each with where it stands."""
    if isinstance(fills, pd.DataFrame):
        records: Any = fills.rename(columns=str).to_dict(orient="records")
        return "`fills`", [(f"`fills`, row {i}", row) for i, row in enumerate(records, start=1)]
    columns, rows = read_rows(Path(fills))
    checks.no_duplicates(f"{fills}: column", columns, "keep one of them", DataError)
    if not rows:
        raise DataError(
            f"{fills}: no line but the first; a fill is a line such as "
            f"2026-12-01,AAPL,buy,100,187.2,1.0 (nothing was traded: leave --fills out)."
        )
    return str(fills), rows


def _columns(
    source: str, row: Mapping[str, Any], columns: dict[str, str]
) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
    """Return functions that read each of our columns from a line."""
    checks.no_unknown("`columns` (--columns) of fills", columns, COLUMNS)
    lower = {name.strip().lower(): name for name in row}  # case does not matter
    readers: dict[str, Callable[[Mapping[str, Any]], Any]] = {}
    for ours in COLUMNS:
        theirs = columns.get(ours, ours).strip()
        # NAME*-1, unless a column is really called so
        match = None if theirs.lower() in lower else _TIMES.fullmatch(theirs)
        name, factor = (match["name"], float(match["factor"])) if match else (theirs, 1.0)
        if name.lower() in lower:
            readers[ours] = _reader(lower[name.lower()], factor)
        elif ours == "fees" and ours in columns and _is_number(theirs):
            readers[ours] = _always(float(theirs))
        else:
            how = "`columns` names it" if ours in columns else "it is needed"
            raise DataError(
                f"{source}: there is no column {name!r} ({how}; its columns are "
                f"{', '.join(row) or 'none'}); say which one has it, as in columns={{{ours!r}: "
                f"'NAME'}} (--columns {ours}=NAME){checks.nearest(name, row)}"
            )
    return readers


def _reader(name: str, factor: float) -> Callable[[Mapping[str, Any]], Any]:
    """Return what reads a column of a line; a factor of 1 leaves text as it is."""
    if factor == 1:
        return lambda row: row[name]
    return lambda row: _number(name, row[name]) * factor


def _always(value: float) -> Callable[[Mapping[str, Any]], Any]:
    return lambda row: value


def _fill(place: str, cells: Mapping[str, Any], ours: Mapping[str, str]) -> Fill:
    """Return a checked line; a ValueError says what is wrong with it."""
    try:
        date = checks.date("date", cells["date"])
    except ValueError as error:
        raise ValueError(str(error).rstrip(".")) from None
    symbol = from_cell(str(cells["symbol"]).strip())
    if not symbol:
        raise ValueError("the symbol is empty")
    side = _SIDE_OF.get(str(cells["side"]).strip().lower())
    if side is None:
        raise ValueError(f"side must be buy or sell; got {cells['side']!r}")
    shares = _number("shares", cells["shares"])
    if side == "sell":
        shares = abs(shares)  # some write sales with a minus
    if shares < 0:
        raise ValueError(f"shares of a buy must be at least 0; got {cells['shares']!r}")
    fees = _number("fees", cells["fees"])
    if fees < 0:
        raise ValueError(
            f"fees must be at least 0; got {cells['fees']!r} (if the export writes what is paid "
            f"with a minus: --columns fees=NAME*-1)"
        )
    price = math.nan
    if shares:
        price = _number("price", cells["price"])
        if price <= 0:
            raise ValueError(f"price must be above 0; got {cells['price']!r}")
    return Fill(date, ours.get(symbol, symbol), side, shares, price, fees, place)


def _number(name: str, value: Any) -> float:
    """Return a cell as a finite number; a ValueError names the column."""
    if not _is_number(value):
        raise ValueError(f"{name} must be a number such as 1200; got {value!r}")
    return float(value)


def _is_number(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False
