"""Places a strategy's orders and follows them until they are filled or void."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import backtrader as bt

from attngru_bt.feeds.sessions import FeedSessions, RunSessions
from attngru_bt.trading.cash_cap import CashCap
from attngru_bt.trading.rebalance import Plan
from attngru_bt.trading.sizing import FRACTION, Lots, affordable, cost, payable
from attngru_bt.trading.trade_log import TradeLog

logger = logging.getLogger(__name__)

DUST = 1e-6  # of the portfolio: a smaller buy is no order


class Execution:
    """Places a strategy's orders and follows them until they are filled or void.

    Parameters
    ----------
    strategy : bt.Strategy
        Whose orders and broker these are.
    feeds : mapping of str to data feed
        The feeds that may be traded, by name.
    log : TradeLog
    market : Lots
        What may be ordered: `PlainLots`, or the exchange at work in the broker.
    has_bar : callable
        Name → whether its feed has a bar in the session at hand.
    to_come : callable
        Name of a feed, name of another → whether a bar of the first is still to come in the session
        of the other's newest bar.
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
        market: Lots,
        has_bar: Callable[[str], bool],
        to_come: Callable[[str, str], bool],
        at_open: bool,
    ) -> None:
        self.strategy = strategy
        self.broker = strategy.broker
        self.feeds = feeds
        self.log = log
        self.market = market
        self.has_bar = has_bar
        self.to_come = to_come
        self.at_open = at_open
        self.session: Any = None  # date of the session at hand, for the log
        self._opening_value = 0.0  # of the account, at the close of the session before
        self._sessions = RunSessions(strategy.datas)
        self._open: dict[int, Any] = {}  # our live orders by reference
        self._cancels: dict[int, tuple[Any, str]] = {}  # when and why we asked to cancel them
        self._told: dict[int, str] = {}  # orders logged as waiting, and why
        self._leaving: set[str] = set()  # names that the last decision has sold
        self._exiting: set[str] = set()  # of these, to be sold as soon as they trade
        self._candidates: tuple[str, ...] = ()  # may still enter before the next decision, by rank
        self._hopeless: set[str] = set()  # candidates whose share of the cash buys no lot
        self._terms: tuple[int, float, bool] = (0, 0.0, False)  # topk, reserve, equalize
        self._checked = 0.0  # cash as the broker will count it when it checks today's orders
        self._install_cap()

    def _install_cap(self) -> None:
        self._cap = CashCap(self.strategy, self.market.lot, self._waits)
        self._instant = hasattr(self.broker, "set_filler")  # backtrader's own: cancels at once
        if not self._instant:
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

    def _waits(self, order: Any) -> bool:
        """Whether an order of ours placed before this one fills later in the same session."""
        name = order.data._name
        return any(o.ref < order.ref and self.to_come(o.data._name, name) for o in self._live())

    def begin(self, session: dt.date) -> None:
        """Take note of the session at hand; called whenever bars of it come, before they trade."""
        if session != self.session:
            self.session = session
            self._opening_value = float(self.broker.get_value())

    # -- what is held and at what price -----------------------------------------------------------

    def size(self, name: str) -> float:
        """Shares held; looks without adding the feed to the broker's books."""
        position = self.broker.positions.get(self.feeds[name])
        return float(position.size) if position is not None else 0.0

    def value(self) -> float:
        """Value of the account that orders of this session are sized on.

        Before an open it is that of the last close: where feeds stamp a session differently, the
        broker has by then seen closes of the session itself.
        """
        return self._opening_value if self.at_open else float(self.broker.get_value())

    def price(self, name: str) -> float:
        """Price that orders of this session are sized on."""
        data = self.feeds[name]
        return float(data.open[0] if self.at_open else data.close[0])

    def tradable(self, name: str) -> bool:
        """Whether an order placed now fills at a price of its own day."""
        return self.has_bar(name) and self.price(name) > 0

    def closed_to(self, name: str, side: str) -> str:
        """Why an order of that side should not be counted on today; empty if it should."""
        if not self.tradable(name):
            return "no bar today"
        return self.market.closed_to(self.feeds[name], side) if self.at_open else ""

    def _live(self) -> list[Any]:
        """Our orders that may still fill."""
        return [o for ref, o in self._open.items() if not (self._instant and ref in self._cancels)]

    # -- orders -----------------------------------------------------------------------------------

    def rebalance(
        self,
        todo: Plan,
        topk: int,
        reserve: float,
        equalize: bool,
        candidates: Iterable[str] = (),
    ) -> None:
        """Order the exits, then the entrants out of the cash on hand and the proceeds.

        Parameters
        ----------
        todo : Plan
        topk : int
            Names that share the portfolio.
        reserve : float
            Share of the portfolio value that stays in cash.
        equalize : bool
            Trade the stayers to an equal weight too.
        candidates : iterable of str, default ()
            Names that may enter until the next decision, by rank; see `retry`.
        """
        for order in list(self._open.values()):
            self._cancel(order, self.session, "a new decision")
        self._leaving = {*todo.exits, *todo.stuck}
        self._exiting = set(todo.stuck)
        self._candidates, self._hopeless = tuple(candidates), set()
        self._terms = topk, reserve, equalize
        self._checked = self.broker.get_cash()
        cash = self._checked - reserve * self.value()
        for name in todo.exits:
            cash += self.sell(name, self.size(name), "left the best")
        if equalize:
            self._equalize(todo, cash)
        else:
            for name in todo.entrants:
                self.buy(name, cash / todo.slots, "entered the best")
        self._retry_exits()  # what opens at its limit may still be sold: its cash comes later

    def _equalize(self, todo: Plan, cash: float) -> None:
        topk, reserve, _ = self._terms
        target = (1 - reserve) * self.value() / topk
        chosen = [n for n in todo.stayers if self.tradable(n)] + list(todo.entrants)
        gaps = {n: target - self.size(n) * self.price(n) for n in chosen}
        for name, gap in gaps.items():
            if gap < 0 and not self.closed_to(name, "sell"):
                size = self.market.sell_size(self.feeds[name], -gap / self.price(name))
                cash += self.sell(name, size, "above equal weight")
        for name, gap in gaps.items():
            if gap > 0 and not self.closed_to(name, "buy"):
                reason = "entered the best" if name in todo.entrants else "below equal weight"
                cash -= self.buy(name, min(gap, cash), reason)

    def sell(self, name: str, size: float, reason: str) -> float:
        """Order a sale at market; returns the cash it should bring, after commission."""
        if size <= 0:
            return 0.0
        data, price = self.feeds[name], self.price(name)
        self._placed(self.strategy.sell(data=data, size=size), reason)
        comminfo = self.broker.getcommissioninfo(data)
        self._checked += size * price
        self._checked -= comminfo.getcommission(-size, price)
        return float(size * price * (1 - self._slippage()) - comminfo.getcommission(-size, price))

    def buy(self, name: str, cash: float, reason: str) -> float:
        """Order as many shares as `cash` pays for; returns the cash they should take."""
        data, price = self.feeds[name], self.price(name) * (1 + self._slippage())
        comminfo = self.broker.getcommissioninfo(data)
        minimum, step = self.market.lot(data)
        size = affordable(comminfo, price, cash, step, minimum)
        if not payable(comminfo, size, self.price(name), self._checked):
            less = size - (step or FRACTION * size)  # the sum of all is over by a float's last bit
            size = less if less >= minimum else 0.0
        if size * price < DUST * self.value():  # fractions of a share
            size = 0.0
        if size <= 0:
            why = f"its share of the cash, {max(cash, 0.0):,.2f}, buys less than one lot"
            self.log.add(self.session, name, "passed", "buy", price=price, reason=why)
            if not self._exiting and all(o.isbuy() for o in self._live()):
                self._hopeless.add(name)  # no more cash is on its way
            return 0.0
        self._placed(self.strategy.buy(data=data, size=size), reason)
        self._checked -= comminfo.getoperationcost(size, self.price(name))
        self._checked -= comminfo.getcommission(size, self.price(name))
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

    def look(self) -> None:
        """Log the orders that the market did not let fill today, once per reason."""
        waiting: Mapping[int, str] = getattr(self.market, "waiting", {})
        for order in self._live():
            reason = waiting.get(order.ref, "")
            kind = reason.partition(":")[0]
            if reason and self._told.get(order.ref) != kind:
                self._told[order.ref] = kind
                size = abs(order.executed.remsize)
                name = order.data._name
                self.log.add(
                    self.session, name, "waiting", _side(order), size=size, reason=reason,
                    ref=order.ref,
                )  # fmt: skip

    def drop_stale(self) -> None:
        """Cancel what must not wait.

        Orders whose feed has no bar (backtrader would fill them at an old price), buys that spent
        the cash, and buys that the market did not let fill: their cash is shared anew.
        """
        waiting: Mapping[int, str] = getattr(self.market, "waiting", {})
        for order in self._live():
            name = order.data._name
            if order.ref in self._cap.capped:
                self._cancel(order, self.session, "the cash is spent")
            elif not self.has_bar(name):
                self._cancel(order, self.session, "no bar today")
                if not order.isbuy() and name in self._leaving:  # a trim is not tried again
                    self._exiting.add(name)
            elif order.isbuy() and order.ref in waiting:
                self._cancel(order, self.session, waiting[order.ref])

    def _cancel(self, order: Any, today: Any, reason: str) -> None:
        if order.ref not in self._cancels:
            self._cancels[order.ref] = (today, reason)  # the broker's word comes a session later
            self.strategy.cancel(order)

    def retry(self, held: Iterable[str]) -> None:
        """Try again what could not be traded at the decision.

        Names that left the best are sold in the first session they trade. Free slots and the cash
        for them go to the best candidates that are still missing.

        Parameters
        ----------
        held : iterable of str
            Names that fill a slot today.
        """
        self._checked = self.broker.get_cash()
        left, proceeds = self._retry_exits()
        self._refill(set(held) - left, proceeds)

    def _retry_exits(self) -> tuple[set[str], float]:
        """Order the sales that are due; returns those to count on, and the cash they bring."""
        busy = {o.data._name for o in self._live()}
        left, proceeds = set(), 0.0
        for name in sorted(self._exiting):
            if not self.size(name):
                self._exiting.discard(name)
            elif self.tradable(name) and name not in busy:
                closed = self.closed_to(name, "sell")
                again = f", {closed}" if closed else ", trades again"
                cash = self.sell(name, self.size(name), f"left the best{again}")
                if not closed:
                    left.add(name)
                    proceeds += cash
        return left, proceeds

    def _refill(self, held: set[str], proceeds: float) -> None:
        topk, reserve, equalize = self._terms
        buying = [o for o in self._live() if o.isbuy()]
        filled = held | {o.data._name for o in buying}
        free = topk - len(filled)
        if free <= 0:
            return
        missing = [
            name
            for name in self._candidates
            if name not in filled and name not in self._hopeless and not self.size(name)
        ]
        missing = [name for name in missing if not self.closed_to(name, "buy")]
        if not missing:
            return
        value = self.value()
        spent = sum(abs(o.executed.remsize) * self.price(o.data._name) for o in buying)
        share = (self.broker.get_cash() + proceeds - spent - reserve * value) / free
        if equalize:
            share = min(share, (1 - reserve) * value / topk)
        for name in missing:
            if free > 0 and self.buy(name, share, "entered the best, later"):
                free -= 1

    # -- what the broker says ---------------------------------------------------------------------

    def notify(self, order: Any) -> None:
        """Log what became of one of our orders."""
        name, side = order.data._name, _side(order)
        today = dt.date.fromordinal(self._sessions.day(self.strategy.lines.datetime[0]))
        settled = order.info.get("settlement") or ""
        if order.ref not in self._open:
            if settled and name in self.feeds and order.status == bt.Order.Completed:
                self._log_settlement(order, today, settled)
            return
        if order.status in (bt.Order.Partial, bt.Order.Completed):
            self._log_fills(order)
            if order.status == bt.Order.Partial and order.ref in self._cap.capped:
                self._cancel(self._open[order.ref], today, "the cash is spent")
        elif order.status in _VOID:
            event, reason = _VOID[order.status]
            today, reason = self._cancels.get(order.ref, (today, reason))
            level = logging.WARNING if event == "rejected" else logging.INFO
            logger.log(level, "%s: order to %s %s %s", today, side, name, event)
            size = abs(order.executed.remsize)
            self.log.add(today, name, event, side, size=size, reason=reason, ref=order.ref)
        if not order.alive():
            del self._open[order.ref]
            self._cancels.pop(order.ref, None)
            self._told.pop(order.ref, None)
            self._forget(order.data)

    def _log_fills(self, order: Any, day: dt.date | None = None, reason: str = "") -> None:
        """Log executions, on the session of the bar they were made at or on a given day."""
        event = "fill" if order.status == bt.Order.Completed else "partial"
        sessions = FeedSessions(order.data)
        for bit in order.executed.iterpending():
            self.log.add(
                day or dt.date.fromordinal(sessions.day_of(bit.dt)),
                order.data._name,
                event,
                _side(order),
                size=abs(bit.size),
                price=bit.price,
                commission=bit.closedcomm + bit.openedcomm,
                reason=reason,
                ref=order.ref,
            )

    def _log_settlement(self, order: Any, today: dt.date, reason: str) -> None:
        size, price = abs(order.created.size), order.created.price
        self.log.add(
            today, order.data._name, "order", "sell", size=size, price=price, reason=reason,
            ref=order.ref,
        )  # fmt: skip
        logger.warning("%s: %s", order.data._name, reason)
        self._log_fills(order, today, reason)
        self._forget(order.data)

    def _forget(self, data: Any) -> None:
        # backtrader values every position it ever had, on every bar: forget the closed ones
        position = self.broker.positions.get(data)
        if position is not None and not position.size:
            self.broker.positions.pop(data)


_VOID = {
    bt.Order.Canceled: ("canceled", ""),
    bt.Order.Expired: ("expired", ""),
    bt.Order.Margin: ("rejected", "not enough cash"),
    bt.Order.Rejected: ("rejected", "by the broker"),
}


def _side(order: Any) -> str:
    return "buy" if order.isbuy() else "sell"
