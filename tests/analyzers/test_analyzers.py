"""Analyzers inside backtrader: clocks, benchmarks, positions, run modes, other processes."""

import logging
import pickle
from io import BytesIO, StringIO

import empyrical
import numpy as np
import pandas as pd
import pytest

from attngru_bt import analyzers
from attngru_bt.analyzers import (
    AnnualizedReturn,
    InformationRatio,
    MaxDrawdown,
    Performance,
    Positions,
    SharpeRatio,
)
from attngru_bt.analyzers.max_drawdown import dated_drawdown
from attngru_bt.feeds.engine import bt

MODES = [
    {},
    {"runonce": False},
    {"preload": False},
    {"exactbars": -1},
    {"exactbars": -2},
    {"live": True},
    {"cheat_on_open": True},
    {"quicknotify": True},
]


def ohlcv(close, index, seed=0):
    rng = np.random.default_rng(seed)
    opened = close * (1 + rng.normal(0, 0.004, len(close)))
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) * 1.01,
            "low": np.minimum(opened, close) * 0.99,
            "close": close,
            "volume": 1e6,
        },
        index=index,
    )


def make_frames(n=6, days=120, seed=0):
    """Feeds with a suspension (the first one), a late listing, an early end and random gaps."""
    rng = np.random.default_rng(seed)
    index = pd.bdate_range("2018-01-01", periods=days)
    frames = {}
    for i in range(n):
        close = 100 * np.cumprod(1 + rng.normal(0.0005, 0.02, days))
        frame = ohlcv(close, index, i)
        if i == 0:
            frame = frame.drop(frame.index[20:70])
        elif i == 1:
            frame = frame.iloc[40:]
        elif i == 2:
            frame = frame.iloc[:-30]
        elif i == 3:
            frame = frame[rng.random(days) > 0.15]
        frames[f"S{i}"] = frame
    market = 10 * np.cumprod(1 + rng.normal(0.0003, 0.01, days))
    frames["INDEX"] = ohlcv(market, index)
    return frames


class RandomTrader(bt.Strategy):
    """Holds three random names anew every ten sessions; writes the account down by itself."""

    params = (("wait", 5), ("seed", 1))

    def __init__(self):
        self.rng = np.random.default_rng(self.p.seed)
        self.seen = {}
        self.bars = 0

    def next(self):
        self.bars += 1
        today = self.lines.datetime[0]
        self.seen[pd.Timestamp(bt.num2date(today).date())] = (
            self.broker.getvalue(),
            self.broker.getcash(),
        )
        if self.bars <= self.p.wait or self.bars % 10:
            return
        fresh = [d for d in self.datas[:-1] if len(d) and d.lines.datetime[0] == today]
        chosen = self.rng.permutation(len(fresh))[:3]
        chosen = [fresh[i] for i in chosen]
        for d in fresh:
            held = self.broker.positions[d].size if d in self.broker.positions else 0
            if held and d not in chosen:
                self.sell(d, size=held)
            elif not held and d in chosen:
                self.buy(d, size=int(0.25 * self.broker.getvalue() / d.close[0]))

    prenext = nextstart = next


def make_cerebro(frames, strategy=RandomTrader, commission=0.001, **kwargs):
    cerebro = bt.Cerebro(stdstats=False, **kwargs)
    cerebro.broker.setcash(100_000)
    cerebro.broker.setcommission(commission)
    for name, frame in frames.items():
        cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=name)
    if strategy is not None:
        cerebro.addstrategy(strategy)
    return cerebro


def run(frames, analyzer, strategy=RandomTrader, modes=None, **params):
    cerebro = make_cerebro(frames, strategy, **(modes or {}))
    cerebro.addanalyzer(analyzer, _name="it", **params)
    ran = cerebro.run()[0]
    return ran, ran.analyzers.it


@pytest.fixture(scope="module")
def frames():
    return make_frames()


def account(strategy):
    """Value and cash per session, as the strategy itself saw them."""
    return pd.DataFrame.from_dict(strategy.seen, orient="index", columns=["value", "cash"])


class TestReturns:
    @pytest.mark.slow
    @pytest.mark.parametrize("modes", MODES, ids=str)
    def test_every_session_of_the_strategy_counts_in_every_mode(self, frames, modes):
        strategy, it = run(frames, Performance, modes=modes, benchmark="INDEX")
        value = account(strategy)["value"]
        assert len(value) == 120 and value.nunique() > 90
        expected = value / value.shift(fill_value=100_000) - 1
        pd.testing.assert_series_equal(
            it.returns,
            expected,
            check_names=False,
            check_freq=False,
            check_index_type=False,
            rtol=1e-14,
        )

    def test_agrees_with_backtraders_own_returns(self, frames):
        cerebro = make_cerebro(frames)
        cerebro.addanalyzer(Positions, _name="ours")
        cerebro.addanalyzer(bt.analyzers.TimeReturn, timeframe=bt.TimeFrame.Days, _name="theirs")
        strategy = cerebro.run()[0]
        theirs = pd.Series(strategy.analyzers.theirs.get_analysis())
        assert np.abs(strategy.analyzers.ours.returns.to_numpy() - theirs.to_numpy()).max() < 1e-15

    def test_first_return_is_from_the_starting_cash(self, frames):
        class BuyAtFirstOpen(bt.Strategy):
            def prenext_open(self):
                if not self.position and not self.getpositionbyname("S4").size:
                    self.buy(self.getdatabyname("S4"), size=500)

            next_open = prenext_open

        _, it = run(frames, MaxDrawdown, BuyAtFirstOpen, {"cheat_on_open": True})
        first = frames["S4"].iloc[0]
        gain = 500 * (first["close"] - first["open"] - 0.001 * first["open"])
        assert it.returns.iloc[0] == pytest.approx(gain / 100_000, abs=1e-14)
        assert it.base_date is None and it.base_value == 100_000

    @pytest.mark.slow
    def test_a_start_date_measures_from_the_session_before(self, frames):
        _, whole = run(frames, Performance)
        _, later = run(frames, Performance, start="2018-03-03")  # a Saturday
        pd.testing.assert_series_equal(later.returns, whole.returns["2018-03-05":])
        assert later.base_date == pd.Timestamp("2018-03-02")
        value = account(_)["value"]
        assert later.base_value == value["2018-03-02"]
        result = later.get_analysis()
        assert result["start_value"] == value["2018-03-02"]
        assert result["end_value"] == value.iloc[-1]
        assert result["total_return"] == pytest.approx(value.iloc[-1] / value["2018-03-02"] - 1)

    def test_trading_starts_with_the_first_order(self, frames):
        strategy, it = run(frames, Performance, start="trading")
        sessions = account(strategy).index
        assert it.returns.index[0] == sessions[10]  # decided on the tenth close, filled the next
        assert it.transactions().index[0] == sessions[10]
        assert it.base_date == sessions[9] and it.base_value == 100_000

    def test_trading_since_of_the_strategy_decides(self, frames):
        class Deciding(RandomTrader):
            trading_since = pd.Timestamp("2018-02-01")

        _, it = run(frames, Performance, Deciding, start="trading")
        assert it.returns.index[0] == pd.Timestamp("2018-02-01")
        result = it.get_analysis()
        assert (result["start"], result["end"]) == (it.returns.index[0], it.returns.index[-1])

    def test_no_trade_gives_nan_and_says_so(self, frames, caplog):
        class Idle(bt.Strategy):
            trading_since = None

        _, it = run(frames, Performance, Idle, start="trading", benchmark="INDEX")
        result = it.get_analysis()
        assert result["sessions"] == 0 and np.isnan(result["sharpe"])
        assert np.isnan(result["information_ratio"]) and result["start"] is None
        assert "never traded" in caplog.text
        assert it.positions().shape == (0, 8) and it.gross_leverage().empty

    def test_start_after_the_end_gives_nan_and_says_so(self, frames, caplog):
        _, it = run(frames, AnnualizedReturn, start="2030-01-01")
        assert np.isnan(it.get_analysis()["annual_return"])
        assert "2030-01-01, after the last session" in caplog.text

    @pytest.mark.slow
    def test_feeds_stamped_at_other_hours_make_one_session(self, frames):
        late = {k: f.copy() for k, f in frames.items()}
        for name in ("S4", "S5"):
            late[name].index = late[name].index + pd.Timedelta(hours=15)
        strategy, it = run(late, Positions)
        assert strategy.bars == 240
        assert it.returns.index.equals(frames["INDEX"].index)
        total = it.positions().sum(axis=1)
        assert np.abs(total / total.shift(fill_value=100_000) - 1 - it.returns).max() < 1e-14
        assert not it.holdings().duplicated(["date", "symbol"]).any()
        assert it.gross_leverage().to_numpy() == pytest.approx(1 - it.cash / total)
        assert it.get_analysis()["transactions"].keys() >= {it.fills()["date"].iloc[-1].date()}

    def test_ruin_ends_the_measuring_and_says_so(self, caplog):
        index = pd.bdate_range("2020-01-01", periods=6)
        frame = ohlcv(np.array([10.0, 10, 10, 5, 2, 8]), index)
        frame["open"] = frame["close"].shift(fill_value=10.0)
        frame["high"], frame["low"] = 12.0, 1.0

        class Leveraged(bt.Strategy):
            def next(self):
                if len(self) == 1:
                    self.buy(size=20_000)

        cerebro = make_cerebro({"A": frame}, Leveraged, commission=0.0)
        cerebro.broker.set_checksubmit(False)
        cerebro.broker.setcommission(0.0, leverage=10.0)
        cerebro.addanalyzer(Performance, _name="it")
        it = cerebro.run()[0].analyzers.it
        assert list(it.returns) == [0, 0, 0, -1.0]
        result = it.get_analysis()
        assert result["annual_return"] == -1 and result["max_drawdown"] == 1
        assert "fell to 0.0 on 2020-01-06" in caplog.text

    def test_unknown_value_gives_nan_and_names_the_session(self, frames, caplog):
        broken = {k: f.copy() for k, f in frames.items()}
        for name in ("S4", "S5"):
            broken[name].loc["2018-03-01", "close"] = np.nan
        _, it = run(broken, SharpeRatio)
        assert np.isnan(it.get_analysis()["sharpe"])
        assert "not a number on 1 sessions, the first on 2018-03-01" in caplog.text

    def test_fund_mode_ignores_money_paid_in(self, frames, caplog):
        class Saver(bt.Strategy):
            def prenext(self):
                if len(self) == 30:
                    self.broker.add_cash(50_000)

            next = prenext

        _, it = run(frames, AnnualizedReturn, Saver)
        assert it.get_analysis()["total_return"] == pytest.approx(0.5)
        day = it.returns.index[it.returns > 0.4][0].date()
        assert (
            f"AnnualizedReturn: about 50,000 was paid into the account on {day}, which counts as a "
            "gain; `fund=True` measures" in caplog.text
        )
        caplog.clear()
        _, it = run(frames, AnnualizedReturn, Saver, fund=True)
        assert it.get_analysis()["total_return"] == pytest.approx(0.0)
        assert not caplog.text


class TestFigures:
    @pytest.mark.slow
    def test_ratios_agree_with_empyrical(self, frames):
        strategy, it = run(frames, Performance, benchmark="INDEX", periods=242, riskfree=0.02)
        value = account(strategy)["value"]
        own = value / value.shift(fill_value=100_000) - 1
        market = frames["INDEX"]["close"].pct_change()
        daily = 1.02 ** (1 / 242) - 1
        result = it.get_analysis()
        for name, theirs in {
            "annual_return": empyrical.annual_return(own, annualization=242),
            "volatility": empyrical.annual_volatility(own, annualization=242),
            "sharpe": empyrical.sharpe_ratio(own, daily, annualization=242),
            "max_drawdown": -empyrical.max_drawdown(own),
            "calmar": empyrical.calmar_ratio(own, annualization=242),
            "information_ratio": empyrical.excess_sharpe(own[1:], market[1:]) * 242**0.5,
            "excess_return": empyrical.annual_return(own[1:], annualization=242)
            - empyrical.annual_return(market[1:], annualization=242),
            "tracking_error": (own - market)[1:].std() * 242**0.5,
            "positive_months": (empyrical.aggregate_returns(own, "monthly") > 0).mean(),
            "sortino": empyrical.sortino_ratio(own, daily, annualization=242),
            "best_session": own.max(),
            "worst_session": own.min(),
            "value_at_risk": -empyrical.value_at_risk(own),
            "expected_shortfall": -empyrical.conditional_value_at_risk(own),
            "skewness": own.skew() * (len(own) - 2) / np.sqrt(len(own) * (len(own) - 1)),
        }.items():
            assert result[name] == pytest.approx(theirs, rel=1e-12), name
        bench = result["benchmark"]
        for name, theirs in {
            "annual_return": empyrical.annual_return(market[1:], annualization=242),
            "volatility": empyrical.annual_volatility(market[1:], annualization=242),
            "sharpe": empyrical.sharpe_ratio(market[1:], daily, annualization=242),
            "max_drawdown": -empyrical.max_drawdown(market[1:]),
        }.items():
            assert bench[name] == pytest.approx(theirs, rel=1e-12), name
        months = [empyrical.aggregate_returns(r[1:], "monthly") for r in (own, market)]
        assert result["months_above_benchmark"] == (months[0] > months[1]).mean()

    @pytest.mark.slow
    def test_the_single_analyzers_say_the_same(self, frames):
        cerebro = make_cerebro(frames)
        window = {"start": "2018-02-14"}
        cerebro.addanalyzer(Performance, benchmark="INDEX", riskfree=0.01, _name="all", **window)
        cerebro.addanalyzer(AnnualizedReturn, **window)
        cerebro.addanalyzer(SharpeRatio, riskfree=0.01, **window)
        cerebro.addanalyzer(InformationRatio, benchmark="INDEX", **window)
        cerebro.addanalyzer(MaxDrawdown, **window)
        found = cerebro.run()[0].analyzers
        whole = found.all.get_analysis()
        assert found.annualizedreturn.get_analysis()["annual_return"] == whole["annual_return"]
        assert found.sharperatio.get_analysis()["sharpe"] == whole["sharpe"]
        ratio = found.informationratio.get_analysis()
        assert ratio["information_ratio"] == whole["information_ratio"]
        assert ratio["tracking_error"] == whole["tracking_error"]
        assert ratio["sessions"] == whole["benchmark"]["sessions"] == whole["sessions"]
        deepest = found.maxdrawdown.get_analysis()
        assert deepest["depth"] == whole["max_drawdown"] > 0
        assert deepest["peak"] == whole["drawdown_peak"]
        assert deepest["trough"] == whole["drawdown_trough"]
        assert deepest["recovery"] == whole["drawdown_recovery"]

    def test_drawdown_dates_by_hand(self):
        index = pd.bdate_range("2020-01-01", periods=7)
        close = np.array([10.0, 10.0, 20.0, 15.0, 16.0, 20.0, 21.0])
        frame = ohlcv(close, index).assign(open=close, high=close, low=close)

        class AllIn(bt.Strategy):
            def next(self):
                if len(self) == 1:
                    self.buy(size=10_000)

        cerebro = make_cerebro({"A": frame}, AllIn, commission=0.0)
        cerebro.addanalyzer(MaxDrawdown, _name="it")
        found = cerebro.run()[0].analyzers.it.get_analysis()
        assert found["depth"] == 0.25
        assert (found["peak"], found["trough"], found["recovery"]) == (
            index[2],
            index[3],
            index[5],
        )

    def test_a_drawdown_from_the_first_value_begins_at_its_date(self):
        index = pd.bdate_range("2020-01-02", periods=2)
        lost, later = pd.Series([-0.1, 0.05], index), pd.Series([0.1, -0.2], index)
        base = pd.Timestamp("2020-01-01")
        assert dated_drawdown(lost, base)["peak"] == base
        assert dated_drawdown(lost)["peak"] == index[0]  # the date before is not known
        assert dated_drawdown(later, base)["peak"] == index[0]

    @pytest.mark.slow
    def test_turnover_costs_and_hit_rate_by_hand(self, frames):
        notes = []

        class Noting(RandomTrader):
            def notify_order(self, order):
                if order.status == order.Completed:
                    done = order.executed
                    notes.append((done.dt, abs(done.size) * done.price, done.comm))

            def notify_trade(self, trade):
                if trade.isclosed:
                    closed = [*getattr(self, "closed", []), (trade.dtclose, trade.pnlcomm)]
                    self.closed = closed

        strategy, it = run(frames, Performance, Noting)
        result = it.get_analysis()
        days, traded, costs = np.array(notes).T
        mean = account(strategy)["value"].mean()
        assert result["fills"] == len(notes) > 10
        assert result["costs"] == pytest.approx(costs.sum(), rel=1e-12)
        assert result["costs"] == pytest.approx(0.001 * traded.sum(), rel=1e-12)
        assert result["turnover"] == pytest.approx(traded.sum() / 2 / mean * 252 / 120, rel=1e-12)
        assert result["cost_rate"] == pytest.approx(costs.sum() / mean * 252 / 120, rel=1e-12)
        closed, profits = np.array(strategy.closed).T
        assert result["trades"] == len(profits) > 3
        assert result["hit_rate"] == np.mean(profits > 0)
        start = bt.date2num(pd.Timestamp("2018-04-02"))
        later = run(frames, Performance, Noting, start="2018-04-02")[1].get_analysis()
        assert 0 < later["fills"] == (days >= start).sum() < len(days)
        assert later["costs"] == pytest.approx(costs[days >= start].sum(), rel=1e-12)
        assert 0 < later["trades"] == (closed >= start).sum() < len(closed)
        assert later["hit_rate"] == np.mean(profits[closed >= start] > 0)

    def test_analysis_can_be_printed_by_backtraders_writer(self, frames):
        _, it = run(frames, Performance, benchmark="INDEX")
        out = StringIO()
        it.print(out=out)
        assert "information_ratio" in out.getvalue()


class TestBenchmark:
    @pytest.mark.slow
    def test_a_series_and_a_feed_of_the_same_closes_agree(self, frames):
        closes = frames["INDEX"]["close"]
        _, feed = run(frames, Performance, benchmark="INDEX", start="2018-02-01")
        _, series = run(frames, Performance, benchmark=closes, start="2018-02-01")
        pd.testing.assert_series_equal(
            feed.benchmark_returns, series.benchmark_returns, check_names=False
        )

    @pytest.mark.slow
    def test_a_series_may_know_the_close_before_the_first_session(self, frames):
        closes = frames["INDEX"]["close"].copy()
        closes.loc[pd.Timestamp("2017-12-29")] = 9.0  # unsorted on purpose
        _, it = run(frames, Performance, benchmark=closes)
        assert it.benchmark_returns.iloc[0] == pytest.approx(closes["2018-01-01"] / 9.0 - 1)
        _, it = run(frames, Performance, benchmark="INDEX")
        assert np.isnan(it.benchmark_returns.iloc[0])

    @pytest.mark.slow
    @pytest.mark.parametrize("modes", MODES, ids=str)
    def test_a_feed_that_starts_late_is_unknown_before(self, frames, caplog, modes):
        some = {**frames, "INDEX": frames["INDEX"].iloc[30:]}
        _, it = run(some, Performance, modes=modes, benchmark="INDEX")
        known = it.benchmark_returns.notna()
        assert known.idxmax() == frames["INDEX"].index[31] and known.sum() == 89
        assert it.get_analysis()["benchmark"]["sessions"] == 89
        assert "is known from 2018-02-13" in caplog.text

    @pytest.mark.slow
    def test_a_feed_that_ends_early_is_unknown_after(self, frames, caplog):
        some = {**frames, "INDEX": frames["INDEX"].iloc[:-40]}
        _, it = run(some, Performance, benchmark="INDEX")
        assert it.benchmark_returns.iloc[-40:].isna().all()
        assert it.benchmark_returns.iloc[1:-40].notna().all()
        assert "comparisons cover these sessions" in caplog.text

    @pytest.mark.slow
    def test_it_stands_still_where_it_has_no_close(self, frames, caplog):
        gap = frames["INDEX"].index[50:60]
        some = {**frames, "INDEX": frames["INDEX"].drop(gap)}
        _, it = run(some, Performance, benchmark="INDEX")
        assert (it.benchmark_returns[gap] == 0).all()
        closes = frames["INDEX"]["close"]
        after = it.benchmark_returns.iloc[60]
        assert after == pytest.approx(closes.iloc[60] / closes.iloc[49] - 1)
        assert "no close of its own on 10 of 119 sessions" in caplog.text

    @pytest.mark.slow
    def test_closes_after_the_run_change_nothing(self, frames):
        closes = frames["INDEX"]["close"]
        longer = pd.concat([closes, pd.Series([1e9], index=[pd.Timestamp("2030-01-01")])])
        found = [run(frames, Performance, benchmark=c)[1].get_analysis() for c in (closes, longer)]
        del found[0]["benchmark"]["name"], found[1]["benchmark"]["name"]
        assert repr(found[0]) == repr(found[1])

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("INDX", "did you mean 'INDEX'"),
            ("zz", "The feeds are S0, S1"),
            (42, "name of a feed or a pandas Series of closes"),
            (pd.Series([1.0, 2.0]), "indexed by dates"),
            (pd.Series(["a"], index=pd.to_datetime(["2018-01-01"])), "as numbers"),
            (
                pd.Series([1.0, -0.01], index=pd.to_datetime(["2018-01-01", "2018-01-02"])),
                r"above 0; got -0.01 on 2018-01-02. If these are returns",
            ),
            (
                pd.Series([1.0, 2.0], index=pd.to_datetime(["2018-01-01", "2018-01-01"])),
                "two closes on 2018-01-01",
            ),
            (
                pd.Series(
                    1.0, pd.bdate_range("2018-01-01", periods=9, tz="Asia/Shanghai")
                ).tz_convert("UTC"),
                "a close on 2017-12-31 16:00:00, a Sunday, and none on Fridays",
            ),
        ],
    )
    def test_wrong_benchmarks_are_refused(self, frames, source, message):
        with pytest.raises((ValueError, TypeError), match=message):
            run(frames, Performance, benchmark=source)

    def test_the_information_ratio_needs_one(self, frames):
        with pytest.raises(ValueError, match="InformationRatio needs `benchmark`"):
            run(frames, InformationRatio)


class TestPositions:
    @pytest.mark.slow
    @pytest.mark.parametrize("modes", MODES, ids=str)
    def test_rows_sum_to_the_account_and_reproduce_the_returns(self, frames, modes):
        strategy, it = run(frames, Positions, modes=modes)
        returns, positions, transactions, leverage = it.get_pf_items()
        assert list(positions.columns) == [*frames, "cash"]
        total = positions.sum(axis=1)
        expected = account(strategy)
        assert np.abs(total.to_numpy() / expected["value"].to_numpy() - 1).max() < 1e-14
        assert (positions["cash"].to_numpy() == expected["cash"].to_numpy()).all()
        change = total / total.shift(fill_value=100_000) - 1
        assert np.abs(change - returns).max() < 1e-14
        assert (positions.drop(columns="cash") > 0).any().sum() >= 5  # many names, not the last
        for item in (returns, positions, transactions, leverage):
            assert str(item.index.tz) == "UTC"
        assert leverage.to_numpy() == pytest.approx(1 - positions["cash"] / total)

    @pytest.mark.slow
    def test_cash_flows_explain_the_cash(self, frames):
        _, it = run(frames, Positions)
        fills = it.fills()
        paid = (fills["size"] * fills["price"] + fills["commission"]).groupby(fills["date"]).sum()
        expected = 100_000 - paid.reindex(it.returns.index, fill_value=0).cumsum()
        assert np.abs(it.cash - expected).max() < 1e-6
        held = it.holdings()
        sizes = held.pivot(index="date", columns="symbol", values="size")
        sizes = sizes.reindex(it.returns.index).fillna(0)
        traded = fills.pivot_table(
            index="date", columns="symbol", values="size", aggfunc="sum", fill_value=0
        )
        traded = traded.reindex(index=sizes.index, columns=sizes.columns, fill_value=0)
        assert (sizes == traded.cumsum()).all().all()

    @pytest.mark.slow
    def test_partial_fills_are_counted_once(self, frames):
        cerebro = make_cerebro(frames)
        cerebro.broker.set_filler(bt.fillers.FixedSize(size=100))
        cerebro.addanalyzer(Performance, _name="it")
        strategy = cerebro.run()[0]
        it = strategy.analyzers.it
        fills = it.fills()
        assert fills["ref"].duplicated().any() and fills["size"].abs().max() == 100
        total = it.positions().sum(axis=1)
        assert np.abs(total - account(strategy)["value"]).max() < 1e-8
        paid = (fills["size"] * fills["price"] + fills["commission"]).sum()
        assert it.cash.iloc[-1] == pytest.approx(100_000 - paid)

    def test_leveraged_futures_and_shorts_still_sum_to_the_account(self, frames):
        class LongAndShort(bt.Strategy):
            def __init__(self):
                self.seen = {}

            def next(self):
                date = pd.Timestamp(bt.num2date(self.lines.datetime[0]).date())
                self.seen[date] = (self.broker.getvalue(), self.broker.getcash())
                if len(self) == 3:
                    self.buy(self.getdatabyname("S4"), size=100)
                    self.sell(self.getdatabyname("S5"), size=200)

            prenext = next

        cerebro = make_cerebro(frames, LongAndShort)
        cerebro.broker.setcommission(2.0, margin=500.0, mult=10.0, name="S4")
        cerebro.addanalyzer(Positions, _name="it")
        strategy = cerebro.run()[0]
        positions = strategy.analyzers.it.positions()
        assert (positions["S4"].iloc[-1], positions["S5"].iloc[-1] < 0) == (100 * 500.0, True)
        value = account(strategy)["value"]
        assert value.nunique() > 100
        assert np.abs(positions.sum(axis=1) - value).max() < 1e-8

    @pytest.mark.slow
    def test_two_strategies_on_one_broker_see_each_others_positions(self, frames):
        cerebro = make_cerebro(frames)
        cerebro.addstrategy(RandomTrader, seed=9, wait=30)
        cerebro.addanalyzer(Positions, _name="it")
        for strategy in cerebro.run():
            total = strategy.analyzers.it.positions().sum(axis=1)
            assert np.abs(total - account(strategy)["value"]).max() < 1e-8

    def test_reading_does_not_fill_the_brokers_table(self, frames):
        strategy, _ = run(frames, Positions)
        assert strategy.getdatabyname("INDEX") not in strategy.broker.positions

    def test_get_analysis_has_backtraders_layout(self, frames):
        _, it = run(frames, Positions)
        found = it.get_analysis()
        assert list(found) == ["returns", "positions", "transactions", "gross_lev"]
        assert found["positions"]["Datetime"] == [*frames, "cash"]
        last = it.returns.index[-1].date()
        assert sum(found["positions"][last]) == pytest.approx(it.values[-1])
        assert len(found["returns"]) == 120

    def test_feeds_of_one_name_are_refused(self, frames):
        cerebro = make_cerebro(frames)
        cerebro.adddata(bt.feeds.PandasData(dataname=frames["S4"]), name="S5")
        cerebro.addanalyzer(Performance)
        with pytest.raises(ValueError, match="Two feeds are named 'S5'"):
            cerebro.run()

    def test_a_feed_named_cash_is_refused(self, frames):
        with pytest.raises(ValueError, match='A feed is named "cash"'):
            run({"cash": frames["S4"], **frames}, Positions)


class TestParameters:
    @pytest.mark.parametrize("analyzer", [getattr(analyzers, name) for name in analyzers.__all__])
    def test_unknown_parameters_are_errors_with_the_nearest_name(self, frames, analyzer):
        with pytest.raises(TypeError, match=f"{analyzer.__name__} has no parameter `strat`.*start"):
            run(frames, analyzer, strat="2018-01-01")

    def test_positional_parameters_are_errors(self, frames):
        cerebro = make_cerebro(frames)
        cerebro.addanalyzer(Performance, "INDEX")
        with pytest.raises(TypeError, match="by name; got 'INDEX'"):
            cerebro.run()

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"periods": 0}, "`periods` must be a positive number.*got 0"),
            ({"periods": "252"}, "`periods` must be a positive number.*got '252'"),
            ({"riskfree": "3%"}, "`riskfree` must be an annual rate as a fraction"),
            ({"riskfree": -2}, "`riskfree` must be"),
            ({"start": "tradng"}, '`start` must be None, "trading" or a date'),
            ({"start": 20180101}, "`start` must be"),
            ({"start": "01/02/2018"}, "`start` must be"),
            ({"start": "now"}, "`start` must be"),
            ({"start": "2018"}, "`start` must be"),
            ({"start": pd.Timestamp("2018-01-01", tz="UTC")}, "without time zone"),
            ({"fund": "yes"}, "`fund` must be True, False or None"),
        ],
    )
    def test_wrong_values_are_errors(self, frames, params, message):
        with pytest.raises(ValueError, match=message):
            run(frames, Performance, **params)

    def test_all_names_are_exported_and_sorted(self):
        assert analyzers.__all__ == sorted(analyzers.__all__)


class TestOtherProcesses:
    @pytest.mark.slow
    def test_optstrategy_brings_results_back_from_workers(self, frames):
        cerebro = make_cerebro(frames, strategy=None, maxcpus=2)
        cerebro.optstrategy(RandomTrader, seed=[1, 2, 3])
        cerebro.addanalyzer(Performance, benchmark="INDEX", _name="it")
        cerebro.addanalyzer(MaxDrawdown)
        found = {r[0].p.seed: r[0].analyzers.it for r in cerebro.run()}
        assert set(found) == {1, 2, 3}
        _, alone = run(frames, Performance, benchmark="INDEX")
        assert repr(found[1].get_analysis()) == repr(alone.get_analysis())
        assert found[2].get_analysis()["sharpe"] != found[1].get_analysis()["sharpe"]
        pd.testing.assert_frame_equal(found[1].positions(), alone.positions())

    @pytest.mark.slow
    @pytest.mark.parametrize("analyzer", [getattr(analyzers, name) for name in analyzers.__all__])
    def test_results_hold_no_feeds(self, frames, analyzer):
        params = {"benchmark": "INDEX"} if hasattr(analyzer.params, "benchmark") else {}
        _, it = run(frames, analyzer, **params)
        it.strategy = it._parent = None  # as optstrategy does
        for name in [n for n in vars(it) if n.startswith("data")]:
            setattr(it, name, None)
        lines = []

        class Seeker(pickle.Pickler):
            def persistent_id(self, thing):
                if isinstance(thing, bt.LineRoot):
                    lines.append(thing)
                    return "line"
                return None

        Seeker(BytesIO()).dump(it)
        assert not lines
        again = pickle.loads(pickle.dumps(it))
        assert repr(again.get_analysis()) == repr(it.get_analysis())


@pytest.mark.slow
def test_nothing_is_logged_on_a_sound_run(frames, caplog):
    with caplog.at_level(logging.INFO):
        run(frames, Performance, benchmark="INDEX", start="trading")
    assert not caplog.records
