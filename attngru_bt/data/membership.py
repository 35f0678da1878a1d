"""Membership of an index at a point in time: who may be held on a date."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from attngru_bt import checks
from attngru_bt.data.bars import DataError, DateLike, first
from attngru_bt.data.codes import other_spellings
from attngru_bt.data.names import fault, from_cells
from attngru_bt.data.raw import encoding_of

COLUMNS = ("symbol", "in_date", "out_date")
GAP = 7  # days; so short an absence from an index is more likely a mistake in the file


class Universe(Protocol):
    """Anything that tells who may be held on a date."""

    def at(self, date: Any) -> frozenset[str]:
        """Return the names that may be held on ``date``."""
        ...


def names_at(universe: Universe, date: Any) -> frozenset[str]:
    """Return the names that a universe of whatever class has on a date.

    Raises
    ------
    TypeError
        If it answers with no collection of names.
    """
    names: Any = universe.at(date)
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise TypeError(
            f"`universe`: {type(universe).__name__}.at({pd.Timestamp(date).date()}) must return a "
            f"set of names; got {names!r}."
        )
    return frozenset(names)


class Membership:
    """Members of an index at a point in time: who was in it on a date, not who is in it today.

    Parameters
    ----------
    symbols : sequence of str
        One entry per stay in the index; a name that leaves and returns has several.
    in_dates : array of datetime64
        First day of each stay.
    out_dates : array of datetime64
        First day after each stay; NaT if it has not ended.
    source : str, default "membership"
        Where the stays come from, for messages.

    Raises
    ------
    DataError
        If a symbol is empty, an ``in_date`` is missing, or a stay ends before it begins.

    Examples
    --------
    >>> import pandas as pd
    >>> stays = pd.DataFrame({"symbol": ["A", "B"], "in_date": ["2020-01-01", "2020-06-15"],
    ...                       "out_date": ["2020-06-15", None]})
    >>> sorted(Membership.from_frame(stays).at("2020-06-15"))
    ['B']
    """

    def __init__(
        self,
        symbols: Iterable[str],
        in_dates: ArrayLike,
        out_dates: ArrayLike,
        source: str = "membership",
    ) -> None:
        names = list(symbols)
        self._in = _days_of(in_dates, names, "in_date", source)
        out = _days_of(out_dates, names, "out_date", source)
        if not len(names) == len(self._in) == len(out):
            raise DataError(f"{source}: symbols, in_dates and out_dates must have one length.")
        for name in names:
            if not isinstance(name, str) or not name.strip():
                raise DataError(
                    f"{source}: every symbol must be a non-empty string (read the column as text, "
                    f"or '000001' becomes 1); got {name!r}."
                )
            if wrong := fault(name.strip()):
                raise DataError(f"{source}: symbol {wrong}; write it without.")
        for i in first(np.isnat(self._in)):
            raise DataError(
                f"{source}: {names[i]} has no in_date; write the first day of its stay."
            )
        self._ends = out
        self._out = np.where(np.isnat(out), np.datetime64("9999-12-31"), out)
        for i in first(self._out <= self._in):
            raise DataError(
                f"{source}: {names[i]} has out_date {self._out[i]}, not after its in_date "
                f"{self._in[i]}; out_date is the first day no longer in the index."
            )
        self._names = np.array([name.strip() for name in names], dtype=object)
        self._source = source

    @classmethod
    def from_csv(cls, path: str | Path) -> Membership:
        """Read ``symbol,in_date,out_date`` from a CSV; an empty ``out_date`` means still in."""
        path = Path(path)
        try:
            frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding=encoding_of(path))
        except DataError:
            raise
        except FileNotFoundError:
            raise DataError(f"{path}: there is no such membership file; check the path.") from None
        except (OSError, ValueError) as error:
            raise DataError(
                f"{path}: cannot be read as CSV with columns {','.join(COLUMNS)} ({error})."
            ) from error
        names = [column for column in frame if str(column).strip().lower() == "symbol"]
        for column in names[:1]:
            frame[column] = from_cells(frame[column])
        return cls.from_frame(frame, source=str(path))

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, source: str = "membership") -> Membership:
        """Build from a DataFrame with columns ``symbol``, ``in_date`` and ``out_date``."""
        frame = frame.rename(columns=lambda c: str(c).strip().lower())
        for column in COLUMNS:
            if column not in frame.columns:
                raise DataError(
                    f"{source}: column {column!r} is missing; expected {','.join(COLUMNS)}, "
                    f"got {','.join(map(str, frame.columns))}."
                )
        symbols = frame["symbol"].tolist()
        return cls(
            symbols,
            _dates(frame["in_date"], symbols, "in_date", source),
            _dates(frame["out_date"], symbols, "out_date", source),
            source,
        )

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every name that was ever a member, sorted."""
        return tuple(sorted(set(self._names)))

    def at(self, date: DateLike) -> frozenset[str]:
        """Return the members on ``date``: in_date <= date < out_date."""
        day = np.datetime64(checks.date("date", date), "D")
        return frozenset(self._names[(self._in <= day) & (day < self._out)])

    def spelled(self, assets: Iterable[str], *, some: bool = True) -> Membership:
        """Return the membership with its names spelled as those of `assets`.

        Names of the same stock are ``600000.SH``, ``sh.600000``, ``SH600000``, ``600000.SS``,
        ``600000.XSHG`` and ``600000``; ``BRK.B`` and ``BRK-B``; ``AAPL`` and ``AAPL.US``. Names
        that are among the assets, or are no other spelling of one, stay as they are.

        Parameters
        ----------
        assets : iterable of str
        some : bool, default True
            Whether some of the members must be among the assets.

        Raises
        ------
        DataError
            If a name is another spelling of two assets, or none is of any.
        """
        assets = tuple(assets)
        unknown = set(self._names) - set(assets)
        if not unknown:
            return self
        ours = other_spellings(unknown, assets, self._source)
        if not ours:
            if some and unknown == set(self._names) and assets:
                name = min(unknown)
                raise DataError(
                    f"{self._source}: none of its {len(unknown)} members ({name}, …) has bars, "
                    f"whose names are {assets[0]}, …; write the members as the bars are named."
                )
            return self
        names = [ours.get(name, name) for name in self._names]
        return Membership(names, self._in, self._ends, self._source)

    def check(self, assets: Iterable[str]) -> list[str]:
        """Return one sentence per problem: overlapping stays, gaps, and members without bars.

        A gap is a time without any member, or of a few days between two stays of a name, as if
        ``out_date`` was meant as the last day of the stay.

        Parameters
        ----------
        assets : iterable of str
            The names with bars.

        Returns
        -------
        list of str
            Empty if there is no problem.
        """
        problems = []
        order = np.lexsort((self._in, self._names.astype(str)))
        for a, b in zip(order[:-1], order[1:], strict=True):
            if self._names[a] == self._names[b] and self._in[b] < self._out[a]:
                problems.append(
                    f"{self._source}: {self._names[a]} has overlapping stays, one from "
                    f"{self._in[a]} to {self._out[a]} and one from {self._in[b]}; join them."
                )
            elif self._names[a] == self._names[b] and 0 < _gap(self._out[a], self._in[b]) <= GAP:
                problems.append(
                    f"{self._source}: {self._names[a]} is out on {self._out[a]} and in again on "
                    f"{self._in[b]}; out_date is the first day no longer in: if it stayed, join "
                    f"the two."
                )
        # by first day: a stay that begins after all earlier ones have ended leaves a gap before it
        starts = np.sort(self._in)
        ends = np.maximum.accumulate(self._out[np.argsort(self._in, kind="stable")])
        for i in np.flatnonzero(starts[1:] > ends[:-1]):
            problems.append(
                f"{self._source}: nobody is a member from {ends[i]} to {starts[i + 1]}, so "
                f"nothing can be held then; add the stays of that time."
            )
        unknown = sorted(set(self._names) - set(assets))
        if unknown:
            shown = ", ".join(unknown[:10]) + (", …" if len(unknown) > 10 else "")
            problems.append(
                f"{self._source}: {len(unknown)} of {len(set(self._names))} members have no bars "
                f"({shown}); they can be neither scored nor held."
            )
        return problems

    def __len__(self) -> int:
        """Return the number of stays."""
        return len(self._names)

    def __repr__(self) -> str:
        """Return symbols and stays in one line."""
        return f"Membership({len(set(self._names))} symbols, {len(self)} stays)"


def _gap(left: np.datetime64, returned: np.datetime64) -> int:
    """Return the number of days between two stays."""
    return int((returned - left) / np.timedelta64(1, "D"))


def _dates(column: pd.Series, symbols: list[Any], name: str, source: str) -> np.ndarray:
    """Parse a date column; empty is NaT."""
    codes, values = pd.factorize(column, use_na_sentinel=True)
    days = np.full(len(values) + 1, "NaT", dtype="datetime64[D]")  # the last one is of empty cells
    for k, value in enumerate(values):
        if isinstance(value, str) and not value.strip():
            continue
        try:
            days[k] = np.datetime64(checks.date(name, value), "D")
        except ValueError:
            i = first(codes == k)[0]
            raise DataError(
                f"{source}: {symbols[i]} has {name} {value!r}; write it as YYYY-MM-DD."
            ) from None
    return days[codes]


def _days_of(dates: ArrayLike, names: list[Any], name: str, source: str) -> np.ndarray:
    """Return dates of any kind as datetime64[D]; of a stamp with a time zone, its local date."""
    if isinstance(dates, np.ndarray) and dates.dtype.kind == "M":
        return dates.astype("datetime64[D]")
    values: Any = dates
    column = pd.Series(values, dtype=None if len(values) else object)
    if len(column) != len(names):
        raise DataError(f"{source}: symbols, in_dates and out_dates must have one length.")
    return _dates(column, names, name, source)
