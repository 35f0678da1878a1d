"""PanelBroker against bt.brokers.BackBroker: the same books, fills and trades, to the bit."""

from __future__ import annotations

import datetime
import functools
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attngru_bt import backtest
from attngru_bt.data import make_market
from attngru_bt.feeds import PanelBroker, PanelFeed, add_feeds
from attngru_bt.feeds.engine import bt
from attngru_bt.trading import MonthlyTopK, account

Order = bt.Order
MODES = {
    "default": {},
    "runonce_off": {"runonce": False},
    "preload_off": {"preload": False},
    "exactbars_-2": {"exactbars": -2},
    "live": {"live": True},
    "cheat": {"cheat_on_open": True},
    "cheat_runonce_off": {"cheat_on_open": True, "runonce": False},
    "observers": {"stdstats": True},
    "quick": {"quicknotify": True},
}


class Gambler(bt.Strategy):
    """Sends every kind of order at random, and writes down all that the broker shows."""

    params = dict(seed=0, chance=0.1, at_open=False, short=True, change=None, pay=True)

    def __init__(self):
        self.seen, self.open, self.random = [], [], random.Random(self.p.seed)
        self.first = None

    def act(self):
        draw = self.random
        if self.p.change is not None and len(self) == 40:
            self.p.change(self)
        if draw.random() < 0.02 and self.p.pay:
            self.broker.add_cash(draw.choice([-500, 250.5, 1000]))
        if draw.random() < 0.03:
            self.seen.append([self.getposition(d).size for d in self.datas])  # fills the books
        if self.open and draw.random() < 0.05:
            self.cancel(draw.choice(self.open))
        for d in self.datas:
            if draw.random() > self.p.chance or not len(d):
                continue
            self.order(d, d.close[0] * draw.uniform(0.93, 1.07), draw.choice([1, 3, 7.5, 4000]))

    def order(self, d, price, size):
        draw = self.random
        held = self.getposition(d).size
        send = draw.choice([self.buy, self.sell])
        if not self.p.short and send == self.sell:
            if held <= 0:
                return
            size = min(size, held)
        kind = draw.choice([*range(7), "oco", "bracket", "close"])
        if kind == "close":
            self.open.append(self.close(d) if held else send(d, size))
        elif kind == "oco":
            one = send(d, size, exectype=Order.Limit, price=price)
            self.open += [one, send(d, size, exectype=Order.Stop, price=2 * d.close[0] - price)]
            self.open.append(send(d, size, exectype=Order.Limit, price=price * 0.99, oco=one))
        elif kind == "bracket":
            self.open += self.buy_bracket(
                d, size=min(size, 10), price=price, stopprice=price * 0.95, limitprice=price * 1.05
            )
        else:
            valid = draw.choice([None, None, datetime.timedelta(days=4)])
            trail = (
                {"trailpercent": 0.02} if kind in (Order.StopTrail, Order.StopTrailLimit) else {}
            )
            limit = {"plimit": price * 1.01} if kind == Order.StopLimit else {}
            tradeid = draw.choice([0, 0, 1])
            self.open.append(
                send(d, size, exectype=kind, price=price, valid=valid, tradeid=tradeid,
                     **trail, **limit)
            )  # fmt: skip

    def look(self):
        broker = self.broker
        self.seen.append(
            (
                *(broker.getcash(), broker.getvalue(), broker.fundvalue, broker.fundshares),
                *(broker.get_value(mkt=True), broker.get_value(lever=True), broker.get_leverage()),
                *(broker.get_value(mkt=True, lever=True), broker._unrealized),
                [broker.get_value([d]) for d in self.datas if len(d)],
                dict(self.named(broker.d_credit)),
                [
                    (name, p.size, p.price, p.price_orig, p.adjbase, getattr(p, "datetime", None))
                    for name, p in self.named(broker.positions)
                ],
            )
        )

    def named(self, book):
        return [(data._name, value) for data, value in book.items()]

    def next(self):
        self.look()
        if not self.p.at_open:
            self.act()

    def prenext(self):
        self.next()

    def next_open(self):
        if self.p.at_open:
            self.act()

    def prenext_open(self):
        self.next_open()

    def notify_order(self, order):
        self.first = self.first or order.ref
        done = vars(order.executed).copy()
        bits = [vars(bit) for bit in done.pop("exbits")]
        pending = [vars(bit) for bit in order.executed.iterpending()]
        row = order.ref - self.first, order.getstatusname(), order.data._name, order.tradeid
        self.seen.append((*row, done, bits, pending, vars(order.created), order.alive()))

    def notify_trade(self, trade):
        row = trade.data._name, trade.size, trade.price, trade.pnl, trade.pnlcomm, trade.status
        self.seen.append((*row, trade.dtopen, trade.dtclose, trade.barlen))

    def notify_fund(self, *figures):
        self.seen.append(figures)


def part_of_volume(order, price, ago):
    """A filler that fills at most a few shares a day, and nothing on some days."""
    return min(abs(order.executed.remsize), len(order.data) % 4)


def gamble(broker, market, *, setup=None, feeds=None, mode=None, **kwargs):
    cerebro = bt.Cerebro(**{"stdstats": False, **(mode or {})})
    cerebro.broker = broker
    cerebro.broker.setcash(20_000)
    cerebro.broker.setcommission(0.001)
    if setup is not None:
        setup(cerebro)
    (feeds or add_feeds)(cerebro, market.bars)
    cerebro.addstrategy(Gambler, **kwargs)
    return cerebro.run()[0]


@pytest.fixture
def days_of_backbroker(monkeypatch):
    """The number of days on which BackBroker itself was asked, as the only entry of a list."""
    days, original = [0], bt.brokers.BackBroker.next

    @functools.wraps(bt.brokers.BackBroker.next)
    def counted(self):
        days[0] += 1
        original(self)

    monkeypatch.setattr(bt.brokers.BackBroker, "next", counted)
    return days


def assert_same(market, **kwargs):
    """Compare the exact text of all that was seen: floats differ in it by their last bit."""
    ours, theirs = (gamble(b, market, **kwargs) for b in (PanelBroker(), bt.brokers.BackBroker()))
    assert len(theirs.seen) > len(theirs)
    for a, b in zip(ours.seen, theirs.seen, strict=True):
        assert repr(a) == repr(b)
    return ours


pytestmark = pytest.mark.skipif(
    bt.__name__ != "backtrader",
    reason="its broker adds up a set: the last bits of a value differ between two equal runs",
)

MARKET = make_market(6, 100, seed=3, late=2, gaps=2, delisted=2)


class TestSameAsBackBroker:
    @pytest.mark.slow
    @pytest.mark.parametrize("mode", MODES)
    def test_in_every_mode(self, mode):
        kwargs = MODES[mode]
        at_open = kwargs.get("cheat_on_open", False)
        ours = assert_same(MARKET, mode=kwargs, seed=1, chance=0.2, at_open=at_open)
        statuses = {row[1] for row in ours.seen if len(row) == 9 and isinstance(row[1], str)}
        assert statuses >= {"Accepted", "Completed", "Canceled", "Expired", "Margin"}

    @pytest.mark.slow
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        seed=st.integers(0, 10_000),
        chance=st.sampled_from([0.01, 0.05, 0.3]),
        at_open=st.booleans(),
        short=st.booleans(),
        checksubmit=st.booleans(),
        filler=st.sampled_from([None, part_of_volume]),
        slippage=st.sampled_from([None, 0.002, 0.05]),
        coc=st.booleans(),
    )
    def test_with_every_setting(self, checksubmit, filler, slippage, coc, at_open, seed, **kwargs):
        def setup(cerebro):
            cerebro.broker.set_checksubmit(checksubmit)
            cerebro.broker.set_filler(filler)
            cerebro.broker.set_coc(coc)
            if slippage:
                cerebro.broker.set_slippage_perc(slippage, slip_open=True, slip_match=seed % 2 == 0)

        market = make_market(4, 90, seed=seed, late=1, gaps=2, delisted=1)
        mode = {"cheat_on_open": at_open}
        assert_same(market, setup=setup, mode=mode, seed=seed, at_open=at_open, **kwargs)

    @pytest.mark.slow
    @pytest.mark.parametrize("fund", [False, True])
    def test_value_of_a_fund_share(self, fund):
        assert_same(MARKET, setup=lambda cerebro: cerebro.broker.set_fundmode(fund, 50.0), seed=5)

    @pytest.mark.slow
    def test_a_second_run_of_one_cerebro(self):
        seen = []
        for broker in (PanelBroker(), bt.brokers.BackBroker()):
            cerebro = bt.Cerebro(stdstats=False)
            cerebro.broker = broker
            add_feeds(cerebro, MARKET.bars)
            cerebro.addstrategy(Gambler)
            runs = [cerebro.run()[0].seen for _ in range(2)]
            assert repr(runs[0]) == repr(runs[1])
            seen.append(repr(runs))
        assert seen[0] == seen[1]

    def test_whole_cash_becomes_a_float_on_the_first_day(self):
        assert_same(MARKET, seed=2, chance=0.0)


class TestFast:
    def test_days_without_orders_are_not_given_to_backbroker(self, days_of_backbroker):
        ours = gamble(PanelBroker(), MARKET, seed=4, chance=0.02)
        fills = sum(row[1] == "Completed" for row in ours.seen if len(row) == 9)
        assert fills > 3
        assert 0 < days_of_backbroker[0] < len(ours)

    def test_nothing_is_given_to_it_without_orders(self, days_of_backbroker):
        gamble(PanelBroker(), MARKET, chance=0.0, pay=False, mode={"runonce": False})
        assert days_of_backbroker[0] == 0

    @pytest.mark.parametrize("rules", [None, "ashare"])
    def test_in_a_backtest_only_days_with_orders_are(self, rules, days_of_backbroker):
        finished, orders = backtest_of(rules)
        assert days_of_backbroker[0] == len(orders) < len(finished) / 2


# What PanelBroker leaves to BackBroker: how to set it up, and the feeds if they are other ones.
def pandas_feeds(cerebro, bars):
    for j, asset in enumerate(bars.assets):
        frame = bars.frame("close")[[asset]].dropna()
        for line in ("open", "high", "low", "volume"):
            frame[line] = bars[line][bars.traded[:, j], j]
        frame = frame.rename(columns={asset: "close"})
        cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=asset)


def weekly_feeds(cerebro, bars):
    for feed in add_feeds(bt.Cerebro(), bars):
        cerebro.resampledata(feed, timeframe=bt.TimeFrame.Weeks, name=feed._name)


class Doubled(bt.CommInfoBase):
    """Values a position in a way of its own."""

    def getvaluesize(self, size, price):
        return 2 * size * price


def commission(**kwargs):
    return lambda cerebro: cerebro.broker.setcommission(0.001, **kwargs)


def order_history(cerebro):
    day = MARKET.bars.dates[30].to_pydatetime()
    cerebro.add_order_history([[day, 5, 20.0]], notify=True)


def fund_history(cerebro):
    days = [d.to_pydatetime() for d in MARKET.bars.dates[[0, 50, 80]]]
    cerebro.set_fund_history([[d, 100.0 + i, 9_000.0 + i] for i, d in enumerate(days)])


LEFT = {
    "other feeds": dict(feeds=pandas_feeds),
    "resampled feeds": dict(feeds=weekly_feeds),
    "futures": dict(setup=commission(margin=50.0, mult=10.0)),
    "a multiple": dict(setup=commission(mult=2.0)),
    "leverage": dict(setup=commission(leverage=3.0)),
    "interest on short positions": dict(setup=commission(interest=0.2)),
    "interest on all positions": dict(setup=commission(interest=0.2, interest_long=True)),
    "no cash for short sales": dict(setup=lambda cerebro: cerebro.broker.set_shortcash(False)),
    "a value of its own": dict(setup=lambda c: c.broker.addcommissioninfo(Doubled())),
    "history of orders": dict(setup=order_history),
    "history of a fund": dict(setup=fund_history, mode={"runonce": False}),
    "bars one by one": dict(mode={"preload": False}),
}


class TestLeftToBackBroker:
    @pytest.mark.slow
    @pytest.mark.parametrize("what", LEFT)
    def test_the_same(self, what, days_of_backbroker):
        ours = assert_same(MARKET, seed=6, **LEFT[what])
        # each day of the other run, and of this one each since something is in the books
        assert days_of_backbroker[0] > len(ours) * 1.8

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "change",
        [
            dict(interest=0.5, interest_long=True),
            dict(interest=0.5),
            dict(leverage=2.0),
        ],
    )
    def test_a_change_in_the_middle_of_a_run(self, change):
        def to(strategy):
            strategy.broker.setcommission(**change)

        def back(strategy):
            strategy.broker.setcommission(0.001)

        assert_same(MARKET, seed=7, change=to, chance=0.05)
        assert_same(MARKET, seed=7, change=back, setup=commission(**change), chance=0.05)

    @pytest.mark.slow
    def test_a_scheme_of_one_feed(self):
        def change(strategy):
            strategy.broker.setcommission(0.02, leverage=4.0, name=strategy.datas[1]._name)

        assert_same(MARKET, seed=7, change=change, chance=0.05)

    @pytest.mark.slow
    def test_a_parameter_that_is_changed_in_place(self):
        def change(strategy):
            strategy.broker.getcommissioninfo(strategy.datas[0]).p.leverage = 5.0

        assert_same(MARKET, seed=8, change=change, chance=0.05)

    @pytest.mark.slow
    def test_a_mix_of_feeds(self):
        def feeds(cerebro, bars):
            pandas_feeds(cerebro, bars)
            half = bars.assets[::2]
            cerebro.datas = [d for d in cerebro.datas if d._name not in half]
            cerebro.datasbyname = {d._name: d for d in cerebro.datas}
            for feed in add_feeds(bt.Cerebro(), bars):
                if feed._name in half:
                    cerebro.adddata(PanelFeed(dataname=feed.p.dataname), name=feed._name)

        assert_same(MARKET, seed=9, feeds=feeds, chance=0.03)


def backtest_of(rules, **kwargs):
    """A full monthly rebalance, and the days on which an order was live."""
    market = make_market(8, 260, seed=11, late=2, gaps=3, delisted=2)
    bars = market.bars
    scores = bars.frame("close").pct_change(5)
    finished = backtest.run(
        market, MonthlyTopK, signal=scores, topk=3, rebalance="full", rules=rules, **kwargs
    )
    log = finished.trade_log.frame()
    return finished, set(log["date"][log["event"].isin(["order", "fill", "partial", "rejected"])])


class TestBacktest:
    @pytest.mark.slow
    @pytest.mark.parametrize("kwargs", [{}, {"slippage": 0.004}, {"stream": True}])
    @pytest.mark.parametrize("rules", [None, "ashare"])
    def test_takes_it_and_gives_the_same(self, rules, kwargs, monkeypatch):
        ours, _ = backtest_of(rules, **kwargs)
        assert type(ours.broker) is PanelBroker
        monkeypatch.setattr(account, "PanelCerebro", bt.Cerebro)
        theirs, _ = backtest_of(rules, **kwargs)
        assert type(theirs.broker) is bt.brokers.BackBroker
        log = theirs.trade_log.frame()
        assert len(log) > 60
        assert repr(ours.trade_log.frame().to_dict()) == repr(log.to_dict())
        ours, theirs = (s.analyzers.performance for s in (ours, theirs))
        assert repr(ours.get_analysis()) == repr(theirs.get_analysis())
        assert np.array_equal(ours.returns, theirs.returns)
        assert ours.positions().equals(theirs.positions())
        assert ours.fills().drop(columns="ref").equals(theirs.fills().drop(columns="ref"))
