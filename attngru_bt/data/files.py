"""Reading daily tables: CSV, CSV.gz and Parquet, one for all symbols or one for each."""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from attngru_bt.data.bars import PRICE_LINES, Bars, DataError
from attngru_bt.data.checks import EMPTY, FILLABLE, checked
from attngru_bt.data.columns import Columns, check_width
from attngru_bt.data.dates import one_zone
from attngru_bt.data.names import fault, from_cells
from attngru_bt.data.splits import tell_splits

SUFFIXES = (".csv", ".csv.gz", ".parquet")
LONGEST_NAME = 255  # bytes of a file's name, on all systems in use
NOT_SYMBOLS = ("membership", "index")  # files of these stems in a folder are no symbols


def names_a_file(text: str) -> bool:
    """Tell whether a text is the path of a file; a list of names may be too long to ask for."""
    path = Path(text)
    return all(len(os.fsencode(part)) <= LONGEST_NAME for part in path.parts) and path.is_file()


def read_table(
    path: str | Path | pd.DataFrame, *, adjust: bool = True, ignore: Iterable[str] = ()
) -> Bars:
    """Read one long table: a row per symbol and day.

    Columns ``date``, ``symbol`` and ``close`` must be there; ``open``, ``high``, ``low``,
    ``preclose``, ``volume``, ``amount``, ``turnover``, ``market_cap``, ``float_cap``, ``pe``,
    ``pb``, ``ps``, ``pcf``, ``adjfactor`` and ``traded`` are known; any further numeric column
    becomes a line of that name, which is a factor, and a warning names it. A price that later
    events adjust (``Adj Close``) is left out with a warning. Names are case-insensitive. Rows with
    ``traded`` 0 or an empty close are days without trade: all lines are NaN there.

    Parameters
    ----------
    path : path or pandas.DataFrame
        ``.csv``, ``.csv.gz`` or ``.parquet``, or the table itself.
    adjust : bool, default True
        Multiply prices by ``adjfactor`` and divide volume by it, where the column is given. The
        factor itself stays as a line. Amount, turnover and capitalizations are left as they are.
    ignore : iterable of str, default ()
        Columns to leave out.

    Returns
    -------
    Bars
        Assets sorted by name, dates on which at least one of them traded.

    Raises
    ------
    DataError
        Unreadable file, missing column, text where a number belongs, prices that are not
        positive, high below low, dates out of order or twice within a symbol, mixed time zones,
        bytes or objects in a column, or a column to be ignored that is not there.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = {"date": ["2020-01-02", "2020-01-03"], "symbol": ["000001", "000001"]}
    >>> read_table(pd.DataFrame(rows | {"close": [10.0, 10.5]}))["close"].ravel().tolist()
    [10.0, 10.5]
    """
    if isinstance(path, pd.DataFrame):
        source, frame = "the DataFrame", _with_columns(path)
    else:
        source, frame = str(path), _read_file(Path(path))
    columns = Columns(source, ignore)
    part, _ = checked(columns.take(frame, source), source)
    bars = _pivot([part], source, adjust)
    columns.report(bars.lines)
    if adjust:
        tell_splits(bars, source)
    return bars


def read_folder(path: str | Path, *, adjust: bool = True, ignore: Iterable[str] = ()) -> Bars:
    """Read a folder with one file per symbol; the symbol is the file's name without its suffix.

    The columns are those of ``read_table`` without ``symbol`` (ignored if there). Files called
    ``membership`` and ``index``, hidden files and other kinds of files are not symbols.
    Parameters, result and errors are those of ``read_table``.
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
    columns = Columns(str(folder), ignore)
    parts, offsets = [], []
    for symbol, file in files.items():
        frame = columns.take(_read_file(file), str(file))
        frame["symbol"] = symbol
        part, offset = checked(frame, str(file))
        parts.append(part)
        offsets.append(offset)
    for column in FILLABLE:
        having = [column in part for part in parts]
        if any(having) and not all(having):
            file = list(files.values())[having.index(False)]
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
    bars = _pivot(parts, str(folder), adjust)
    columns.report(bars.lines)
    if adjust:
        tell_splits(bars, str(folder))
    return bars


def read_index(path: str | Path) -> pd.DataFrame:
    """Read a benchmark: columns ``date`` and ``close``, and any further numeric ones.

    Returns
    -------
    pandas.DataFrame
        Indexed by naive session dates; the checks and errors are those of ``read_table``.
    """
    frame = Columns(str(path)).take(_read_file(Path(path)), str(path))
    symbols = frame["symbol"].unique().tolist() if "symbol" in frame else []
    if len(symbols) > 1:
        raise DataError(
            f"{path}: column 'symbol' has {len(symbols)} symbols ({symbols[0]}, {symbols[1]}, …); "
            "a benchmark file holds one index."
        )
    frame["symbol"] = "INDEX"
    part = checked(frame, str(path))[0]
    rows = part[part["close"].notna()].drop(columns="symbol")
    if rows.empty:
        raise DataError(f"{path}: no row has a close; give the index's daily closes.")
    return rows.set_index("date")


def symbol_files(folder: Path) -> dict[str, Path]:
    """Return symbol to file for the files of a folder that may hold a symbol's bars."""
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        symbol, suffix = split_suffix(file)
        if not suffix or not symbol or symbol.startswith(".") or symbol in NOT_SYMBOLS:
            continue
        if wrong := fault(symbol):
            raise DataError(f"{folder}: the name of the file {wrong}; rename it.")
        if symbol in found:
            raise DataError(
                f"{folder}: {found[symbol].name} and {file.name} are both {symbol}; remove one."
            )
        found[symbol] = file
    return found


def split_suffix(file: Path) -> tuple[str, str]:
    """Return stem and suffix; the suffix is empty if this is no table we read."""
    for suffix in SUFFIXES:
        if file.name.lower().endswith(suffix):
            return file.name[: -len(suffix)], suffix
    return file.name, ""


def _with_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a shallow copy with lower-case column names and ``date`` and ``symbol`` as columns."""
    names = [str(n).strip().lower() for n in frame.index.names if n is not None]
    if set(names) & {"date", "symbol"} or isinstance(frame.index, pd.DatetimeIndex):
        if names == []:
            frame = frame.rename_axis("date")
        frame = frame.reset_index()
    return frame.rename(columns=lambda c: str(c).strip().lower())


def _read_file(path: Path) -> pd.DataFrame:
    if path.is_dir():
        raise DataError(f"{path}: this is a folder; give a file, or use read_folder or load.")
    if not path.exists():
        raise DataError(f"{path}: there is no such file; check the path.")
    suffix = split_suffix(path)[1]
    if not suffix:
        raise DataError(
            f"{path}: unknown kind of file; expected {', '.join(SUFFIXES)}. Convert it first."
        )
    try:
        check_file_width(path)
        if suffix == ".parquet":
            return _with_columns(pd.read_parquet(path))
        header = pd.read_csv(path, nrows=0, encoding="utf-8-sig").columns
        text = {c for c in header if str(c).strip().lower() in ("date", "symbol")}
        # "NA" and "NAN" are symbols like any other: only numbers may be spelled empty
        empty = {c: EMPTY for c in header if c not in text}
        frame = _with_columns(
            pd.read_csv(
                path,
                dtype=dict.fromkeys(text, str),
                keep_default_na=False,
                na_values=empty,
                encoding="utf-8-sig",
                low_memory=False,
            )
        )
        if list(frame.columns).count("symbol") == 1:
            frame["symbol"] = from_cells(frame["symbol"])
        return frame
    except DataError:
        raise
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text; save it as UTF-8 ({error.reason}).") from error
    except pd.errors.EmptyDataError:
        raise DataError(f"{path}: the file is empty; write a header line and rows.") from None
    except (OSError, EOFError, ValueError, csv.Error) as error:  # incl. ParserError, BadGzip
        raise DataError(f"{path}: cannot be read as {suffix} ({error}); write it anew.") from error


def check_file_width(path: Path) -> None:
    """Refuse a file of too many columns before its rows are read, which would take minutes."""
    if path.name.lower().endswith(".parquet"):
        import pyarrow.parquet as pq

        check_width(len(pq.read_schema(path)), str(path))
        return
    zipped = path.name.lower().endswith(".gz")
    with gzip.open(path, "rb") if zipped else path.open("rb") as binary:
        text = io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")
        check_width(len(next(csv.reader(text), [])), str(path))


def _pivot(parts: Iterable[pd.DataFrame], source: str, adjust: bool) -> Bars:
    """Spread checked rows over (days, assets)."""
    rows = pd.concat(list(parts), ignore_index=True)
    names = sorted(rows["symbol"].unique())
    rows = rows[rows["close"].notna()]
    if rows.empty:
        raise DataError(f"{source}: no row has a close; there is nothing to trade.")
    column = pd.Index(names).get_indexer(pd.Index(rows["symbol"]))
    days, day = np.unique(rows["date"].to_numpy(), return_inverse=True)
    shape = (len(days), len(names))
    factor = rows["adjfactor"].to_numpy() if adjust and "adjfactor" in rows else None
    lines = {}
    for name in rows.columns.drop(["date", "symbol"]):
        values = rows[name].to_numpy()
        if np.isnan(values).all():
            continue
        if factor is not None and name in PRICE_LINES:
            values = values * factor
        elif factor is not None and name == "volume":
            values = values / factor
        line = np.full(shape, np.nan)
        line[day, column] = values
        lines[str(name)] = line
    return Bars(pd.DatetimeIndex(days), tuple(names), lines)
