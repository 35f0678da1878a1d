"""What a strategy sees of its feeds: the current session, and the bars of earlier ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection

import pandas as pd

from attngru_bt.data.bars import Bars
from attngru_bt.data.interval import check_daily
from attngru_bt.feeds.clock import Clock, Pulse
from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.lookalikes import MIN_SESSIONS, warn_of_lookalikes
from attngru_bt.feeds.reader import FeedReader
from attngru_bt.feeds.roles import roles_of


class FeedView:
    """What a monthly strategy sees of its feeds.

    Parameters
    ----------
    strategy : bt.Strategy
        Its `datas` and its parameters `feeds`, `benchmark`, `ignore` and `wait` are read.
    act : callable
        Called while live feeds are silent, so that waiting for them can end.

    Attributes
    ----------
    feeds : dict of str to data feed
        The feeds that may be traded, by name.
    clock : Clock
    at_open : bool
        Whether orders fill at the open of the current session (``cheat_on_open``) rather than at
        the next one.
    """

    def __init__(self, strategy: bt.Strategy, act: Callable[[], None]) -> None:
        p, broker = strategy.p, strategy.broker
        self.at_open = bool(strategy.env.p.cheat_on_open and getattr(broker.p, "coo", False))
        roles = roles_of(strategy.datas, strategy.env, feeds=p.feeds, benchmark=p.benchmark)
        self.feeds = roles.traded
        self.clock = Clock(self.feeds, roles.benchmark, wait=p.wait)
        self._reader = FeedReader(
            list(self.feeds.values()),
            benchmark=next(iter(roles.benchmark.values()), None),
            ignore=p.ignore,
        )
        self._checker: FeedReader | None = None  # of feeds whose data were not checked before
        if not all(getattr(feed, "lines_reported", False) for feed in self.feeds.values()):
            self._checker = FeedReader(list(self.feeds.values()), prices_only=True)
        self._may_hold_an_index = not roles.stated
        self._pulse: tuple[bt.DataBase, Pulse] | None = None
        if self.clock.live:
            every = [*roles.traded.values(), *roles.benchmark.values()]
            live = next(feed for feed in every if feed.islive())
            self._pulse = live, Pulse(act)
            live.addfilter(self._pulse[1])

    def close(self) -> None:
        """Take the filter off the live feed."""
        if self._pulse is not None:
            live, pulse = self._pulse
            live._filters = [entry for entry in live._filters if entry[0] is not pulse]

    def bars(self, before: dt.date, today: dt.date | None = None) -> Bars:
        """Return the bars dated before a day; signals get their bars from here alone.

        Given the current session `today`, all bars are checked to be older than the session whose
        open is traded: that of `today` under ``cheat_on_open``, a later one otherwise.

        Raises
        ------
        RuntimeError
            If they are not, which would be a defect of this package.
        """
        bars = self._reader.read(before=pd.Timestamp(before))
        if today is not None and self._shows_traded_session(bars, today):
            raise RuntimeError(
                f"{today}: a bar of the session whose open is traded was about to be shown to the "
                "signal. This is a defect of attngru_bt; please report it with your feeds."
            )
        check_daily(bars.dates, "the feeds")
        return bars

    def check(self, before: dt.date) -> None:
        """Check dates and prices of the bars dated before a day, where no signal reads them.

        Raises
        ------
        DataError
            As on reading `bars`.
        """
        if self._checker is not None:
            check_daily(self._checker.read(before=pd.Timestamp(before)).dates, "the feeds")

    def _shows_traded_session(self, bars: Bars, today: dt.date) -> bool:
        """Whether a bar is of the session to be traded, by its date or by the count of rows."""
        last = today - dt.timedelta(days=1) if self.at_open else today
        if len(bars) and bars.dates[-1].date() > last:
            return True
        # At its open the feeds already show today's bar, so one row less may have been read.
        return self.at_open and any(
            rows >= len(self.feeds[name]) and self.clock.has_bar(name)
            for name, rows in self._reader.rows().items()
        )

    def warn_of_index(self, bars: Bars, scored: Collection[str]) -> None:
        """Warn once if a feed that is traded looks like an index of the others."""
        if self._may_hold_an_index and scored and len(bars) > MIN_SESSIONS:
            self._may_hold_an_index = False
            warn_of_lookalikes(bars, scored)
