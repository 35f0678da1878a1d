"""Small hand-made A-share feeds, and a strategy that orders what a test tells it to."""

import pandas as pd

from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.panel_feed import PanelFeed


def daily(closes, start="2019-01-02", **lines):
    """Bars that open, trade and close at one price a day, unless lines say otherwise.

    None = no bar that day. `lines` are lists over the same days, or constants.
    """
    dates = pd.bdate_range(start, periods=len(closes))
    frame = pd.DataFrame({"close": closes}, index=dates, dtype=float)
    for name in ("open", "high", "low"):
        frame[name] = frame["close"]
    frame["volume"] = 1e6
    for name, values in lines.items():
        frame[name] = values
    frame["high"] = frame[["open", "high", "low", "close"]].max(axis=1)
    frame["low"] = frame[["open", "high", "low", "close"]].min(axis=1)
    return frame.dropna(subset=["close"])


class Script(bt.Strategy):
    """Orders by day number: {2: [("A", +100)], 5: [("A", -100)]}; keeps what it is told."""

    params = dict(orders={}, exectype=None)

    def __init__(self):
        self.told = []
        self.cash = []

    def _order(self):
        today = max(d.datetime.date(0) for d in self.datas if len(d))
        day = self.days.setdefault(today, len(self.days))
        for name, size, *price in self.p.orders.get(day, []):
            data = self.getdatabyname(name)
            kwargs = dict(exectype=bt.Order.Limit, price=price[0]) if price else {}
            (self.buy if size > 0 else self.sell)(data=data, size=abs(size), **kwargs)

    def start(self):
        self.days = {}

    def next_open(self):
        self._order()

    def prenext_open(self):
        self._order()

    def next(self):
        self.cash.append(self.broker.get_cash())
        if not self.env.p.cheat_on_open:
            self._order()

    def prenext(self):
        self.next()

    def notify_order(self, order):
        if order.status in (order.Submitted, order.Accepted):
            return
        day = self.datetime.date(0)
        size = sum(bit.size for bit in order.executed.iterpending())
        paid = sum(bit.openedcomm + bit.closedcomm for bit in order.executed.iterpending())
        name = order.data._name
        self.told.append((str(day), name, order.getstatusname(), round(size, 6), round(paid, 6)))


def cerebro_of(frames, *, coo=True, cash=1e6):
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=coo)
    cerebro.broker.setcash(cash)
    for name, frame in frames.items():
        feed = PanelFeed.with_lines(*frame.columns)(dataname=frame, name=name)
        cerebro.adddata(feed, name=name)
    return cerebro


def play(frames, orders, rules, *, coo=True, cash=1e6, strategy=Script, **params):
    """Run scripted orders under rules; returns the strategy."""
    cerebro = cerebro_of(frames, coo=coo, cash=cash)
    rules.install(cerebro)
    cerebro.addstrategy(strategy, orders=orders, **params)
    return cerebro.run()[0]


def report(strategy):
    frame = strategy.analyzers.market.frame()
    return [(str(r.date.date()), r.asset, r.event, r.size, r.reason) for r in frame.itertuples()]
