"""The current session of an exchange: which feeds have a bar in it, and whether they trade."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attngru_bt.feeds.sessions import FeedSessions
from attngru_bt.markets.limits import line


class Session:
    """The current session of a run.

    Parameters
    ----------
    feeds : iterable of data feed
        All feeds; the latest of their newest bars is that of the current session.
    count : callable or None
        Returns how many sessions the strategy has seen, so that the current session is looked up
        once per session and not with every order.

    Attributes
    ----------
    today : int
        The current session, as an ordinal.
    """

    def __init__(self, feeds: Iterable[Any], count: Callable[[], int] | None) -> None:
        self.today = 0
        self._feeds = list(feeds)
        self._sessions = {data: FeedSessions(data) for data in self._feeds}
        self._count = count
        self._counted = -1
        self._bars_without_volume: dict[Any, int] = {}  # -1: the feed has shown a volume

    def look(self) -> None:
        """Look up the current session, unless it is known to be the same as before."""
        # the broker runs between two calls of the strategy, so that a new count is a new session
        counted = -1 if self._count is None else self._count()
        if counted < 0 or counted != self._counted:
            self.today, self._counted = self.latest(), counted

    def end(self, session: int) -> None:
        """Take a session that has ended as the current one, until the next look."""
        self.today, self._counted = session, -1

    def latest(self) -> int:
        """Return the latest session of all feeds' newest bars, as an ordinal."""
        return max((self.day(data) for data in self._feeds if len(data)), default=0)

    def day(self, data: Any) -> int:
        """Return the session of a feed's newest bar, as an ordinal."""
        return self._sessions[data].day()

    def has_bar(self, data: Any) -> bool:
        """Whether a feed has a bar in the current session; a suspended one still shows its last."""
        return len(data) > 0 and self.day(data) == self.today

    def suspension(self, data: Any) -> str:
        """Return why a feed does not trade in the current session; empty if it does."""
        if not self.has_bar(data):
            return "suspended: no bar today"
        if line(data, "traded") == 0 or self._no_volume(data):
            return "suspended: no trade today"
        return ""

    def _no_volume(self, data: Any) -> bool:
        """Whether today's volume is zero on a feed that has shown volumes before."""
        volume = line(data, "volume")
        if volume > 0:
            self._bars_without_volume[data] = -1
        if not volume == 0:  # NaN: the feed has no such line
            return False
        seen = self._bars_without_volume.get(data, 0)
        if seen >= 0:
            # feeds without volumes show zeros: look at all earlier bars once, then at new ones only
            bars = len(data)
            shown = any(data.volume[-ago] > 0 for ago in range(1, bars - seen))
            self._bars_without_volume[data] = seen = -1 if shown else bars - 1
        return seen < 0
