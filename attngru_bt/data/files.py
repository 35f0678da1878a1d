"""Reading daily tables: CSV, CSV.gz and Parquet, for all symbols or with a file for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from attngru_bt.data.bars import PRICE_LINES, Bars, DataError
from attngru_bt.data.codes import code, is_code
from attngru_bt.data.columns import Columns
from attngru_bt.data.dates import one_zone
from attngru_bt.data.names import fault
from attngru_bt.data.raw import SUFFIXES, read_raw, split_suffix
from attngru_bt.data.rows import FILLABLE, checked, group_names
from attngru_bt.data.splits import tell_splits

NOT_SYMBOLS = ("membership", "index")  # stems of files in a folder that are not symbols


def read_table(
    path: str | Path | pd.DataFrame,
    *,
    adjust: bool = True,
    ignore: Iterable[str] = (),
    columns: Mapping[str, str] | None = None,
) -> Bars:
    """Read one table, with a row per symbol and day or as a common source gives it.

    Columns ``date``, ``symbol`` and ``close`` are required; ``open``, ``high``, ``low``,
    ``preclose``, ``volume``, ``amount``, ``turnover``, ``market_cap``, ``float_cap``, ``pe``,
    ``pb``, ``ps``, ``pcf``, ``adjfactor`` and ``traded`` are known. Any other numeric column
    becomes a line of that name, which is a factor, and a warning names it. Names are
    case-insensitive. Rows with ``traded`` 0 or an empty close are days without trade, on which all
    lines are NaN.

    A close that later events adjust (``Adj Close``) beside the raw one becomes an ``adjfactor``
    that is 1 on the first day of each symbol, and so knows nothing of later events; other prices
    so adjusted are left out with a warning.

    Tables of akshare, baostock, Qlib, Stooq, tushare and yfinance are recognized by their columns,
    and closes with a column per symbol by their shape; their names and units become ours. What was
    recognized is logged (level INFO).

    Parameters
    ----------
    path : path or pandas.DataFrame
        ``.csv``, ``.csv.gz`` or ``.parquet``, or the table itself.
    adjust : bool, default True
        Multiply prices by ``adjfactor`` and divide volume by it, if the table has this column. The
        factor itself stays a line. Amount, turnover and capitalizations are not changed.
    ignore : iterable of str, default ()
        Columns to leave out.
    columns : mapping of str to str, default None
        Our names of columns and those of the table, where they are not recognized:
        ``{"date": "day", "volume": "vol*100"}``, a factor being that to our unit.

    Returns
    -------
    Bars
        Assets sorted by name; the dates on which at least one of them traded.

    Raises
    ------
    DataError
        If the file cannot be read, a column or a column to ignore is missing, a number, date or
        price is not valid, high is below low, dates are not in order within a symbol, or time
        zones are mixed, or a column may be two things.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = {"date": ["2020-01-02", "2020-01-03"], "symbol": ["000001", "000001"]}
    >>> read_table(pd.DataFrame(rows | {"close": [10.0, 10.5]}))["close"].ravel().tolist()
    [10.0, 10.5]
    """
    translation = Columns(
        "the DataFrame" if isinstance(path, pd.DataFrame) else str(path), ignore, columns
    )
    source, frame = _table(path, translation)
    frame = translation.take(frame, source)
    named = group_names(frame)
    part, _ = checked(frame, source)
    del frame  # a large file should not be in memory twice
    bars = _pivot([part], source, adjust, named)
    translation.report(bars.lines)
    if adjust:
        tell_splits(bars, source)
    return bars


def read_folder(
    path: str | Path,
    *,
    adjust: bool = True,
    ignore: Iterable[str] = (),
    columns: Mapping[str, str] | None = None,
) -> Bars:
    """Read a folder with one file per symbol; the symbol is the file name without its suffix.

    The columns are those of ``read_table``; a column ``symbol`` is ignored. Files called
    ``membership`` or ``index``, hidden files and files of other kinds are not symbols. Parameters,
    result and errors are those of ``read_table``.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder; check the path.")
    files = symbol_files(folder)
    if not files:
        raise DataError(
            f"{folder}: no symbol files in this folder; expected one {', '.join(SUFFIXES)} file "
            "per symbol, named after the symbol."
        )
    translation = Columns(str(folder), ignore, columns)
    parts, offsets = [], []
    named: dict[float, str] = {}
    for symbol, file in files.items():
        source, frame = _table(file, translation)
        frame = translation.take(frame, source, symbol)
        named |= group_names(frame)
        part, offset = checked(frame, source)
        parts.append(part)
        offsets.append(offset)
    # a column that some files lack would look as if its values were not known there
    for column in FILLABLE:
        has_column = [column in part for part in parts]
        if any(has_column) and not all(has_column):
            file = list(files.values())[has_column.index(False)]
            raise DataError(
                f"{file}: column {column!r} is missing though other files of the folder have it; "
                "add it here or leave it out everywhere."
            )
    zoned = [offset for offset in offsets if offset is not None]
    if 0 < len(zoned) < len(parts):
        raise DataError(
            f"{folder}: mixed time zones: some files have dates with a zone, others without; "
            "write plain session dates (YYYY-MM-DD) everywhere."
        )
    if zoned:
        one_zone(
            np.concatenate([part["date"].to_numpy() for part in parts]),
            np.concatenate(zoned),
            np.concatenate([part["symbol"].to_numpy(dtype=object) for part in parts]),
            str(folder),
        )
    bars = _pivot(parts, str(folder), adjust, named)
    translation.report(bars.lines)
    if adjust:
        tell_splits(bars, str(folder))
    return bars


def read_index(path: str | Path, *, columns: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Read a benchmark: columns ``date`` and ``close``, and any further numeric ones.

    Returns
    -------
    pandas.DataFrame
        Indexed by naive session dates. Layouts, checks and errors are those of ``read_table``.
    """
    translation = Columns(str(path), columns=columns)
    source, frame = _table(path, translation)
    rows = checked(translation.take(frame, source, "INDEX", is_index=True), source)[0]
    rows = rows[rows["close"].notna()].drop(columns=["symbol", "adjfactor"], errors="ignore")
    if rows.empty:
        raise DataError(f"{path}: no row has a close; give the index's daily closes.")
    translation.translation.report(source)
    return rows.set_index("date")


def symbol_files(folder: Path) -> dict[str, Path]:
    """Return the files of a folder that may hold the bars of a symbol, by symbol."""
    files: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        symbol, suffix = split_suffix(file)
        if not suffix or not symbol or symbol.startswith(".") or symbol in NOT_SYMBOLS:
            continue
        if wrong := fault(symbol):
            raise DataError(f"{folder}: the name of the file {wrong}; rename it.")
        if symbol in files:
            raise DataError(
                f"{folder}: {files[symbol].name} and {file.name} are both {symbol}; remove one."
            )
        files[symbol] = file
    return files


def _table(path: str | Path | pd.DataFrame, columns: Columns) -> tuple[str, pd.DataFrame]:
    """Return the name of a table in messages, and the table as it is."""
    if isinstance(path, pd.DataFrame):
        return "the DataFrame", path
    return str(path), read_raw(Path(path), columns.translation.text_columns)


def _no_code_twice(names: Iterable[str], source: str) -> None:
    """Refuse a stock under two spellings of its code, which would be held and counted twice."""
    spelled: dict[str, str] = {}
    for name in names:
        if is_code(name) and (other := spelled.setdefault(code(name), name)) != name:
            raise DataError(
                f"{source}: {other} and {name} are two spellings of one stock; keep one of them."
            )


def _pivot(
    parts: Iterable[pd.DataFrame], source: str, adjust: bool, named: Mapping[float, str]
) -> Bars:
    """Spread checked rows over arrays (days, assets); a single part is emptied on the way."""
    parts = list(parts)
    rows = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
    known = rows["close"].notna().to_numpy()
    if not known.any():
        raise DataError(f"{source}: no row has a close; there is nothing to trade.")
    traded = slice(None) if known.all() else known  # a slice copies nothing
    codes, symbols = pd.factorize(rows["symbol"])
    names = sorted(symbols)
    _no_code_twice(names, source)
    column = pd.Index(names).get_indexer(pd.Index(symbols))[codes[traded]]
    codes, dates = pd.factorize(rows["date"].to_numpy()[traded])
    days = np.sort(dates)
    day = days.searchsorted(dates)[codes]
    shape = (len(days), len(names))
    cell = day * len(names) + column
    columns = rows.columns.drop(["date", "symbol"])
    factor = rows["adjfactor"].to_numpy()[traded] if adjust and "adjfactor" in rows else None
    lines = {}
    for name in columns:
        values = rows.pop(name).to_numpy()[traded]
        if np.isnan(values).all():
            continue
        if factor is not None and name in PRICE_LINES:
            values = values * factor
        elif factor is not None and name == "volume":
            values = values / factor
        line = np.full(shape, np.nan)
        line.reshape(-1)[cell] = values
        lines[str(name)] = line
    return Bars(pd.DatetimeIndex(days), tuple(names), lines, group_names=named)
