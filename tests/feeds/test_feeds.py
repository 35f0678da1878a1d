"""PanelFeed against bt.feeds.PandasData: the same orders, values and trades in every mode."""

from __future__ import annotations

import datetime
import importlib
import pickle
import random
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import pytz

from attngru_bt.data import Market, make_market
from attngru_bt.data.bars import Bars, DataError
from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.market_feeds import add_feeds
from attngru_bt.feeds.panel_feed import PanelFeed

MODES = {
    "default": {},
    "runonce_off": {"runonce": False},
    "preload_off": {"preload": False},
    "both_off": {"preload": False, "runonce": False},
    "exactbars_-1": {"exactbars": -1},
    "exactbars_-2": {"exactbars": -2},
    "live": {"live": True},
    "exactbars_1": {"exactbars": 1},
}
DATES = {
    "all": {},
    "part": {"fromdate": datetime.date(2015, 2, 3), "todate": datetime.date(2015, 4, 29)},
    "edges": {"fromdate": datetime.datetime(2015, 2, 3), "todate": datetime.datetime(2015, 4, 29)},
}


def frames(
    seed: int = 0, n_assets: int = 6, n_days: int = 100, holes: bool = True
) -> dict[str, pd.DataFrame]:
    """Gaps, late starts and early ends."""
    third = n_assets // 3 if holes else 0
    bars = make_market(n_assets, n_days, seed, late=third, gaps=third, delisted=third).bars
    names = ["open", "high", "low", "close", "volume"]
    out = {}
    for j, asset in enumerate(bars.assets):
        rows = bars.traded[:, j]
        out[asset] = pd.DataFrame({n: bars[n][rows, j] for n in names}, index=bars.dates[rows])
    return out


class Trader(bt.Strategy):
    """Trades at random, with every kind of order, and writes down all it sees."""

    params = {"seed": 0, "on_open": False, "stale": True, "sma": True}

    def __init__(self):
        self.seen = []
        self.random = random.Random(self.p.seed)
        self.sma = [bt.ind.SMA(d, period=5) for d in self.datas] if self.p.sma else []
        self.own = [d.close - d.open for d in self.datas] if self.p.sma else []

    def act(self):
        for d in self.datas:
            if self.random.random() > 0.15 or not (self.p.stale or len(d)):
                continue
            size = self.random.choice([-3, 2, 5])
            price = 20 * self.random.uniform(0.8, 1.2)
            kind = self.random.choice(
                [bt.Order.Market, bt.Order.Close, bt.Order.Limit, bt.Order.Stop]
            )
            valid = self.random.choice([None, datetime.timedelta(days=5)])
            order = self.buy if size > 0 else self.sell
            order(data=d, size=abs(size), exectype=kind, price=price, valid=valid)

    def look(self, where):
        self.seen.append((where, len(self), self.broker.getvalue(), self.broker.getcash()))
        for d in self.datas:
            if len(d):
                last = list(d.close.get(size=min(3, len(d)))) if self.p.sma else None
                values = d.open[0], d.high[0], d.low[0], d.close[0], d.volume[0], d.datetime[0]
                self.seen.append((len(d), d.datetime.date(0), values, last))
        for d, line in zip(self.datas, self.sma, strict=False):
            if len(d) >= 5:
                self.seen.append(line[0])

    def next(self):
        self.look("next")
        if not self.p.on_open:
            self.act()

    def prenext(self):
        self.next()

    def next_open(self):
        if self.p.on_open:
            self.look("open")
            self.act()

    def prenext_open(self):
        self.next_open()

    def notify_order(self, order):
        done = order.executed
        fill = (done.dt, done.price, done.size, done.value, done.comm)
        self.seen.append((order.getstatusname(), order.data._name, order.created.dt, fill))

    def notify_trade(self, trade):
        self.seen.append((trade.data._name, trade.size, trade.price, trade.pnl, trade.status))


def plain(seen):
    """The exact text of what was seen; PandasData's np.float64 are floats in a deque."""
    return re.sub(r"np\.float64\(([^)]*)\)", r"\1", repr(seen))


def run(kind, data, mode, dates, *, broker=None, strategy=Trader, **kwargs):
    options = dict(stdstats=False, **mode) | (broker or {})
    cerebro = bt.Cerebro(**options)
    for name, frame in data.items():
        cerebro.adddata(kind(dataname=frame, **dates), name=name)
    cerebro.addstrategy(strategy, **kwargs)
    return cerebro.run()[0]


class TestSameAsPandasData:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("mode", "dates"),
        # all dates in every mode; dates cut off in one of two ways
        [(m, d) for i, m in enumerate(MODES) for d in ("all", ("part", "edges")[i % 2])],
    )
    def test_orders_values_and_trades_are_the_same(self, mode, dates):
        # exactbars=1 keeps no old bars: backtrader itself fails where feeds have holes
        data = frames(seed=len(mode), holes=mode != "exactbars_1")
        few = {"sma": False, "stale": False} if mode == "exactbars_1" else {}
        ours, theirs = (
            run(kind, data, MODES[mode], DATES[dates], **few)
            for kind in (PanelFeed, bt.feeds.PandasData)
        )
        assert len(theirs.seen) > 500
        assert plain(ours.seen) == plain(theirs.seen)

    @pytest.mark.slow
    @pytest.mark.parametrize("mode", ["default", "runonce_off", "preload_off", "live"])
    def test_with_cheat_on_open(self, mode):
        ours, theirs = (
            run(kind, frames(3), MODES[mode], {}, broker={"cheat_on_open": True}, on_open=True)
            for kind in (PanelFeed, bt.feeds.PandasData)
        )
        assert any(row[0] == "open" for row in theirs.seen)
        assert plain(ours.seen) == plain(theirs.seen)

    @pytest.mark.slow
    def test_a_feed_without_a_bar_changes_nothing(self):
        data = frames(4, n_assets=3)
        data["EMPTY"] = data["S000"].iloc[:0]
        for mode in ("default", "runonce_off", "preload_off"):
            ours, theirs = (
                run(kind, data, MODES[mode], {}, stale=False, sma=False)
                for kind in (PanelFeed, bt.feeds.PandasData)
            )
            assert plain(ours.seen) == plain(theirs.seen)

    @pytest.mark.slow
    @pytest.mark.parametrize("mode", ["default", "runonce_off", "preload_off"])
    def test_with_oldsync(self, mode):
        """Old clock: data0 leads. With holes and bars in memory backtrader has no answer to match.

        Its vector mode fails there, its other one fills orders on a suspended feed at the tick_open
        of the bar to come, which PanelFeed does not.
        """
        data = frames(5, holes=mode == "preload_off")
        data = {"FIRST": frames(5, holes=False)["S000"]} | data
        ours, theirs = (
            run(kind, data, MODES[mode], {}, broker={"oldsync": True}, stale=False)
            for kind in (PanelFeed, bt.feeds.PandasData)
        )
        assert plain(ours.seen) == plain(theirs.seen)

    @pytest.mark.slow
    @pytest.mark.parametrize("lookahead", [1, 7])
    def test_with_lookahead(self, lookahead):
        ours, theirs = (
            run(kind, frames(6), {}, {}, broker={"lookahead": lookahead}, stale=False)
            for kind in (PanelFeed, bt.feeds.PandasData)
        )
        assert plain(ours.seen) == plain(theirs.seen)

    @pytest.mark.slow
    @pytest.mark.parametrize("zone", [{"tz": "America/New_York"}, {"tzinput": "Asia/Shanghai"}])
    def test_with_zones(self, zone):
        zone = {name: pytz.timezone(value) for name, value in zone.items()}
        ours, theirs = (
            run(kind, frames(7, n_assets=3), {}, zone) for kind in (PanelFeed, bt.feeds.PandasData)
        )
        assert plain(ours.seen) == plain(theirs.seen)

    @pytest.mark.slow
    def test_several_runs_of_one_cerebro_in_changing_modes(self):
        data = frames(8, n_assets=3, n_days=90)
        cerebro = {}
        for kind in (PanelFeed, bt.feeds.PandasData):
            cerebro[kind] = bt.Cerebro(stdstats=False)
            for name, frame in data.items():
                cerebro[kind].adddata(kind(dataname=frame), name=name)
            cerebro[kind].addstrategy(Trader)
        first = None
        modes = [{"preload": False, "runonce": False}, {"preload": True, "runonce": True}]
        for mode in [modes[1], *modes, modes[1]]:
            ours, theirs = (c.run(**mode)[0].seen for c in cerebro.values())
            assert plain(ours) == plain(theirs)
            if mode == modes[1]:
                first = first or repr(ours)
                assert repr(ours) == first

    def test_pointers_at_and_beyond_the_end(self):
        """What Cerebro asks of a preloaded feed that has ended."""
        for kind in (PanelFeed, bt.feeds.PandasData):
            feed = kind(dataname=frames(1)["S000"], name="A")
            cerebro = bt.Cerebro(stdstats=False)
            cerebro.adddata(feed)
            cerebro.run()
            bars = len(feed)
            assert bars == feed.buflen() > 60
            assert feed.advance_peek() == float("inf")
            assert feed.load() is False
            assert feed.next() is False
            assert (len(feed), feed.buflen()) == (bars, bars)
            feed.advance()
            assert len(feed) == bars + 1
            assert feed.advance_peek() == float("inf")
            feed.rewind(2)
            assert len(feed) == len(feed.close) == bars - 1
            assert feed.advance_peek() == feed.datetime.array[-1]
            assert feed.close[1] == feed.close.array[-1]

    def test_lines_are_plain_again_in_a_run_bar_by_bar(self):
        feed = PanelFeed(dataname=frames(1)["S000"], name="A")
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.adddata(feed)
        cerebro.run()
        assert type(feed.lines.close) is not bt.linebuffer.LineBuffer
        cerebro.run(preload=False, runonce=False)
        assert {type(line) for line in feed.lines} == {bt.linebuffer.LineBuffer}
        cerebro.run(exactbars=1)
        assert len(feed.close.array) <= 1


class Bought(bt.Strategy):
    """Buys once; the result is in an analyzer, for optstrategy."""

    params = {"day": 1}

    def prenext(self):
        self.next()

    def next(self):
        if len(self) == self.p.day:
            for d in self.datas:
                if len(d):
                    self.buy(data=d, size=10)


class Value(bt.Analyzer):
    """The broker's values."""

    def start(self):
        self.values = []

    def prenext(self):
        self.next()

    def next(self):
        self.values.append(self.strategy.broker.getvalue())

    def get_analysis(self):
        return self.values


class TestBacktraderFeatures:
    @pytest.mark.slow
    @pytest.mark.parametrize("optdatas", [True, False])
    def test_optstrategy(self, optdatas):
        """Two processes, feeds pickled with and without their loaded buffers."""
        got = []
        for kind in (PanelFeed, bt.feeds.PandasData):
            cerebro = bt.Cerebro(stdstats=False, maxcpus=2, optdatas=optdatas)
            for name, frame in frames(9, n_assets=3, n_days=60).items():
                cerebro.adddata(kind(dataname=frame), name=name)
            cerebro.optstrategy(Bought, day=[3, 30])
            cerebro.addanalyzer(Value, _name="value")
            got.append([r[0].analyzers.value.get_analysis() for r in cerebro.run()])
        assert got[0] == got[1]
        assert got[0][0] != got[0][1]

    @pytest.mark.slow
    def test_pickles_into_a_process_that_does_not_know_its_lines(self):
        market = make_market(2, 30, late=0, gaps=0, delisted=0)
        cerebro = bt.Cerebro(stdstats=False)
        feed = add_feeds(cerebro, market)[0]
        cerebro.run()
        blob = pickle.dumps(feed)
        code = (
            "import pickle, sys; d = pickle.loads(sys.stdin.buffer.read()); d.home(); d.advance();"
            "print(repr(d.pb[0]), len(d), repr(d.close[0]))"
        )
        out = subprocess.run([sys.executable, "-c", code], input=blob, capture_output=True)
        assert out.returncode == 0, out.stderr.decode()
        bars = market.bars
        assert out.stdout.decode().split() == [
            repr(float(bars["pb"][0, 0])),
            "1",
            repr(float(bars["close"][0, 0])),
        ]

    @pytest.mark.slow
    def test_plot(self):
        import matplotlib.pyplot

        importlib.import_module(f"{bt.__name__}.plot")  # forces TkAgg; Agg goes after it

        matplotlib.use("Agg", force=True)
        got = []
        for kind in (PanelFeed, bt.feeds.PandasData):
            cerebro = bt.Cerebro()
            for name, frame in frames(10, n_assets=2, n_days=60).items():
                cerebro.adddata(kind(dataname=frame), name=name)
            cerebro.addstrategy(Bought)
            cerebro.run()
            matplotlib.pyplot.close("all")
            figure = cerebro.plot(iplot=False, style="line")[0][0]
            lines = [line.get_ydata() for ax in figure.axes for line in ax.get_lines()]
            got.append([list(map(float, y)) for y in lines])
        matplotlib.pyplot.close("all")
        assert repr(got[0]) == repr(got[1])
        assert len(got[0]) > 4

    @pytest.mark.slow
    @pytest.mark.parametrize("how", ["resampledata", "replaydata"])
    @pytest.mark.parametrize("twice", [False, True])
    def test_resample_and_replay(self, how, twice):
        """``twice`` keeps the daily feed, too, so that the weekly one is a clone of it."""
        got = []
        for kind in (PanelFeed, bt.feeds.PandasData):
            cerebro = bt.Cerebro(stdstats=False)
            for name, frame in frames(11, n_assets=3, n_days=60).items():
                feed = kind(dataname=frame, name=name)
                if twice:
                    cerebro.adddata(feed, name=name)
                getattr(cerebro, how)(feed, name=f"{name} weekly", timeframe=bt.TimeFrame.Weeks)
            cerebro.addstrategy(Trader, sma=False, stale=False)
            got.append(cerebro.run()[0].seen)
        assert len(got[0]) > 50
        assert repr(got[0]) == repr(got[1])

    @pytest.mark.parametrize("preload", [True, False])
    def test_clone_and_filters(self, preload):
        got = []
        for kind in (PanelFeed, bt.feeds.PandasData):
            cerebro = bt.Cerebro(stdstats=False, preload=preload)
            frame = frames(12, n_assets=3, n_days=60)["S001"]
            feed = kind(dataname=frame, name="A")
            cerebro.adddata(feed)
            cerebro.adddata(feed.clone(), name="A2")
            weekly = kind(dataname=frame, name="B")
            weekly.addfilter_simple(lambda d: d.datetime.date(0).weekday() == 2)
            cerebro.adddata(weekly)
            cerebro.addstrategy(Trader, sma=False, stale=False)
            got.append(cerebro.run()[0].seen)
        assert len(got[0]) > 50
        assert repr(got[0]) == repr(got[1])

    def test_writer_and_observers(self, tmp_path):
        got = []
        for kind in (PanelFeed, bt.feeds.PandasData):
            cerebro = bt.Cerebro()
            for name, frame in frames(13, n_assets=3, n_days=40).items():
                cerebro.adddata(kind(dataname=frame), name=name)
            file = tmp_path / f"{kind.__name__}.csv"
            cerebro.addwriter(bt.WriterFile, csv=True, out=str(file))
            cerebro.addstrategy(Bought)
            cerebro.run()
            got.append(file.read_text())
        assert got[0] == got[1]
        assert len(got[0]) > 5000

    def test_tick_attributes_are_never_stale(self):
        """The broker takes tick_open before open[0]: on a run after a bar-by-bar run, too."""
        feed = PanelFeed(dataname=frames(14, n_assets=3)["S000"], name="A")
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.adddata(feed)
        cerebro.run(preload=False, runonce=False)
        assert feed.tick_open == feed.open[0]  # bar by bar backtrader keeps them
        cerebro.run(preload=True, runonce=True)
        for name in feed.getlinealiases():
            if name != "datetime":
                assert getattr(feed, f"tick_{name}") is None
        assert feed.tick_last is None


class TestAddFeeds:
    def test_each_feed_has_its_traded_rows_and_all_lines(self):
        market = make_market(7, 90, seed=2, late=2, gaps=3, delisted=1)
        cerebro = bt.Cerebro(stdstats=False)
        feeds = add_feeds(cerebro, market)
        assert [f._name for f in feeds] == [*market.bars.assets, "INDEX"]
        assert all(a is b for a, b in zip(cerebro.datas, feeds, strict=True))
        cerebro.run()
        for j, feed in enumerate(feeds[:-1]):
            rows = market.bars.traded[:, j]
            dates = [bt.num2date(x) for x in feed.datetime.array]
            assert dates == list(market.bars.dates[rows].to_pydatetime())
            for name, values in market.bars.lines.items():
                assert list(getattr(feed.lines, name).array) == values[rows, j].tolist()
        assert list(feeds[-1].close.array) == market.benchmark["close"].tolist()
        assert list(feeds[-1].high.array) == market.benchmark["high"].tolist()

    def test_close_only_bars_have_four_equal_prices_and_no_volume(self):
        bars = make_market(2, 30).bars
        closes = Bars(bars.dates, bars.assets, {"close": bars["close"]}, np.arange(1.0, 31.0))
        cerebro = bt.Cerebro(stdstats=False)
        feeds = add_feeds(cerebro, closes, benchmark="SPX")
        cerebro.run()
        for feed in feeds:
            for name in ("open", "high", "low"):
                assert getattr(feed.lines, name).array == feed.close.array
            assert set(feed.volume.array) == {0.0}
        assert feeds[-1]._name == "SPX"
        assert list(feeds[-1].close.array) == list(range(1, 31))

    def test_lines_are_told_apart_by_their_spelling(self):
        """Names of factors have capitals: BIAS5 of a vendor's file is a line like any other."""
        bars = make_market(2, 30, late=0, gaps=0, delisted=0).bars
        lines = {"close": bars["close"], "BIAS5": bars["pb"], "bias5": bars["pe"]}
        cerebro = bt.Cerebro(stdstats=False)
        feed = add_feeds(cerebro, Bars(bars.dates, bars.assets, lines))[1]
        frame = pd.DataFrame({"Close": bars["close"][:, 1], "MOOD": 1.0}, index=bars.dates)
        other = PanelFeed.with_lines("Mood")(dataname=frame, name="other")
        cerebro.adddata(other, name="other")
        cerebro.run()
        assert list(feed.lines.BIAS5.array) == bars["pb"][:, 1].tolist()
        assert list(feed.lines.bias5.array) == bars["pe"][:, 1].tolist()
        assert set(other.lines.Mood.array) == {1.0}

    def test_fromdate_and_todate(self):
        market = make_market(2, 60, late=0, gaps=0, delisted=0)
        cerebro = bt.Cerebro(stdstats=False)
        feeds = add_feeds(
            cerebro, market, fromdate=datetime.date(2015, 1, 10), todate=datetime.date(2015, 2, 3)
        )
        cerebro.run()
        for feed in feeds:
            assert bt.num2date(feed.datetime.array[0]).date() == datetime.date(2015, 1, 12)
            assert bt.num2date(feed.datetime.array[-1]).date() == datetime.date(2015, 2, 3)

    def test_names_must_differ(self):
        market = make_market(2, 10)
        cerebro = bt.Cerebro()
        with pytest.raises(DataError, match="cannot be called 'S001'"):
            add_feeds(cerebro, market, benchmark="S001")
        add_feeds(cerebro, market)
        with pytest.raises(DataError, match="Two feeds are named 'S000'"):
            add_feeds(cerebro, market, benchmark="OTHER")

    def test_no_benchmark_no_feed(self):
        market = make_market(2, 10)
        cerebro = bt.Cerebro()
        feeds = add_feeds(cerebro, Market(market.bars, None, None, "x"))
        assert [f._name for f in feeds] == ["S000", "S001"]


class TestValidation:
    frame = pd.DataFrame(
        {"open": [1.0, 2.0], "close": [1.0, 2.0]}, index=pd.bdate_range("2020-01-01", periods=2)
    )

    @pytest.mark.parametrize(
        ("frame", "message"),
        [
            ([1, 2], "feed 'A': `dataname` must be a DataFrame; got list"),
            (frame.reset_index(), "must be indexed by naive timestamps.*got RangeIndex"),
            (frame.tz_localize("UTC"), "naive timestamps.*in zone UTC"),
            (frame[::-1], "'A' on 2020-01-01: rows are not sorted"),
            (frame.iloc[[0, 0]], "'A' on 2020-01-01: .*a date is there twice"),
            (frame[["open"]], "column 'close' is missing; got open"),
            (pd.concat([frame, frame[["close"]]], axis=1), "column 'close' is there twice"),
            (
                frame.assign(CLOSE=1.0).rename(columns={"close": "Close"}),
                r"column 'close' is there twice \(Close, CLOSE\); drop or rename one",
            ),
            (frame.assign(open=[1, np.nan]), "on 2020-01-02: column 'open' is empty"),
            (frame.assign(close="x"), "column 'close' must be numbers"),
        ],
    )
    def test_messages(self, frame, message):
        with pytest.raises(DataError, match=message):
            PanelFeed(dataname=frame, name="A")

    def test_text_columns_that_are_no_lines_do_not_matter(self):
        feed = PanelFeed(dataname=self.frame.assign(note="x"), name="A")
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.adddata(feed)
        cerebro.run()
        assert list(feed.close.array) == [1, 2]

    @pytest.mark.parametrize("name", ["next", "size", "advance", "params"])
    def test_lines_backtrader_would_trip_over_are_refused(self, name):
        with pytest.raises(DataError, match=f"line '{name}' cannot be a line"):
            PanelFeed.with_lines(name)

    def test_lines_may_have_any_other_name(self):
        kind = PanelFeed.with_lines("P/E ratio, adj.", "x y")
        assert kind is PanelFeed.with_lines("x y", "P/E ratio, adj.")
        feed = kind(dataname=self.frame.assign(**{"x y": [5.0, np.nan]}), name="A")
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.adddata(feed)
        cerebro.run()
        assert list(getattr(feed.lines, "x y").array)[0] == 5
        assert np.isnan(getattr(feed.lines, "P/E ratio, adj.").array).all()

    def test_intraday_times_are_backtraders_own(self):
        index = pd.DatetimeIndex(["2020-01-01 09:31:07.123456", "2020-01-02 15:00"])
        feed = PanelFeed(dataname=self.frame.set_axis(index), name="A")
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.adddata(feed)
        cerebro.run()
        assert list(feed.datetime.array) == [bt.date2num(t.to_pydatetime()) for t in index]
