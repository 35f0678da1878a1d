"""From a rebalance to orders: sells first, sized with commission, never short of cash."""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

import backtrader as bt

from attngru_bt.rebalance import Plan
from attngru_bt.tradelog import TradeLog

logger = logging.getLogger(__name__)


def cost(comminfo: Any, size: float, price: float) -> float:
    """Cash that buying `size` shares at `price` takes, commission included."""
    return float(comminfo.getoperationcost(size, price) + comminfo.getcommission(size, price))


def affordable(comminfo: Any, price: float, cash: float, lot: float = 1) -> float:
    """Largest size whose cost, commission included, is within `cash`.

    Parameters
    ----------
    comminfo : backtrader CommInfoBase
    price, cash : float
        In the feed's currency.
    lot : float, default 1
        Shares come in multiples of it; 0 allows fractions.
    """
    if not (price > 0 and cash > 0):
        return 0.0
    step = lot or 1e-9 * cash / price
    many = 1e6 * step
    lots = math.floor(cash / (cost(comminfo, many, price) / many) / step)
    # fixed and minimum fees weigh more on small sizes: step down until it fits
    while lots > 0 and (excess := cost(comminfo, lots * step, price) - cash) > 0:
        lots -= max(1, math.floor(excess / price / step))
    return max(lots, 0) * step


class CashCap:
    """Broker filler that fills our buys only as far as the cash goes, so none is rejected.

    An order is checked at the close of the decision but filled at the next open: a gap up (or
    slippage) would otherwise turn it down whole. Orders of other owners pass untouched.

    Parameters
    ----------
    owner : Strategy
        Whose buys are capped.
    lot : Callable
        Data feed → shares per lot.
    before : callable, default None
        The filler the broker had, asked first.

    Attributes
    ----------
    capped : set of int
        References of the orders that were cut to the cash: the rest of them is void.
    """

    def __init__(
        self, owner: Any, lot: Callable[[Any], float], before: Callable[..., float] | None = None
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
        if order.owner is not self.owner or not order.isbuy() or price is None:
            return float(size)
        comminfo = self.owner.broker.getcommissioninfo(order.data)
        cash = self.owner.broker.get_cash()
        if cost(comminfo, size, price) <= cash:
            return float(size)
        self.capped.add(order.ref)
        return min(float(size), affordable(comminfo, price, cash, self.lot(order.data)))


class Execution:
    """Places a strategy's orders and follows them until they are filled or void.

    Parameters
    ----------
    strategy : bt.Strategy
        Whose orders and broker these are.
    feeds : mapping of str to data feed
        The feeds that may be traded, by name.
    log : TradeLog
    lot : callable
        Data feed → shares per lot, 0 for fractions.
    has_bar : callable
        Name → whether its feed has a bar in the session at hand.
    at_open : bool
        Whether orders fill at the open of the session at hand (``cheat_on_open``) rather than at
        the next one's; they are sized on that open, otherwise on the close.
    """

    def __init__(
        self,
        strategy: Any,
        feeds: Mapping[str, Any],
        log: TradeLog,
        *,
        lot: Callable[[Any], float],
        has_bar: Callable[[str], bool],
        at_open: bool,
    ) -> None:
        self.strategy = strategy
        self.broker = strategy.broker
        self.feeds = feeds
        self.log = log
        self.lot = lot
        self.has_bar = has_bar
        self.at_open = at_open
        self.session: Any = None  # date of the session at hand, for the log
        self._open: dict[int, Any] = {}  # our live orders by reference
        self._cancels: dict[int, tuple[Any, str]] = {}  # when and why we asked to cancel them
        self._exiting: set[str] = set()  # to be sold as soon as they trade
        self._install_cap()

    def _install_cap(self) -> None:
        self._cap = CashCap(self.strategy, self.lot)
        if not hasattr(self.broker, "set_filler"):
            return  # a live broker checks cash itself
        before = self.broker.p.filler
        while isinstance(before, CashCap):
            before = before.before  # left by an earlier run of this Cerebro that did not finish
        self._cap.before = before
        self.broker.set_filler(self._cap)

    def close(self) -> None:
        """Hand the broker its filler back."""
        if getattr(self.broker.p, "filler", None) is self._cap:
            self.broker.set_filler(self._cap.before)

    # -- what is held and at what price -----------------------------------------------------------

    def size(self, name: str) -> float:
        """Shares held; looks without adding the feed to the broker's books."""
        position = self.broker.positions.get(self.feeds[name])
        return float(position.size) if position is not None else 0.0

    def price(self, name: str) -> float:
        """Price that orders of this session are sized on."""
        data = self.feeds[name]
        return float(data.open[0] if self.at_open else data.close[0])

    def tradable(self, name: str) -> bool:
        """Whether an order placed now fills at a price of its own day."""
        return self.has_bar(name) and self.price(name) > 0

    # -- orders -----------------------------------------------------------------------------------

    def rebalance(self, todo: Plan, topk: int, reserve: float, equalise: bool) -> None:
        """Order the exits, then the entrants out of the cash on hand and the proceeds.

        Parameters
        ----------
        todo : Plan
        topk : int
            Names that share the portfolio.
        reserve : float
            Share of the portfolio value that stays in cash.
        equalise : bool
            Trade the stayers to an equal weight too.
        """
        for order in list(self._open.values()):
            self._cancel(order, self.session, "a new decision")
        self._exiting = set(todo.stuck)
        cash = self.broker.get_cash() - reserve * self.broker.get_value()
        for name in todo.exits:
            cash += self.sell(name, self.size(name), "left the best")
        if not equalise:
            for name in todo.entrants:
                self.buy(name, cash / todo.slots, "entered the best")
            return
        target = (1 - reserve) * self.broker.get_value() / topk
        chosen = [n for n in (*todo.stayers, *todo.entrants) if self.tradable(n)]
        gaps = {n: target - self.size(n) * self.price(n) for n in chosen}
        for name, gap in gaps.items():
            if gap < 0:
                lot = self.lot(self.feeds[name])
                size = -gap / self.price(name)
                cash += self.sell(name, size // lot * lot if lot else size, "above equal weight")
        for name, gap in gaps.items():
            if gap > 0:
                reason = "entered the best" if name in todo.entrants else "below equal weight"
                cash -= self.buy(name, min(gap, cash), reason)

    def sell(self, name: str, size: float, reason: str) -> float:
        """Order a sale at market; returns the cash it should bring, after commission."""
        if size <= 0:
            return 0.0
        data, price = self.feeds[name], self.price(name)
        self._placed(self.strategy.sell(data=data, size=size), reason)
        comminfo = self.broker.getcommissioninfo(data)
        return float(size * price * (1 - self._slippage()) - comminfo.getcommission(size, price))

    def buy(self, name: str, cash: float, reason: str) -> float:
        """Order as many shares as `cash` pays for; returns the cash they should take."""
        data, price = self.feeds[name], self.price(name) * (1 + self._slippage())
        comminfo = self.broker.getcommissioninfo(data)
        size = affordable(comminfo, price, cash, self.lot(data))
        if size <= 0:
            why = f"its share of the cash, {max(cash, 0.0):,.2f}, buys less than one lot"
            self.log.add(self.session, name, "passed", "buy", price=price, reason=why)
            return 0.0
        self._placed(self.strategy.buy(data=data, size=size), reason)
        return cost(comminfo, size, price)

    def _slippage(self) -> float:
        return float(getattr(self.broker.p, "slip_perc", 0.0) or 0.0)

    def _placed(self, order: Any, reason: str) -> None:
        self._open[order.ref] = order
        self.log.add(
            self.session,
            order.data._name,
            "order",
            _side(order),
            size=abs(order.created.size),
            price=self.price(order.data._name),
            reason=reason,
            ref=order.ref,
        )

    # -- the sessions in between ------------------------------------------------------------------

    def drop_stale(self) -> None:
        """Cancel orders whose feed has no bar: backtrader would fill them at an old price."""
        for order in list(self._open.values()):
            name = order.data._name
            if order.ref in self._cap.capped:
                self._cancel(order, self.session, "the cash is spent")
            elif not self.has_bar(name):
                self._cancel(order, self.session, "no bar today")
                if not order.isbuy():
                    self._exiting.add(name)

    def _cancel(self, order: Any, today: Any, reason: str) -> None:
        if order.ref not in self._cancels:
            self._cancels[order.ref] = (today, reason)  # the broker's word comes a session later
            self.strategy.cancel(order)

    def retry_exits(self) -> None:
        """Sell what could not be sold at its decision, in the first session it trades again."""
        for name in sorted(self._exiting):
            if not self.size(name):
                self._exiting.discard(name)
            elif self.tradable(name) and all(o.data._name != name for o in self._open.values()):
                self.sell(name, self.size(name), "left the best, trades again")

    def notify(self, order: Any) -> None:
        """Log what became of one of our orders."""
        if order.ref not in self._open:
            return
        name, side = order.data._name, _side(order)
        today = dt.date.fromordinal(int(self.strategy.lines.datetime[0]))
        if order.status in (bt.Order.Partial, bt.Order.Completed):
            event = "fill" if order.status == bt.Order.Completed else "partial"
            for bit in order.executed.iterpending():
                self.log.add(
                    today,
                    name,
                    event,
                    side,
                    size=abs(bit.size),
                    price=bit.price,
                    commission=bit.closedcomm + bit.openedcomm,
                    ref=order.ref,
                )
            if order.status == bt.Order.Partial and order.ref in self._cap.capped:
                self._cancel(self._open[order.ref], today, "the cash is spent")
        elif order.status in _VOID:
            event, reason = _VOID[order.status]
            today, reason = self._cancels.pop(order.ref, (today, reason))
            level = logging.WARNING if event == "rejected" else logging.INFO
            logger.log(level, "%s: order to %s %s %s", today, side, name, event)
            size = abs(order.executed.remsize)
            self.log.add(today, name, event, side, size=size, reason=reason, ref=order.ref)
        if not order.alive():
            del self._open[order.ref]
            # backtrader values every position it ever had, on every bar: forget the closed ones
            if not self.size(name):
                self.broker.positions.pop(order.data, None)


_VOID = {
    bt.Order.Canceled: ("canceled", ""),
    bt.Order.Expired: ("expired", ""),
    bt.Order.Margin: ("rejected", "not enough cash"),
    bt.Order.Rejected: ("rejected", "by the broker"),
}


def _side(order: Any) -> str:
    return "buy" if order.isbuy() else "sell"
