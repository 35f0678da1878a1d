"""Factor values from files in the layout of Uqer's factor tables."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from attngru_bt.data.bars import PRICE_LINES, Bars, DataError, first
from attngru_bt.data.dates import parse_dates
from attngru_bt.data.names import from_cell
from attngru_bt.data.raw import check_file_width

_KEYS = ("ticker", "secID", "symbol")
_DATES = ("tradeDate", "date")
_IGNORED = (*_KEYS, *_DATES, "secShortName", "exchangeCD", "updateTime")


def join_factor_file(bars: Bars, source: str | os.PathLike[str] | pd.DataFrame) -> Bars:
    """Add factor values from a file to bars; they replace computed factors of the same name.

    The values are used as they are and not divided by the close. A factor of the file replaces the
    computed one on all days: where the file has no value it is NaN, so that a column never mixes
    two sources.

    Parameters
    ----------
    bars : Bars
    source : path or DataFrame
        CSV (also .gz) or Parquet with one row per stock and day: `ticker` (or `secID`, `symbol`),
        `tradeDate` (or `date`), and one column per factor. A ticker of digits only (600000, also
        as a number) matches the asset whose name contains it (600000.XSHG, sh600000). Rows of other
        stocks or days, and values on days without a trade, are left out.

    Returns
    -------
    Bars
        With one more line per factor.

    Raises
    ------
    DataError
        If the file cannot be read, key columns or factors are missing, no row matches the bars,
        rows repeat, a value is not a number, or a ticker matches two assets; or if a column is a
        price or a line of the bars already, since a factor file must not change the market.
    """
    table, name = _read(source)
    key = next((k for k in _KEYS if k in table.columns), None)
    day = next((d for d in _DATES if d in table.columns), None)
    if key is None or day is None:
        raise DataError(
            f"{name} must have a column `ticker` (or secID, symbol) and a column `tradeDate` (or "
            f"date); got {', '.join(map(str, table.columns[:8]))}."
        )
    factors = [c for c in table.columns if c not in _IGNORED]
    if not factors:
        raise DataError(f"{name} has no factor column beside {key} and {day}.")
    for factor in map(str, factors):
        if factor in bars or factor in PRICE_LINES:
            what = "a column of the data already" if factor in bars else "a price, not a factor"
            raise DataError(f"{name}, column {factor!r}: is {what}; leave it out or rename it.")
    columns = _columns(table[key], bars.assets, name)
    rows = bars.dates.get_indexer(_dates(table[day], table[key], name))
    matched = (columns >= 0) & (rows >= 0)
    if not matched.any():
        raise DataError(
            f"No row of {name} fits the bars: its first is {table[key].iloc[0]!r} on "
            f"{table[day].iloc[0]}, the bars' assets begin with {bars.assets[0]!r} on "
            f"{bars.dates[0].date()}."
            if len(table)
            else f"{name} has no rows."
        )
    # from here on only the cells that the bars have
    rows, columns, table = rows[matched], columns[matched], table[matched]
    for at in first(pd.Index(rows * len(bars.assets) + columns).duplicated()):
        raise DataError(
            f"{name} has more than one row for {bars.assets[columns[at]]} on "
            f"{bars.dates[rows[at]].date()}; keep one."
        )
    lines = dict(bars.lines)
    for factor in factors:
        values = pd.to_numeric(table[factor], errors="coerce")
        for at in first((values.isna() & table[factor].notna()).to_numpy()):
            raise DataError(
                f"{name}, column {factor!r}: {table[factor].iloc[at]!r} for "
                f"{bars.assets[columns[at]]} on {bars.dates[rows[at]].date()} is not a number; "
                "leave it empty if it is not known."
            )
        # days that the file lacks stay NaN: a computed value beside a given one would be another
        line = np.full(bars["close"].shape, np.nan)
        line[rows, columns] = values.to_numpy(dtype=np.float64)
        line[~bars.traded] = np.nan
        lines[str(factor)] = line
    return replace(bars, lines=lines)


def _read(source: str | os.PathLike[str] | pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the table of a source, and what to call the source in messages."""
    if isinstance(source, pd.DataFrame):
        return source, "the factor table"
    path = Path(source)
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; check the path.")
    check_file_width(path)
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path), str(path)
        table = pd.read_csv(path, dtype={key: str for key in _KEYS})
    except (OSError, ValueError) as error:  # incl. ParserError, ArrowInvalid, UnicodeDecodeError
        raise DataError(
            f"{path}: cannot be read as a factor file ({error}); expected CSV or Parquet with the "
            "columns ticker, tradeDate and one per factor."
        ) from error
    return table.rename(columns=from_cell), str(path)


def _dates(column: pd.Series, tickers: pd.Series, name: str) -> pd.DatetimeIndex:
    days, _ = parse_dates(column, tickers.astype(str).to_numpy(), name)
    return pd.DatetimeIndex(days)


def _columns(tickers: pd.Series, assets: tuple[str, ...], name: str) -> np.ndarray:
    """Return the column of each row's asset, -1 if the bars do not have it."""
    exact = {asset: j for j, asset in enumerate(assets)}
    by_digits: dict[str, list[int]] = {}  # as the six digits of Chinese codes
    for j, asset in enumerate(assets):
        for digits in re.findall(r"\d+", asset):
            by_digits.setdefault(digits.zfill(6), []).append(j)
    column: dict[object, int] = {}
    for ticker in tickers.unique():
        text = from_cell(str(ticker).strip())
        digits = re.findall(r"\d+", text)
        matches = [exact[text]] if text in exact else []
        if not matches and digits:
            matches = by_digits.get(digits[0].zfill(6), [])
        if len(matches) > 1:
            raise DataError(
                f"{name}: {text!r} fits both {assets[matches[0]]!r} and {assets[matches[1]]!r}; "
                "write the assets' full names in the file."
            )
        column[ticker] = matches[0] if matches else -1
    return tickers.map(column).to_numpy(dtype=np.intp)
