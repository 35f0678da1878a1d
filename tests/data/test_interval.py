"""Weekly and monthly bars are told from daily ones, and no figure is annualized with another's."""

import re

import numpy as np
import pandas as pd
import pytest
from csv_market import write_folder
from typer.testing import CliRunner

import attngru_bt
from attngru_bt import Bars, DataError, MonthlyTopK, analyzers, audit, backtest, make_market
from attngru_bt.cli import app
from attngru_bt.data.interval import check_daily, contradicts, median_gap, sessions_per_year
from attngru_bt.data.market import Market
from attngru_bt.feeds.engine import bt


def china(years=4):
    """Weekdays without the two golden weeks."""
    dates = pd.bdate_range("2015-01-01", periods=260 * years)
    return dates[
        ~((dates.month == 10) & (dates.day < 8)) & ~((dates.month == 2) & (dates.day < 11))
    ]


def every(rule, periods=100):
    return pd.date_range("2015-01-02", periods=periods, freq=rule)


class TestInterval:
    @pytest.mark.parametrize(
        ("dates", "gap", "rate", "fit"),
        [
            (china(), 1, 248, (242, 252)),
            (every("D"), 1, 365, (365, 252)),
            (pd.bdate_range("2015-01-01", periods=30), 1, 261, (252,)),
            (every("W-FRI"), 7, 52, (52,)),
            (every("2W-FRI"), 14, 26, (26,)),
            (every("BME", 60), 31, 12, (12,)),
            (every("QE", 20), 92, 4, (4,)),
        ],
    )
    def test_is_measured_holidays_or_not(self, dates, gap, rate, fit):
        assert median_gap(dates) == gap
        assert sessions_per_year(dates) == pytest.approx(rate, rel=0.04)
        for periods in fit:
            assert contradicts(periods, dates) == ""

    def test_a_hole_of_years_does_not_make_daily_bars_rare(self):
        dates = china(1).append(china(1) + pd.Timedelta(days=2000))
        assert sessions_per_year(dates) == pytest.approx(245, rel=0.03)

    @pytest.mark.parametrize(
        ("dates", "periods", "said"),
        [
            (every("W-FRI"), 252, r"weekly, about 52 a year; give periods=52\."),
            (every("BME", 40), 252, r"monthly, about 12 a year; give periods=12\."),
            (every("BME", 40), 52, r"give periods=12\."),
            (every("QE", 20), 12, r"quarterly, about 4 a year; give periods=4\."),
            (china(), 12, r"daily, about 24\d a year; give the market's number: 252"),
        ],
    )
    def test_another_number_is_contradicted(self, dates, periods, said):
        assert re.search(said, contradicts(periods, dates))

    @pytest.mark.parametrize(
        ("dates", "periods", "told"),
        [
            (every("D", 400), 252, True),  # a market that never closes, by the default
            (every("D", 400), 365, False),
            (china(), 365, True),
            (china(), 252, False),
            (china()[:119], 365, False),
        ],
    )
    def test_a_number_that_is_far_off_is_told_by_the_analyzers(self, caplog, dates, periods, told):
        frame = pd.DataFrame({"close": 10.0 + np.arange(len(dates)) % 7}, index=dates)
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.adddata(attngru_bt.PanelFeed(dataname=frame), name="A")
        cerebro.addstrategy(bt.Strategy)
        cerebro.addanalyzer(analyzers.SharpeRatio, periods=periods)
        cerebro.run()
        assert (f"`periods` is {periods} sessions a year, and there were" in caplog.text) == told

    def test_a_few_sessions_cannot_tell(self):
        assert contradicts(252, every("BME", 8)) == ""
        check_daily(every("BME", 8), "x")


def resampled(market, rule):
    """Bars of the last session of each week or month."""
    bars = market.bars
    last = pd.Series(bars.dates, index=bars.dates).resample(rule).last().dropna()
    rows = bars.dates.get_indexer(pd.DatetimeIndex(last))
    lines = {"close": bars["close"][rows]}
    return Market(Bars(bars.dates[rows], bars.assets, lines), None, None, "rare")


@pytest.fixture(scope="module")
def weekly():
    return resampled(make_market(4, 700, seed=1, late=0, gaps=0, delisted=0), "W")


@pytest.fixture(scope="module")
def monthly():
    return resampled(make_market(4, 700, seed=1, late=0, gaps=0, delisted=0), "ME")


REFUSED = r"the bars are (weekly|monthly), [\d.]+ days from one to the next .*give the daily ones"


class TestRefused:
    @pytest.mark.slow
    @pytest.mark.parametrize("kind", ["weekly", "monthly"])
    def test_by_everything_that_works_month_by_month(self, kind, request):
        market = request.getfixturevalue(kind)
        for call in (
            lambda: backtest.run(market, MonthlyTopK, signal=pd.DataFrame({"S000": [1.0]})),
            lambda: attngru_bt.walk_forward(market, ["momentum"]),
            lambda: audit.run(market),
            lambda: attngru_bt.compare.run(market, "momentum"),
        ):
            with pytest.raises(DataError, match="^rare: " + REFUSED):
                call()

    @pytest.mark.parametrize("kind", ["weekly", "monthly"])
    def test_by_the_plug_in_on_the_bars_it_has_seen(self, kind, request):
        market = request.getfixturevalue(kind)
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
        for asset in market.bars.assets:
            close = market.bars.frame("close")[asset]
            frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close))
            cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=asset)
        cerebro.addstrategy(attngru_bt.AttentionGRUStrategy, signal="momentum", topk=1)
        with pytest.raises(DataError, match="^the feeds: " + REFUSED):
            cerebro.run()

    @pytest.mark.slow
    def test_by_the_commands_with_a_sentence(self, weekly, tmp_path):
        market = Market(weekly.bars, weekly.bars.frame("close")[["S000"]].rename(
            columns={"S000": "close"}), None, "rare")  # fmt: skip
        data = write_folder(tmp_path / "rare", market)
        for command in ("backtest", "compare", "audit"):
            run = CliRunner().invoke(app, [command, "--data", str(data)])
            assert run.exit_code == 2
            assert "the bars are weekly, 7 days from one" in " ".join(run.stderr.split())


class TestPeriods:
    @pytest.mark.slow
    def test_of_another_interval_are_refused_before_the_run(self, tmp_path):
        market = make_market(4, 60, seed=1, late=0, gaps=0, delisted=0)
        with pytest.raises(
            ValueError, match="`periods` is 12 sessions a year, but the sessions are"
        ):
            backtest.run(market, MonthlyTopK, signal=pd.DataFrame({"S000": [1.0]}), periods=12)
        with pytest.raises(ValueError, match="`periods` is 12 sessions a year"):
            attngru_bt.compare.run(market, "momentum", trading={"periods": 12})
        data = write_folder(tmp_path / "data", market)
        for command in ("backtest", "compare"):
            run = CliRunner().invoke(app, [command, "--data", str(data), "--periods", "12"])
            assert run.exit_code == 2 and "about 260 a year" in " ".join(run.stderr.split())


class Hold(bt.Strategy):
    def next(self):
        if not self.position:
            self.order_target_percent(target=0.9)


def held(periods):
    """A year and three quarters of weekly bars that lose 5% a year in all."""
    dates = pd.date_range("2015-01-02", periods=92, freq="W-FRI")
    close = 100 * 0.95 ** (np.arange(92) / 52) * (1 + 0.01 * np.sin(np.arange(92)))
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close), index=dates)
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame), name="A")
    cerebro.addstrategy(Hold)
    index = pd.Series(close, index=dates)
    cerebro.addanalyzer(analyzers.Performance, periods=periods, benchmark=index, _name="all")
    cerebro.addanalyzer(analyzers.AnnualizedReturn, periods=periods, _name="annual")
    cerebro.addanalyzer(analyzers.SharpeRatio, periods=periods, _name="sharpe")
    cerebro.addanalyzer(analyzers.InformationRatio, periods=periods, benchmark=index, _name="ratio")
    return cerebro.run()[0].analyzers


class TestAnalyzers:
    def test_figures_a_year_of_the_wrong_number_are_not_given(self, caplog):
        found = held(252)
        figures = found.all.get_analysis()
        for name in ("annual_return", "volatility", "sharpe", "calmar", "turnover", "cost_rate",
                     "excess_return", "information_ratio", "tracking_error"):  # fmt: skip
            assert np.isnan(figures[name]), name
        assert np.isnan(figures["benchmark"]["annual_return"])
        assert figures["total_return"] == pytest.approx(-0.07, abs=0.03)
        assert figures["max_drawdown"] > 0 and figures["periods"] == 252
        assert np.isnan(found.annual.get_analysis()["annual_return"])
        assert np.isnan(found.sharpe.get_analysis()["sharpe"])
        assert np.isnan(found.ratio.get_analysis()["information_ratio"])
        told = [r.getMessage() for r in caplog.records if "periods" in r.getMessage()]
        assert len(told) == 4 and all("give periods=52" in line for line in told)

    def test_those_of_the_right_number_are(self, caplog):
        figures = held(52).all.get_analysis()
        assert figures["annual_return"] == pytest.approx(-0.045, abs=0.02)
        assert figures["sharpe"] == figures["sharpe"]
        assert "periods" not in caplog.text


@pytest.mark.slow
def test_the_real_panels_are_daily(sse50):
    check_daily(sse50.bars.dates, "sse50")
    assert sessions_per_year(sse50.bars.dates) == pytest.approx(243, abs=4)
    assert contradicts(252, sse50.bars.dates) == contradicts(242, sse50.bars.dates) == ""
