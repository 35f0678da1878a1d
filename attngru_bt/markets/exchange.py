"""The exchange as a broker filler: which orders may fill today, and how much of them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from attngru_bt.feeds.sessions import FeedSessions
from attngru_bt.markets.fees import Commission
from attngru_bt.markets.limits import Limits, adjfactor, line
from attngru_bt.markets.lots import EPSILON, buyable, sellable
from attngru_bt.markets.rulebook import LOTS, board_of


class Event(NamedTuple):
    """One entry of the report.

    `event` is "waiting" (did not fill today, stays), "trimmed" (cut to what may be ordered),
    "refused" (void, smaller than what may be ordered) or "settled" (a delisted holding turned into
    cash). `size` is in the feed's units.
    """

    date: dt.date
    asset: str
    event: str
    side: str
    size: float
    reason: str
    ref: int


class Exchange:
    """Broker filler that fills orders as an exchange with lots, limits and T+1 would.

    Parameters
    ----------
    broker : bt.brokers.BackBroker
    feeds : sequence of data feed
        All feeds: the latest bar among them is the session.
    limits : Limits
    lots : mapping of str to (minimum, step)
        Real shares of a buy, per board.
    t_plus_one : bool
        Whether shares bought today cannot be sold today.
    before : callable, default None
        The filler the broker had, asked after the rules.
    count : callable, default None
        Number of sessions the strategy has seen, so that the session at hand is looked for once
        and not with every order.

    Attributes
    ----------
    events : list of Event
        What was not as ordered, and why. An order that waits for days for one reason is one entry.
    waiting : dict of int to str
        References of the orders that did not fill when last tried, and why.
    """

    def __init__(
        self,
        broker: Any,
        feeds: Iterable[Any],
        limits: Limits,
        lots: Any = LOTS,
        *,
        t_plus_one: bool = True,
        before: Callable[..., float] | None = None,
        count: Callable[[], int] | None = None,
    ) -> None:
        self.broker = broker
        self.limits = limits
        self.before = before
        self.events: list[Event] = []
        self.waiting: dict[int, str] = {}
        self.token: Any = None  # of the run it was made for
        self._count = count
        self._counted = -1
        self._now = 0  # session at hand, as an ordinal
        self._feeds = list(feeds)
        self._sessions = {data: FeedSessions(data) for data in self._feeds}
        self._lots = dict(lots)
        self._t_plus_one = t_plus_one
        self._split: set[int] = set()  # references of sales that T+1 let fill in part only
        self._bought: dict[Any, tuple[int, float, float]] = {}  # session, bought, position since
        self._has_volume: dict[Any, int] = {}  # bars looked at; -1 = has shown a volume

    # -- what may be traded -----------------------------------------------------------------------

    def session(self) -> int:
        """Return the day number of the session at hand."""
        return max((self.day(d) for d in self._feeds if len(d)), default=0)

    def day(self, data: Any) -> int:
        """Return the day number of a feed's newest bar."""
        return self._sessions[data].day()

    def _look_at_clock(self) -> None:
        # the broker runs between two calls of the strategy, whose count is then that of yesterday
        counted = -1 if self._count is None else self._count()
        if counted < 0 or counted != self._counted:
            self._now, self._counted = self.session(), counted
            if self.limits.first_session is None:
                self.limits.first_session = dt.date.fromordinal(self._now)

    def _has_bar(self, data: Any) -> bool:
        """Whether a feed has a bar in the session at hand; a suspended one still shows its last."""
        return len(data) > 0 and self.day(data) == self._now

    def lot(self, data: Any) -> tuple[float, float]:
        """Least size of a buy and its steps, in units of the feed at today's factor."""
        minimum, step = self._lots[board_of(data._name)[0]]
        factor = adjfactor(data)
        return minimum / factor, step / factor

    def buy_size(self, data: Any, size: float) -> float:
        """Largest size up to `size` that may be bought, in units of the feed."""
        factor = adjfactor(data)
        minimum, step = self._lots[board_of(data._name)[0]]
        return _up_to(size, buyable(size * factor, minimum, step) / factor)

    def sell_size(self, data: Any, size: float) -> float:
        """Largest size up to `size` that may be sold out of the position, in units of the feed."""
        factor = adjfactor(data)
        minimum, step = self._lots[board_of(data._name)[0]]
        held = self._position(data)
        if size * factor >= held * factor - EPSILON:
            return held  # all of it, to the last bit
        return _up_to(size, sellable(size * factor, held * factor, minimum, step) / factor)

    def closed_to(self, data: Any, side: str) -> str:
        """Why an order at this session's open should not be counted on, as known at the open.

        Of a feed that has a bar in this session. Empty if nothing is known against the order; it
        may still not fill.
        """
        if line(data, "traded") == 0:
            return "suspended: no trade today"
        if self.limits.first_session is None:
            self.limits.first_session = dt.date.fromordinal(self.session())
        limit = self.limits.opens_at(data, side)
        return "" if math.isnan(limit) else _at_limit("opens", side, limit)

    def _position(self, data: Any) -> float:
        position = self.broker.positions.get(data)
        return float(position.size) if position is not None else 0.0

    def _free_to_sell(self, data: Any) -> float:
        """Return the position less what was bought today.

        Every execution is preceded by a call of the filler, so what the position gained since the
        call before was bought in that session.
        """
        today, position = self._now, self._position(data)
        session, bought, before = self._bought.get(data, (today, 0.0, position))
        if session != today:
            bought, before = 0.0, position
        bought += max(position - before, 0.0)
        self._bought[data] = today, bought, position
        return position - bought if self._t_plus_one else position

    # -- the filler -------------------------------------------------------------------------------

    def __call__(self, order: Any, price: float | None, ago: int) -> float:
        """Size that may fill now; positive, as backtrader expects for buys and sales alike."""
        self._look_at_clock()
        data = order.data
        size = abs(order.executed.remsize)
        free = self._free_to_sell(data)
        if order.info.get("settlement"):
            if self._has_bar(data):  # it trades again
                self._void(order, order.cancel)
                return 0.0
            self._charge(order)
            return float(size)
        obstacle = self._obstacle(order)
        if obstacle:
            return self._wait(order, obstacle)
        if self._is_new(order, size):
            self._split.discard(order.ref)
            size = self._trim(order, size)
            if not size:
                return 0.0
        if not order.isbuy() and size > free + EPSILON:
            size = self.sell_size(data, max(free, 0.0)) if free > EPSILON else 0.0
            if not size:
                return self._wait(order, "bought today: T+1 lets it be sold from tomorrow on")
            self._split.add(order.ref)
        if self.before is not None:
            size = min(size, self.before(order, price, ago))
        if size > 0:
            self.waiting.pop(order.ref, None)
            self._charge(order)
        return float(size)

    def _is_new(self, order: Any, size: float) -> bool:
        """Whether the exchange gets this as an order of its own, so that the lots apply to it.

        An order that has filled in part stands with the exchange, but for two sales: the rest of
        one that T+1 split is a new order, and one whose shares another order has sold is changed.
        """
        if not order.executed.size:
            return True
        if order.isbuy():
            return False
        return order.ref in self._split or size > self._position(order.data) + EPSILON

    def _obstacle(self, order: Any) -> str:
        data, side = order.data, "buy" if order.isbuy() else "sell"
        if not self._has_bar(data):
            return "suspended: no bar today"
        if line(data, "traded") == 0 or self._no_volume(data):
            return "suspended: no trade today"
        limit = self.limits.locked_at(data, side)
        return "" if math.isnan(limit) else _at_limit("locked", side, limit)

    def _no_volume(self, data: Any) -> bool:
        """Whether today's volume is zero on a feed that has shown volumes before."""
        if line(data, "volume") > 0:
            self._has_volume[data] = -1
            return False
        seen = self._has_volume.get(data, 0)
        if seen >= 0 and line(data, "volume") == 0:
            # a feed without volumes shows zeros: look back once, then only at what is new
            bars = len(data)
            if any(data.volume[-ago] > 0 for ago in range(1, bars - seen)):
                seen = -1
            self._has_volume[data] = seen if seen < 0 else bars - 1
        return line(data, "volume") == 0 and seen < 0

    def _trim(self, order: Any, size: float) -> float:
        """Cut a new order, or what is left of one, to what may be ordered; nothing: refuse it."""
        data = order.data
        held = self._position(data)
        if order.isbuy():
            allowed = self.buy_size(data, size)
            minimum, step = self._lots[board_of(data._name)[0]]
            rule = f"buys are for {minimum} shares or more, in steps of {step}"
        elif held <= 0:
            allowed, rule = 0.0, "nothing is held, and shares cannot be sold short"
        else:
            allowed = self.sell_size(data, size)
            minimum, step = self._lots[board_of(data._name)[0]]
            rule = (
                f"sales are for {minimum} shares or more, in steps of {step}, or for the whole odd "
                "rest, and at most what is held"
            )
        if allowed <= 0:
            self._report(order, "refused", size, rule)
            self._void(order, order.cancel if order.executed.size else order.reject)
            return 0.0
        if allowed < size * (1 - 1e-9):
            self._report(order, "trimmed", size - allowed, rule)
            order.executed.remsize = math.copysign(allowed, order.executed.remsize)
        return min(allowed, size)

    def _void(self, order: Any, how: Callable[[], Any]) -> None:
        """End an order the way the broker itself ends one that it has no cash for."""
        self.waiting.pop(order.ref, None)
        how()
        self.broker.notify(order)
        self.broker._ococheck(order)
        self.broker._bracketize(order, cancel=True)

    def _wait(self, order: Any, reason: str) -> float:
        kind = reason.partition(":")[0]
        if self.waiting.get(order.ref, "").partition(":")[0] != kind:
            self._report(order, "waiting", abs(order.executed.remsize), reason)
        self.waiting[order.ref] = reason
        return 0.0

    def _charge(self, order: Any) -> None:
        commission = self.broker.getcommissioninfo(order.data)
        if isinstance(commission, Commission):
            commission.order = order

    def _report(self, order: Any, event: str, size: float, reason: str) -> None:
        side = "buy" if order.isbuy() else "sell"
        day = dt.date.fromordinal(self._now)
        self.events.append(Event(day, order.data._name, event, side, size, reason, order.ref))

    def look(self, session: int) -> None:
        """Note the orders that backtrader does not even try because their feed has no bar today.

        Called after each session with its day number.
        """
        self._now, self._counted = session, -1
        if self.limits.first_session is None:
            self.limits.first_session = dt.date.fromordinal(session)
        for order in self.broker.pending:
            if not order.info.get("settlement") and not self._has_bar(order.data):
                self._wait(order, "suspended: no bar today")


def _up_to(size: float, allowed: float) -> float:
    """Return the smaller of the two; the size itself where they differ by rounding only."""
    return size if allowed > size * (1 - 1e-12) else allowed


def _at_limit(verb: str, side: str, limit: float) -> str:
    which = "up" if side == "buy" else "down"
    return f"{verb} at its {which} limit: {limit:.10g}"


def exchange_of(broker: Any) -> Exchange | None:
    """Return the exchange that is at work in a broker, below other fillers; None if there is none.

    During a run only.
    """
    filler = getattr(getattr(broker, "p", None), "filler", None)
    while filler is not None and not isinstance(filler, Exchange):
        filler = getattr(filler, "before", None)
    return filler
