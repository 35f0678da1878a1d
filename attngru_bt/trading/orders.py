"""Places a strategy's orders and follows each until it is filled or void."""

from __future__ import annotations

import datetime as dt
import logging

from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.sessions import FeedSessions, RunSessions
from attngru_bt.trading.cash_cap import CashCap
from attngru_bt.trading.sizing import Lots
from attngru_bt.trading.trade_log import TradeLog
from attngru_bt.trading.view import FeedView

logger = logging.getLogger(__name__)

# Event and reason in the trade log for each status in which an order ends without a fill.
_VOID = {
    bt.Order.Canceled: ("canceled", ""),
    bt.Order.Expired: ("expired", ""),
    bt.Order.Margin: ("rejected", "not enough cash"),
    bt.Order.Rejected: ("rejected", "by the broker"),
}


class Orders:
    """The orders of a strategy that are not yet filled or void.

    Parameters
    ----------
    strategy : bt.Strategy
        The owner of the orders.
    view : FeedView
        The feeds that may be traded, and their clock.
    log : TradeLog
    market : Lots
        `PlainLots`, or the exchange in the broker.

    Attributes
    ----------
    session : date or None
        The current session, under which events are logged.
    """

    def __init__(self, strategy: bt.Strategy, view: FeedView, log: TradeLog, market: Lots) -> None:
        self.session: dt.date | None = None
        self._strategy = strategy
        self._broker = strategy.broker
        self._feeds, self._clock = view.feeds, view.clock
        self._log = log
        self._market = market
        self._sessions = RunSessions(strategy.datas)
        self._feed_sessions: dict[bt.DataBase, FeedSessions] = {}
        # All by the reference of the order:
        self._open: dict[int, bt.Order] = {}
        self._of_script: dict[int, bt.Order] = {}  # ordered by a subclass, and only logged
        self._cancels: dict[int, tuple[dt.date | None, str]] = {}  # when and why we canceled
        self._waiting: dict[int, str] = {}  # the reason for waiting that was logged last
        # Only backtrader's own broker takes a filler, and it cancels at once. A live broker checks
        # the cash itself and cancels when it pleases.
        self._simulated = hasattr(self._broker, "set_filler")
        self._cap = CashCap(strategy, market.lot, self._must_wait)
        if self._simulated:
            filler = self._broker.p.filler
            while isinstance(filler, CashCap):
                filler = filler.before  # left over from an unfinished run of this Cerebro
            self._cap.before = filler
            self._broker.set_filler(self._cap)

    def close(self) -> None:
        """Give the broker its own filler back."""
        if getattr(self._broker.p, "filler", None) is self._cap:
            self._broker.set_filler(self._cap.before)

    def live(self) -> list[bt.Order]:
        """Return the orders that may still fill."""
        return [order for ref, order in self._open.items() if self._is_live(ref)]

    def being_sold(self, feed: bt.DataBase) -> float:
        """Return the shares of a feed in market orders to sell that the broker has, whosever."""
        waiting = [*self._open.values(), *self._of_script.values()]
        if self._simulated:  # it has those that it has not confirmed yet, too
            waiting = [*self._broker.submitted, *self._broker.pending]
        return sum(
            abs(order.executed.remsize)
            for order in waiting
            if order.data is feed and order.exectype == bt.Order.Market
            if not order.isbuy() and self._is_live(order.ref)
        )

    def _is_live(self, ref: int) -> bool:
        return not (self._simulated and ref in self._cancels)

    def _must_wait(self, order: bt.Order) -> bool:
        """Whether an order of ours that was placed earlier fills later in the same session."""
        name = order.data._name
        return any(
            ref < order.ref and self._is_live(ref) and self._clock.to_come(earlier.data._name, name)
            for ref, earlier in self._open.items()
        )

    # -- placing and canceling --------------------------------------------------------------------

    def place(self, side: str, name: str, size: float, price: float, reason: str) -> None:
        """Send a market order; `price` is the one that it was sized on."""
        send = self._strategy.buy if side == "buy" else self._strategy.sell
        order = send(data=self._feeds[name], size=size)
        self._open[order.ref] = order
        self._log.add(
            self.session, name, "order", side,
            size=abs(order.created.size), price=price, reason=reason, ref=order.ref,
        )  # fmt: skip

    def cancel_all(self, reason: str) -> None:
        """Cancel every open order."""
        for order in list(self._open.values()):
            self._cancel(order, self.session, reason)

    def cancel_stale(self) -> list[str]:
        """Cancel what must not wait any longer; return the names whose sale was canceled.

        These are orders whose feed has no bar today (backtrader would fill them at an old price),
        buys that were cut to the cash, and buys that the market did not let fill: the cash of the
        latter is shared out anew.
        """
        unsold = []
        for order in self.live():
            name = order.data._name
            if order.ref in self._cap.capped:
                self._cancel(order, self.session, "the cash is spent")
            elif not self._clock.has_bar(name):
                self._cancel(order, self.session, "no bar today")
                if not order.isbuy():
                    unsold.append(name)
            elif order.isbuy() and order.ref in self._market.waiting:
                self._cancel(order, self.session, self._market.waiting[order.ref])
        return unsold

    def _cancel(self, order: bt.Order, session: dt.date | None, reason: str) -> None:
        if order.ref not in self._cancels:
            # The broker confirms in the next session only, so date and reason are kept for the log.
            self._cancels[order.ref] = session, reason
            self._strategy.cancel(order)

    # -- following --------------------------------------------------------------------------------

    def log_waiting(self) -> None:
        """Log the orders that the market did not let fill today, once per kind of reason."""
        for order in self.live():
            reason = self._market.waiting.get(order.ref, "")
            kind = reason.partition(":")[0]  # what follows are figures of the day
            if reason and self._waiting.get(order.ref) != kind:
                self._waiting[order.ref] = kind
                self._log.add(
                    self.session, order.data._name, "waiting", _side(order),
                    size=abs(order.executed.remsize), reason=reason, ref=order.ref,
                )  # fmt: skip

    def notify(self, order: bt.Order) -> None:
        """Log what the broker says about an order; orders of other owners are ignored."""
        name, side = order.data._name, _side(order)
        if settlement := order.info.get("settlement"):
            # market rules settle a delisted holding by an order of their own
            if name in self._feeds and order.status == bt.Order.Completed:
                self._log_settlement(order, self._today(), settlement)
            return
        if order.owner is not self._strategy:
            return
        if order.ref not in self._open and order.ref not in self._of_script:
            self._of_script[order.ref] = order
            created = order.created
            day = self._sessions_of(order.data).day_of(created.dt) if created.dt else None
            self._log.add(
                dt.date.fromordinal(day) if day else self._today(), name, "order", side,
                size=abs(created.size), price=created.price or created.pclose,
                reason="ordered by the script", ref=order.ref,
            )  # fmt: skip
        if order.status in (bt.Order.Partial, bt.Order.Completed):
            self._log_fills(order)
            if order.status == bt.Order.Partial and order.ref in self._cap.capped:
                self._cancel(self._open.get(order.ref, order), self._today(), "the cash is spent")
        elif order.status in _VOID:
            event, reason = _VOID[order.status]
            when, reason = self._cancels.get(order.ref, (self._today(), reason))
            level = logging.WARNING if event == "rejected" else logging.INFO
            logger.log(level, "%s: order to %s %s %s", when, side, name, event)
            size = abs(order.executed.remsize)
            self._log.add(when, name, event, side, size=size, reason=reason, ref=order.ref)
        if not order.alive():
            if self._open.pop(order.ref, None) is not None:
                self._forget_closed(order.data)
            self._of_script.pop(order.ref, None)
            self._cancels.pop(order.ref, None)
            self._waiting.pop(order.ref, None)

    def _today(self) -> dt.date:
        """Return the session of the newest bars, which the clock may not have looked at yet."""
        return dt.date.fromordinal(self._sessions.day(self._strategy.lines.datetime[0]))

    def _log_fills(self, order: bt.Order, session: dt.date | None = None, reason: str = "") -> None:
        """Log the new executions of an order; None: each in the session of the bar it filled at."""
        event = "fill" if order.status == bt.Order.Completed else "partial"
        sessions = self._sessions_of(order.data)
        for execution in order.executed.iterpending():
            self._log.add(
                session or dt.date.fromordinal(sessions.day_of(execution.dt)),
                order.data._name,
                event,
                _side(order),
                size=abs(execution.size),
                price=execution.price,
                commission=execution.closedcomm + execution.openedcomm,
                reason=reason,
                ref=order.ref,
            )

    def _sessions_of(self, feed: bt.DataBase) -> FeedSessions:
        if feed not in self._feed_sessions:
            self._feed_sessions[feed] = FeedSessions(feed)
        return self._feed_sessions[feed]

    def _log_settlement(self, order: bt.Order, session: dt.date, reason: str) -> None:
        """Log the sale by which the market itself ends a holding in a delisted stock."""
        name = order.data._name
        self._log.add(
            session, name, "order", "sell",
            size=abs(order.created.size), price=order.created.price, reason=reason, ref=order.ref,
        )  # fmt: skip
        logger.warning("%s: %s", name, reason)
        self._log_fills(order, session, reason)
        self._forget_closed(order.data)

    def _forget_closed(self, feed: bt.DataBase) -> None:
        # On every bar backtrader values each position it ever had: remove those that are closed.
        position = self._broker.positions.get(feed)
        if position is not None and not position.size:
            self._broker.positions.pop(feed)


def _side(order: bt.Order) -> str:
    return "buy" if order.isbuy() else "sell"
