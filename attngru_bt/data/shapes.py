"""The shape of a table: one row per symbol and day, made of the other shapes that sources give.

The others are a column per symbol and line (yfinance), a column of closes per symbol, and dates and
symbols as the index (Qlib, alphalens).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from attngru_bt.data.bars import DataError
from attngru_bt.data.layouts import DATES, LAYOUTS, SYMBOLS, VALUES
from attngru_bt.data.rows import KNOWN

WIDE = "a column per symbol, taken for closes"
_KNOWN = {*KNOWN, *VALUES, *(name for layout in LAYOUTS for name in layout.names)}


def long(
    frame: pd.DataFrame, source: str, dates: Iterable[str] = (), *, wide: bool = True
) -> tuple[pd.DataFrame, str]:
    """Return a table with a row per symbol and day, and what shape it had; empty if it was long.

    Parameters
    ----------
    frame : pandas.DataFrame
    source : str
        File, for messages.
    dates : iterable of str
        Further names of a column of dates, in lower case.
    wide : bool, default True
        Whether a column per symbol may be meant.

    Raises
    ------
    DataError
        If the two rows of a header are not tickers and lines, or an index cannot be told.
    """
    dates = (*DATES, *dates)
    if frame.columns.nlevels > 1:
        return _of_two_rows(frame, source), "a header of two rows"
    frame = _with_index(frame, source, dates)
    if wide and _is_wide(frame, dates):
        return _of_closes(frame, dates), WIDE
    return frame, ""


def _lower(name: object) -> str:
    return str(name).strip().lower()


def _of_two_rows(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return a long table of one whose header has lines in one row and symbols in the other."""
    values = [
        {_lower(name) for name in frame.columns.get_level_values(level)} <= set(VALUES)
        for level in range(frame.columns.nlevels)
    ]
    if frame.columns.nlevels != 2 or values.count(True) != 1:
        raise DataError(
            f"{source}: has a header of {frame.columns.nlevels} rows; of two rows as yfinance "
            f"writes them, one has the tickers and the other one only {', '.join(VALUES)}."
        )
    tickers = frame.columns.get_level_values(values.index(False))
    parts = []
    for ticker in dict.fromkeys(tickers):
        part = frame.loc[:, tickers == ticker]
        part = part.set_axis(part.columns.get_level_values(values.index(True)), axis=1)
        part = part.rename_axis(index="date", columns=None).reset_index()
        parts.append(part.assign(symbol=str(ticker)))
    return pd.concat(parts, ignore_index=True)


def _with_index(frame: pd.DataFrame, source: str, dates: Iterable[str]) -> pd.DataFrame:
    """Return a table with the dates and symbols of its index as columns."""
    names = [None if name is None else _lower(name) for name in frame.index.names]
    if frame.index.nlevels == 1:
        if names[0] is None and isinstance(frame.index, pd.DatetimeIndex):
            return frame.rename_axis("date").reset_index()
        if names[0] not in (*dates, *SYMBOLS):
            return frame
        if names[0] in map(_lower, frame.columns):
            raise DataError(
                f"{source}: {names[0]!r} is both the index and a column; drop one of them, the "
                "index with frame.reset_index(drop=True)."
            )
        return frame.reset_index()
    for level, name in enumerate(names):
        if name is None:
            stamps = isinstance(frame.index.get_level_values(level), pd.DatetimeIndex)
            names[level] = "date" if stamps else "symbol"
    doubled = set(names) & {_lower(column) for column in frame}
    if doubled:
        raise DataError(
            f"{source}: {doubled.pop()!r} is both a level of the index and a column; drop one of "
            "them."
        )
    if len(set(names)) < len(names):
        raise DataError(
            f"{source}: the levels of the index cannot be told; name them date and symbol with "
            "frame.rename_axis(['date', 'symbol'])."
        )
    return frame.rename_axis(names).reset_index()


def _is_wide(frame: pd.DataFrame, dates: Iterable[str]) -> bool:
    """Tell whether a table has dates, and beside them a column of numbers per symbol.

    Names of known columns among those of symbols are symbols if they are in capitals (LOW, OPEN).
    """
    names = {column: _lower(column) for column in frame}
    others = [column for column, name in names.items() if name not in dates]
    if len(frame.columns) - len(others) != 1 or len(others) < 2:
        return False
    if any(names[column] in (*SYMBOLS, "close") for column in others):
        return False
    our_names = [column for column in others if names[column] in _KNOWN]
    return (
        len(our_names) < len(others)
        and all(str(column).isupper() for column in our_names)
        and all(pd.api.types.is_numeric_dtype(frame[column]) for column in others)
    )


def _of_closes(frame: pd.DataFrame, dates: Iterable[str]) -> pd.DataFrame:
    """Return a long table of one with a column of closes per symbol."""
    (date,) = (column for column in frame if _lower(column) in dates)
    symbols = [column for column in frame if column != date]
    table = frame.rename(columns={date: "date"}).melt(["date"], symbols, "symbol", "close")
    table["symbol"] = table["symbol"].astype(object)
    return table


_NUMBER = re.compile(r"[-+]?\d*\.?\d+(e[-+]?\d+)?", re.IGNORECASE)


def has_two_rows(first: list[str], second: list[str]) -> bool:
    """Tell whether the first rows of a CSV file are a header as yfinance writes it."""
    tickers = [cell for cell in second[1:] if cell.strip()]
    if len(first) < 2 or len(first) != len(second) or len(tickers) < len(first) - 1:
        return False
    rows = [{_lower(cell) for cell in row[1:]} for row in (first, second)]
    return any(row <= set(VALUES) for row in rows) and not any(map(_NUMBER.fullmatch, tickers))
