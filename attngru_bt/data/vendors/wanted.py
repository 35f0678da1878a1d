"""The universe to download as a user writes it: the name of an index, a file, or symbols."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from attngru_bt import checks
from attngru_bt.data.bars import DataError
from attngru_bt.data.codes import INDEXES
from attngru_bt.data.membership import COLUMNS, Membership
from attngru_bt.data.names import from_cell
from attngru_bt.data.raw import encoding_of, names_a_file
from attngru_bt.data.vendors.base import Members


@dataclass(frozen=True)
class Wanted:
    """A universe to download: either the name of an index, or members."""

    text: str
    index: str | None
    members: Members | None


def wanted(
    text: str, symbol: Callable[[str], str], start: pd.Timestamp, end: pd.Timestamp
) -> Wanted:
    """Parse ``sse50``, ``members.csv``, ``symbols.txt`` or ``600000.SH,000001.SZ``.

    Parameters
    ----------
    text : str
        One of `INDEXES`; or a file with one symbol per line, or a CSV with a column symbol, or with
        symbol, in_date and out_date, which are then the stays; or symbols between commas.
    symbol : callable
        Returns the vendor's spelling of a symbol, or raises ValueError.
    start, end : pandas.Timestamp
        Symbols that were no members on any day between them are left out.

    Raises
    ------
    ValueError
        If the text is neither; the message has the nearest name.
    DataError
        If a file has no symbols or wrong dates.
    """
    if text.strip().lower() in INDEXES:
        return Wanted(text, text.strip().lower(), None)
    if names_a_file(text):
        return Wanted(text, None, _from_file(Path(text), symbol, start, end))
    given = [part.strip() for part in text.split(",") if part.strip()]
    try:
        names = [symbol(part) for part in given]
    except ValueError as error:
        if len(given) > 1:
            raise
        raise ValueError(
            f"`universe` must be one of {', '.join(INDEXES)}, a file, or symbols between commas; "
            f"got {text!r}{checks.nearest(text, INDEXES)} ({error})"
        ) from error
    if not names:
        raise ValueError(
            f"`universe` must be one of {', '.join(INDEXES)}, a file, or symbols; got {text!r}."
        )
    return Wanted(text, None, Members(tuple(dict.fromkeys(names)), None))


def _from_file(
    path: Path, symbol: Callable[[str], str], start: pd.Timestamp, end: pd.Timestamp
) -> Members:
    """Read a file of members with dates, or of symbols, one a line."""
    try:
        encoding = encoding_of(path)
        lines = path.read_text(encoding=encoding).splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text; save it as UTF-8 ({error.reason}).") from error
    header = [cell.strip().lower() for cell in lines[0].split(",")] if lines else []
    if set(COLUMNS) <= set(header):
        Membership.from_csv(path)  # for its checks alone
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding=encoding)
        frame = frame.rename(columns=lambda c: str(c).strip().lower())[list(COLUMNS)]
        into = pd.to_datetime(frame["in_date"], format="ISO8601")
        out = pd.to_datetime(frame["out_date"].str.strip().replace("", None), format="ISO8601")
        frame = frame[(into <= end) & (out.isna() | (out > start))].reset_index(drop=True)
        frame["symbol"] = [_in_file(path, symbol, text) for text in frame["symbol"]]
        names, stays = frame["symbol"].tolist(), frame
    else:
        column = header.index("symbol") if "symbol" in header else 0
        rows = [line.split(",") for line in lines[1 if "symbol" in header else 0 :]]
        cells = [row[column].strip() for row in rows if len(row) > column]
        names, stays = [_in_file(path, symbol, cell) for cell in cells if cell], None
    if not names:
        raise DataError(
            f"{path}: no symbols for {start:%Y-%m-%d} .. {end:%Y-%m-%d}; write one a line, or "
            f"{','.join(COLUMNS)}."
        )
    return Members(tuple(sorted(set(names))), stays)


def _in_file(path: Path, symbol: Callable[[str], str], text: str) -> str:
    """Return a symbol of a file in our spelling; a DataError names the file."""
    try:
        return symbol(from_cell(text))
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error
