"""Bars from backtrader feeds: what they have shown so far, and nothing they will show.

A preloaded feed holds the whole backtest in its line arrays, so ``feed.close[0]`` of a feed that
has not started is its very last close. Here only the ``len(feed)`` rows a feed has delivered are
touched, and of these only the rows dated before the day asked for: with cheat-on-open a feed
already shows today's bar.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt import checks
from attngru_bt.data.bars import PRICE_LINES, Bars, DataError, DateLike, first
from attngru_bt.data.columns import Columns
from attngru_bt.data.rows import KNOWN
from attngru_bt.data.splits import tell_splits
from attngru_bt.feeds.sessions import FeedSessions

log = logging.getLogger(__name__)

LEFT_OUT = ("datetime", "openinterest")
MARKET_LINES = {*KNOWN, "dividend_yield", "benchmark_open"}  # empty everywhere: there is none
EPOCH = datetime.date(1970, 1, 1).toordinal()  # backtrader counts days as Python ordinals


@dataclass
class _Source:
    """One feed and how far it has been read."""

    feed: Any
    name: str
    clock: Any = None
    sessions: Any = None
    buffers: dict[str, Any] = field(default_factory=dict)  # line name -> backtrader LineBuffer
    read: int = 0
    last: int = -(10**9)  # ordinal of the last session read

    def __post_init__(self) -> None:
        names = self.feed.getlinealiases()
        found = {str(name): self.feed.lines[i] for i, name in enumerate(names)}
        self.clock = found["datetime"]
        self.sessions = FeedSessions(self.feed)
        self.buffers = {name: line for name, line in found.items() if name not in LEFT_OUT}

    def new_rows(self, before: int) -> tuple[int, int, np.ndarray]:
        """Return first row, end row and session ordinals of rows delivered since, before a day."""
        if getattr(self.clock, "useislice", False):
            raise DataError(
                f"feed {self.name!r}: this Cerebro runs with exactbars=1, which throws bars away "
                "that the factors look back on; use exactbars=0, -1 or -2."
            )
        end = len(self.feed)
        # slicing copies: a view on the array itself would forbid the feed to grow it
        times = np.frombuffer(self.clock.array[self.read : end])
        if np.isnan(times).any():
            raise DataError(
                f"feed {self.name!r}: row {self.read + int(np.argmax(np.isnan(times)))} has no "
                "date; run Cerebro without oldsync."
            )
        days = self.sessions.days_of(times)
        if len(days):
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
        stop = int(np.searchsorted(days, before))
        return self.read, self.read + stop, days[:stop]

    def values(self, line: str, start: int, stop: int) -> np.ndarray:
        return np.frombuffer(self.buffers[line].array[start:stop])


class FeedReader:
    """Follows backtrader feeds: each ``read`` takes only the rows that are new since the last.

    Any feed class, extra lines included; feeds may start late, end early and miss days. A row
    without a close is a day without trade. Which lines there are is decided at the first read
    that finds a row: a line that is NaN in all feeds (or a volume that is zero) is missing, and a
    market whose open, high, low and close never differ is close-only: of the four only ``close``
    stays. An INFO log line says what was left out. A price that later events adjust (``adj_close``)
    is left out, and further lines are factors: a warning names either, and days on which prices
    look split but are not adjusted.

    Parameters
    ----------
    datas : sequence of backtrader feeds
        One per asset; the asset is called ``feed._name``.
    benchmark : backtrader feed, optional
        Its closes become ``Bars.benchmark``, its opens ``Bars.benchmark_open`` unless they are the
        closes on all bars of the first read; it adds no dates.
    ignore : iterable of str, default ()
        Lines to leave out.

    Raises
    ------
    DataError
        Feeds without a name or of one name; on reading: several bars a day, bars out of order,
        prices that are not positive, a line to be ignored that no feed has, or a Cerebro with
        ``exactbars=1``.

    Notes
    -----
    Bars returned earlier stay as they are: known rows never change.
    """

    def __init__(
        self, datas: Sequence[Any], benchmark: Any | None = None, ignore: Iterable[str] = ()
    ) -> None:
        self._columns = Columns("the feeds", ignore)
        self._sources = []
        taken: set[str] = set()
        for number, feed in enumerate(datas):
            name = str(feed._name or "")
            if not name:
                raise DataError(
                    f"feed number {number} has no name; add it with cerebro.adddata(feed, "
                    "name='SYMBOL')."
                )
            if name in taken:
                raise DataError(
                    f"feed name {name!r} is there twice; give every feed a name of its own."
                )
            taken.add(name)
            self._sources.append(_Source(feed, name))
        if not self._sources:
            raise DataError("there are no asset feeds; add at least one besides the benchmark.")
        self._names = tuple(source.name for source in self._sources)
        self._told = all(getattr(feed, "lines_told", False) for feed in datas)
        self._index = None
        if benchmark is not None:
            self._index = _Source(benchmark, str(benchmark._name or "benchmark"))
        self._start_over()

    def _start_over(self) -> None:
        for source in [*self._sources, *([self._index] if self._index else [])]:
            source.read, source.last = 0, -(10**9)
        self._lines: tuple[str, ...] | None = None
        self._missing: set[str] = set()
        self._days = np.empty(0, dtype=np.int64)
        self._values: dict[str, np.ndarray] = {}
        self._room = 0
        self._index_days: list[np.ndarray] = []
        self._index_close: list[np.ndarray] = []
        self._benchmark = np.empty(0)
        self._benchmark_open: np.ndarray | None = None
        self._index_open: list[np.ndarray] = []
        self._index_has_open = False

    def read(self, before: DateLike) -> Bars:
        """Return everything the feeds have shown that is dated earlier than ``before``."""
        day = checks.date("before", before)
        limit = day.toordinal()
        sources = [*self._sources, *([self._index] if self._index else [])]
        if any(len(source.feed) < source.read for source in sources):
            self._start_over()  # the feeds were reset: a new run of the same Cerebro
        new = [(source, *self._traded_rows(source, limit)) for source in self._sources]
        oldest = min((int(days[0]) for _, _, _, days, _ in new if len(days)), default=limit)
        added = any(len(days) for _, _, _, days, _ in new)
        if added:
            if self._lines is None:
                self._decide_lines(new)
            self._append(new)
            self._check_prices(int(np.searchsorted(self._days, oldest)), len(self._days))
        for source, _, stop, days, _ in new:
            source.read = stop
            if len(days):
                source.last = int(days[-1])
        self._read_benchmark(limit, added)
        dates = pd.DatetimeIndex((self._days - EPOCH).astype("datetime64[D]")).as_unit("us")
        lines = {name: self._values[name][: len(dates)] for name in self._lines or ()}
        if not lines:
            lines = {"close": np.empty((0, len(self._names)))}
        index = (self._benchmark, self._benchmark_open) if self._index else (None, None)
        bars = Bars(dates, self._names, lines, *index).before(day)
        if added and not self._told:
            tell_splits(bars, "the feeds", start=int(np.searchsorted(self._days, oldest)))
        return bars

    def rows(self) -> dict[str, int]:
        """Return the number of rows read so far, per asset."""
        return {source.name: source.read for source in self._sources}

    def _traded_rows(
        self, source: _Source, limit: int
    ) -> tuple[int, int, np.ndarray, slice | np.ndarray]:
        """Return start, stop, ordinals of the new rows with a close, and which rows they are."""
        start, stop, days = source.new_rows(limit)
        if not len(days):
            return start, stop, days, slice(0, 0)
        closed = ~np.isnan(source.values("close", start, stop))
        if closed.all():
            return start, stop, days, slice(None)
        return start, stop, days[closed], closed

    def _decide_lines(self, new: list[tuple[Any, ...]]) -> None:
        there = dict.fromkeys(name for source in self._sources for name in source.buffers)
        names = dict.fromkeys(self._columns.keep(there))
        held: dict[str, bool] = dict.fromkeys(names, False)
        same = dict.fromkeys(("open", "high", "low"), True)
        for source, start, stop, _, rows in new:
            close = source.values("close", start, stop)[rows]
            for name in names:
                if name not in source.buffers:
                    continue
                values = source.values(name, start, stop)[rows]
                empty = np.isnan(values) if name != "volume" else ~(values > 0)
                held[name] |= not empty.all()
                if name in same:
                    same[name] &= bool((np.isnan(values) | (values == close)).all())
        # a line of one's own may begin later: it stays, NaN, and no computed factor stands in
        self._missing = {name for name in names if not held[name] and name in MARKET_LINES}
        if self._missing:
            log.info("lines missing in all feeds: %s", ", ".join(sorted(self._missing)))
        closes_only = all(same.values())
        if closes_only and not set(same) <= self._missing:
            log.info("close-only market: open, high and low always equal close, and are left out")
        dropped = self._missing | (set(same) if closes_only else set())
        self._lines = tuple(name for name in names if name not in dropped)
        self._columns.report(() if self._told else self._lines)

    def _append(self, new: list[tuple[Any, ...]]) -> None:
        fresh = np.unique(np.concatenate([days for _, _, _, days, _ in new]))
        known = self._days
        if not len(known) or fresh[0] > known[-1]:
            merged = np.concatenate([known, fresh])
        else:
            merged = np.union1d(known, fresh)
        in_order = np.array_equal(merged[: len(known)], known)
        assert self._lines is not None
        if len(merged) > self._room or not in_order:
            # doubling keeps the copying linear in all; old arrays stay with Bars given out before
            self._room = max(64, 2 * len(merged))
            old_rows = np.searchsorted(merged, known)
            for name in self._lines:
                values = np.full((self._room, len(self._names)), np.nan)
                if len(known):
                    values[old_rows] = self._values[name][: len(known)]
                self._values[name] = values
        self._days = merged
        for column, (source, start, stop, days, rows) in enumerate(new):
            if not len(days):
                continue
            begin = int(np.searchsorted(merged, days[0]))
            end = int(np.searchsorted(merged, days[-1])) + 1
            # almost always the days follow each other: a slice is faster than an index array
            target: Any = slice(begin, end)
            if end - begin != len(days):
                target = np.searchsorted(merged, days)
            whole = isinstance(rows, slice)
            for name in self._lines:
                if name not in source.buffers:
                    continue
                values = source.values(name, start, stop)
                self._values[name][target, column] = values if whole else values[rows]
            for name in self._missing.intersection(source.buffers):
                values = source.values(name, start, stop)[rows]
                known_now = values > 0 if name == "volume" else ~np.isnan(values)
                if known_now.any():
                    self._missing.discard(name)
                    log.warning(
                        "line %r of feed %r is known from %s on, but was missing in all feeds at "
                        "the first read and stays left out in this run",
                        name,
                        source.name,
                        datetime.date.fromordinal(int(days[int(np.argmax(known_now))])),
                    )

    def _check_prices(self, start: int, stop: int) -> None:
        assert self._lines is not None
        for name in set(PRICE_LINES).intersection(self._lines):
            block = self._values[name][start:stop]
            if not (block <= 0).any():
                continue
            row, column = np.argwhere(block <= 0)[0].tolist()
            raise DataError(
                f"feed {self._names[column]!r} on "
                f"{datetime.date.fromordinal(int(self._days[start + row]))}: {name} must be "
                f"positive; got {block[row, column]:g}. Correct the data, or leave the day out if "
                "nothing traded."
            )

    def _read_benchmark(self, limit: int, added: bool) -> None:
        if self._index is None:
            return
        start, stop, days = self._index.new_rows(limit)
        if len(days):
            self._index_days.append(days)
            closes = self._index.values("close", start, stop)
            opens = self._index.values("open", start, stop)
            if not self._index_close:
                self._index_has_open = bool((opens[opens == opens] != closes[opens == opens]).any())
            self._index_close.append(closes)
            self._index_open.append(opens)
            self._index.read, self._index.last = stop, int(days[-1])
        elif not added:
            return
        known = np.concatenate([np.empty(0, dtype=np.int64), *self._index_days])
        at = np.searchsorted(known, self._days)
        hit = at < len(known)
        hit[hit] = known[at[hit]] == self._days[hit]

        def on_days(parts: list[np.ndarray]) -> np.ndarray:
            values = np.full(len(self._days), np.nan)
            values[hit] = np.concatenate([np.empty(0), *parts])[at[hit]]
            return values

        self._benchmark = on_days(self._index_close)
        self._benchmark_open = on_days(self._index_open) if self._index_has_open else None


def from_feeds(datas: Sequence[Any], before: DateLike, benchmark: Any | None = None) -> Bars:
    """Return the rows dated before a day that feeds have shown; see ``FeedReader``."""
    return FeedReader(datas, benchmark).read(before)
