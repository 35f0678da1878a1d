"""Bars from backtrader feeds: what they have shown so far, and nothing they will show later.

A preloaded feed holds the whole backtest in the arrays of its lines, so ``feed.close[0]`` of a feed
that has not started is its very last close. Only the ``len(feed)`` rows that a feed has delivered
are read here, and of these only rows dated before a given day: with cheat-on-open a feed already
shows today's bar.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt import checks
from attngru_bt.data.bars import PRICE_LINES, Bars, DataError, DateLike, first
from attngru_bt.data.columns import Columns
from attngru_bt.data.prices import check_feed_bars, check_feed_prices
from attngru_bt.data.rows import MARKET_LINES
from attngru_bt.data.splits import tell_splits
from attngru_bt.feeds.cursor import NO_DAY, FeedCursor, NewRows
from attngru_bt.feeds.roles import check_names
from attngru_bt.feeds.sessions import EPOCH

log = logging.getLogger(__name__)


class FeedReader:
    """Reads backtrader feeds; each ``read`` takes only the rows that are new since the last.

    Feeds may be of any class, have further lines, start late, end early and miss days. A row
    without a close is a day without trade. Which lines there are is decided at the first read that
    finds a row: a line that is NaN in all feeds (or a volume that is zero) is missing, and if open,
    high, low and close never differ, the market is close-only and the first three are left out.
    Where the table of a `PanelFeed` has opens or volumes, that is known. An INFO log line says what
    was left out. Warnings name prices that later events adjust (``adj_close``), which are left out;
    further lines, which become factors; and days on which prices look split but are not adjusted.

    Parameters
    ----------
    datas : sequence of backtrader feeds
        One per asset; the asset is called ``feed._name``.
    benchmark : backtrader feed, optional
        Its closes become ``Bars.benchmark``, and its opens ``Bars.benchmark_open`` unless they
        equal the closes on all bars of the first read. It adds no dates.
    ignore : iterable of str, default ()
        Lines to leave out.
    prices_only : bool, default False
        Read and check dates and prices alone, and say nothing of other lines.

    Raises
    ------
    DataError
        If feeds have no name or share one; on reading, if a feed has several bars a day, bars out
        of order or prices that are not positive, no feed has a line that is to be ignored, or the
        Cerebro runs with ``exactbars=1``.

    Notes
    -----
    Bars that were returned earlier stay as they are.
    """

    def __init__(
        self,
        datas: Sequence[Any],
        benchmark: Any | None = None,
        ignore: Iterable[str] = (),
        *,
        prices_only: bool = False,
    ) -> None:
        self._columns = Columns("the feeds", ignore)
        for number, feed in enumerate(datas):
            if not feed._name:
                raise DataError(
                    f"feed number {number} has no name; add it with cerebro.adddata(feed, "
                    "name='SYMBOL')."
                )
        self._names = tuple(str(feed._name) for feed in datas)
        if not self._names:
            raise DataError("there are no asset feeds; add at least one besides the benchmark.")
        check_names(self._names)
        self._cursors = [FeedCursor(f, n) for f, n in zip(datas, self._names, strict=True)]
        self._prices_only = prices_only
        self._made_of_market = all(getattr(feed, "lines_reported", False) for feed in datas)
        self._lines_reported = prices_only or self._made_of_market
        self._outside_told = False
        self._index = None
        if benchmark is not None:
            self._index = FeedCursor(benchmark, str(benchmark._name or "benchmark"))
        self._start_over()

    def _start_over(self) -> None:
        for cursor in self._all_cursors():
            cursor.read, cursor.last = 0, NO_DAY
        self._lines: tuple[str, ...] | None = None
        self._missing: set[str] = set()
        self._days = np.empty(0, dtype=np.int64)
        self._values: dict[str, np.ndarray] = {}  # line -> (capacity, assets)
        self._capacity = 0  # days
        self._index_days: list[np.ndarray] = []
        self._index_close: list[np.ndarray] = []
        self._index_open: list[np.ndarray] = []
        self._index_has_open = False
        self._benchmark = np.empty(0)
        self._benchmark_open: np.ndarray | None = None

    def _all_cursors(self) -> list[FeedCursor]:
        return self._cursors if self._index is None else [*self._cursors, self._index]

    def read(self, before: DateLike) -> Bars:
        """Return everything that the feeds have shown and that is dated earlier than ``before``."""
        day = checks.date("before", before)
        limit = day.toordinal()
        if any(len(cursor.feed) < cursor.read for cursor in self._all_cursors()):
            self._start_over()  # the feeds were reset: a new run of the same Cerebro
        new = [(cursor, cursor.new_rows(limit)) for cursor in self._cursors]
        oldest = min((int(rows.days[0]) for _, rows in new if len(rows.days)), default=limit)
        has_new = any(len(rows.days) for _, rows in new)
        if has_new:
            if self._lines is None:
                self._lines = self._decide_lines(new)
            self._append(self._lines, new)
            self._check_prices(int(np.searchsorted(self._days, oldest)), len(self._days))
        for cursor, rows in new:
            cursor.take(rows)
        self._read_benchmark(limit, has_new)
        dates = pd.DatetimeIndex((self._days - EPOCH).astype("datetime64[D]")).as_unit("us")
        lines = {name: self._values[name][: len(dates)] for name in self._lines or ()}
        if not lines:
            lines = {"close": np.empty((0, len(self._names)))}
        index = (self._benchmark, self._benchmark_open) if self._index else (None, None)
        bars = Bars(dates, self._names, lines, *index).before(day)
        if has_new and not self._lines_reported:
            tell_splits(bars, "the feeds", start=int(np.searchsorted(self._days, oldest)))
        return bars

    def rows(self) -> dict[str, int]:
        """Return the number of rows read so far, per asset."""
        return {cursor.name: cursor.read for cursor in self._cursors}

    def _decide_lines(self, new: list[tuple[FeedCursor, NewRows]]) -> tuple[str, ...]:
        """Return the lines to read, by what the first rows show; log what is left out."""
        offered = dict.fromkeys(name for cursor in self._cursors for name in cursor.buffers)
        if self._prices_only:
            return tuple(name for name in offered if name in PRICE_LINES)
        # what a table has need not be guessed of values that may stand for something missing
        told = {n for c in self._cursors for n in getattr(c.feed, "own_columns", ())}
        names = dict.fromkeys(self._columns.keep(offered))
        has_values: dict[str, bool] = dict.fromkeys(names, False)
        equals_close = dict.fromkeys(("open", "high", "low"), True)
        for cursor, rows in new:
            close = cursor.values("close", rows.start, rows.stop)[rows.traded]
            for name in names:
                if name not in cursor.buffers:
                    continue
                values = cursor.values(name, rows.start, rows.stop)[rows.traded]
                known = ~np.isnan(values) if name in told else _known(name, values)
                has_values[name] |= bool(known.any())
                if name in equals_close:
                    equals_close[name] &= bool((np.isnan(values) | (values == close)).all())
        # a line of the user's own may begin later: it is kept, or a factor could take its place
        self._missing = {name for name in names if not has_values[name] and name in MARKET_LINES}
        if self._missing:
            log.info("lines missing in all feeds: %s", ", ".join(sorted(self._missing)))
        close_only = "open" not in told and all(equals_close.values())
        if close_only and not set(equals_close) <= self._missing:
            log.info("close-only market: open, high and low always equal close, and are left out")
        dropped = self._missing | (set(equals_close) if close_only else set())
        lines = tuple(name for name in names if name not in dropped)
        self._columns.report(() if self._lines_reported else lines)
        return lines

    def _append(self, lines: tuple[str, ...], new: list[tuple[FeedCursor, NewRows]]) -> None:
        """Add new rows to the arrays, which grow or are merged by day where needed."""
        added = np.unique(np.concatenate([rows.days for _, rows in new]))
        before = self._days
        if not len(before) or added[0] > before[-1]:
            merged = np.concatenate([before, added])
        else:
            merged = np.union1d(before, added)
        if len(merged) > self._capacity or not np.array_equal(merged[: len(before)], before):
            # doubling keeps the copying linear; old arrays stay as they are, as Bars refer to them
            self._capacity = max(64, 2 * len(merged))
            old_rows = np.searchsorted(merged, before)
            for name in lines:
                values = np.full((self._capacity, len(self._names)), np.nan)
                if len(before):
                    values[old_rows] = self._values[name][: len(before)]
                self._values[name] = values
        self._days = merged
        for column, (cursor, rows) in enumerate(new):
            if not len(rows.days):
                continue
            begin = int(np.searchsorted(merged, rows.days[0]))
            end = int(np.searchsorted(merged, rows.days[-1])) + 1
            # almost always the days are consecutive: a slice is faster than an index array
            target: Any = slice(begin, end)
            if end - begin != len(rows.days):
                target = np.searchsorted(merged, rows.days)
            for name in lines:
                if name in cursor.buffers:
                    values = cursor.values(name, rows.start, rows.stop)
                    self._values[name][target, column] = values[rows.traded]
            for name in self._missing.intersection(cursor.buffers):
                values = cursor.values(name, rows.start, rows.stop)[rows.traded]
                for i in first(_known(name, values)):
                    self._missing.discard(name)
                    log.warning(
                        "line %r of feed %r is known from %s on, but was missing in all feeds at "
                        "the first read and stays left out in this run",
                        name,
                        cursor.name,
                        datetime.date.fromordinal(int(rows.days[i])),
                    )

    def _check_prices(self, start: int, stop: int) -> None:
        for name in filter(self._values.__contains__, PRICE_LINES):
            block = self._values[name][start:stop]
            check_feed_prices(self._names, self._days[start:stop], name, block)
        if self._made_of_market:
            return  # which was checked when it was read
        lines = {name: values[start:stop] for name, values in self._values.items()}
        outside = check_feed_bars(self._names, self._days[start:stop], lines)
        # a reader of prices alone reads what all readers do, once in a run
        if outside and self._prices_only and not self._outside_told:
            self._outside_told = True
            for sentence in outside:
                log.warning(sentence)

    def _read_benchmark(self, limit: int, has_new: bool) -> None:
        """Read the benchmark and align it with the days of the bars."""
        if self._index is None:
            return
        rows = self._index.new_rows(limit, traded_only=False)
        if len(rows.days):
            closes = self._index.values("close", rows.start, rows.stop)
            opens = self._index.values("open", rows.start, rows.stop)
            check_feed_prices([self._index.name], rows.days, "close", closes[:, None])
            if not self._index_close:
                self._index_has_open = bool((~np.isnan(opens) & (opens != closes)).any())
            self._index_days.append(rows.days)
            self._index_close.append(closes)
            self._index_open.append(opens)
            self._index.take(rows)
        elif not has_new:
            return
        days = np.concatenate([np.empty(0, dtype=np.int64), *self._index_days])
        # the row of the index for each day of the bars, if it has one
        position = np.searchsorted(days, self._days)
        has_row = position < len(days)
        has_row[has_row] = days[position[has_row]] == self._days[has_row]

        def on_days(parts: list[np.ndarray]) -> np.ndarray:
            """Return values of the index on the days of the bars, NaN where it has none."""
            values = np.full(len(self._days), np.nan)
            values[has_row] = np.concatenate([np.empty(0), *parts])[position[has_row]]
            return values

        self._benchmark = on_days(self._index_close)
        self._benchmark_open = on_days(self._index_open) if self._index_has_open else None


def _known(line: str, values: np.ndarray) -> np.ndarray:
    """Tell which values of a line are known; a volume of 0 is not, because feeds fill it in."""
    return values > 0 if line == "volume" else ~np.isnan(values)


def from_feeds(datas: Sequence[Any], before: DateLike, benchmark: Any | None = None) -> Bars:
    """Return the rows dated before a day that feeds have shown; see ``FeedReader``."""
    return FeedReader(datas, benchmark).read(before)
