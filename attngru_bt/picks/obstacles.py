"""Obstacles to an order: what could not be traded in the last session may stay so in the next."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from attngru_bt.markets import Exchange
from attngru_bt.trading.sizing import Lots


class Obstacles:
    """The lots of the session to come, with the obstacles that were seen in the last session.

    Parameters
    ----------
    lots : Lots
        What may be ordered without obstacles.

    Attributes
    ----------
    seen : dict of (str, str) to str
        Name of a feed and side → what held an order up in the last session.
    """

    def __init__(self, lots: Lots) -> None:
        self._lots = lots
        self.seen: dict[tuple[str, str], str] = {}

    @property
    def waiting(self) -> Mapping[int, str]:
        """Orders that the market did not let fill."""
        return self._lots.waiting

    def lot(self, data: Any) -> tuple[float, float]:
        """Least size of a buy, and the steps it comes in."""
        return self._lots.lot(data)

    def sell_size(self, data: Any, size: float) -> float:
        """Largest size up to `size` that may be sold."""
        return self._lots.sell_size(data, size)

    def closed_to(self, data: Any, side: str) -> str:
        """Say why an order should not be counted on; empty if nothing is known."""
        return self.seen.get((data._name, side), "") or self._lots.closed_to(data, side)


def obstacle(exchange: Exchange, data: Any, side: str) -> str:
    """Say what would have held up an order in the current session; empty if nothing."""
    exchange.session.end(exchange.session.latest())
    if suspended := exchange.session.suspension(data):
        return suspended.partition(":")[0]
    limit = exchange.limits.locked_at(data, side)
    which = "up" if side == "buy" else "down"
    return "" if math.isnan(limit) else f"locked at its {which} limit"
