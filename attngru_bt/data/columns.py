"""The columns of a table: which ones become lines, and which ones are left out.

Any numeric column that is not known becomes a line, and such a line is a factor. Some columns are
meant to be factors, others leak the future (a target, the return of next month), so warnings name
them.
"""

from __future__ import annotations

import datetime
import logging
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

import numpy as np
import pandas as pd

from attngru_bt import checks
from attngru_bt.data.bars import DataError
from attngru_bt.data.rows import GROUP_LINES, KNOWN
from attngru_bt.data.shapes import WIDE, long
from attngru_bt.data.translation import Translation

log = logging.getLogger(__name__)

NEEDED = ("date", "symbol", "close")
MARKET_COLUMNS = (
    *KNOWN, *GROUP_LINES, "dividend_yield", "st", "delisting", "benchmark", "benchmark_open",
)  # fmt: skip
"""Columns with a known meaning. Any other numeric column is a factor as it is."""
MAX_COLUMNS = 5_000
"""A table with more columns does not have one row per symbol and day; reading it takes minutes."""
SHOWN = 10  # names in a message

# names of prices and volumes that vendors adjust by later events, without the characters between
# words: Adj Close, adj_close, close_adj, adjusted_close, close_qfq, ...
_LINE = "(open|high|low|close|price|closeprice|volume)"
_ADJUSTED = re.compile(f"(adj|adjusted|qfq){_LINE}|{_LINE}(adj|adjusted|qfq)")

_CELLS = (str, bool, int, float, Decimal, np.generic, datetime.date, type(None), type(pd.NA))


class Columns:
    """The columns of a data set, which may consist of many files.

    Parameters
    ----------
    source : str
        Name of the data set in messages.
    ignore : iterable of str
        Columns to leave out; upper and lower case do not matter.
    columns : mapping of str to str, optional
        Our names and theirs, see `Translation`.

    Raises
    ------
    TypeError
        If `ignore` is a single string, or `columns` no mapping.
    DataError
        If `ignore` names a column that is needed.
    """

    def __init__(
        self, source: str, ignore: Iterable[str] = (), columns: Mapping[str, str] | None = None
    ) -> None:
        checks.list_of_names("ignore", ignore)
        self.source = source
        self.ignore = {str(name).strip().lower() for name in ignore}
        for name in NEEDED:
            if name in self.ignore:
                raise DataError(f"`ignore` cannot leave out {name!r}: every table needs it.")
        self.translation = Translation(columns)
        self._ignored: set[str] = set()  # those of `ignore` that were there
        self._adjusted: dict[str, None] = {}  # left out as adjusted, in order of appearance
        self._seen: dict[str, None] = {}  # all columns, in order of appearance

    def take(
        self, frame: pd.DataFrame, source: str, symbol: str | None = None, *, is_index: bool = False
    ) -> pd.DataFrame:
        """Return a table in our columns and units, without the columns to leave out.

        Parameters
        ----------
        frame : pandas.DataFrame
            Columns as the source has them.
        source : str
            File, for messages.
        symbol : str, optional
            The symbol of all rows, if the table is that of one.
        is_index : bool, default False
            Whether this symbol is an index.

        Raises
        ------
        DataError
            If a column holds bytes, lists or other objects, there are too many columns, or it
            cannot be told what a column is.
        """
        check_width(len(frame.columns), source)
        if frame.columns.nlevels == 1:
            frame = self._without_ignored(frame)
        # a table with a column per symbol becomes one with a row per symbol and day
        dates = {theirs.name for ours, theirs in self.translation.columns.items() if ours == "date"}
        frame, shape = long(frame, source, dates, wide=symbol is None)
        if shape:
            self.translation.notes[shape] = None
        frame = frame.rename(columns=lambda name: str(name).strip().lower())
        frame = self._without_ignored(frame)  # again, by the names that it has now
        for position, name in enumerate(frame.columns):
            _check_cells(frame.iloc[:, position], str(name), source)
        checks.no_duplicates(
            f"{source}: column", frame.columns, "rename or remove one of them", DataError
        )
        if shape != WIDE:
            frame = self.translation(frame, source, symbol, is_index=is_index)
        return frame[self.keep(map(str, frame.columns))]

    def _without_ignored(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a table without the columns to leave out, and remember them."""
        names = [str(name).strip().lower() for name in frame.columns]
        self._seen |= dict.fromkeys(names)
        self._ignored |= self.ignore & set(names)
        return frame.loc[:, [name not in self.ignore for name in names]]

    def keep(self, names: Iterable[str]) -> list[str]:
        """Return the names of the columns to keep: neither ignored nor adjusted by later events."""
        names = list(names)
        ignored = [name for name in names if name.lower() in self.ignore]
        self._ignored.update(name.lower() for name in ignored)
        adjusted = [name for name in names if name not in ignored and is_adjusted(name)]
        self._adjusted |= dict.fromkeys(adjusted)
        self._seen |= dict.fromkeys(names)
        return [name for name in names if name not in ignored and name not in adjusted]

    def report(self, lines: Iterable[str] = ()) -> None:
        """Warn of adjusted prices that were left out, and of lines that become factors.

        Parameters
        ----------
        lines : iterable of str
            The lines of the data set.

        Raises
        ------
        DataError
            If a column to ignore is in none of the files.
        """
        self.translation.report(self.source)
        for name in sorted(self.ignore - self._ignored):
            raise DataError(
                f"{self.source}: `ignore` names the column {name!r}, which is not there"
                f"{checks.nearest(name, self._seen)}"
            )
        if self._adjusted:
            names = list(self._adjusted)
            log.warning(
                "%s: %s left out: prices adjusted by splits and dividends that came later know "
                "the future. Bring a backward 'adjfactor' instead (docs/data_format.md); %s takes "
                "this message away.",
                self.source,
                f"column {names[0]!r} is" if len(names) == 1 else f"columns {_listed(names)} are",
                how_to_ignore(names),
            )
        names = [name for name in lines if name not in MARKET_COLUMNS]
        if names:
            log.warning(
                "%s: %d further column%s: %s. Values that were not known on their date (a target, "
                "a later return, a restated figure) leak; leave such columns out with %s.",
                self.source,
                len(names),
                " becomes a factor" if len(names) == 1 else "s become factors",
                _listed(names),
                how_to_ignore(names),
            )


def is_adjusted(name: str) -> bool:
    """Whether the name of a column is that of a price or volume adjusted by later events."""
    return _ADJUSTED.fullmatch(re.sub(r"[^a-z0-9]", "", name.lower())) is not None


def check_width(n_columns: int, source: str) -> None:
    """Refuse a table with so many columns that it has one per symbol."""
    if n_columns > MAX_COLUMNS:
        raise DataError(
            f"{source}: has {n_columns:,} columns, at most {MAX_COLUMNS:,} are read. A table has "
            "one row per symbol and day; turn one with a column per symbol into that form with "
            "frame.melt(id_vars='date', var_name='symbol', value_name='close')."
        )


def _check_cells(column: pd.Series, name: str, source: str) -> None:
    """Refuse a column of values that are not numbers, text or dates."""
    if column.dtype != object:
        return
    for kind in set(map(type, column.to_numpy())):
        if issubclass(kind, _CELLS):
            continue
        row = next(i for i, value in enumerate(column) if type(value) is kind) + 1
        what = "binary" if issubclass(kind, (bytes, bytearray, memoryview)) else "made of objects"
        advice = (
            "write it as text or numbers"
            if name in (*NEEDED, *KNOWN)
            else f"leave it out with {how_to_ignore([name])}"
        )
        raise DataError(
            f"{source}: column {name!r} is {what} (row {row} holds a {kind.__name__}), not numbers "
            f"or text; {advice}."
        )


def _listed(names: list[str]) -> str:
    """List some names for a message, quoted."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(repr, names[:SHOWN])) + more


def how_to_ignore(names: list[str]) -> str:
    """Return how columns are left out in Python and on the command line."""
    option = ",".join(names[:SHOWN])
    option = f'"{option}"' if " " in option else option
    more = ", …" if len(names) > SHOWN else ""
    return f"ignore=[{', '.join(map(repr, names[:SHOWN]))}{more}] (--ignore {option}{more})"
