"""The broker filler that keeps our buys within the cash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attngru_bt.trading.sizing import affordable, payable


class CashCap:
    """Broker filler that fills our buys only as far as the cash goes, so none is rejected.

    An order is checked at the close of the decision but filled at the next open: a gap up (or
    slippage) would otherwise turn it down whole. Orders of other owners pass untouched.

    Parameters
    ----------
    owner : Strategy
        Whose buys are capped.
    lot : Callable
        Data feed → least size of a buy, and the steps it comes in.
    waits : callable
        Order → whether one of ours that was placed before it is still to fill in this session.
        Feeds may deliver a session one after the other: until the sales and the buys before it
        are done, a buy does not know its cash, and it waits.
    before : callable, default None
        The filler the broker had, asked first.

    Attributes
    ----------
    capped : set of int
        References of the orders that were cut to the cash: the rest of them is void.
    """

    def __init__(
        self,
        owner: Any,
        lot: Callable[[Any], tuple[float, float]],
        waits: Callable[[Any], bool],
        before: Callable[..., float] | None = None,
    ) -> None:
        self.owner = owner
        self.lot = lot
        self.waits = waits
        self.before = before
        self.capped: set[int] = set()

    def __call__(self, order: Any, price: float | None, ago: int) -> float:
        """Shares that may fill now; positive, as backtrader expects for buys and sells alike."""
        size = abs(order.executed.remsize)
        ours = order.owner is self.owner and order.isbuy()
        if ours and self.waits(order):
            return 0.0
        if self.before is not None:
            size = min(size, self.before(order, price, ago))
        if not size or not ours or price is None:
            return float(size)
        comminfo = self.owner.broker.getcommissioninfo(order.data)
        cash = self.owner.broker.get_cash()
        if payable(comminfo, size, price, cash):
            return float(size)
        self.capped.add(order.ref)
        minimum, step = self.lot(order.data)
        return min(float(size), affordable(comminfo, price, cash, step, minimum))
