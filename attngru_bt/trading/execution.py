"""From ranked names to orders: exits first, entrants out of the cash, the rest tried again."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence

from attngru_bt.feeds.engine import bt
from attngru_bt.trading.groups import GroupCap
from attngru_bt.trading.orders import Orders
from attngru_bt.trading.rebalance import Rebalance, decide
from attngru_bt.trading.sizing import FRACTION, Lots, affordable, cost, payable
from attngru_bt.trading.trade_log import TradeLog
from attngru_bt.trading.view import FeedView
from attngru_bt.trading.weights import Weigh, even

FULL = "its group is full"
DUST = 1e-6  # share of the account's value below which a buy is not worth an order


class Execution:
    """Plans a rebalance, then sizes and places its orders and those of the sessions after it.

    Parameters
    ----------
    strategy : MonthlyTopK
        The owner of the orders; its parameters `topk`, `reserve`, `rebalance` and `substitute` are
        read.
    view : FeedView
        The feeds that may be traded. Orders are sized on the open of the current session if they
        fill there (``cheat_on_open``), and on its close otherwise.
    log : TradeLog
    market : Lots
        What may be ordered: `PlainLots`, or the exchange in the broker.

    Attributes
    ----------
    orders : Orders
    """

    def __init__(self, strategy: bt.Strategy, view: FeedView, log: TradeLog, market: Lots) -> None:
        self.orders = Orders(strategy, view, log, market)
        self._broker = strategy.broker
        self._p = strategy.p
        self._full = strategy.p.rebalance == "full"  # stayers are traded to their weight, too
        self._feeds = view.feeds
        self._has_bar = view.clock.has_bar
        self._at_open = view.at_open
        self._log = log
        self._market = market
        self._opening_value = 0.0  # of the account, at the close of the session before
        # Set by each rebalance:
        self._leaving: set[str] = set()  # names that it sells
        self._unsold: set[str] = set()  # those of them to be sold as soon as they trade
        self._candidates: list[str] = []  # names that may still enter, by rank
        self._too_dear: set[str] = set()  # candidates whose share of the cash buys no lot
        self._ranked: list[str] = []
        self._cap: GroupCap | None = None
        self._weigh: Weigh | None = None
        self._weightless: set[str] = set()  # names that fill a slot and are not to be held
        # The broker checks the orders of a session one by one, at unslipped prices, and subtracts
        # as it goes. This is the cash it will have come to.
        self._broker_cash = 0.0

    def begin(self, session: dt.date) -> None:
        """Note the current session; called each time that bars of it arrive, before they trade."""
        if session != self.orders.session:
            self.orders.session = session
            self._opening_value = float(self._broker.getvalue())

    # -- what is held and at what price -----------------------------------------------------------

    def size(self, name: str) -> float:
        """Shares held. Unlike ``getposition`` this adds no empty position to the broker's books."""
        position = self._broker.positions.get(self._feeds[name])
        return float(position.size) if position is not None else 0.0

    def value(self) -> float:
        """Value of the account on which orders of this session are sized.

        Before an open it is the value at the last close: where feeds stamp a session differently,
        the broker may have seen closes of the current session by then.
        """
        return self._opening_value if self._at_open else float(self._broker.getvalue())

    def price(self, name: str) -> float:
        """Price on which orders of this session are sized."""
        feed = self._feeds[name]
        return float(feed.open[0] if self._at_open else feed.close[0])

    def tradable(self, name: str) -> bool:
        """Whether an order that is placed now fills at a price of its own day."""
        return self._has_bar(name) and 0 < self.price(name) < math.inf

    def closed_to(self, name: str, side: str) -> str:
        """Say why an order of that side should not be counted on today; empty if it can be."""
        if not self.tradable(name):
            return "no bar today"
        return self._market.closed_to(self._feeds[name], side) if self._at_open else ""

    # -- the day of the decision ------------------------------------------------------------------

    def plan(
        self, ranked: list[str], held: set[str], cap: GroupCap | None = None
    ) -> tuple[Rebalance, dict[str, str]]:
        """Decide who stays, leaves and enters, and why names are passed over or stuck.

        Parameters
        ----------
        ranked : list of str
            The names that were scored, the best first.
        held : set of str
            Names that fill a slot.
        cap : GroupCap, default None
            How many names of one group may be held, until the next decision.
        """
        self._cap = cap
        unsellable = {name: reason for name in held if (reason := self.closed_to(name, "sell"))}
        unbuyable = {name: reason for name in ranked if (reason := self.closed_to(name, "buy"))}
        rebalance = decide(
            ranked,
            held,
            set(ranked) - set(unbuyable),
            self._p.topk,
            substitute=self._p.substitute,
            sellable=held - set(unsellable),
            keep=self._p.keep,
            cap=cap,
        )
        why = {name: unbuyable[name] for name in rebalance.passed}
        why |= dict.fromkeys(rebalance.capped, FULL)
        return rebalance, why | {name: unsellable[name] for name in rebalance.stuck}

    def rebalance(
        self, rebalance: Rebalance, ranked: list[str], weigh: Weigh | None = None
    ) -> None:
        """Order the exits, then the entrants out of the cash on hand and the proceeds.

        Parameters
        ----------
        rebalance : Rebalance
        ranked : list of str
            The names that were scored, the best first; see `retry`.
        weigh : callable, default None
            Names → how many slots' worth each gets, see `weigher`; None: one each.
        """
        self.orders.cancel_all("a new decision")
        self._leaving = {*rebalance.exits, *rebalance.stuck}
        self._unsold = set(rebalance.stuck)
        self._too_dear = set()
        self._ranked, self._weigh = ranked, weigh
        chosen = [*rebalance.stayers, *rebalance.entrants]
        weights = self._weights(chosen if self._full or rebalance.entrants else [])
        self._weightless = {name for name, weight in weights.items() if not weight}
        for name in rebalance.entrants:
            if name in self._weightless:
                self._log.add(self.orders.session, name, "passed", "buy", reason="its weight is 0")
        best = ranked[: self._p.topk + len(rebalance.capped)]
        eligible = ranked if self._p.substitute else best
        # A stock that has not had a bar yet does not enter later, however well it ranks.
        self._candidates = [
            name for name in eligible if name not in self._leaving and len(self._feeds[name])
        ]
        self._broker_cash = self._broker.getcash()
        cash = self._broker_cash - self._p.reserve * self.value()
        for name in rebalance.exits:
            near = name in ranked[: max(self._p.topk, self._p.keep or 0)]
            cash += self.sell(name, self.size(name), FULL if near else "left the best")
        if self._full:
            self._equalize(rebalance, cash, weights)
        else:
            among = even({name: weights[name] for name in rebalance.entrants})
            for name in rebalance.entrants:
                if weights[name]:
                    self.buy(name, cash / rebalance.slots * among[name], "entered the best")
        # A name that opens at its limit may still be sold today, but nobody counts on its cash.
        self._retry_exits()

    def _weights(self, names: Sequence[str]) -> dict[str, float]:
        """Return how many slots' worth each of some ranked names gets, 1 on average."""
        return dict.fromkeys(names, 1.0) if self._weigh is None else self._weigh(names)

    def _equalize(self, rebalance: Rebalance, cash: float, weights: dict[str, float]) -> None:
        """Trade stayers and entrants to their weight: what is too much first, then the rest."""
        slot = (1 - self._p.reserve) * self.value() / self._p.topk
        which = "equal" if self._weigh is None else "its"
        names = [name for name in rebalance.stayers if self.tradable(name)]
        names += [name for name in rebalance.entrants if weights[name]]
        missing = {  # in cash
            name: slot * weights[name] - self.size(name) * self.price(name) for name in names
        }
        for name, amount in missing.items():
            if amount < 0 and not self.closed_to(name, "sell"):
                size = self.size(name)
                if weights[name]:
                    size = self._market.sell_size(self._feeds[name], -amount / self.price(name))
                cash += self.sell(name, size, f"above {which} weight")
        for name, amount in missing.items():
            if amount > 0 and not self.closed_to(name, "buy"):
                entered = name in rebalance.entrants
                reason = "entered the best" if entered else f"below {which} weight"
                cash -= self.buy(name, min(amount, cash), reason)

    def sell(self, name: str, size: float, reason: str) -> float:
        """Order a sale at market; return the cash that it should bring, after commission."""
        if size <= 0:
            return 0.0
        price = self.price(name)
        self.orders.place("sell", name, size, price, reason)
        comminfo = self._broker.getcommissioninfo(self._feeds[name])
        # One operation after the other, as the broker does it: to the last bit.
        self._broker_cash += size * price
        self._broker_cash -= comminfo.getcommission(-size, price)
        return float(size * price * (1 - self._slippage()) - comminfo.getcommission(-size, price))

    def buy(self, name: str, cash: float, reason: str) -> float:
        """Order as many shares as `cash` pays for; return the cash that they should take."""
        feed, quoted = self._feeds[name], self.price(name)
        price = quoted * (1 + self._slippage())
        comminfo = self._broker.getcommissioninfo(feed)
        minimum, step = self._market.lot(feed)
        size = affordable(comminfo, price, cash, step, minimum)
        if not payable(comminfo, size, quoted, self._broker_cash):
            # Rounding: the sum of all orders exceeds the cash by the last bit of a float.
            less = size - (step or FRACTION * size)
            size = less if less >= minimum else 0.0
        if size * price < DUST * self.value():
            size = 0.0
        if size <= 0:
            why = f"its share of the cash, {max(cash, 0.0):,.2f}, buys less than one lot"
            self._log.add(self.orders.session, name, "passed", "buy", price=price, reason=why)
            if not self._unsold and all(order.isbuy() for order in self.orders.live()):
                self._too_dear.add(name)  # no more cash will come in before the next decision
            return 0.0
        self.orders.place("buy", name, size, quoted, reason)
        self._broker_cash -= comminfo.getoperationcost(size, quoted)
        self._broker_cash -= comminfo.getcommission(size, quoted)
        return cost(comminfo, size, price)

    def _slippage(self) -> float:
        return float(getattr(self._broker.p, "slip_perc", 0.0) or 0.0)

    # -- the sessions until the next decision -----------------------------------------------------

    def cancel_stale(self) -> None:
        """Cancel what must not wait, see `Orders`; exits among it are to be sold later."""
        # A sale of a name that stays was a trim to equal weight, and is not tried again.
        self._unsold |= self._leaving & set(self.orders.cancel_stale())

    def retry(self, held: Iterable[str]) -> None:
        """Try again what could not be traded at the decision.

        Names that left the best are sold in the first session in which they trade. Free slots, and
        the cash for them, go to the best candidates that are not held yet.

        Parameters
        ----------
        held : iterable of str
            Names that fill a slot today.
        """
        self._broker_cash = self._broker.getcash()
        sold, proceeds = self._retry_exits()
        self._refill(set(held) - sold, proceeds)

    def _retry_exits(self) -> tuple[set[str], float]:
        """Order the sales that are due; return those to count on, and the cash they bring."""
        if not self._unsold:
            return set(), 0.0
        ordered = {order.data._name for order in self.orders.live()}
        sold, proceeds = set(), 0.0
        for name in sorted(self._unsold):
            if not self.size(name):
                self._unsold.discard(name)
            elif self.tradable(name) and name not in ordered:
                closed = self.closed_to(name, "sell")
                reason = f"left the best, {closed or 'trades again'}"
                cash = self.sell(name, self.size(name), reason)
                if not closed:
                    sold.add(name)
                    proceeds += cash
        return sold, proceeds

    def _refill(self, held: set[str], proceeds: float) -> None:
        """Give free slots, and their shares of the cash, to the best candidates."""
        buys = [order for order in self.orders.live() if order.isbuy()]
        taken = held | {order.data._name for order in buys} | self._weightless
        free = self._p.topk - len(taken)
        if free <= 0:
            return
        entrants = [
            name
            for name in self._candidates
            if name not in taken and name not in self._too_dear and not self.size(name)
            if not self.closed_to(name, "buy")
        ]
        if not entrants:
            return
        value = self.value()
        pending = sum(abs(o.executed.remsize) * self.price(o.data._name) for o in buys)
        cash = self._broker.getcash() + proceeds - pending - self._p.reserve * value
        share = cash / free
        if self._full:
            share = min(share, (1 - self._p.reserve) * value / self._p.topk)
        while free > 0 and entrants:
            # who is too dear for its share makes room for the next ones
            names, entrants = self._with_room(entrants, free, taken)
            among = self._among_held(names, taken)
            for name in names:
                if not among[name]:
                    self._weightless.add(name)
                    taken.add(name)
                    free -= 1
                    continue
                amount = share * among[name]
                if self._weigh is not None:
                    amount = min(amount, cash)
                paid = self.buy(name, amount, "entered the best, later")
                if paid:
                    cash -= paid
                    taken.add(name)
                    free -= 1

    def _with_room(
        self, entrants: list[str], free: int, held: set[str]
    ) -> tuple[list[str], list[str]]:
        """Split off the next names that may be held beside others; who has no room is left out."""
        names: list[str] = []
        for position, name in enumerate(entrants):
            if len(names) == free:
                return names, entrants[position:]
            if self._cap is None or self._cap.has_room(name, [*held, *names]):
                names.append(name)
        return names, []

    def _among_held(self, names: list[str], held: set[str]) -> dict[str, float]:
        """Return the weights of late entrants beside what is held, 1 on average of the entrants."""
        beside = [name for name in self._ranked if name in held and name not in self._leaving]
        weights = self._weights([*names, *beside])
        return even({name: weights[name] for name in names})
