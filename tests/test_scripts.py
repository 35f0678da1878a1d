"""Scripts as people write them: the plug-in in other people's Cerebros, shape by shape."""

import datetime as dt
import logging
from dataclasses import replace

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

import attngru_bt
from attngru_bt import MonthlyTopK
from attngru_bt.data.bars import DataError
from attngru_bt.feeds.lookalikes import lookalikes

COLUMNS = ["open", "high", "low", "close", "volume"]
MARKET = attngru_bt.make_market(n_assets=6, n_days=150, seed=2, late=0, gaps=0, delisted=0)
STOCKS = {
    asset: pd.DataFrame(
        {column: MARKET.bars[column][:, i] for column in COLUMNS}, index=MARKET.bars.dates
    )
    for i, asset in enumerate(MARKET.bars.assets)
}
CLOSE = dt.time(15)
PANDAS = bt.feeds.PandasData
INDEX = MARKET.benchmark[COLUMNS]


class LastMonth:
    """A signal of a script's own: the return of the last 20 sessions."""

    def scores(self, bars):
        close = bars["close"]
        return pd.Series(close[-1] / close[-min(20, len(close))] - 1, index=bars.assets)


class Silent:
    def scores(self, bars):
        return pd.Series(dtype=float)


class Elsewhere:
    def scores(self, bars):
        return pd.Series({"XYZ": 1.0})


class Nobody:
    def at(self, date):
        return frozenset()


def script(frames, *, coo=True, kind=attngru_bt.PanelFeed, **cerebro):
    """A Cerebro with one feed per frame."""
    made = bt.Cerebro(**{"stdstats": False, "cheat_on_open": coo, **cerebro})
    made.broker.setcash(1e5)
    made.broker.setcommission(0.001)
    for name, frame in frames.items():
        made.adddata(kind(dataname=frame), name=name)
    return made


def run(cerebro, **params):
    params = {"topk": 2, "signal": LastMonth(), **params}
    cerebro.addstrategy(params.pop("strategy", MonthlyTopK), **params)
    return cerebro.run()[0]


def traded(strategy):
    log = strategy.trade_log.frame()
    return set(log["asset"][log["event"] == "fill"])


def trades(strategy):
    return strategy.trade_log.frame().drop(columns="ref")


def warnings(caplog):
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


class TestTheIndexIsNotTraded:
    """Stock selection with the index as data0, and nobody told the plug-in which feed that is."""

    def test_a_feed_called_index(self, caplog):
        strategy = run(script({"INDEX": INDEX, **STOCKS}), topk=7)
        assert traded(strategy) == set(STOCKS)
        assert warnings(caplog) == []

    @pytest.mark.parametrize("kind", ["observer", "time return", "performance", "ratio"])
    def test_a_feed_that_the_script_compares_with(self, kind, caplog):
        cerebro = script({"SPX": INDEX, **STOCKS})
        index = cerebro.datas[0]
        if kind == "observer":
            cerebro.addobserver(bt.observers.Benchmark, data=index)
        elif kind == "time return":
            cerebro.addanalyzer(bt.analyzers.TimeReturn, data=index, _name="index")
        elif kind == "performance":
            cerebro.addanalyzer(attngru_bt.Performance, benchmark="SPX")
        else:
            cerebro.addanalyzer(attngru_bt.analyzers.InformationRatio, benchmark="SPX")
        strategy = run(cerebro, topk=7)
        assert traded(strategy) == set(STOCKS)
        assert warnings(caplog) == []

    def test_the_observer_without_data_compares_with_the_first_feed_and_that_is_said(self, caplog):
        cerebro = script({"SPX": INDEX, **STOCKS})
        cerebro.addobserver(bt.observers.Benchmark)
        assert traded(run(cerebro, topk=7)) == set(STOCKS)
        (said,) = warnings(caplog)
        assert said.startswith("SPX: not traded") and "`benchmark`" in said

    def test_following_every_stock_makes_none_a_benchmark(self):
        cerebro = script(STOCKS)
        for data in cerebro.datas:
            cerebro.addanalyzer(bt.analyzers.TimeReturn, data=data, _name=data._name)
        assert traded(run(cerebro, topk=7)) == set(STOCKS)

    def test_following_two_stocks_is_said(self, caplog):
        cerebro = script(STOCKS)
        for data in cerebro.datas[:2]:
            cerebro.addanalyzer(bt.analyzers.TimeReturn, data=data, _name=data._name)
        assert traded(run(cerebro, topk=7)) == set(list(STOCKS)[2:])
        (said,) = warnings(caplog)
        assert said.startswith("S000, S001: not traded")

    def test_the_parameter_has_the_last_word(self, caplog):
        cerebro = script({"INDEX": INDEX, **STOCKS})
        cerebro.addobserver(bt.observers.Benchmark, data=cerebro.datas[1])
        assert traded(run(cerebro, topk=7, benchmark=())) == {"INDEX", *STOCKS}
        assert warnings(caplog) == []

    def test_feeds_names_who_is_traded(self):
        strategy = run(script({"INDEX": INDEX, **STOCKS}), topk=7, feeds=["S001", "S003"])
        assert traded(strategy) == {"S001", "S003"}
        with pytest.raises(DataError, match="`feeds`: no feed is named 'S00'; did you mean 'S00"):
            run(script(STOCKS), feeds=["S00"])
        with pytest.raises(ValueError, match="both name 'S001'"):
            run(script(STOCKS), feeds=["S001", "S002"], benchmark="S001")

    def test_a_feed_that_looks_like_an_index_gets_one_warning(self, caplog):
        strategy = run(script({"SPX": INDEX, **STOCKS}), topk=7)
        assert traded(strategy) == {"SPX", *STOCKS}
        (said,) = warnings(caplog)
        assert said.startswith("SPX moves like the mean of the other feeds (correlation 1.000 up")
        assert "benchmark='SPX'" in said

    @pytest.mark.slow
    def test_stocks_alone_get_none(self, caplog):
        run(script(STOCKS))
        run(script({"SPX": INDEX, **STOCKS}), benchmark="SPX")
        run(script({"SPX": INDEX, **STOCKS}), benchmark=())
        assert warnings(caplog) == []

    def test_one_call_takes_the_parameter_too(self):
        lines = {c: np.c_[MARKET.bars[c], INDEX[c]] for c in COLUMNS}
        bars = attngru_bt.Bars(MARKET.bars.dates, (*STOCKS, "SPX"), lines)
        market = replace(MARKET, bars=bars, benchmark=None)
        for benchmark, extra in (("SPX", set()), ((), {"SPX"})):
            strategy = attngru_bt.backtest.run(
                market, MonthlyTopK, signal=LastMonth(), topk=7, benchmark=benchmark
            )
            assert traded(strategy) == {*STOCKS, *extra}
        assert strategy.analyzers.performance.benchmark_returns is None

    def test_what_comes_later_does_not_change_what_is_warned_of(self, caplog):
        """The feed follows the others until the warning; from then on it goes its own way."""
        after = INDEX.index > "2015-05-31"
        rng = np.random.default_rng(0)
        noise = np.exp(np.where(after, rng.normal(0, 0.1, len(INDEX)), 0).cumsum())
        other = INDEX.mul(noise, axis=0)
        said = []
        for frame in (INDEX, other):
            caplog.clear()
            run(script({"SPX": frame, **STOCKS}))
            said.append(warnings(caplog))
        assert said[0] == said[1] and len(said[0]) == 1


class TestLookalikes:
    def bars(self, returns):
        names = tuple("ABCDEFGH"[: returns.shape[1]])
        close = 10 * np.exp(np.cumsum(returns, axis=0))
        dates = pd.bdate_range("2020-01-01", periods=len(close))
        return attngru_bt.Bars(dates, names, {"close": close})

    def market(self, n_stocks=6, days=200, seed=0):
        rng = np.random.default_rng(seed)
        return 0.01 * rng.normal(size=(days, 1)) + 0.015 * rng.normal(size=(days, n_stocks))

    def test_an_index_and_a_fund_of_it_are_both_named(self):
        stocks = self.market()
        rng = np.random.default_rng(1)
        index = stocks.mean(axis=1, keepdims=True)
        fund = index + 0.0005 * rng.normal(size=index.shape)
        found = lookalikes(self.bars(np.hstack([index, stocks, fund])), set("ABCDEFGH"))
        assert set(found) == {"A", "H"} and min(found.values()) > 0.95

    def test_stocks_are_not(self):
        for seed in range(20):
            assert not lookalikes(self.bars(self.market(seed=seed)), set("ABCDEF"))

    def test_what_cannot_be_held_is_not_looked_at(self):
        stocks = self.market()
        bars = self.bars(np.hstack([stocks.mean(axis=1, keepdims=True), stocks]))
        assert set(lookalikes(bars, set("ABCDEFG"))) == {"A"}
        assert not lookalikes(bars, set("BCDEFG"))

    def test_little_is_known_in_three_months_or_of_two_stocks(self):
        stocks = self.market()
        both = np.hstack([stocks.mean(axis=1, keepdims=True), stocks])
        assert not lookalikes(self.bars(both[:60]), set("ABCDEFG"))
        assert not lookalikes(self.bars(both[:, :3]), set("ABC"))
        still = np.hstack([both, np.zeros((len(both), 1))])
        assert set(lookalikes(self.bars(still), set("ABCDEFGH"))) == {"A"}


class TestNothingWasTraded:
    """A script with too little of something ends with one sentence that says of what."""

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("params", "cause"),
        [
            (
                dict(signal=Ridge(), min_months=12),
                "the data have 6 month-ends up to 2015-06-30, 5 of them with a known outcome, and "
                "min_months=12 are needed before the first model: bring 7 more months of data, or "
                "set `min_months` to at most 5.",
            ),
            (
                dict(signal=Ridge(), min_months=2, topk=6),
                "topk=6 and at most 6 stocks at 6 month-ends up to 2015-06-30 leave nothing to "
                "choose: set `topk` below 6, or bring more stocks.",
            ),
            (  # no data are long enough for that topk
                dict(signal=Ridge(), min_months=12, topk=10),
                "topk=10 and at most 6 stocks at 6 month-ends up to 2015-06-30 leave nothing to "
                "choose: set `topk` below 6, or bring more stocks.",
            ),
            (
                dict(signal="momentum"),
                "momentum over 12 months needs 13 month-ends, and the data have 6 up to "
                "2015-06-30: bring 7 more months of data.",
            ),
            (
                dict(signal="random", start="2016-01-01"),
                "`start` is 2016-01-01, and the last month in the data begins on 2015-07-01: set "
                "an earlier `start`.",
            ),
            (
                dict(signal=Ridge(), universe=Nobody()),
                "no feed was a member of the universe at any of 6 month-ends from 2015-01-30 to "
                "2015-06-30.",
            ),
            (
                dict(signal=pd.DataFrame({"S000": 1.0}, index=[pd.Timestamp("2015-07-10")])),
                "the given scores begin on 2015-07-10, and the last month-end asked for is "
                "2015-06-30.",
            ),
            (
                dict(signal=Silent()),
                "Silent gave no score at any of 6 month-ends from 2015-01-30 to ",
            ),
            (dict(signal=Elsewhere()), "none of the names scored at 6 decisions is a feed with"),
        ],
        ids=["months", "topk", "both", "momentum", "start", "members", "given", "silent", "names"],
    )
    def test_the_cause_is_said_once_with_what_was_missing(self, params, cause, caplog):
        cerebro = script(STOCKS)
        cerebro.addanalyzer(attngru_bt.Performance, start="trading", _name="performance")
        with caplog.at_level(logging.WARNING):
            strategy = run(cerebro, strategy=attngru_bt.AttentionGRUStrategy, **params)
        earlier = ("nothing to choose and", "that the signal scored are no feeds")
        said = [text for text in warnings(caplog) if not any(part in text for part in earlier)]
        assert len(said) == 1 and said[0].startswith(f"Nothing was traded: {cause}")
        assert said[0] == f"Nothing was traded: {strategy.why_not_traded}"
        assert np.isnan(strategy.analyzers.performance.get_analysis()["sharpe"])

    def test_one_month_of_bars(self, caplog):
        frames = {name: frame.iloc[:15] for name, frame in STOCKS.items()}
        run(script(frames))
        (said,) = warnings(caplog)
        assert "from 2015-01-01 to 2015-01-21 lie in one month" in said

    def test_too_little_cash_for_a_lot(self, caplog):
        strategy = run(script(STOCKS), lot=1_000_000)
        (said,) = warnings(caplog)
        assert said.startswith("Nothing was traded: 6 decisions led to no fill. The first obstacle")
        assert "buys less than one lot" in said and strategy.why_not_traded in said

    def test_an_order_of_the_last_session(self, caplog):
        frames = {name: frame.loc[:"2015-02-02"] for name, frame in STOCKS.items()}
        run(script(frames, coo=False))
        assert warnings(caplog)[-1].endswith(
            "the orders of 2015-02-02 were still open when the data ended."
        )

    def test_a_script_that_prints_in_stop_hears_it_too(self, caplog):
        class Printing(attngru_bt.AttentionGRUStrategy):
            def stop(self):
                self.said = f"{self.broker.getvalue():.1f} {self.why_not_traded}"

        strategy = run(script(STOCKS), strategy=Printing, signal="momentum")
        assert strategy.said.startswith("100000.0 momentum over 12 months")
        assert len(warnings(caplog)) == 1

    def test_a_run_that_traded_says_nothing(self, caplog):
        assert run(script(STOCKS)).why_not_traded == ""
        assert warnings(caplog) == []

    @pytest.mark.slow
    def test_the_library_and_walk_forward_say_the_same(self, caplog):
        settings = dict(topk=6, min_months=12, refit=1)
        strategy = attngru_bt.backtest.run(MARKET, signal=Ridge(), **settings)
        assert strategy.why_not_traded in warnings(caplog)[-1]
        with pytest.raises(DataError) as error:
            attngru_bt.walk_forward(MARKET, {"ridge": Ridge()}, **settings)
        assert str(error.value) == f"ridge: {strategy.why_not_traded}"
        with pytest.raises(DataError, match="`start` is 2016-01-01, and the last month in the"):
            attngru_bt.walk_forward(MARKET, {"ridge": Ridge()}, start="2016-01-01", **settings)


def minutes(frame):
    """Three bars a day that resample to the daily frame."""
    first = frame.assign(high=frame["open"], low=frame["open"], close=frame["open"], volume=0.0)
    last = frame.assign(open=frame["close"])
    middle = frame.assign(open=frame["high"], close=frame["low"], volume=0.0)
    bars = [
        part.set_axis(part.index + pd.Timedelta(hours=hour))
        for part, hour in ((first, 10), (middle, 13), (last, 15))
    ]
    return pd.concat(bars).sort_index()


class TestFeedsAsPeopleWriteThem:
    @pytest.mark.slow
    def test_a_table_that_carries_its_symbol_names_its_feed(self):
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
        for i, (name, frame) in enumerate(STOCKS.items()):
            if i % 2:
                frame = frame.assign(Code=name)
            else:
                frame = frame.copy()
                frame.attrs["symbol"] = name
            cerebro.adddata(bt.feeds.PandasData(dataname=frame))
        cerebro.broker.setcash(1e5)
        cerebro.broker.setcommission(0.001)
        pd.testing.assert_frame_equal(trades(run(cerebro)), trades(run(script(STOCKS))))

    @pytest.mark.slow
    def test_a_table_that_does_not_says_which_line_to_add(self):
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
        for i, (name, frame) in enumerate(STOCKS.items()):
            feed = bt.feeds.PandasData(dataname=frame.assign(code=i))  # 000001 became 1
            cerebro.adddata(feed, name=name if i == 0 else None)
        with pytest.raises(DataError) as error:
            run(cerebro)
        assert str(error.value) == (
            "Feed number 2 of 6 (PandasData of 150 rows, the first 2015-01-01 00:00:00) has no "
            "name, so scores and reports could not name its stock: write "
            "cerebro.adddata(feed, name='SYMBOL') where it is added."
        )

    @pytest.mark.slow
    @pytest.mark.parametrize("coo", [True, False])
    def test_daily_feeds_beside_the_minute_feeds_they_are_made_of(self, coo):
        runs = []
        for beside in (True, False):
            cerebro = script({} if beside else STOCKS, coo=coo)
            for name, frame in STOCKS.items() if beside else ():
                source = bt.feeds.PandasData(
                    dataname=minutes(frame), timeframe=bt.TimeFrame.Minutes, sessionend=CLOSE
                )
                cerebro.adddata(source, name=f"{name}-minutes")
                cerebro.resampledata(source, name=name, timeframe=bt.TimeFrame.Days)
            cerebro.addanalyzer(attngru_bt.Performance, _name="performance")
            runs.append(run(cerebro, feeds=list(STOCKS)))
        got, want = runs
        assert len(want.decisions) == 6
        pd.testing.assert_frame_equal(trades(got), trades(want))
        pd.testing.assert_series_equal(
            got.analyzers.performance.returns, want.analyzers.performance.returns
        )

    @pytest.mark.slow
    def test_days_that_are_made_without_their_end_are_traded_alike(self):
        """Each then comes with the first minute bar of the next, and no analyzer can tell."""
        cerebro = script({})
        for name, frame in STOCKS.items():
            source = bt.feeds.PandasData(dataname=minutes(frame), timeframe=bt.TimeFrame.Minutes)
            cerebro.adddata(source, name=f"{name}-minutes")
            cerebro.resampledata(source, name=name, timeframe=bt.TimeFrame.Days)
        strategy = run(cerebro, feeds=list(STOCKS))
        pd.testing.assert_frame_equal(trades(strategy), trades(run(script(STOCKS))))

    @pytest.mark.parametrize("declared", [True, False])
    def test_minute_feeds_without_a_word_are_one_sentence(self, declared):
        cerebro = script({})
        kind = bt.TimeFrame.Minutes if declared else bt.TimeFrame.Days
        for name, frame in STOCKS.items():
            source = bt.feeds.PandasData(dataname=minutes(frame), timeframe=kind)
            cerebro.adddata(source, name=f"{name}-minutes")
            cerebro.resampledata(source, name=name, timeframe=bt.TimeFrame.Days)
        with pytest.raises(DataError) as error:
            run(cerebro)
        said = str(error.value)
        assert said.startswith("S000-minutes") and "feeds" in said
        if declared:
            assert said == (
                "S000-minutes has intraday bars (as have 5 others) and S000 daily ones: name the "
                "daily feeds that are to be traded, as in cerebro.addstrategy(..., "
                "feeds=['S000', 'S001'])."
            )

    def test_minute_feeds_alone(self):
        cerebro = script({})
        feed = bt.feeds.PandasData(dataname=minutes(STOCKS["S000"]), timeframe=bt.TimeFrame.Minutes)
        cerebro.adddata(feed, name="S000")
        with pytest.raises(DataError, match="S000 has intraday bars, .*use cerebro.resampledata"):
            run(cerebro)

    @pytest.mark.parametrize(
        ("timeframe", "word"), [(bt.TimeFrame.Months, "monthly"), (bt.TimeFrame.Weeks, "weekly")]
    )
    def test_monthly_resampling_is_one_sentence(self, timeframe, word):
        cerebro = script({})
        for name, frame in STOCKS.items():
            cerebro.resampledata(
                bt.feeds.PandasData(dataname=frame), name=name, timeframe=timeframe
            )
        with pytest.raises(DataError) as error:
            run(cerebro)
        assert str(error.value) == (
            f"S000 has {word} bars (as have 5 others), but factors, decisions and fills are made "
            f"of daily ones: add the daily feed instead; the strategy finds the month-ends in it."
        )

    def test_monthly_feeds_beside_daily_ones(self):
        cerebro = script(STOCKS)
        for data in cerebro.datas[:2]:
            cerebro.resampledata(data, name=f"{data._name}-month", timeframe=bt.TimeFrame.Months)
        with pytest.raises(DataError, match="S000-month has monthly bars .* feeds="):
            run(cerebro)

    @pytest.mark.slow
    def test_a_name_in_feeds_must_mean_one_feed(self):
        cerebro = script({})
        source = bt.feeds.PandasData(dataname=minutes(STOCKS["S000"]))
        cerebro.adddata(source, name="S000")
        cerebro.resampledata(source, name="S000", timeframe=bt.TimeFrame.Days)
        with pytest.raises(DataError, match="2 feeds are named 'S000', and one must be meant"):
            run(cerebro, feeds=["S000"])
        cerebro = script({"S000": STOCKS["S000"]})
        cerebro.adddata(bt.feeds.PandasData(dataname=minutes(STOCKS["S000"])))  # nobody's
        assert traded(run(cerebro, feeds="S000", topk=1)) == {"S000"}


class TestStampsOfASession:
    """A CSV feed stamps a day 23:59:59, a DataFrame 00:00: the date is what counts."""

    @pytest.mark.slow
    @pytest.mark.parametrize("reserve", [0.0, 0.05])
    @pytest.mark.parametrize("coo", [True, False])
    def test_csv_beside_pandas(self, coo, reserve, tmp_path):
        mixed = script({}, coo=coo)
        for i, (name, frame) in enumerate(STOCKS.items()):
            if i % 2:
                path = tmp_path / f"{name}.csv"
                frame.to_csv(path, index_label="date", float_format="%.17g")
                feed = bt.feeds.GenericCSVData(
                    dataname=str(path), dtformat="%Y-%m-%d", openinterest=-1
                )
            else:
                feed = bt.feeds.PandasData(dataname=frame)
            mixed.adddata(feed, name=name)
        alike, mixed = (run(c, reserve=reserve) for c in (script(STOCKS, coo=coo), mixed))
        assert len(alike.decisions) == 6
        rows = ["date", "asset", "event", "side"]
        got, want = (trades(s).sort_values(rows, ignore_index=True) for s in (mixed, alike))
        pd.testing.assert_frame_equal(got, want)

    def test_two_bars_of_one_day_in_one_feed_stay_an_error(self):
        frame = STOCKS["S000"]
        noon = frame.iloc[[5]].set_axis(frame.index[[5]] + pd.Timedelta(hours=12))
        twice = pd.concat([frame, noon]).sort_index()
        with pytest.raises(DataError, match="S001: a second bar on 2015-01-08"):
            run(script({"S000": frame, "S001": twice}))


class StampDuty(bt.CommInfoBase):
    """Somebody's own fees: 0.05%, at least 5 an order, and 0.1% of what is sold."""

    params = (("stocklike", True), ("commtype", bt.CommInfoBase.COMM_PERC), ("percabs", True))

    def _getcommission(self, size, price, pseudoexec):
        duty = 0.001 * -size * price if size < 0 else 0.0
        return max(0.0005 * abs(size) * price, 5.0) + duty


@pytest.fixture(scope="module")
def want():
    return run(script({"INDEX": INDEX, **STOCKS}))


class TestShapes:
    """What else such scripts hold beside the plug-in changes neither decisions nor fills."""

    @pytest.mark.slow
    def test_selection_by_timer_with_the_index_as_data0(self, want):
        class Timed(MonthlyTopK):
            def __init__(self, **params):
                super().__init__(**params)
                self.add_timer(when=bt.Timer.SESSION_START, monthdays=[1], monthcarry=True)
                self.averages = {d: bt.indicators.SMA(d.close, period=30) for d in self.datas[1:]}
                self.timed = 0

            def notify_timer(self, timer, when, *args, **kwargs):
                self.timed += 1

        strategy = run(script({"INDEX": INDEX, **STOCKS}, kind=PANDAS), strategy=Timed)
        assert strategy.timed >= 6
        pd.testing.assert_frame_equal(trades(strategy), trades(want))

    @pytest.mark.slow
    @pytest.mark.parametrize("named", [True, False])
    def test_momentum_over_a_list_of_tickers(self, named, caplog):
        """As in a blog post: SPY first, then one frame per ticker, and cheat-on-close."""
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.broker.set_coc(True)
        for ticker, frame in {"SPY": INDEX, **STOCKS}.items():
            feed = bt.feeds.PandasData(dataname=frame, plot=False)
            cerebro.adddata(feed, name=ticker if named else None)
        cerebro.addobserver(bt.observers.Value)
        cerebro.addanalyzer(bt.analyzers.SharpeRatio, riskfreerate=0.0)
        cerebro.addanalyzer(bt.analyzers.DrawDown)
        if named:
            assert len(run(cerebro).decisions) == 6
            (said,) = warnings(caplog)
            assert said.startswith("SPY moves like the mean") and "benchmark='SPY'" in said
        else:
            with pytest.raises(DataError, match=r"number 1 of 7 .*cerebro.adddata\(feed, name="):
                run(cerebro)

    @pytest.mark.slow
    def test_set_coc_fills_at_the_close_of_the_session_decided_in(self, caplog):
        cerebro = script(STOCKS, kind=PANDAS, coo=False)
        cerebro.broker.set_coc(True)
        strategy = run(cerebro)
        log = strategy.trade_log.frame()
        fills = log[log["event"] == "fill"]
        assert len(fills) >= 10 and not log["event"].isin(["rejected", "partial"]).any()
        for fill in fills.itertuples():
            assert fill.price == STOCKS[fill.asset]["close"][fill.date]
        assert set(fills["date"]) == {decision["date"] for decision in strategy.decisions}
        assert warnings(caplog) == []  # nothing fills one session later here

    @pytest.mark.slow
    def test_own_commission_info(self):
        cerebro = script(STOCKS, kind=PANDAS)
        cerebro.broker.addcommissioninfo(StampDuty())
        strategy = run(cerebro)
        log = strategy.trade_log.frame()
        fills = log[log["event"] == "fill"]
        assert not (log["event"] == "rejected").any() and (fills["side"] == "sell").sum() >= 4
        want = np.maximum(0.0005 * fills["value"], 5) + 0.001 * fills["value"] * (
            fills["side"] == "sell"
        )
        np.testing.assert_allclose(fills["commission"], want)
        assert 0 <= strategy.broker.get_cash() < 200

    @pytest.mark.slow
    def test_writers_observers_and_analyzers(self, want, tmp_path):
        cerebro = script({"INDEX": INDEX, **STOCKS}, kind=PANDAS, stdstats=True)
        cerebro.addwriter(bt.WriterFile, csv=True, out=str(tmp_path / "run.csv"))
        cerebro.addobserver(bt.observers.Benchmark, data=cerebro.datas[0])
        cerebro.addobserver(bt.observers.DrawDown)
        for analyzer in (
            bt.analyzers.PyFolio,
            bt.analyzers.TradeAnalyzer,
            bt.analyzers.Transactions,
            attngru_bt.Performance,
        ):
            cerebro.addanalyzer(analyzer)
        strategy = run(cerebro)
        pd.testing.assert_frame_equal(trades(strategy), trades(want))
        assert (tmp_path / "run.csv").read_text().count("\n") > 150

    @pytest.mark.slow
    def test_optstrategy(self, want):
        cerebro = script({"SPX": INDEX, **STOCKS}, kind=PANDAS, maxcpus=1)
        index = cerebro.datas[0]
        cerebro.addobserver(bt.observers.Benchmark, data=index)
        cerebro.addanalyzer(attngru_bt.Performance, _name="performance")
        cerebro.optstrategy(MonthlyTopK, topk=[1, 2], signal=[LastMonth()])
        found = [run[0].analyzers.performance.get_analysis() for run in cerebro.run()]
        assert len(found) == 2
        assert found[1]["end_value"] == want.broker.getvalue() != found[0]["end_value"]
