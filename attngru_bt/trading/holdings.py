"""The names a strategy holds: which fill a slot, and which have had no bar for too long."""

from __future__ import annotations

import datetime as dt
import logging

from attngru_bt.feeds.engine import bt
from attngru_bt.trading.trade_log import TradeLog
from attngru_bt.trading.view import FeedView

logger = logging.getLogger(__name__)


class Holdings:
    """The positions of a strategy in the feeds that it may trade.

    Parameters
    ----------
    broker : bt.BrokerBase
    view : FeedView
        The feeds that may be traded, and their clock.
    stale_days : int
        A holding without a bar for more calendar days than these is stale: it fills no slot.
    log : TradeLog
        Where stale holdings are reported, once each.
    """

    def __init__(
        self, broker: bt.BrokerBase, view: FeedView, stale_days: int, log: TradeLog
    ) -> None:
        self._broker = broker
        self._feeds = view.feeds
        self._last_bar = view.clock.last_bar
        self._stale_days = stale_days
        self._log = log
        self._stale: set[str] = set()  # stale holdings that were reported
        self._short: set[str] = set()  # short positions that were reported

    def slots(self, today: dt.date) -> set[str]:
        """Names that fill a slot: with a position, and a bar not too long ago."""
        held = {feed._name for feed, _ in self._positions()}
        return {name for name in held if not self._is_stale(name, today)} if self._stale else held

    def _is_stale(self, name: str, today: dt.date) -> bool:
        return name in self._stale and self._days_without_bar(name, today) > self._stale_days

    def report_stale(self, today: dt.date) -> None:
        """Report holdings without a bar for long; from now on they fill no slot."""
        for feed, size in self._positions():
            name = feed._name
            if self._days_without_bar(name, today) <= self._stale_days:
                self._stale.discard(name)
            elif name not in self._stale:
                self._stale.add(name)
                reason = (
                    f"no bar since {self._last_bar(name)}: kept at its last price, no longer a slot"
                )
                logger.warning("%s: %s", name, reason)
                price = float(feed.close[0])
                self._log.add(today, name, "stale", size=size, price=price, reason=reason)

    def report_short(self, today: dt.date) -> None:
        """Report positions that an order of a script has made short, once each."""
        for feed, size in self._positions():
            if size < 0 and feed._name not in self._short:
                self._short.add(feed._name)
                logger.warning(
                    "%s: %s is short by %g shares, which the strategy neither wants nor buys back: "
                    "an order of the script sold more than was held. Cancel a resting stop when "
                    "its holding is sold.",
                    today,
                    feed._name,
                    -size,
                )

    def _positions(self) -> list[tuple[bt.DataBase, float]]:
        """Feed and size of each position; the broker also holds some in feeds of others."""
        feeds = self._feeds
        return [
            (feed, position.size)
            for feed, position in self._broker.positions.items()
            if position.size and feeds.get(feed._name) is feed
        ]

    def _days_without_bar(self, name: str, today: dt.date) -> int:
        return (today - self._last_bar(name)).days
