"""The exchange as a filler of the broker: which orders may fill today, and how much of them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from attngru_bt.markets.fees import Commission
from attngru_bt.markets.limits import Limits, adjfactor, line
from attngru_bt.markets.lots import EPSILON, buyable, sellable
from attngru_bt.markets.rulebook import LOTS, board_of
from attngru_bt.markets.session import Session


class Event(NamedTuple):
    """One entry of the report.

    `event` is "waiting" (not filled today, but kept), "trimmed" (reduced to what may be ordered),
    "refused" (smaller than any order that is allowed) or "settled" (a delisted holding turned into
    cash). `size` is in units of the feed.
    """

    date: dt.date
    asset: str
    event: str
    side: str
    size: float
    reason: str
    ref: int


class Exchange:
    """Filler of a broker that fills orders like an exchange with lots, limits and T+1.

    Parameters
    ----------
    broker : bt.brokers.BackBroker
    feeds : sequence of data feed
        All feeds of the run.
    limits : Limits
    lots : mapping of str to (minimum, step)
        Real shares of a buy, by board.
    t_plus_one : bool
        Whether shares bought today cannot be sold today.
    before : callable, default None
        The user's own filler of the broker, which is asked after the rules.
    count : callable, default None
        See `Session`.

    Attributes
    ----------
    session : Session
    events : list of Event
        Where what was done differs from an order, and why. An order that waits for several days for
        one reason has one entry.
    waiting : dict of int to str
        Why orders did not fill when last tried, by reference of the order.
    """

    def __init__(
        self,
        broker: Any,
        feeds: Iterable[Any],
        limits: Limits,
        lots: Mapping[str, tuple[float, float]] = LOTS,
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
        self.token: Any = None  # identifies the run, see `Clearing`
        self.session = Session(feeds, count)
        self._lots = dict(lots)
        self._t_plus_one = t_plus_one
        self._split: set[int] = set()  # references of sales that filled in part because of T+1
        self._bought: dict[Any, tuple[int, float, float]] = {}  # session, bought in it, position

    # -- what may be traded -----------------------------------------------------------------------

    def lot(self, data: Any) -> tuple[float, float]:
        """Return the smallest buy and its steps, in units of the feed at today's factor."""
        minimum, step = self._lot(data)
        factor = adjfactor(data)
        return minimum / factor, step / factor

    def buy_size(self, data: Any, size: float) -> float:
        """Return the largest size up to `size` that may be bought, in units of the feed."""
        factor = adjfactor(data)
        return _up_to(size, buyable(size * factor, *self._lot(data)) / factor)

    def sell_size(self, data: Any, size: float) -> float:
        """Return the largest size up to `size` that may be sold, in units of the feed."""
        factor = adjfactor(data)
        held = self._position(data)
        if size * factor >= held * factor - EPSILON:
            return held  # all of it, to the last bit
        return _up_to(size, sellable(size * factor, held * factor, *self._lot(data)) / factor)

    def closed_to(self, data: Any, side: str) -> str:
        """Return why an order at this session's open is not expected to fill.

        The feed must have a bar in this session, of which only the open is looked at. An empty
        answer does not promise that the order fills.
        """
        if line(data, "traded") == 0:
            return "suspended: no trade today"
        self._note_first_session()
        return _at_limit("opens", side, self.limits.opens_at(data, side))

    def _note_first_session(self, session: int | None = None) -> None:
        """Note the first session of the run, which the limits of newly listed stocks depend on."""
        if self.limits.first_session is None:
            first = self.session.latest() if session is None else session
            self.limits.first_session = dt.date.fromordinal(first)

    def _lot(self, data: Any) -> tuple[float, float]:
        """Return the smallest buy and its steps, in real shares."""
        minimum, step = self._lots[board_of(data._name)[0]]
        return minimum, step

    def _position(self, data: Any) -> float:
        position = self.broker.positions.get(data)
        return float(position.size) if position is not None else 0.0

    def _free_to_sell(self, data: Any) -> float:
        """Return the position without the shares that were bought today.

        The filler is called before every execution, so that any gain of the position since the last
        call was bought in the session of that call.
        """
        today, position = self.session.today, self._position(data)
        session, bought, before = self._bought.get(data, (today, 0.0, position))
        if session != today:
            bought, before = 0.0, position
        bought += max(position - before, 0.0)
        self._bought[data] = today, bought, position
        return position - bought if self._t_plus_one else position

    # -- the filler -------------------------------------------------------------------------------

    def __call__(self, order: Any, price: float | None, ago: int) -> float:
        """Return the size that may fill now; positive for buys and for sales."""
        self.session.look()
        self._note_first_session(self.session.today)
        data = order.data
        size = abs(order.executed.remsize)
        free = self._free_to_sell(data)
        if order.info.get("settlement"):
            if self.session.has_bar(data):  # the stock trades again
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
        """Whether the order is new to the exchange, so that the rules of lots apply to it.

        The rest of an order that has filled in part is not new, except for two kinds of sales: the
        rest of one that T+1 split, and one whose shares were sold by another order meanwhile.
        """
        if not order.executed.size:
            return True
        if order.isbuy():
            return False
        return order.ref in self._split or size > self._position(order.data) + EPSILON

    def _obstacle(self, order: Any) -> str:
        """Return why an order cannot fill today; empty if nothing is in the way."""
        data, side = order.data, "buy" if order.isbuy() else "sell"
        suspended = self.session.suspension(data)
        return suspended or _at_limit("locked", side, self.limits.locked_at(data, side))

    def _trim(self, order: Any, size: float) -> float:
        """Reduce an order to what may be ordered; refuse it if nothing is left."""
        data = order.data
        held = self._position(data)
        minimum, step = self._lot(data)
        if order.isbuy():
            allowed = self.buy_size(data, size)
            rule = f"buys are for {minimum} shares or more, in steps of {step}"
        elif held <= 0:
            allowed, rule = 0.0, "nothing is held, and shares cannot be sold short"
        else:
            allowed = self.sell_size(data, size)
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
        if allowed != size:  # the position may differ from the order in its last bits
            order.executed.remsize = math.copysign(allowed, order.executed.remsize)
        return allowed

    def _void(self, order: Any, how: Callable[[], Any]) -> None:
        """End an order as the broker ends one for which there is no cash."""
        self.waiting.pop(order.ref, None)
        how()
        self.broker.notify(order)
        self.broker._ococheck(order)
        self.broker._bracketize(order, cancel=True)

    def _wait(self, order: Any, reason: str) -> float:
        """Note why an order waits, and report it once per kind of reason; return 0, its fill."""
        kind = reason.partition(":")[0]
        if self.waiting.get(order.ref, "").partition(":")[0] != kind:
            self._report(order, "waiting", abs(order.executed.remsize), reason)
        self.waiting[order.ref] = reason
        return 0.0

    def _charge(self, order: Any) -> None:
        """Tell the commission of the feed which order is about to be filled."""
        commission = self.broker.getcommissioninfo(order.data)
        if isinstance(commission, Commission):
            commission.order = order

    def _report(self, order: Any, event: str, size: float, reason: str) -> None:
        side = "buy" if order.isbuy() else "sell"
        day = dt.date.fromordinal(self.session.today)
        self.events.append(Event(day, order.data._name, event, side, size, reason, order.ref))

    def look(self, session: int) -> None:
        """Note the orders that backtrader does not try because their feed has no bar today.

        Called after each session with its ordinal.
        """
        self.session.end(session)
        self._note_first_session(session)
        for order in self.broker.pending:
            if not order.info.get("settlement") and not self.session.has_bar(order.data):
                self._wait(order, "suspended: no bar today")


def _up_to(size: float, allowed: float) -> float:
    """Return the smaller of the two, and `size` itself if they differ by rounding only."""
    return size if allowed > size * (1 - 1e-12) else allowed


def _at_limit(verb: str, side: str, limit: float) -> str:
    """Say at which limit a bar opens or is locked; empty if the limit is NaN, which means none."""
    if math.isnan(limit):
        return ""
    which = "up" if side == "buy" else "down"
    return f"{verb} at its {which} limit: {limit:.10g}"


def exchange_of(broker: Any) -> Exchange | None:
    """Return the exchange of a broker, below other fillers; None outside a run or without rules."""
    filler = getattr(getattr(broker, "p", None), "filler", None)
    while filler is not None and not isinstance(filler, Exchange):
        filler = getattr(filler, "before", None)
    return filler
