"""The broker filler that keeps our buys within the cash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attngru_bt.execution.sizing import affordable, payable


class CashCap:
    """Broker filler that fills our buys only as far as the cash goes, so none is rejected.

    An order is checked at the close of the decision but filled at the next open: a gap up (or
    slippage) would otherwise turn it down whole. Orders of other owners pass untouched.

    Where feeds stamp a session differently, some bars of it come later than others. A buy that the
    cash on hand does not pay for then waits, within the session, for the sales at those bars.

    Parameters
    ----------
    owner : Strategy
        Whose buys are capped.
    lot : Callable
        Data feed → least size of a buy, and the steps it comes in.
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
        before: Callable[..., float] | None = None,
    ) -> None:
        self.owner = owner
        self.lot = lot
        self.before = before
        self.capped: set[int] = set()

    def __call__(self, order: Any, price: float | None, ago: int) -> float:
        """Shares that may fill now; positive, as backtrader expects for buys and sells alike."""
        size = abs(order.executed.remsize)
        if self.before is not None:
            size = min(size, self.before(order, price, ago))
        if not size or order.owner is not self.owner or not order.isbuy() or price is None:
            return float(size)
        comminfo = self.owner.broker.getcommissioninfo(order.data)
        cash = self.owner.broker.get_cash()
        if payable(comminfo, size, price, cash):
            return float(size)
        if self._sale_to_come(order.data):
            return 0.0  # the order stays, and is tried again at the next bar
        self.capped.add(order.ref)
        minimum, step = self.lot(order.data)
        return min(float(size), affordable(comminfo, price, cash, step, minimum))

    def _sale_to_come(self, data: Any) -> bool:
        """Whether a sale of ours waits for a bar that comes later in the session of `data`."""
        day, time = divmod(data.datetime[0], 1)
        for order in getattr(self.owner.broker, "pending", ()):
            if order is None or order.owner is not self.owner or order.isbuy():
                continue
            last_day, last_time = divmod(order.data.datetime[0], 1)
            if last_day < day and last_time > time:
                return True
        return False
