"""From the columns of a source to our own: names, units, and a factor of adjusted closes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

import pandas as pd

from attngru_bt import checks
from attngru_bt.data.adjusted import with_factor
from attngru_bt.data.bars import DataError
from attngru_bt.data.layout_checks import check_one_symbol, check_rows, check_units_of_codes
from attngru_bt.data.layouts import DATES, OWN, SYMBOLS, Layout, Unit, recognize
from attngru_bt.data.named_columns import NamedColumn, named_columns
from attngru_bt.data.rows import EMPTY
from attngru_bt.data.units import check_fit

log = logging.getLogger(__name__)


class Translation:
    """Turns the tables of a data set, which may consist of many files, into ours.

    Parameters
    ----------
    columns : mapping of str to str
        Our names and theirs, with a factor if the unit is another: ``{"volume": "vol*100"}``.

    Raises
    ------
    TypeError
        If `columns` is no mapping of text to text.
    """

    def __init__(self, columns: Mapping[str, str] | None = None) -> None:
        self.columns = named_columns(columns or {})
        self.notes: dict[str, None] = {}  # what was recognized, in order of appearance
        self._doubts: dict[str, list[str]] = {}  # warnings by kind

    @property
    def text_columns(self) -> set[str]:
        """Columns that are to be read as text, in lower case."""
        return {theirs.name for ours, theirs in self.columns.items() if ours in ("date", "symbol")}

    def __call__(
        self, frame: pd.DataFrame, source: str, symbol: str | None = None, *, is_index: bool = False
    ) -> pd.DataFrame:
        """Return a table in our columns and units.

        Parameters
        ----------
        frame : pandas.DataFrame
            Names of columns in lower case.
        source : str
            File, for messages.
        symbol : str, optional
            The symbol of all rows, if the table is that of one.
        is_index : bool, default False
            Whether it is an index, whose name need not be a code.

        Raises
        ------
        DataError
            If two columns are one line of ours, or a unit or layout cannot be told.
        """
        layout = recognize(frame.columns, source)
        names, units = self._names(frame, layout, source)
        unused = [name for name in layout.unused if name in frame and name not in names]
        check_rows(frame, layout, source, self._doubt)
        frame = frame.drop(columns=unused).rename(columns=names)
        if symbol is not None:
            check_one_symbol(frame, source)
            frame = frame.assign(symbol=symbol)
        if not is_index:
            check_units_of_codes(frame, layout, names, units, source)
        if layout.newest_first and _falls(frame):
            frame = frame.iloc[::-1].reset_index(drop=True)
        frame = frame.assign(
            **{names.get(name, name): _times(frame[names.get(name, name)], unit.factor)
               for name, unit in units.items()}
        )  # fmt: skip
        frame, of_adjusted = with_factor(frame, layout, source, self._doubt)
        check_fit(frame, source, None if layout is OWN else self._doubt)
        self._note(layout, names, units, of_adjusted, unused)
        return frame

    def report(self, source: str) -> None:
        """Log what was recognized of a data set, and warn of what is doubtful in its files."""
        if self.notes:
            log.info("%s: %s", source, "; ".join(self.notes))
        for texts in self._doubts.values():
            more = f" So it is in {len(texts)} files." if len(texts) > 1 else ""
            log.warning("%s%s", texts[0], more)

    def _doubt(self, kind: str, text: str) -> None:
        """Remember a warning; `report` logs the first one of each kind."""
        self._doubts.setdefault(kind, []).append(text)

    def _names(
        self, frame: pd.DataFrame, layout: Layout, source: str
    ) -> tuple[dict[str, str], dict[str, Unit]]:
        """Return our names and the units of the columns of a table, by their names."""
        names = {theirs: ours for theirs, ours in layout.names.items() if theirs in frame}
        units = {theirs: unit for theirs, unit in layout.units.items() if theirs in frame}
        for ours, aliases in (("date", DATES), ("symbol", SYMBOLS)):
            if ours not in names.values():
                names |= _alias(frame, ours, aliases, self.columns, source)
        for ours, given in self.columns.items():
            if given.name not in frame:
                raise DataError(
                    f"{source}: `columns` names {given.name!r} as {ours}, which is not there"
                    f"{checks.nearest(given.name, frame.columns)}"
                )
            names = {k: v for k, v in names.items() if v != ours and k != given.name}
            units.pop(given.name, None)
            names[given.name] = ours
            if given.factor != 1:
                units[given.name] = Unit(given.factor, f"units of {given.factor:g}")
        homes: dict[str, str] = {}
        for theirs in map(str, frame.columns):
            ours = names.get(theirs, theirs)
            if ours in homes:
                raise DataError(
                    f"{source}: columns {homes[ours]!r} and {theirs!r} may both be {ours!r}; leave "
                    f"out the other one: ignore=[{theirs!r}] (--ignore {theirs}), or "
                    f"{homes[ours]!r}."
                )
            homes[ours] = theirs
        is_panel = {"date", "symbol", "open", "close"} <= set(homes)
        if layout is OWN and is_panel and "vol" in homes and "volume" not in homes:
            raise DataError(
                f"{source}: column 'vol' may be shares or lots of 100; say which: "
                "columns={'volume': 'vol'} (--columns volume=vol) if it is shares, 'vol*100' if "
                "it is lots. If it is no volume, ignore=['vol'] (--ignore vol) leaves it out."
            )
        return names, units

    def _note(
        self,
        layout: Layout,
        names: Mapping[str, str],
        units: Mapping[str, Unit],
        of_adjusted: str,
        unused: list[str],
    ) -> None:
        """Remember what was recognized, once for a data set."""
        parts = [] if layout is OWN else [f"{layout.name} layout"]
        if layout is OWN and names:
            renamed = [f"{ours} from {theirs!r}" for theirs, ours in names.items()]
            parts.append(", ".join(renamed))
        if units:
            parts.append(", ".join(f"{name} in {unit.name}" for name, unit in units.items()))
        if of_adjusted:
            parts.append(of_adjusted)
        if layout.note and not (layout.name == "yfinance" and not of_adjusted):
            parts.append(layout.note)
        if unused:
            parts.append(f"not used: {', '.join(unused)}")
        if parts:
            self.notes["; ".join(parts)] = None


def _alias(
    frame: pd.DataFrame,
    ours: str,
    aliases: Iterable[str],
    columns: Mapping[str, NamedColumn],
    source: str,
) -> dict[str, str]:
    """Return which column is our date or symbol in a table that has no column of that name."""
    if ours in frame or ours in columns:
        return {}
    taken = {theirs.name for theirs in columns.values()}
    candidates = [name for name in aliases if name in frame and name not in taken]
    if len(candidates) > 1:
        first, second = candidates[:2]
        raise DataError(
            f"{source}: columns {first!r} and {second!r} may both be the {ours}; say which: "
            f"columns={{{ours!r}: {first!r}}} (--columns {ours}={first}), or {second!r}."
        )
    return {name: ours for name in candidates}


def _falls(frame: pd.DataFrame) -> bool:
    """Tell whether the rows of the first symbol begin with the newest one."""
    rows = frame
    if "symbol" in frame and len(frame):
        rows = frame[frame["symbol"] == frame["symbol"].iloc[0]]
    dates = rows["date"].iloc[:2].astype(str).tolist()
    return len(dates) == 2 and dates[0] > dates[1]


def _times(column: pd.Series, factor: float) -> pd.Series:
    """Return a column times a factor; text that is no number stays, to be refused later."""
    if factor == 1:
        return column
    if not pd.api.types.is_numeric_dtype(column.dtype):
        number = pd.to_numeric(column, errors="coerce")
        empty = column.isna() | column.astype(str).str.strip().isin(EMPTY)
        if (number.isna() & ~empty).any():
            return column
        column = number
    return column * factor
