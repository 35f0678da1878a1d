"""One backtrader feed and how far it has been read."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from attngru_bt.data.bars import DataError, first
from attngru_bt.data.dates import moved_to_utc
from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.sessions import EPOCH, FeedSessions

LEFT_OUT = ("datetime", "openinterest")
NO_DAY = -(10**9)  # earlier than any session
ENOUGH = 10  # rows in which some Friday shows


class NewRows(NamedTuple):
    """Rows of a feed that were delivered since the last reading.

    Attributes
    ----------
    start, stop : int
        The rows, days without a close included.
    days : int64 array
        Sessions of the rows, as ordinals; as a rule of those with a close.
    traded : slice or bool array
        Which of the rows these are.
    """

    start: int
    stop: int
    days: np.ndarray
    traded: slice | np.ndarray


@dataclass
class FeedCursor:
    """One feed and how far it has been read."""

    feed: Any
    name: str
    read: int = 0  # rows
    last: int = NO_DAY  # ordinal of the last session read
    checked: bool = False  # whether its stamps are no midnights that were moved to UTC
    clock: Any = field(init=False)
    sessions: FeedSessions = field(init=False)
    buffers: dict[str, Any] = field(init=False)  # line name -> backtrader LineBuffer

    def __post_init__(self) -> None:
        """Find the buffers of the lines."""
        lines = {str(n): self.feed.lines[i] for i, n in enumerate(self.feed.getlinealiases())}
        self.clock = lines["datetime"]
        self.sessions = FeedSessions(self.feed)
        self.buffers = {name: line for name, line in lines.items() if name not in LEFT_OUT}

    def new_rows(self, before: int, *, traded_only: bool = True) -> NewRows:
        """Return the rows delivered since the last reading, of sessions earlier than `before`.

        Parameters
        ----------
        before : int
            Ordinal of a session.
        traded_only : bool, default True
            Whether rows without a close are left out of `days` and `traded`.

        Raises
        ------
        DataError
            If rows have no date, repeat a session or go back in time, or the Cerebro does not keep
            them.
        """
        if getattr(self.clock, "useislice", False):
            raise DataError(
                f"feed {self.name!r}: this Cerebro runs with exactbars=1, which throws bars away "
                "that the factors look back on; use exactbars=0, -1 or -2."
            )
        # slicing copies; a view on the array itself would forbid the feed to let it grow
        times = np.frombuffer(self.clock.array[self.read : len(self.feed)])
        for i in first(np.isnan(times)):
            raise DataError(
                f"feed {self.name!r}: row {self.read + i} has no date; run Cerebro without oldsync."
            )
        days = self.sessions.days_of(times)
        step = np.diff(days, prepend=self.last)
        for i in first(step <= 0):
            date = datetime.date.fromordinal(int(days[i]))
            if step[i] == 0:
                raise DataError(
                    f"feed {self.name!r}: has several bars on {date}; give daily bars "
                    "(cerebro.resampledata(feed, timeframe=bt.TimeFrame.Days))."
                )
            raise DataError(
                f"feed {self.name!r}: goes back in time to {date}; sort its rows by date."
            )
        if not self.checked and len(self.feed) >= ENOUGH:
            self._check_zone()
        n_rows = int(np.searchsorted(days, before))
        start, stop, days = self.read, self.read + n_rows, days[:n_rows]
        traded = ~np.isnan(self.values("close", start, stop))
        if traded.all() or not traded_only:
            return NewRows(start, stop, days, slice(None))
        return NewRows(start, stop, days[traded], traded)

    def _check_zone(self) -> None:
        """Refuse midnights east of Greenwich that were converted to UTC."""
        self.checked = True
        times = np.frombuffer(self.clock.array[: len(self.feed)])
        days = self.sessions.days_of(times)
        dates = (days - EPOCH).astype("datetime64[D]")

        def stamp(i: int) -> pd.Timestamp:
            return pd.Timestamp(bt.num2date(times[i])).round("s")

        for i in moved_to_utc(dates, stamp):
            raise DataError(
                f"feed {self.name!r}: its bar of {stamp(i)} is on a Sunday, and it has none on "
                "Fridays: they seem to be the next days of an exchange east of UTC, whose "
                "midnights were converted to UTC; give the dates as the exchange writes them, "
                "such as with "
                "frame.index.tz_localize('UTC').tz_convert('Asia/Shanghai').tz_localize(None)."
            )

    def take(self, rows: NewRows) -> None:
        """Count these rows as read."""
        self.read = rows.stop
        if len(rows.days):
            self.last = int(rows.days[-1])

    def values(self, line: str, start: int, stop: int) -> np.ndarray:
        """Return a copy of some rows of a line."""
        return np.frombuffer(self.buffers[line].array[start:stop])
