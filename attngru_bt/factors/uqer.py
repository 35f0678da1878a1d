"""Factor values computed elsewhere: files in the layout of Uqer's factor tables."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.files import check_file_width
from attngru_bt.data.names import from_cell

_KEYS = ("ticker", "secID", "symbol")
_DATES = ("tradeDate", "date")
_IGNORED = (*_KEYS, *_DATES, "secShortName", "exchangeCD", "updateTime")


def join_factor_file(bars: Bars, source: str | os.PathLike[str] | pd.DataFrame) -> Bars:
    """Add factor values from a file to bars, where they go before computed ones of the same name.

    They enter as they are: nothing is divided by the close. A factor of the file stands in place of
    the computed one on all days: where the file has no value there is NaN, never the computed one,
    so that a column is of one source only.

    Parameters
    ----------
    bars : Bars
    source : path or DataFrame
        CSV (also .gz) or Parquet with one row per stock and day: `ticker` (or `secID`, `symbol`),
        `tradeDate` (or `date`), and one column per factor. A ticker of digits alone (600000, also
        as a number) fits the asset whose name holds it (600000.XSHG, sh600000). Rows of other
        stocks or days are left out; values at days without a trade too.

    Returns
    -------
    Bars
        With one more line per factor.

    Raises
    ------
    DataError
        If key columns or factors are missing, no row fits the bars, rows repeat, a value is not a
        number, or a ticker fits two assets.
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
    columns = _columns(table[key], bars.assets, name)
    rows = bars.dates.get_indexer(_dates(table[day], day, name))
    here = (columns >= 0) & (rows >= 0)
    if not here.any():
        raise DataError(
            f"No row of {name} fits the bars: its first is {table[key].iloc[0]!r} on "
            f"{table[day].iloc[0]}, the bars' assets begin with {bars.assets[0]!r} on "
            f"{bars.dates[0].date()}."
            if len(table)
            else f"{name} has no rows."
        )
    rows, columns, table = rows[here], columns[here], table[here]
    place = pd.Index(rows * len(bars.assets) + columns)
    if place.has_duplicates:
        at = int(np.argmax(place.duplicated()))
        raise DataError(
            f"{name} has more than one row for {bars.assets[columns[at]]} on "
            f"{bars.dates[rows[at]].date()}; keep one."
        )
    lines = dict(bars.lines)
    for factor in factors:
        values = pd.to_numeric(table[factor], errors="coerce")
        wrong = values.isna() & table[factor].notna()
        if wrong.any():
            at = int(np.argmax(wrong))
            raise DataError(
                f"{name}, column {factor!r}: {table[factor].iloc[at]!r} for "
                f"{bars.assets[columns[at]]} on {bars.dates[rows[at]].date()} is not a number; "
                "leave it empty if it is not known."
            )
        line = np.full(bars["close"].shape, np.nan)
        line[rows, columns] = values.to_numpy(dtype=np.float64)
        line[~bars.traded] = np.nan
        lines[str(factor)] = line
    return replace(bars, lines=lines)


def _read(source: str | os.PathLike[str] | pd.DataFrame) -> tuple[pd.DataFrame, str]:
    if isinstance(source, pd.DataFrame):
        return source, "the factor table"
    path = Path(source)
    check_file_width(path)
    if path.suffix == ".parquet":
        return pd.read_parquet(path), path.name
    table = pd.read_csv(path, dtype={key: str for key in _KEYS})
    return table.rename(columns=from_cell), path.name


def _dates(column: pd.Series, label: str, name: str) -> pd.DatetimeIndex:
    if pd.api.types.is_integer_dtype(column):
        column = column.astype(str)  # 20240131
    try:
        dates = pd.DatetimeIndex(pd.to_datetime(column))
    except ValueError as error:
        raise DataError(f"{name}, column {label!r}: not a date ({error}).") from None
    return dates.tz_localize(None).normalize()


def _columns(tickers: pd.Series, assets: tuple[str, ...], name: str) -> np.ndarray:
    """Column of each row's asset, -1 where the bars do not have it."""
    exact = {asset: j for j, asset in enumerate(assets)}
    by_digits: dict[str, list[int]] = {}
    for j, asset in enumerate(assets):
        for digits in re.findall(r"\d+", asset):
            by_digits.setdefault(digits.zfill(6), []).append(j)
    found: dict[object, int] = {}
    for ticker in tickers.unique():
        text = from_cell(str(ticker).strip())
        digits = re.findall(r"\d+", text)
        fits = [exact[text]] if text in exact else []
        if not fits and digits:
            fits = by_digits.get(digits[0].zfill(6), [])
        if len(fits) > 1:
            raise DataError(
                f"{name}: {text!r} fits both {assets[fits[0]]!r} and {assets[fits[1]]!r}; write "
                "the assets' full names in the file."
            )
        found[ticker] = fits[0] if fits else -1
    return tickers.map(found).to_numpy(dtype=np.intp)
