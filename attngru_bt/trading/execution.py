"""From ranked names to orders: exits first, entrants out of the cash, the rest tried again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attngru_bt.feeds.engine import bt
from attngru_bt.trading.dealer import Dealer
from attngru_bt.trading.groups import GroupCap
from attngru_bt.trading.rebalance import Rebalance, decide
from attngru_bt.trading.sizing import Lots
from attngru_bt.trading.trade_log import TradeLog
from attngru_bt.trading.weights import Weigh, even

FULL = "its group is full"
LEFT = "left the best"


class Execution:
    """Plans a rebalance, orders it, and retries in the sessions after it what could not be traded.

    Parameters
    ----------
    params : object
        Those of `MonthlyTopK`: `topk`, `keep`, `reserve`, `rebalance` and `substitute` are read.
    feeds : mapping of str to data feed
        Those that may be traded.
    dealer : Dealer
        Places the orders.
    log : TradeLog
    market : Lots
        `PlainLots`, or the exchange in the broker.
    """

    def __init__(
        self,
        params: Any,
        feeds: Mapping[str, bt.DataBase],
        dealer: Dealer,
        log: TradeLog,
        market: Lots,
    ) -> None:
        self._p = params
        self._feeds = feeds
        self._dealer = dealer
        self._orders = dealer.orders
        self._log = log
        self._market = market
        self._full = params.rebalance == "full"  # stayers are traded to their weights as well
        # Set by each rebalance:
        self._leaving: set[str] = set()  # names that it sells
        self._unsold: set[str] = set()  # those of them to be sold as soon as they trade
        self._candidates: list[str] = []  # names that may still enter, by rank
        self._had: set[str] = set()  # names held since: who sold one of them did not want it
        self._too_dear: set[str] = set()  # candidates whose share of the cash buys no lot
        self._ranked: list[str] = []
        self._cap: GroupCap | None = None
        self._weigh: Weigh | None = None
        self._weightless: set[str] = set()  # names that fill a slot and are not to be held

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
        dealer = self._dealer
        unsellable = {name: reason for name in held if (reason := dealer.closed_to(name, "sell"))}
        unbuyable = {name: reason for name in ranked if (reason := dealer.closed_to(name, "buy"))}
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
        dealer = self._dealer
        self._orders.cancel_all("a new decision")
        self._leaving = {*rebalance.exits, *rebalance.stuck}
        self._unsold = set(rebalance.stuck)
        self._had, self._too_dear = set(rebalance.stayers), set()
        self._ranked, self._weigh = ranked, weigh
        chosen = [*rebalance.stayers, *rebalance.entrants]
        weights = self._weights(chosen if self._full or rebalance.entrants else [])
        self._weightless = {name for name, weight in weights.items() if not weight}
        for name in rebalance.entrants:
            if name in self._weightless:
                self._log.add(self._orders.session, name, "passed", "buy", reason="its weight is 0")
        best = ranked[: self._p.topk + len(rebalance.capped)]
        eligible = ranked if self._p.substitute else best
        # A stock that has not had a bar yet does not enter later, however well it ranks.
        self._candidates = [
            name for name in eligible if name not in self._leaving and len(self._feeds[name])
        ]
        cash = dealer.count_cash() - self._p.reserve * dealer.value()
        for name in rebalance.exits:
            reason = LEFT
            if name in ranked[: max(self._p.topk, self._p.keep or 0)]:
                n_places = self._p.topk
                all_taken = len(rebalance.stayers) >= n_places
                reason = f"better ones take all {n_places} places" if all_taken else FULL
            cash += dealer.sell(name, dealer.size(name), reason)
        if self._full:
            self._equalize(rebalance, cash, weights)
        else:
            among = even({name: weights[name] for name in rebalance.entrants})
            for name in rebalance.entrants:
                if weights[name]:
                    self._buy(name, cash / rebalance.slots * among[name], "entered the best")
        # A name that opens at its limit may still be sold today, but its cash is not counted on.
        self._retry_exits()

    def _weights(self, names: Sequence[str]) -> dict[str, float]:
        """Return how many slots' worth each of some ranked names gets, 1 on average."""
        return dict.fromkeys(names, 1.0) if self._weigh is None else self._weigh(names)

    def _equalize(self, rebalance: Rebalance, cash: float, weights: dict[str, float]) -> None:
        """Trade stayers and entrants to their weights: sales first, then buys."""
        dealer = self._dealer
        slot = (1 - self._p.reserve) * dealer.value() / self._p.topk
        which = "equal" if self._weigh is None else "its"
        names = [name for name in rebalance.stayers if dealer.tradable(name)]
        names += [name for name in rebalance.entrants if weights[name]]
        missing = {  # in cash
            name: slot * weights[name] - dealer.size(name) * dealer.price(name) for name in names
        }
        for name, amount in missing.items():
            if amount < 0 and not dealer.closed_to(name, "sell"):
                size = dealer.size(name)
                if weights[name]:
                    size = self._market.sell_size(self._feeds[name], -amount / dealer.price(name))
                cash += dealer.sell(name, size, f"above {which} weight")
        for name, amount in missing.items():
            if amount > 0 and not dealer.closed_to(name, "buy"):
                entered = name in rebalance.entrants
                reason = "entered the best" if entered else f"below {which} weight"
                cash -= self._buy(name, min(amount, cash), reason)

    def _buy(self, name: str, cash: float, reason: str) -> float:
        """Order as much as `cash` pays for; return the cash that it should take, 0 for none."""
        paid = self._dealer.buy(name, cash, reason)
        if not paid and not self._unsold and all(order.isbuy() for order in self._orders.live()):
            self._too_dear.add(name)  # no more cash will come in before the next decision
        return paid

    # -- the sessions until the next decision -----------------------------------------------------

    def cancel_stale(self) -> None:
        """Cancel the orders that must not wait, see `Orders`; exits among them are retried."""
        # A sale of a name that stays was a trim to equal weight, and is not tried again.
        self._unsold |= self._leaving & set(self._orders.cancel_stale())

    def retry(self, held: Iterable[str]) -> None:
        """Try again what could not be traded at the decision.

        Names that left the best are sold in the first session in which they trade. Free slots, and
        the cash for them, go to the best candidates that have not been held yet. One that was held
        was sold by a script, such as by its stop, and is not bought back.

        Parameters
        ----------
        held : iterable of str
            Names that fill a slot today.
        """
        self._dealer.count_cash()
        sold, proceeds = self._retry_exits()
        self._had.update(held)
        self._refill(set(held) - sold, proceeds)

    def _retry_exits(self) -> tuple[set[str], float]:
        """Order the sales that are due; return those to count on, and the cash they bring."""
        dealer = self._dealer
        if not self._unsold:
            return set(), 0.0
        ordered = {order.data._name for order in self._orders.live()}
        sold, proceeds = set(), 0.0
        for name in sorted(self._unsold):
            if not dealer.size(name):
                self._unsold.discard(name)
            elif dealer.tradable(name) and name not in ordered:
                closed = dealer.closed_to(name, "sell")
                reason = f"left the best, {closed or 'trades again'}"
                cash = dealer.sell(name, dealer.size(name), reason)
                if not closed:  # at its limit it may not fill: its cash is not counted on
                    sold.add(name)
                    proceeds += cash
        return sold, proceeds

    def _refill(self, held: set[str], proceeds: float) -> None:
        """Give free slots, and their shares of the cash, to the best candidates."""
        dealer = self._dealer
        buys = [order for order in self._orders.live() if order.isbuy()]
        taken = held | {order.data._name for order in buys} | self._weightless
        free = self._p.topk - len(taken)
        if free <= 0:
            return
        entrants = [
            name
            for name in self._candidates
            if name not in taken | self._too_dear | self._had and not dealer.size(name)
            if not dealer.closed_to(name, "buy")
        ]
        if not entrants:
            return
        value = dealer.value()
        pending = sum(abs(o.executed.remsize) * dealer.price(o.data._name) for o in buys)
        cash = dealer.cash() + proceeds - pending - self._p.reserve * value
        share = cash / free
        if self._full:
            share = min(share, (1 - self._p.reserve) * value / self._p.topk)
        while free > 0 and entrants:
            # a name whose share buys no lot makes room for the next ones
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
                paid = self._buy(name, amount, "entered the best, later")
                if paid:
                    cash -= paid
                    taken.add(name)
                    free -= 1

    def _with_room(
        self, entrants: list[str], free: int, held: set[str]
    ) -> tuple[list[str], list[str]]:
        """Split off the next names that may be held beside others, passing over full groups."""
        names: list[str] = []
        for position, name in enumerate(entrants):
            if len(names) == free:
                return names, entrants[position:]
            if self._cap is None or self._cap.has_room(name, [*held, *names]):
                names.append(name)
        return names, []

    def _among_held(self, names: list[str], held: set[str]) -> dict[str, float]:
        """Return the weights of late entrants among all names held, scaled to 1 on average."""
        beside = [name for name in self._ranked if name in held and name not in self._leaving]
        weights = self._weights([*names, *beside])
        return even({name: weights[name] for name in names})
