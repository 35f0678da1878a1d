"""The broker filler that keeps our buys within the cash."""

from __future__ import annotations

from collections.abc import Callable

from attngru_bt.feeds.engine import bt
from attngru_bt.trading.sizing import affordable, payable


class CashCap:
    """A filler for the broker that cuts a strategy's buys to the cash, so that none is rejected.

    The broker checks an order at the close of the decision but fills it at the next open. If prices
    gap up, or with slippage, it would reject the whole order. Orders of other owners are not cut.

    Parameters
    ----------
    owner : bt.Strategy
        The strategy whose buys are cut.
    lot : callable
        Data feed → least size of a buy, and the steps in which it comes.
    waits : callable
        Order → whether an earlier order of the strategy still has to fill in this session. Feeds
        may deliver a session one after the other, and the cash for a buy is not known until the
        orders before it are filled, so it waits.

    Attributes
    ----------
    before : callable or None
        The broker's own filler, which is called first.
    capped : set of int
        References of the orders that were cut to the cash; the rest of each is void.
    """

    def __init__(
        self,
        owner: bt.Strategy,
        lot: Callable[[bt.DataBase], tuple[float, float]],
        waits: Callable[[bt.Order], bool],
    ) -> None:
        self.owner = owner
        self.lot = lot
        self.waits = waits
        self.before: Callable[..., float] | None = None
        self.capped: set[int] = set()

    def __call__(self, order: bt.Order, price: float | None, ago: int) -> float:
        """Return how many shares may fill now: positive for buys and for sells."""
        size = abs(order.executed.remsize)
        is_our_buy = order.owner is self.owner and order.isbuy()
        if is_our_buy and self.waits(order):
            return 0.0
        # market rules, or a filler that the script has set, have their say first
        if self.before is not None:
            size = min(size, self.before(order, price, ago))
        if not size or not is_our_buy or price is None:
            return float(size)
        comminfo = self.owner.broker.getcommissioninfo(order.data)
        cash = self.owner.broker.get_cash()
        if payable(comminfo, size, price, cash):
            return float(size)
        self.capped.add(order.ref)
        minimum, step = self.lot(order.data)
        return min(float(size), affordable(comminfo, price, cash, step, minimum))
