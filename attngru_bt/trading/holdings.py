"""What a strategy holds: which names fill a slot, and which have had no bar for too long."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from typing import Any

from attngru_bt.trading.trade_log import TradeLog

logger = logging.getLogger(__name__)


class Holdings:
    """The positions of a strategy in the feeds that it may trade.

    Parameters
    ----------
    broker : bt.BrokerBase
    feeds : mapping of str to data feed
        The feeds that may be traded, by name.
    last_bar : callable
        Name → date of its feed's newest bar.
    stale_days : int
        A holding without a bar for more calendar days than these is stale: it fills no slot.
    log : TradeLog
        Where stale holdings are reported, once each.
    """

    def __init__(
        self,
        broker: Any,
        feeds: Mapping[str, Any],
        last_bar: Callable[[str], dt.date],
        stale_days: int,
        log: TradeLog,
    ) -> None:
        self._broker = broker
        self._feeds = feeds
        self._last_bar = last_bar
        self._stale_days = stale_days
        self._log = log
        self._stale: set[str] = set()  # those that were reported

    def slots(self, today: dt.date) -> set[str]:
        """Names that fill a slot: with a position, and a bar not too long ago."""
        return {
            name
            for name in self._positions()
            if name not in self._stale or self._days_without_bar(name, today) <= self._stale_days
        }

    def report_stale(self, today: dt.date) -> None:
        """Report holdings without a bar for long; from now on they fill no slot."""
        for name, (feed, size) in self._positions().items():
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

    def _positions(self) -> dict[str, tuple[Any, float]]:
        """Feed and size of each name with a position."""
        held = {
            feed._name: (feed, position.size)
            for feed, position in self._broker.positions.items()
            if position.size
        }
        # the broker holds positions of feeds that this strategy does not trade, too
        return {
            name: (feed, n) for name, (feed, n) in held.items() if self._feeds.get(name) is feed
        }

    def _days_without_bar(self, name: str, today: dt.date) -> int:
        return (today - self._last_bar(name)).days
