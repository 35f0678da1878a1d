"""Baselines: equal, random and momentum scores, by hand and against look-ahead."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from attngru_bt import DataError, Membership, backtest, make_market
from attngru_bt.data.bars import Bars
from attngru_bt.models.baselines import EqualScores, MomentumScores, RandomScores
from attngru_bt.models.catalog import MODELS
from attngru_bt.models.names import names
from attngru_bt.reports.collect import name_of

ALL = [EqualScores(), RandomScores(), MomentumScores(months=2)]


def monthly(closes, assets=("A", "B", "C"), start="2020-01-31"):
    """Bars with one session a month."""
    close = np.asarray(closes, dtype=float)
    dates = pd.date_range(start, periods=len(close), freq="ME")
    return Bars(dates, tuple(assets), {"close": close})


@pytest.fixture
def bars():
    """Four months; B is not listed at first, C has no bar at the third month-end."""
    return monthly([[10, np.nan, 8], [11, 20, 4], [12, 30, np.nan], [15, 27, 5]])


class TestMomentum:
    def test_by_hand(self, bars):
        # month-ends -3 .. -1: A 10 -> 12; B listed later; C 8 -> 4, its last known close
        scores = MomentumScores(months=3, skip=1).scores(bars)
        assert scores.index.tolist() == ["A", "C"]
        np.testing.assert_allclose(scores, [0.2, -0.5])

    def test_nothing_skipped(self, bars):
        scores = MomentumScores(months=2, skip=0).scores(bars)
        np.testing.assert_allclose(scores[["A", "B", "C"]], [15 / 11 - 1, 27 / 20 - 1, 5 / 4 - 1])

    def test_nobody_is_scored_before_there_are_that_many_months(self, bars):
        assert MomentumScores(months=4).scores(bars).empty
        assert len(MomentumScores(months=4).scores(monthly(np.ones((5, 3))))) == 3

    def test_month_ends_not_days_are_counted(self):
        market = make_market(n_assets=4, n_days=400, seed=2)
        bars, close = market.bars, market.bars.frame("close").ffill()
        ends = close.groupby(close.index.to_period("M")).tail(1)
        expected = ends.iloc[-2] / ends.iloc[-13] - 1
        found = MomentumScores().scores(bars)
        np.testing.assert_allclose(found, expected[found.index])
        assert len(found)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"months": 1.5}, "`months` must be a whole number"),
            ({"skip": True}, "`skip` must be a whole number"),
            ({"skip": 12}, "`skip` must be below `months`; got skip=12, months=12"),
            ({"skip": -1}, "`skip` must be a whole number of months of at least 0; got -1"),
        ],
    )
    def test_bad_parameters(self, bars, settings, message):
        with pytest.raises(ValueError, match=message):
            MomentumScores(**settings).scores(bars)


class TestRandom:
    def test_each_month_and_seed_draws_anew(self, bars):
        one = RandomScores().scores(bars)
        assert ((one >= 0) & (one < 1)).all() and one.nunique() == 3
        assert not one.equals(RandomScores(1).scores(bars))
        assert not one.equals(RandomScores().scores(bars.until("2020-03-31")))

    def test_a_run_started_later_draws_the_same(self, bars):
        late = Bars(bars.dates[2:], bars.assets, {"close": bars["close"][2:]})
        pd.testing.assert_series_equal(RandomScores(4).scores(bars), RandomScores(4).scores(late))

    def test_the_order_of_the_feeds_does_not_matter(self, bars):
        turned = Bars(bars.dates, ("C", "A", "B"), {"close": bars["close"][:, [2, 0, 1]]})
        pd.testing.assert_series_equal(RandomScores().scores(bars), RandomScores().scores(turned))

    @pytest.mark.slow
    def test_the_picks_are_even(self):
        # 300 months, 3 of 6 names: each is picked half of the time, within 4 standard errors
        bars = monthly(np.ones((300, 6)), "ABCDEF")
        picked = dict.fromkeys("ABCDEF", 0)
        for end in bars.dates:
            for name in RandomScores(7).scores(bars.until(end)).nlargest(3).index:
                picked[name] += 1
        assert all(abs(n / 300 - 0.5) < 4 * (0.25 / 300) ** 0.5 for n in picked.values())

    @pytest.mark.parametrize("seed", [-1, 1.5, None, True])
    def test_bad_random_state(self, bars, seed):
        with pytest.raises(ValueError, match="`random_state` must be a whole number"):
            RandomScores(seed).scores(bars)

    def test_the_global_generator_is_untouched(self, bars):
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        RandomScores().scores(bars)
        np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


class TestEveryBaseline:
    @pytest.mark.parametrize("signal", ALL, ids=lambda s: type(s).__name__)
    def test_who_is_scored(self, signal):
        bars = monthly([[1, 2, 3], [1, 2, 3], [2, 2, 2], [3, 2, np.nan]])
        assert signal.scores(bars).index.tolist() == ["A", "B"]  # C has no bar at the month-end
        stays = Membership(["B", "C"], ["2020-01-01"] * 2, [None] * 2)
        member = clone(signal).set_params(universe=stays)
        scores = member.scores(bars)
        assert scores.index.tolist() == ["B"] and scores.name == "score"
        assert scores.index.name == "asset" and scores.dtype == float

    @pytest.mark.parametrize("signal", ALL, ids=lambda s: type(s).__name__)
    def test_a_later_month_leaves_nothing_behind(self, signal):
        bars = make_market(n_assets=6, n_days=200, seed=5).bars
        before = signal.scores(bars.until("2015-06-30"))
        signal.scores(bars)
        assert len(before)
        pd.testing.assert_series_equal(before, signal.scores(bars.until("2015-06-30")))

    @pytest.mark.parametrize("signal", ALL, ids=lambda s: type(s).__name__)
    def test_no_bars(self, signal, bars):
        with pytest.raises(DataError, match="No bars yet"):
            signal.scores(bars.until("2019-01-01"))

    @pytest.mark.parametrize("signal", ALL, ids=lambda s: type(s).__name__)
    def test_it_trades(self, signal):
        market = make_market(n_assets=6, n_days=120, seed=1)
        done = backtest.run(market, backtest.MonthlyTopK, signal=signal, topk=2)
        assert len(done.decisions) >= 2 and done.broker.positions


def test_a_reader_knows_each_by_one_name():
    for name in names("baseline"):
        assert MODELS[name].make().title == MODELS[name].title
    assert MomentumScores(months=6, skip=0).title == "Momentum 6-0"
    held = backtest.equal_weight(make_market(n_assets=6, n_days=60, seed=1))
    assert name_of(held) == "Equal weight"
