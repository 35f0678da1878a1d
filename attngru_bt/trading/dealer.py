"""The dealer: sells and buys at the prices of the session, within the cash that will be there."""

from __future__ import annotations

import datetime as dt
import math

from attngru_bt.feeds.engine import bt
from attngru_bt.trading.orders import Orders
from attngru_bt.trading.sizing import FRACTION, Lots, affordable, cost, payable
from attngru_bt.trading.trade_log import TradeLog
from attngru_bt.trading.view import FeedView

ROUNDING = 1e-12  # share of a sum in which its last bits may differ
DUST = 1e-6  # share of the account's value below which a buy is not worth an order


class Dealer:
    """Knows what can be traded now and at what price, and places orders of the right size.

    Parameters
    ----------
    strategy : MonthlyTopK
        The owner of the orders.
    view : FeedView
        The feeds that may be traded. Orders are sized on the open of the current session if they
        fill there (``cheat_on_open``), and on its close otherwise.
    log : TradeLog
    market : Lots
        `PlainLots`, or the exchange in the broker.

    Attributes
    ----------
    orders : Orders
    """

    def __init__(self, strategy: bt.Strategy, view: FeedView, log: TradeLog, market: Lots) -> None:
        self.orders = Orders(strategy, view, log, market)
        self._broker = strategy.broker
        self._feeds = view.feeds
        self._has_bar = view.clock.has_bar
        self._at_open = view.at_open
        self._log = log
        self._market = market
        self._opening_value = 0.0  # of the account, at the close of the session before
        # The broker checks the orders of a session one by one, at unslipped prices, and keeps a
        # running total of the cash. This repeats its arithmetic.
        self._broker_cash = 0.0

    def begin(self, session: dt.date) -> None:
        """Note the current session; called each time that bars of it arrive, before they trade."""
        if session != self.orders.session:
            self.orders.session = session
            self._opening_value = float(self._broker.getvalue())

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

    def cash(self) -> float:
        """Cash on hand."""
        return float(self._broker.getcash())

    def count_cash(self) -> float:
        """Return the cash on hand; what is ordered from now on is counted from there."""
        self._broker_cash = self.cash()
        return self._broker_cash

    def sell(self, name: str, size: float, reason: str) -> float:
        """Order a sale at market; return the cash that it should bring, after commission.

        What a script of the user's sells already, such as by its stop, is not sold twice.
        """
        if size <= 0:
            return 0.0
        price = self.price(name)
        left = self.size(name) - self.orders.being_sold(self._feeds[name])
        if left > 0:
            self.orders.place("sell", name, min(size, left), price, reason)
        comminfo = self._broker.getcommissioninfo(self._feeds[name])
        # One operation after the other, as the broker does it: to the last bit.
        self._broker_cash += size * price
        self._broker_cash -= comminfo.getcommission(-size, price)
        return float(size * price * (1 - self._slippage()) - comminfo.getcommission(-size, price))

    def buy(self, name: str, cash: float, reason: str) -> float:
        """Order as many shares as `cash` pays for; return the cash that they should take, or 0."""
        feed, quoted = self._feeds[name], self.price(name)
        price = quoted * (1 + self._slippage())
        comminfo = self._broker.getcommissioninfo(feed)
        minimum, step = self._market.lot(feed)
        size = affordable(comminfo, price, cash, step, minimum)
        # Without a lot it may be all of the cash, which the broker adds up in another order.
        asked = size if step else size * (1 + ROUNDING)
        if not payable(comminfo, asked, quoted, self._broker_cash):
            # Rounding: the sum of all orders exceeds the cash by the last bits of a float.
            less = size - (step or FRACTION * size)
            size = less if less >= minimum else 0.0
        if size * price < DUST * self.value():
            size = 0.0
        if size <= 0:
            why = f"its share of the cash, {max(cash, 0.0):,.2f}, buys less than one lot"
            self._log.add(self.orders.session, name, "passed", "buy", price=price, reason=why)
            return 0.0
        self.orders.place("buy", name, size, quoted, reason)
        self._broker_cash -= comminfo.getoperationcost(size, quoted)
        self._broker_cash -= comminfo.getcommission(size, quoted)
        return cost(comminfo, size, price)

    def _slippage(self) -> float:
        """Return the broker's slippage, as a fraction of the price."""
        return float(getattr(self._broker.p, "slip_perc", 0.0) or 0.0)
