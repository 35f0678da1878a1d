"""From the columns of a source to our own: names, units, and a factor of adjusted closes."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from attngru_bt import checks
from attngru_bt.data.adjusted import with_factor
from attngru_bt.data.bars import DataError, first
from attngru_bt.data.codes import is_code
from attngru_bt.data.layouts import DATES, OWN, SYMBOLS, Layout, Unit, recognize
from attngru_bt.data.rows import EMPTY
from attngru_bt.data.units import Doubt, check_fit

log = logging.getLogger("attngru_bt.data.layouts")

_TIMES = re.compile(r"(?P<name>.+?)\s*\*\s*(?P<factor>\d+(\.\d+)?(e-?\d+)?)", re.IGNORECASE)


@dataclass(frozen=True)
class Given:
    """What the user says of a column of ours: the name of theirs, and its unit."""

    name: str
    factor: float = 1.0


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
        self.columns = _given(columns or {})
        self.said: dict[str, None] = {}
        self._doubts: dict[str, list[str]] = {}

    @property
    def words(self) -> set[str]:
        """Columns that are to be read as text, in lower case."""
        return {theirs.name for ours, theirs in self.columns.items() if ours in ("date", "symbol")}

    def __call__(
        self, frame: pd.DataFrame, source: str, symbol: str | None = None, *, is_index: bool = False
    ) -> pd.DataFrame:
        """Return a table in our columns; its own are in lower case.

        Parameters
        ----------
        frame : pandas.DataFrame
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
        _check_rows(frame, layout, source, self._doubt)
        frame = frame.drop(columns=unused).rename(columns=names)
        if symbol is not None:
            _one_symbol(frame, source)
            frame = frame.assign(symbol=symbol)
        if not is_index:
            _check_units(frame, layout, names, units, source)
        if layout.newest_first and _falls(frame):
            frame = frame.iloc[::-1].reset_index(drop=True)
        frame = frame.assign(
            **{names.get(name, name): _times(frame[names.get(name, name)], unit.factor)
               for name, unit in units.items()}
        )  # fmt: skip
        frame, of_adjusted = with_factor(frame, layout, source, self._doubt)
        check_fit(frame, source, None if layout is OWN else self._doubt)
        self._say(layout, names, units, of_adjusted, unused)
        return frame

    def report(self, source: str) -> None:
        """Log what was recognized of a data set, and warn of what is doubtful in its files."""
        if self.said:
            log.info("%s: %s", source, "; ".join(self.said))
        for texts in self._doubts.values():
            more = f" So it is in {len(texts)} files." if len(texts) > 1 else ""
            log.warning("%s%s", texts[0], more)

    def _doubt(self, kind: str, text: str) -> None:
        """Remember a warning; of each kind the first one is told."""
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
        known = {"date", "symbol", "open", "close"} <= set(homes)
        if layout is OWN and known and "vol" in homes and "volume" not in homes:
            raise DataError(
                f"{source}: column 'vol' may be shares or lots of 100; say which: "
                "columns={'volume': 'vol'} (--columns volume=vol) if it is shares, 'vol*100' if "
                "it is lots. If it is no volume, ignore=['vol'] (--ignore vol) leaves it out."
            )
        return names, units

    def _say(
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
            parts.append(", ".join(f"{name} in {unit.words}" for name, unit in units.items()))
        if of_adjusted:
            parts.append(of_adjusted)
        if layout.said and not (layout.name == "yfinance" and not of_adjusted):
            parts.append(layout.said)
        if unused:
            parts.append(f"not used: {', '.join(unused)}")
        if parts:
            self.said["; ".join(parts)] = None


def _given(columns: Mapping[str, str]) -> dict[str, Given]:
    """Check what the user says of columns."""
    if not isinstance(columns, Mapping):
        raise TypeError(
            f"`columns` must be a mapping such as {{'date': 'trade_date'}}; got {columns!r}."
        )
    given = {}
    for ours, theirs in columns.items():
        if not isinstance(ours, str) or not isinstance(theirs, str) or not theirs.strip():
            raise TypeError(f"`columns` must map names to names; got {ours!r}: {theirs!r}.")
        match = _TIMES.fullmatch(theirs.strip())
        name, factor = (match["name"], float(match["factor"])) if match else (theirs, 1.0)
        if not factor > 0:
            raise ValueError(f"`columns`: the factor of {theirs!r} must be positive.")
        given[ours.strip().lower()] = Given(name.strip().lower(), factor)
    checks.no_duplicates(
        "`columns`: the column", [theirs.name for theirs in given.values()], "name it once"
    )
    return given


def _alias(
    frame: pd.DataFrame,
    ours: str,
    aliases: Iterable[str],
    columns: Mapping[str, Given],
    source: str,
) -> dict[str, str]:
    """Return which column is our date or symbol in a table that has no column of that name."""
    if ours in frame or ours in columns:
        return {}
    taken = {theirs.name for theirs in columns.values()}
    found = [name for name in aliases if name in frame and name not in taken]
    if len(found) > 1:
        raise DataError(
            f"{source}: columns {found[0]!r} and {found[1]!r} may both be the {ours}; say which: "
            f"columns={{{ours!r}: {found[0]!r}}} (--columns {ours}={found[0]}), or {found[1]!r}."
        )
    return {name: ours for name in found}


def _check_rows(frame: pd.DataFrame, layout: Layout, source: str, doubt: Doubt) -> None:
    """Check columns that say what kind of rows a source has given."""
    if "<per>" in frame and layout.name == "Stooq":
        for i in first((frame["<per>"].astype(str).str.strip() != "D").to_numpy()):
            raise DataError(
                f"{source}: row {i + 1} has <PER> {frame['<per>'].iloc[i]}; give Stooq's daily "
                "data, of which each row has D."
            )
    if "adjustflag" in frame and layout.name == "baostock":
        flags = set(frame["adjustflag"].astype(str).str.strip())
        if flags - {"1", "2", "3"} or len(flags) > 1:
            raise DataError(
                f"{source}: adjustflag must be 3 (as traded), 1 or 2 in all rows; got "
                f"{', '.join(sorted(flags))}."
            )
        if flags == {"2"}:
            doubt(
                "adjustflag",
                f"{source}: adjustflag 2: the prices are adjusted by splits and dividends that "
                "came later, and know the future; ask baostock for adjustflag='3'.",
            )


def _one_symbol(frame: pd.DataFrame, source: str) -> None:
    """Refuse many symbols where one is expected: in a folder of files, and in an index."""
    if "symbol" in frame and frame["symbol"].nunique() > 1:
        names = frame["symbol"].unique()
        raise DataError(
            f"{source}: column 'symbol' has {len(names)} symbols ({names[0]}, {names[1]}, …); a "
            "benchmark file holds one index, and a file in a folder the symbol it is named after: "
            "join such files into one table."
        )


def _check_units(
    frame: pd.DataFrame,
    layout: Layout,
    names: Mapping[str, str],
    units: Mapping[str, Unit],
    source: str,
) -> None:
    """Refuse units that a source has for Chinese stocks only, on others."""
    doubtful = [name for name in layout.of_codes if name in units and name in layout.units]
    doubtful = [name for name in doubtful if units[name] is layout.units[name]]
    if not doubtful or "symbol" not in frame:
        return
    for name in frame["symbol"].unique():
        if not is_code(str(name)):
            if str(name).isdigit() and len(str(name)) < 5:
                raise DataError(
                    f"{source}: symbol {name!r} has lost the zeros in front of it; write it with "
                    "six digits, as text."
                )
            column, unit = doubtful[0], units[doubtful[0]]
            ours = names.get(column, column)
            raise DataError(
                f"{source}: {layout.name} gives {column!r} in {unit.words} for Chinese stocks and "
                f"in single ones for others; {name!r} may be either. Say which: "
                f"columns={{{ours!r}: '{column}*{unit.factor:g}'}} (--columns "
                f"{ours}={column}*{unit.factor:g}), or {column!r} without a factor"
                f"{'; also for ' + repr(doubtful[1]) if doubtful[1:] else ''}."
            )


def _falls(frame: pd.DataFrame) -> bool:
    """Tell whether the dates of the first symbol fall."""
    own = frame
    if "symbol" in frame and len(frame):
        own = frame[frame["symbol"] == frame["symbol"].iloc[0]]
    dates = own["date"].iloc[:2].astype(str).tolist()
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
