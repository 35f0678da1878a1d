"""The walk: both drivers fill the same one, and a strategy trades it from memory."""

import logging

import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from attngru_bt import backtest, factor
from attngru_bt.data import make_market
from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.market import Market
from attngru_bt.factors import registry
from attngru_bt.trading.monthly import MonthlyTopK
from attngru_bt.walkforward import Recipe, SignalGenerator, walk_forward

FEW = ["ROC6", "BIAS5", "VOL20", "PB", "MACD", "RSI"]
SETTINGS = dict(topk=3, min_months=3, lookback=2, refit=2, n_components=3, factors=FEW)


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=10, n_days=260, seed=3)


@pytest.fixture(scope="module")
def walk(market):
    return walk_forward(market, {"ridge": Ridge()}, **SETTINGS)[0]


def content(record):
    return record.month_end, record.refit, record.n_rows, record.scores.to_dict(), record.factors


class TestDrivers:
    @pytest.mark.slow
    def test_both_fill_the_same_walk(self, market, walk):
        along = backtest.run(market, signal=SignalGenerator(Ridge(), **SETTINGS)).signal.walk_
        assert type(along) is type(walk)
        assert list(map(content, along.records)) == list(map(content, walk.records))
        known = along.labels()
        pd.testing.assert_frame_equal(known, walk.labels().loc[known.index], check_exact=True)

    @pytest.mark.slow
    def test_a_traded_walk_makes_the_same_orders(self, market, walk):
        along = backtest.run(market, signal=Ridge(), **SETTINGS)
        ahead = backtest.run(market, MonthlyTopK, signal=walk, topk=3)
        pd.testing.assert_frame_equal(ahead.trade_log.frame(), along.trade_log.frame())
        assert ahead.trade_log.n_fills > 10

    def test_a_generator_holds_its_parameters_and_those_of_the_run(self):
        generator = SignalGenerator(Ridge(), topk=4, checkpoints="here")
        params = generator.get_params(deep=False)
        assert set(params) == {*Recipe().get_params(deep=False), "progress", "checkpoints"}
        assert type(generator.recipe) is Recipe and generator.recipe.topk == 4
        with pytest.raises(TypeError, match="no parameter `lookbak`; did you mean 'lookback'"):
            SignalGenerator(lookbak=3)
        with pytest.raises(TypeError, match="no parameter `seeds`: it is called `n_networks`"):
            SignalGenerator(seeds=3)


class TestAnswers:
    def test_any_day_of_the_month_asks_for_its_end(self, walk):
        record = walk.records[-1]
        for day in (record.month_end.replace(day=1), record.month_end):
            assert walk.at(day).equals(record.scores)
        assert walk.at(record.month_end + pd.Timedelta(days=40)).empty

    def test_a_month_end_that_is_not_over_has_no_answer(self, walk):
        end = walk.records[-1].month_end
        assert walk.at(end, before=end).empty
        assert not walk.at(end, before=end + pd.Timedelta(days=1)).empty

    def test_names_without_a_feed_are_an_error(self, walk):
        bars = make_market(n_assets=3, n_days=60, seed=1).bars
        others = Market(Bars(bars.dates, ("X", "Y", "Z"), bars.lines), None, None, "others")
        with pytest.raises(DataError, match="no name in the given scores is the name of a feed"):
            backtest.run(others, MonthlyTopK, signal=walk, topk=2)

    def test_a_backtest_before_the_first_fit_says_why_it_traded_nothing(self, market, walk):
        early = market.until(walk.records[2].month_end)
        strategy = backtest.run(early, MonthlyTopK, signal=walk, topk=3)
        assert "the walk scored month-ends from" in strategy.why_not_traded

    def test_it_shows_itself(self, walk):
        assert repr(walk).startswith("<Walk 'ridge', seed 0: ")
        page = walk._repr_html_()
        assert "<p>Walk &#x27;ridge&#x27;, seed 0" in page and page.count("<tr>") == walk.topk + 1


class TestRun:
    """`backtest.run(model=…)`: the whole of the command, from Python."""

    @pytest.mark.slow
    @pytest.mark.parametrize("jobs", [1, 2])
    def test_factors_are_computed_once(self, market, tmp_path, jobs):
        """Once per month-end, whoever does it; trading the walk and the baseline take none."""
        counted = tmp_path / "counted"
        before = registry.snapshot()
        try:

            @factor(family="mine")
            def counting(close):
                with counted.open("a") as file:
                    file.write(f"{close.shape[1]}\n")
                return close * 1.0

            run = backtest.run(
                market, model=Ridge(), jobs=jobs, folder=tmp_path / "run",
                **SETTINGS | {"factors": ["counting", "ROC6"]},
            )  # fmt: skip
        finally:
            registry.restore(before)
        days = market.bars.dates.get_indexer([s.date for s in run.signal.sections])
        listed = (market.bars.ages[days] > 0).sum()  # stocks with a bar by then, month by month
        scored = sum(map(len, run.signal.sections))  # who has no bar on the day is not
        assert scored <= sum(map(int, counted.read_text().split())) <= listed < 2 * scored

    @pytest.mark.slow
    def test_it_writes_what_the_command_writes_and_goes_on(self, market, tmp_path, caplog):
        first = backtest.run(market, model=Ridge(), folder=tmp_path, **SETTINGS)
        names = {path.name for path in first.files}
        assert {"tearsheet.html", "scores.csv", "orders.csv", "run.json"} <= names
        assert first.baseline.analyzers.performance.get_analysis()["sessions"] > 0
        kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "checkpoints").rglob("*.month")}
        assert len(kept) == sum(len(r.scores) > 0 for r in first.signal.records)
        with caplog.at_level(logging.INFO):
            again = backtest.run(market, model=Ridge(), folder=tmp_path, **SETTINGS)
        assert {p: p.stat().st_mtime_ns for p in kept} == kept
        assert "are there from an earlier run" in caplog.text
        assert all(r.found for r in again.signal.records if len(r.scores))

    @pytest.mark.slow
    def test_months_that_are_missing_are_the_only_ones_done_again(self, market, tmp_path):
        folder = tmp_path / "walks"
        walks = walk_forward(market, {"r": Ridge()}, folder=folder, **SETTINGS)
        lost = sorted(folder.rglob("*.month"))[1]  # scored by the fit of the month before
        lost.unlink()
        again = walk_forward(market, {"r": Ridge()}, folder=folder, **SETTINGS)
        assert [r.month_end for r in again[0].records if len(r.scores) and not r.found] == [
            pd.Timestamp(lost.name[:10])
        ]
        assert list(map(content, again[0].records)) == list(map(content, walks[0].records))

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            (dict(model="gru", topkk=3), "no parameter `topkk`; did you mean 'topk'"),
            (dict(model="gru", signal=Ridge()), "`signal` has no effect beside `model`"),
            (dict(model="momentum", refit=3), "`refit` has no effect with the model 'momentum'"),
            (dict(model="gru", rebalance="some"), "`rebalance` must be 'entrants' or 'full'"),
        ],
    )
    def test_what_cannot_be_is_said_before_anything_is_fitted(self, market, params, message):
        with pytest.raises((TypeError, ValueError), match=message):
            backtest.run(market, **params)
