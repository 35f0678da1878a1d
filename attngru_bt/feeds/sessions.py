"""Which session a bar of a backtrader feed belongs to: the one place that says so.

backtrader keeps the time stamp of a bar as a number of days in UTC, whatever the feed was given.
The session is the date that its source wrote:

1. What ``tzinput`` moved to UTC is moved back.
2. Stamps of a DataFrame are read as they stand in it, in the zone of its index if it has one. The
   feed's ``tz`` says how backtrader shows them and changes nothing: midnight stays that day's.
3. Stamps of a CSV file are read as they stand in it too. Where `GenericCSVData` replaced them by
   ``sessionend`` in the zone ``tz``, the date is that of ``tz``.
4. Other feeds (live, resampled) deliver moments, and the date is that of ``tz``, if they have one;
   but a stamp at midnight UTC is a plain date.

Cerebro's own ``tz`` changes nothing. A bar's session never depends on other feeds, so the same
stamp of the same feed is the same session everywhere.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

SECOND = 1_000_000  # in microseconds, as are all times of day here
DAY = 86_400 * SECOND
SNAP = 5  # a stamp's number is only exact to some 5 microseconds
NEAR = 1_000  # between a session's end and the stamp that backtrader makes of it


class FeedSessions:
    """The sessions of one feed's bars, as ordinals (``datetime.date.toordinal``).

    Parameters
    ----------
    feed : backtrader feed
        One that Cerebro has started; its time zone may become known later.
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
        end = getattr(parameters, "sessionend", None) or dt.time.max
        self._end = (end.hour * 3600 + end.minute * 60 + end.second) * SECOND + end.microsecond

    def rule(self) -> tuple[Any, ...] | None:
        """Return all that the date of a stamp depends on; None: the stamp's own date in UTC."""
        moved = None if self._resampled else getattr(self._source, "_tzinput", None)
        zone = self._zone if self._frame else getattr(self._stamps, "_tz", None)
        if moved is None and zone is None:
            return None
        return moved, zone, self._end, self._frame, self._csv, self._ends

    def day(self, ago: int = 0) -> int:
        """Return the session of the bar at hand, or of an earlier one (``ago=-1``)."""
        return self.day_of(self._stamps[ago])

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
    """The session at hand in a run: the latest of any feed's newest bar.

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
        """Return the ordinal of the session at hand, where the newest stamp is this one."""
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
    moment = _microseconds(stamp)
    if moved is not None:
        moment += _offset(moment, moved)
    if zone is None:
        return moment // DAY
    local = moment + _offset(moment, zone)
    if frame:
        return local // DAY
    day, late = divmod(local - end + NEAR, DAY)
    # backtrader's rounding may have moved the end of a session to the next midnight
    if late < 2 * NEAR and (ends or day == local // DAY):
        return day
    if csv or moment % DAY == 0 or abs(moment % DAY - end) < NEAR:
        return moment // DAY
    return local // DAY


def _microseconds(stamp: float) -> int:
    """Return a stamp in microseconds; what rounding moved off a full second is moved back."""
    day = int(stamp)
    time = round((stamp - day) * DAY)
    full = (time + SECOND // 2) // SECOND * SECOND
    return day * DAY + (full if abs(time - full) <= SNAP else time)


def _offset(moment: int, zone: dt.tzinfo) -> int:
    """Microseconds by which a zone's clock is ahead of UTC at a moment in UTC."""
    day, time = divmod(moment, DAY)
    utc = dt.datetime.fromordinal(day) + dt.timedelta(microseconds=time)
    offset = utc.replace(tzinfo=dt.UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else offset // dt.timedelta(microseconds=1)


def _resampled(feed: Any) -> bool:
    return bool(getattr(feed, "resampling", 0) or getattr(feed, "replaying", 0))


def _zone(frame: pd.DataFrame, parameters: Any) -> dt.tzinfo | None:
    """Time zone of the stamps of a DataFrame that backtrader reads."""
    where: Any = getattr(parameters, "datetime", None)
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
