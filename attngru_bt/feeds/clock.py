"""The clock of a run: the current session, and whether all its bars have arrived."""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from attngru_bt.data.bars import DataError
from attngru_bt.feeds.sessions import FeedSessions

logger = logging.getLogger(__name__)


class Clock:
    """Follows the feeds from session to session.

    Feeds may deliver a session in several steps, because their stamps differ (00:00 and 23:59:59)
    or because they are live. A session is ready to be acted on once no further bar of it is to
    come. In a backtest the engine already holds the next time stamp of each feed. A live feed is
    waited for, up to `wait` seconds, if it delivered a bar in the session before.

    Parameters
    ----------
    feeds : mapping of str to data feed
        The traded feeds; a session begins with the first of their bars.
    others : mapping of str to data feed
        Further feeds to wait for, such as a benchmark.
    wait : float
        Seconds to wait for live feeds, from the first bar of a session on.

    Attributes
    ----------
    live : bool
        Whether a feed is live (``islive()``).
    missed : date or None
        The session before the current one, if it ended while bars of it were still awaited.

    Raises
    ------
    DataError
        If a feed has two bars in one session, or a bar of a backtest arrives after the next session
        has begun.
    """

    def __init__(self, feeds: Mapping[str, Any], others: Mapping[str, Any], *, wait: float) -> None:
        self._traded = dict(feeds)
        self._feeds = {**feeds, **others}
        self._sessions = {name: FeedSessions(feed) for name, feed in self._feeds.items()}
        for name, feed in self._feeds.items():
            if feed.replaying:
                raise DataError(
                    f"{name}: a replayed feed shows a day before it is over; use "
                    "cerebro.resampledata(feed, timeframe=bt.TimeFrame.Days)."
                )
        self._wait = wait
        self._live = {name for name, feed in self._feeds.items() if feed.islive()}
        self.live = bool(self._live)
        # While all feeds date their bars by one rule and deliver each session in one step, it is
        # enough to look at one of them.
        rules = {sessions.rule() for sessions in self._sessions.values()}
        self._one_rule = self._even = len(rules) == 1 and not self.live
        self._newest = -math.inf  # the latest time stamp, while `_even`
        self._counts = dict.fromkeys(self._feeds, 0)  # bars seen per feed, once not `_even`
        self._last = dict.fromkeys(self._feeds, 0)  # session of the newest bar seen per feed
        self._today = 0  # the current session, as an ordinal
        self._acted = True  # whether it was acted on
        self._since = 0.0  # when its first bar arrived
        self._missing: list[str] = []  # feeds whose bars are awaited
        self._delivering: set[str] = set()  # feeds with a bar since the session began
        self._expected: set[str] = set()  # feeds with a bar in the session before
        self.missed: dt.date | None = None

    def look(self) -> dt.date | None:
        """Note new bars; return the current session unless it was acted on already."""
        delivered = self._delivered()
        newest = max((day for name, day in delivered.items() if name in self._traded), default=0)
        if newest > self._today:
            self._begin(newest)
        for name, day in delivered.items():
            self._delivering.add(name)
            if day < self._today:
                self._late(name, day)
        return None if self._acted else dt.date.fromordinal(self._today)

    def ready(self, *, thorough: bool) -> bool:
        """Whether to act on the current session now; True once per session.

        Parameters
        ----------
        thorough : bool
            Look at every feed, even if each session has arrived in one step so far.
        """
        if thorough or not self._even:
            self._missing = [name for name in self._feeds if self._awaited(name)]
            if self._missing:
                patient = monotonic() - self._since < self._wait
                # only a live feed can be late; of another one the bar comes for certain
                if patient or not self._live.issuperset(self._missing):
                    return False
                logger.warning(
                    "%s: no bar of %s after %g seconds, which counts as absent (`wait`).",
                    dt.date.fromordinal(self._today),
                    _some(self._missing),
                    self._wait,
                )
                self._missing = []
        self._acted = True
        return True

    def has_bar(self, name: str) -> bool:
        """Whether a feed has a bar in the current session; a suspended one still shows its last."""
        return len(self._feeds[name]) > 0 and self._sessions[name].day() == self._today

    def to_come(self, name: str, other: str) -> bool:
        """Whether a feed's bar is still to come in the session of another feed's newest bar.

        The clock may not have looked at that session yet: the broker is called before it.
        """
        feed = self._feeds[name]
        if self._one_rule and len(feed) and feed.datetime[0] >= self._feeds[other].datetime[0]:
            return False
        day = self._sessions[other].day()
        if len(feed) and self._sessions[name].day() >= day:
            return False
        following = self._following(name)
        if following is not None:
            return following == day
        if name not in self._live:
            return False
        if day > self._today:
            return name in self._delivering
        return not self._acted and name in self._expected | self._delivering

    def last_bar(self, name: str) -> dt.date:
        """Session of a feed's newest bar."""
        return dt.date.fromordinal(self._sessions[name].day())

    def _delivered(self) -> dict[str, int]:
        """Return the session of each new bar by feed; while `_even`, of one feed only."""
        # while all feeds have the same sessions, the first new bar tells the session of all
        if self._even:
            for name, feed in self._traded.items():
                stamp = feed.datetime[0] if len(feed) else -math.inf
                if stamp > self._newest:
                    self._newest, day = stamp, self._sessions[name].day()
                    if day > self._today:
                        return {name: day}
                    self._count()
                    break
            else:
                return {}
        days = {}
        for name, feed in self._feeds.items():
            if len(feed) > self._counts[name]:
                self._counts[name], day = len(feed), self._sessions[name].day()
                if day == self._last[name]:
                    raise DataError(
                        f"{name}: a second bar on {dt.date.fromordinal(day)}. Feeds must be "
                        "daily: make them by cerebro.resampledata, and name the daily ones with "
                        "the strategy's parameter `feeds` if both are in one Cerebro."
                    )
                days[name] = self._last[name] = day
        return days

    def _count(self) -> None:
        """Start counting bars per feed, when a session has arrived in a second step."""
        self._even = False
        for name, feed in self._feeds.items():
            new = len(feed) > 0 and feed.datetime[0] == self._newest
            self._counts[name] = len(feed) - new
            if self._counts[name] and not getattr(feed.datetime, "useislice", False):
                self._last[name] = self._sessions[name].day(-1 if new else 0)

    def _begin(self, day: int) -> None:
        """Begin a session; note whether the one before ended while bars were still awaited."""
        self.missed = None
        if not self._acted and self._missing:
            self.missed = dt.date.fromordinal(self._today)
            logger.warning(
                "%s: the session was over before the bar of %s came; nothing was decided in it.",
                self.missed,
                _some(self._missing),
            )
        self._today, self._acted, self._missing = day, False, []
        self._since = monotonic()
        self._expected, self._delivering = self._delivering, set()

    def _late(self, name: str, day: int) -> None:
        """Warn of a bar that comes after the next session has begun; raise in a backtest."""
        if name in self._live:
            logger.warning(
                "%s: the bar of %s came after the session of %s had begun.",
                name,
                dt.date.fromordinal(day),
                dt.date.fromordinal(self._today),
            )
            return
        raise DataError(
            f"{name}: its bar of {dt.date.fromordinal(day)} comes after other feeds' bars of "
            f"{dt.date.fromordinal(self._today)}, because its time stamps are later moments. Give "
            "all feeds the same `tz`, `tzinput` and `sessionend`."
        )

    def _awaited(self, name: str) -> bool:
        """Whether a bar of the current session is still to come from a feed."""
        if self.has_bar(name):
            return False
        following = self._following(name)
        if following is None:
            return name in self._live and name in self._expected | self._delivering
        if following < self._today:
            self._late(name, following)
        return following == self._today

    def _following(self, name: str) -> int | None:
        """Return the session of a feed's next bar if the engine holds its time stamp already."""
        feed = self._feeds[name]
        if getattr(feed.datetime, "useislice", False):
            return None  # exactbars=1, which the factors refuse
        stamp = feed.advance_peek()
        return self._sessions[name].day_of(stamp) if stamp < math.inf else None


class Pulse:
    """A filter that changes no bar; Cerebro calls its `check` while live feeds have no bar."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act

    def __call__(self, data: Any) -> bool:
        """Leave the bar unchanged."""
        return False

    def check(self, data: Any, _forcedata: Any = None) -> None:
        """Act, unless Cerebro is about to deliver bars, for which it passes `_forcedata`."""
        if _forcedata is None:
            self._act()


def _some(names: list[str]) -> str:
    """Name the first few."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
