"""The strategy on live feeds and a broker of a store: it fills later, in parts, or not at all."""

import collections

import pandas as pd
import pytest
from test_live import DATES, NAMES, LastDay, Live, frame, in_changing_turn

from attngru_bt.feeds.engine import bt
from attngru_bt.trading.monthly import MonthlyTopK

pytestmark = pytest.mark.slow  # whole walks and backtests


class Store(bt.BrokerBase):
    """A simulated broker of a store: no filler, no cheating, no cash check, answers when it can.

    delay: sessions from an order to its first fill. parts: fills per order, one a session.
    refuses: names whose buys it rejects. down: dates (first, last) of a lost connection: orders
    and cancellations that arrive then are answered after it. held: {name: (size, price)}.
    """

    params = dict(delay=1, parts=1, refuses=(), down=None, held=None, cash=1_000_000.0)

    def start(self):
        super().start()
        self.cash = self.startingcash = self.p.cash
        self.positions = collections.defaultdict(bt.position.Position)
        for feed in self.cerebro.datas:
            if feed._name in (self.p.held or {}):
                self.positions[feed] = bt.position.Position(*self.p.held[feed._name])
        self.told, self.open, self.asked = collections.deque(), {}, []

    def getcash(self):
        return self.cash

    def getvalue(self, datas=None):
        held = [(d.close[0] if len(d) else p.price, p) for d, p in self.positions.items() if p.size]
        return self.cash + sum(price * p.size for price, p in held)

    def getposition(self, data):
        return self.positions[data]

    def get_notification(self):
        return self.told.popleft() if self.told else None

    def buy(self, owner, data, size, **kwargs):
        return self.submit(bt.order.BuyOrder(owner=owner, data=data, size=size))

    def sell(self, owner, data, size, **kwargs):
        return self.submit(bt.order.SellOrder(owner=owner, data=data, size=size))

    def submit(self, order):
        order.addcomminfo(self.getcommissioninfo(order.data))
        order.submit(self)
        self.open[order.ref] = order, len(order.data)
        self._tell(order)
        return order

    def cancel(self, order):
        self.asked.append(order.ref)

    def _tell(self, order):
        self.told.append(order.clone())

    def _is_down(self):
        feeds = [d for d in self.cerebro.datas if len(d)]
        now = max(d.datetime.date() for d in feeds) if feeds else None
        return bool(self.p.down and now and self.p.down[0] <= now <= self.p.down[1])

    def next(self):
        if self._is_down():
            return
        for ref, (order, since) in list(self.open.items()):
            if ref in self.asked:
                order.cancel()
            elif order.isbuy() and order.data._name in self.p.refuses:
                order.reject(self)
            elif order.status == order.Submitted:
                order.accept(self)
            elif len(order.data) >= since + self.p.delay:
                self._fill(order)
                self.open[ref] = order, len(order.data)
            else:
                continue
            self._tell(order)
            if not order.alive():
                del self.open[ref]

    def _fill(self, order):
        whole, left = abs(order.created.size), abs(order.executed.remsize)
        size = min(left, -(-whole // self.p.parts)) * (1 if order.isbuy() else -1)
        position, price = self.positions[order.data], order.data.open[0]
        psize, pprice, opened, closed = position.update(size, price)
        self.cash -= size * price
        stamp = order.data.datetime[0]
        order.execute(stamp, size, price, closed, 0, 0, opened, 0, 0, 0, 0, psize, pprice)


def trade(*, dates=DATES, start=None, **store):
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.setbroker(Store(**store))
    for i, name in enumerate(NAMES):
        bars = frame(i).loc[dates[0] : dates[-1]]
        cerebro.adddata(Live(dataname=bars, name=name, due=in_changing_turn), name=name)
    cerebro.addstrategy(MonthlyTopK, topk=2, reserve=0.1, start=start, signal=LastDay())
    strategy = cerebro.run()[0]
    log = strategy.trade_log.frame()
    strategy.held = {d._name: p.size for d, p in strategy.broker.positions.items() if p.size}
    sign = log["side"].map({"buy": 1, "sell": -1})
    filled = log[log["event"].isin(["fill", "partial"])]
    strategy.net = (filled["size"] * sign[filled.index]).groupby(filled["asset"]).sum()
    return strategy, log


@pytest.mark.parametrize(("delay", "parts"), [(1, 1), (3, 1), (1, 3), (2, 2)])
def test_the_log_agrees_with_what_was_filled_later_or_in_parts(delay, parts):
    strategy, log = trade(delay=delay, parts=parts)
    assert len(strategy.decisions) == 3
    assert strategy.held and strategy.net[strategy.net != 0].to_dict() == strategy.held
    assert set(strategy.held) <= set(strategy.decisions[-1]["wanted"])
    orders, fills = log[log["event"] == "order"], log[log["event"].isin(["fill", "partial"])]
    assert (fills["event"] == "partial").any() == (parts > 1)
    sizes = orders.set_index("ref")["size"]
    whole = fills.groupby("ref")["size"].sum()
    assert whole.equals(sizes[whole.index].astype(whole.dtype))


def test_what_the_broker_rejects_is_told_and_not_held(caplog):
    strategy, log = trade(refuses=tuple(NAMES[:3]))
    refused = log[log["event"] == "rejected"]
    assert set(refused["reason"]) == {"by the broker"} and set(refused["asset"]) <= set("ABC")
    assert not set(strategy.held) & set("ABC")
    assert f"order to buy {refused['asset'].iloc[0]} rejected" in caplog.text
    assert strategy.net[strategy.net != 0].to_dict() == strategy.held


def test_orders_sent_into_a_lost_connection_are_filled_after_it():
    days = pd.Timestamp("2020-03-02").date(), pd.Timestamp("2020-03-10").date()
    strategy, log = trade(down=days)
    fills = log[log["event"].isin(["fill", "partial"])]
    stamps = pd.to_datetime(fills["date"]).dt.date
    assert not ((stamps >= days[0]) & (stamps <= days[1])).any()
    march = log[pd.to_datetime(log["date"]).dt.date.eq(days[0]) & (log["event"] == "order")]
    assert len(march) and set(march["ref"]) <= set(fills["ref"])
    assert strategy.net[strategy.net != 0].to_dict() == strategy.held


def test_a_restart_in_mid_month_goes_on_with_what_the_broker_holds():
    through, _ = trade()
    stop = pd.Timestamp("2020-03-16")
    before, _ = trade(dates=DATES[DATES < stop])
    held = {d._name: (p.size, p.price) for d, p in before.broker.positions.items() if p.size}
    after, log = trade(start=stop, held=held, cash=before.broker.cash)
    assert [d["month_end"] for d in after.decisions] == [through.decisions[-1]["month_end"]]
    assert after.decisions[-1]["wanted"] == through.decisions[-1]["wanted"]
    assert after.held == through.held
    assert (pd.to_datetime(log["date"]) >= stop).all()
