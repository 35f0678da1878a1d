"""Which session a bar of a backtrader feed belongs to; all other code asks this file.

backtrader keeps the time stamp of a bar as a number of days in UTC, whatever the source gave. The
session is the date that the source wrote:

1. A shift to UTC by ``tzinput`` is undone.
2. Stamps of a DataFrame are read as they are written there, in the zone of its index if it has one.
   The feed's ``tz`` only says how backtrader shows them: a midnight belongs to its own day.
3. Stamps of a CSV file are read as they are written there as well. Where `GenericCSVData` replaced
   them by ``sessionend`` in the zone ``tz``, the date is the one in ``tz``.
4. Other feeds (live, resampled) deliver moments, and the date is the one in ``tz``, if they have
   one; but a stamp at midnight UTC is a plain date.

Cerebro's own ``tz`` changes nothing. The session of a bar never depends on other feeds.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

EPOCH = dt.date(1970, 1, 1).toordinal()  # backtrader counts days as Python ordinals
SECOND = 1_000_000  # in microseconds, as are all times of day in this file
DAY = 86_400 * SECOND
SNAP = 5  # microseconds to which a time stamp as a float is exact
NEAR = 1_000  # microseconds by which backtrader's stamp may differ from the end of a session


class FeedSessions:
    """The sessions of one feed's bars, as ordinals (``datetime.date.toordinal``).

    Parameters
    ----------
    feed : backtrader feed
        Started by Cerebro; its time zone may become known later.
    """

    def __init__(self, feed: Any) -> None:
        self._stamps = feed.datetime
        source = feed
        while getattr(source, "_clone", False) and not _resampled(source):
            source = source.data
        self._source = source
        # a resampler stamps its bars itself, after tzinput was applied
        self._resampled = _resampled(source)
        parameters = getattr(source, "p", None)
        data = None if self._resampled else getattr(parameters, "dataname", None)
        self._frame = isinstance(data, pd.DataFrame)
        self._csv = not self._resampled and hasattr(parameters, "separator")
        self._ends = self._csv or self._resampled
        self._zone = _zone(data, parameters) if isinstance(data, pd.DataFrame) else None
        moved = getattr(parameters, "tzinput", None) or getattr(source, "_tzinput", None)
        # the usual case: stamps that are read and kept as they are written
        self._as_written = self._frame and self._zone is None and not moved
        end = getattr(parameters, "sessionend", None) or dt.time.max
        self._end = (end.hour * 3600 + end.minute * 60 + end.second) * SECOND + end.microsecond

    def rule(self) -> tuple[Any, ...] | None:
        """Return everything that the date of a stamp depends on; None: it is the date in UTC."""
        if self._as_written:
            return None
        moved = None if self._resampled else getattr(self._source, "_tzinput", None)
        zone = self._zone if self._frame else getattr(self._stamps, "_tz", None)
        if moved is None and zone is None:
            return None
        return moved, zone, self._end, self._frame, self._csv, self._ends

    def day(self, ago: int = 0) -> int:
        """Return the session of the newest bar, or of an earlier one (``ago=-1``)."""
        stamp = self._stamps[ago]
        return int(stamp) if self._as_written else self.day_of(stamp)

    def day_of(self, stamp: float) -> int:
        """Return the session of a bar with this time stamp."""
        rule = self.rule()
        return int(stamp) if rule is None else _day(stamp, *rule)

    def days_of(self, stamps: np.ndarray) -> np.ndarray:
        """Return the sessions of bars with these time stamps, int64 of the same shape."""
        rule = self.rule()
        if rule is None:
            return np.floor(stamps).astype(np.int64)
        return np.array([_day(stamp, *rule) for stamp in stamps.tolist()], dtype=np.int64)


class RunSessions:
    """The current session of a run: the latest session of all feeds' newest bars.

    Parameters
    ----------
    feeds : iterable of backtrader feeds
        All feeds of the run, started.
    """

    def __init__(self, feeds: Iterable[Any]) -> None:
        self._feeds = [(feed, FeedSessions(feed)) for feed in feeds]
        live = any(feed.islive() for feed, _ in self._feeds)  # may learn its zone later
        rules = {sessions.rule() for _, sessions in self._feeds}
        self._only = self._feeds[0][1] if len(rules) == 1 and not live else None
        self._latest = 0

    def day(self, stamp: float) -> int:
        """Return the ordinal of the current session; `stamp` is the newest of all feeds."""
        if self._only is not None:
            return self._only.day_of(stamp)
        newest = (sessions.day() for feed, sessions in self._feeds if len(feed))
        self._latest = max(self._latest, max(newest, default=0))
        return self._latest


def session_of(feed: Any, ago: int = 0) -> dt.date:
    """Return the session of a feed's newest bar, or of an earlier one (``ago=-1``)."""
    return dt.date.fromordinal(FeedSessions(feed).day(ago))


@functools.lru_cache(maxsize=1 << 16)
def _day(stamp: float, moved: Any, zone: Any, end: int, frame: bool, csv: bool, ends: bool) -> int:
    """Return the ordinal of the session that a stamp belongs to."""
    moment = _microseconds(stamp)
    if moved is not None:
        moment += _offset(moment, moved)
    if zone is None:
        return moment // DAY
    local = moment + _offset(moment, zone)
    if frame:  # of pandas: its stamps are exact, and no end of a session is put in their place
        return local // DAY
    # sessions that have passed their end, and the time since
    day, late = divmod(local - end + NEAR, DAY)
    # backtrader's rounding may have moved the end of a session to the next midnight
    if late < 2 * NEAR and (ends or day == local // DAY):
        return day
    if csv or moment % DAY == 0 or abs(moment % DAY - end) < NEAR:
        return moment // DAY
    return local // DAY


def _microseconds(stamp: float) -> int:
    """Return a stamp in microseconds, rounded to the second if it is that near."""
    day = int(stamp)
    time = round((stamp - day) * DAY)
    full = (time + SECOND // 2) // SECOND * SECOND
    return day * DAY + (full if abs(time - full) <= SNAP else time)


def _offset(moment: int, zone: dt.tzinfo) -> int:
    """Return the microseconds by which a zone is ahead of UTC at a moment in UTC."""
    day, time = divmod(moment, DAY)
    utc = dt.datetime.fromordinal(day) + dt.timedelta(microseconds=time)
    offset = utc.replace(tzinfo=dt.UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else offset // dt.timedelta(microseconds=1)


def _resampled(feed: Any) -> bool:
    return bool(getattr(feed, "resampling", 0) or getattr(feed, "replaying", 0))


def _zone(frame: pd.DataFrame, parameters: Any) -> dt.tzinfo | None:
    """Return the time zone of the column or index that backtrader reads the stamps from."""
    where: Any = getattr(parameters, "datetime", None)
    if where == -1 or isinstance(where, str):
        names = [str(name).lower() for name in frame.columns]
        if where == -1 and "datetime" in names:
            where = "datetime"
        if isinstance(where, str) and where.lower() in names:
            where = names.index(where.lower())
    elif isinstance(where, int) and not hasattr(parameters, "nocase"):
        where -= 1  # PandasDirectData counts the index as column 0
    column = isinstance(where, int) and where >= 0
    dtype = frame.dtypes.iloc[where] if column else frame.index.dtype
    zone: dt.tzinfo | None = getattr(dtype, "tz", None)
    return zone
