"""PanelCerebro against bt.Cerebro: the same calls in the same order, with the same bars."""

from __future__ import annotations

import datetime

import pandas as pd
import pytest

from attngru_bt.data import make_market
from attngru_bt.feeds import PanelBroker, PanelCerebro, PanelFeed, add_feeds
from attngru_bt.feeds.engine import bt

pytestmark = pytest.mark.skipif(
    bt.__name__ != "backtrader",
    reason="its broker adds up a set: the last bits of a value differ between two equal runs",
)

MARKET = make_market(5, 60, seed=1, late=2, gaps=2, delisted=1)


class Witness(bt.Strategy):
    """Writes down every call and what the feeds show in it, and trades a little."""

    params = dict(stop_after=None, sma=False, name="")

    def __init__(self):
        self.seen = self.env.seen
        self.sma = [bt.ind.SMA(d, period=4) for d in self.datas] if self.p.sma else []
        self.add_timer(datetime.time(0), weekdays=[1, 4], cheat=False)
        self.add_timer(bt.timer.SESSION_START, monthdays=[15], cheat=True)

    def look(self, where):
        bars = [(len(d), d.datetime[0], d.close[0]) for d in self.datas if len(d)]
        lines = [line[0] for line in self.sma if len(line)]
        self.seen.append(
            (self.p.name, where, len(self), self.datetime[0] if len(self) else 0, bars)
        )
        self.seen.append((lines, self.broker.getvalue(), self.broker.getcash()))

    def act(self):
        for i, d in enumerate(self.datas):
            if len(d) and (len(self) + i) % 7 == 0:
                self.order_target_size(d, (len(self) * (i + 1)) % 11)
        if len(self) == self.p.stop_after:
            self.env.runstop()

    def next(self):
        self.look("next")
        self.act()

    def prenext(self):
        self.look("prenext")
        self.act()

    def next_open(self):
        self.look("open")

    def prenext_open(self):
        self.look("preopen")

    def notify_timer(self, timer, when, *args, **kwargs):
        self.look(f"timer {when}")

    def notify_order(self, order):
        done = order.executed
        self.seen.append((order.getstatusname(), order.data._name, done.dt, done.price, done.size))


def run(kind, *, feeds=None, strategies=({},), options=None, **mode):
    cerebro = kind(**{"stdstats": False, **mode})
    cerebro.seen = []
    (feeds or (lambda c: add_feeds(c, MARKET)))(cerebro)
    for params in strategies:
        cerebro.addstrategy(Witness, **params)
    cerebro.run(**(options or {}))
    return cerebro.seen


def two_a_day(cerebro):
    """Feeds that deliver a session in two steps, and one that shares both stamps."""
    for hour, feed in enumerate(add_feeds(bt.Cerebro(), MARKET)):
        frame = feed.p.dataname
        frame = frame.set_axis(frame.index + pd.Timedelta(hours=9 + hour % 2))
        cerebro.adddata(PanelFeed(dataname=frame), name=feed._name)


def with_another_feed(cerebro):
    add_feeds(cerebro, MARKET)
    frame = MARKET.bars.frame("close").iloc[:, :1].set_axis(["close"], axis=1).dropna()
    cerebro.adddata(bt.feeds.PandasData(dataname=frame.assign(open=1.0, high=9.0, low=1.0)))


def part(cerebro):
    dates = MARKET.bars.dates
    add_feeds(cerebro, MARKET, fromdate=dates[10], todate=dates[-7])


RUNS = {
    "plain": {},
    "cheat": dict(cheat_on_open=True),
    "indicators": dict(strategies=[{"sma": True}]),
    "two strategies": dict(strategies=[{"name": "a"}, {"name": "b"}], cheat_on_open=True),
    "stopped": dict(strategies=[{"stop_after": 20}, {}]),
    "two steps a day": dict(feeds=two_a_day, cheat_on_open=True),
    "part of the days": dict(feeds=part),
    "lookahead": dict(lookahead=3),
    "runonce off": dict(options={"runonce": False}),
    "preload off": dict(options={"preload": False}),
    "exactbars": dict(options={"exactbars": -2}),
    "another feed": dict(feeds=with_another_feed),
    "observers": dict(stdstats=True),
}


class TestSameAsCerebro:
    @pytest.mark.slow
    @pytest.mark.parametrize("name", RUNS)
    def test_the_same_calls_with_the_same_bars(self, name):
        ours, theirs = (run(kind, **RUNS[name]) for kind in (PanelCerebro, bt.Cerebro))
        assert len(theirs) > 40
        assert repr(ours) == repr(theirs)

    @pytest.mark.slow
    def test_a_writer_is_given_every_session(self, tmp_path):
        texts = []
        for kind in (PanelCerebro, bt.Cerebro):
            cerebro = kind(stdstats=False)
            cerebro.seen = []
            add_feeds(cerebro, MARKET)
            cerebro.addstrategy(Witness)
            cerebro.addwriter(bt.WriterFile, csv=True, out=str(tmp_path / kind.__name__))
            cerebro.run()
            texts.append((tmp_path / kind.__name__).read_text())
        assert texts[0] == texts[1]
        assert texts[0].count("\n") > len(MARKET.bars)


class TestFast:
    @pytest.mark.parametrize(("feeds", "asked"), [(None, False), (with_another_feed, True)])
    def test_feeds_are_not_asked_for_their_next_stamp(self, feeds, asked, monkeypatch):
        calls, original = [], PanelFeed.advance_peek
        monkeypatch.setattr(PanelFeed, "advance_peek", lambda s: calls.append(s) or original(s))
        run(PanelCerebro, feeds=feeds)
        assert bool(calls) == asked

    def test_it_has_the_broker(self):
        assert type(PanelCerebro().broker) is PanelBroker
        assert PanelCerebro().broker.cerebro is not None
