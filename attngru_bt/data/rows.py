"""Checks of the rows of a daily table.

Errors name file, symbol, date and column, and say what to do. Nothing is filled or guessed: a row
that cannot be right is an error, and a row of a day without trade is empty.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable

import numpy as np
import pandas as pd

from attngru_bt import checks
from attngru_bt.data.bars import PRICE_LINES, DataError, first
from attngru_bt.data.dates import parse_dates
from attngru_bt.data.names import fault

log = logging.getLogger(__name__)

Where = Callable[[int], str]  # row number -> "file: symbol on date"

FILLABLE = ("open", "high", "low", "close")  # orders are filled at these: never empty on a bar
POSITIVE = (*PRICE_LINES, "adjfactor", "market_cap", "float_cap")
NOT_NEGATIVE = ("volume", "amount", "turnover")
GROUP_LINES = ("industry", "sector")  # codes of groups; text in them becomes a code
KNOWN = (*POSITIVE, *NOT_NEGATIVE, "pe", "pb", "ps", "pcf", "traded")
MARKET_LINES = frozenset({*KNOWN, "dividend_yield", "benchmark_open"})
"""Lines that factors read: one that no asset has a value of is no line, in any data."""
EMPTY = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "#N/A", "<NA>", "-"]
ROUNDING = 1e-9  # relative; tolerance for the last digit of a CSV file


def checked(frame: pd.DataFrame, source: str) -> tuple[pd.DataFrame, np.ndarray | None]:
    """Check a table; return date, symbol and float64 columns, and UTC offsets of the dates.

    Days without trade are NaN in every column.
    """
    for column in ("date", "symbol", "close"):
        if column not in frame:
            raise DataError(
                f"{source}: column {column!r} is missing; expected at least date, symbol and "
                f"close, got {', '.join(map(str, frame.columns)) or 'no columns'}"
                f"{checks.nearest(column, frame.columns)}"
            )
    checks.no_duplicates(
        f"{source}: column", frame.columns, "rename or remove one of them", DataError
    )
    if not len(frame):
        raise DataError(f"{source}: there are no rows; write one row per symbol and day.")
    symbols, codes = _symbols(frame["symbol"], source)
    dates, offset = parse_dates(frame["date"], symbols, source)

    def where(i: int) -> str:
        return f"{source}: {symbols[i]} on {str(dates[i])[:10]}"

    _in_order(dates, symbols, codes, source)
    columns: dict[str, np.ndarray] = {}
    for name in frame.columns.drop(["date", "symbol"]):
        cells = _codes(frame[name]) if name in GROUP_LINES else frame[name]
        values = _numbers(cells, str(name), where)
        if values is not None:
            columns[str(name)] = values
    # a day without a close, or flagged as such, is one without a trade: all its values are NaN
    traded = ~np.isnan(columns["close"])
    if "traded" in columns:
        flag = columns.pop("traded")
        for i in first((flag != 0) & (flag != 1)):
            raise DataError(f"{where(i)}: column 'traded' must be 0 or 1; got {flag[i]:g}.")
        traded &= flag == 1
    _plausible(columns, traded, where)
    if not traded.all():
        columns = {name: np.where(traded, values, np.nan) for name, values in columns.items()}
    symbol = pd.Series(symbols, dtype=object)
    return pd.DataFrame({"date": dates, "symbol": symbol, **columns}, copy=False), offset


def _symbols(column: pd.Series, source: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the symbol of each row, and the number of that symbol, for comparisons."""
    codes, names = pd.factorize(column, use_na_sentinel=True)
    for name in names:
        if not isinstance(name, str):
            raise DataError(
                f"{source}: column 'symbol' must be text, or 000001 becomes 1; got {name!r}. "
                "Convert it with astype(str).str.zfill(6) or read it with dtype={'symbol': str}."
            )
    stripped = np.array([name.strip() for name in names] + [""], dtype=object)
    for i, name in enumerate(stripped):
        if wrong := fault(name):
            row = first(codes == i)[0] + 1
            raise DataError(f"{source}: symbol {wrong} in row {row}; write it without.")
    symbols = stripped[codes]
    for i in first(symbols == ""):
        raise DataError(f"{source}: row {i + 1} has no symbol; write it or remove the row.")
    return symbols, pd.factorize(stripped)[0][codes]  # two names may be one without their spaces


def _in_order(dates: np.ndarray, symbols: np.ndarray, codes: np.ndarray, source: str) -> None:
    """Check that dates increase within each symbol, however symbols are interleaved."""
    # symbol by symbol; most tables are so already
    order = np.arange(len(codes))
    if (codes[1:] < codes[:-1]).any():
        order = np.argsort(codes, kind="stable")
    step = np.diff(dates[order].astype(np.int64))
    same = np.diff(codes[order]) == 0
    for i in first(same & (step <= 0)):
        symbol, date = symbols[order[i + 1]], str(dates[order[i + 1]])[:10]
        if step[i] == 0:
            raise DataError(
                f"{source}: {symbol} has {date} twice in column 'date'; keep one row per symbol "
                "and day (daily bars, not intraday ones)."
            )
        raise DataError(
            f"{source}: {symbol} is not sorted: {date} follows {str(dates[order[i]])[:10]} in "
            "column 'date'; sort the table with frame.sort_values(['symbol', 'date'])."
        )


def _numbers(column: pd.Series, name: str, where: Where) -> np.ndarray | None:
    """Return float64 values; None if there are none, or text in a column of the user's own."""
    if column.dtype.kind in "mM":  # otherwise a date would become a number of nanoseconds
        column = column.astype(str)
    if column.dtype.kind == "c":
        raise DataError(f"{where(0)}: column {name!r} holds complex numbers; give real ones.")
    if pd.api.types.is_numeric_dtype(column.dtype) or column.dtype == bool:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        bad = np.isinf(values)
    else:
        number = pd.to_numeric(column, errors="coerce")
        values = number.to_numpy(dtype=np.float64, na_value=np.nan)
        empty = column.isna() | column.astype(str).str.strip().isin(EMPTY)
        bad = (np.isnan(values) & ~empty.to_numpy(dtype=bool)) | np.isinf(values)
        if name not in KNOWN and np.isnan(values).all():
            if bad.any():
                log.info("column %r is text and is left out", name)
            return None
    for i in first(bad):
        raise DataError(
            f"{where(i)}: column {name!r} must be a number; got {_shown(column.iloc[i])}. "
            "Correct it, or leave it empty if it is not known."
        )
    if np.isnan(values).all() and name != "close":
        return None  # an empty column counts as missing
    return values


def group_names(frame: pd.DataFrame) -> dict[float, str]:
    """Return what the codes stand for that text in the columns of groups becomes."""
    texts = [
        str(text).strip()
        for name in GROUP_LINES
        if name in frame and not pd.api.types.is_numeric_dtype(frame[name].dtype)
        for text in frame[name].dropna().unique()
    ]
    return {_code(text): text for text in texts if text not in EMPTY}


def _shown(cell: object) -> str:
    """Show a cell: a number as a number, text in quotes."""
    return str(cell) if isinstance(cell, (float, np.floating)) else repr(cell)


def _codes(column: pd.Series) -> pd.Series:
    """Return a code for each text of a column, the same for the same text in any file."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column
    codes, texts = pd.factorize(column)  # -1 where there is none
    by_text = [*(_code(str(text).strip()) for text in texts), np.nan]
    return pd.Series(np.array(by_text, dtype=np.float64)[codes], index=column.index)


def _code(text: str) -> float:
    """Return a number that stands for a text: NaN for an empty one."""
    if text in EMPTY:
        return np.nan
    # 48 bits of the digest, since a float holds integers of up to 53 bits exactly
    return float(int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big"))


def _plausible(columns: dict[str, np.ndarray], traded: np.ndarray, where: Where) -> None:
    """Check the values of the rows that traded."""
    for name, values in columns.items():
        if name in FILLABLE or name == "adjfactor":
            for i in first(np.isnan(values) & traded):
                raise DataError(
                    f"{where(i)}: column {name!r} is empty though there is a close; fill it, "
                    "remove the row if nothing traded, or leave the whole column out."
                )
        if name in POSITIVE:
            for i in first((values <= 0) & traded):
                raise DataError(
                    f"{where(i)}: column {name!r} must be positive; got {values[i]:g}. "
                    "Correct it, or remove the row (traded=0) if nothing traded that day."
                )
        elif name in NOT_NEGATIVE:
            for i in first((values < 0) & traded):
                raise DataError(
                    f"{where(i)}: column {name!r} must not be negative; got {values[i]:g}. "
                    "Correct it, or leave it empty if it is not known."
                )
    if "high" not in columns or "low" not in columns:
        return
    high, low = columns["high"], columns["low"]
    for i in first((high < low * (1 - ROUNDING)) & traded):
        raise DataError(
            f"{where(i)}: column 'high' {high[i]:g} is below column 'low' {low[i]:g}; "
            "correct the row (are the columns swapped?)."
        )
    for name in ("open", "close"):
        if name in columns:
            # vendors differ on auctions and rounding, so this is a warning and not an error
            value = columns[name]
            outside = traded & ((value > high * (1 + ROUNDING)) | (value < low * (1 - ROUNDING)))
            if outside.any():
                i = first(outside)[0]
                log.warning(
                    "%s: column %r %g is outside low..high %g..%g; so it is on %d rows, kept "
                    "as given",
                    where(i),
                    name,
                    value[i],
                    low[i],
                    high[i],
                    outside.sum(),
                )
