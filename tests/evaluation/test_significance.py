"""Luck: bootstrap intervals, random portfolios, the deflated Sharpe ratio."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from attngru_bt.evaluation import statistics
from attngru_bt.evaluation.significance import (
    as_good_by_chance,
    deflated_sharpe_ratio,
    expected_best_sharpe,
    information_ratio_interval,
    portfolio_returns,
    probabilistic_sharpe_ratio,
    random_portfolios,
)


@pytest.fixture(scope="module")
def daily():
    rng = np.random.default_rng(4)
    market = rng.normal(0.0003, 0.01, 1000)
    return market + rng.normal(0.0003, 0.005, 1000), market


class TestInformationRatioInterval:
    @pytest.mark.slow
    def test_holds_the_ratio_and_is_as_wide_as_theory_says(self, daily):
        own, market = daily
        found = information_ratio_interval(own, market, periods=252, draws=1000)
        ratio = statistics.information_ratio(own, market, 252)
        assert found.low < ratio < found.high
        # of independent normal returns, a ratio's standard error is sqrt((1 + ratio²/2) / n)
        error = np.sqrt((1 + ratio**2 / 252 / 2) / 1000 * 252)
        assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.1)

    def test_a_lower_level_is_narrower(self, daily):
        wide = information_ratio_interval(*daily, level=0.95)
        narrow = information_ratio_interval(*daily, level=0.5)
        assert wide.low < narrow.low < narrow.high < wide.high

    def test_what_lasts_for_days_is_drawn_in_long_blocks_and_widens_it(self):
        rng = np.random.default_rng(1)
        shocks = rng.normal(0, 0.01, 1500)
        lasting = np.zeros(1500)
        for t in range(1, 1500):
            lasting[t] = 0.8 * lasting[t - 1] + shocks[t]
        nothing = np.zeros(1500)
        found = information_ratio_interval(lasting, nothing)
        shuffled = information_ratio_interval(rng.permutation(lasting), nothing)
        assert found.block > 10 > 3 > shuffled.block >= 1
        # the mean's error grows by sqrt((1 + .8) / (1 - .8)) = 3
        widened = (found.high - found.low) / (shuffled.high - shuffled.low)
        assert 2.0 < widened < 4.0

    def test_same_seed_same_interval(self, daily):
        first = information_ratio_interval(*daily, random_state=3, draws=200)
        assert information_ratio_interval(*daily, random_state=3, draws=200) == first
        assert information_ratio_interval(*daily, random_state=4, draws=200) != first

    def test_the_unit_of_returns_does_not_matter(self, daily):
        own, market = daily
        first = information_ratio_interval(own, market, draws=100)
        assert information_ratio_interval(own * 3, market * 3, draws=100)[:2] == pytest.approx(
            first[:2]
        )

    @pytest.mark.parametrize(
        ("own", "market"),
        [
            (np.full(50, 0.01), np.full(50, 0.01)),
            (np.arange(10) / 100, np.zeros(10)),
            (np.r_[np.nan, np.arange(50) / 100], np.zeros(51)),
        ],
    )
    def test_what_cannot_tell_is_not_known(self, own, market):
        assert np.isnan(information_ratio_interval(own, market).low)

    def test_wrong_arguments_are_named(self, daily):
        with pytest.raises(ValueError, match="got 1000 and 3 returns"):
            information_ratio_interval(daily[0], [0.1, 0.2, 0.3])
        with pytest.raises(ValueError, match="`level` must be a share between 0 and 1; got 95"):
            information_ratio_interval(*daily, level=95)


class TestDeflatedSharpe:
    """Bailey & López de Prado (2014), the worked example of their section on DSR.

    2.5 a year over five years of 250 days, variance of the trials' annual ratios 1/2.
    """

    SHARPE, DAYS, VARIANCE = 2.5 / np.sqrt(250), 1250, 0.5 / 250

    def test_the_best_of_a_hundred_in_the_paper(self):
        assert expected_best_sharpe(100, self.VARIANCE) == pytest.approx(0.1132, abs=5e-5)

    @pytest.mark.parametrize(
        ("trials", "skew", "kurtosis", "expected"),
        [(100, -3, 10, 0.9004), (46, -3, 10, 0.9505), (88, 0, 3, 0.9505)],
    )
    def test_the_papers_probabilities(self, trials, skew, kurtosis, expected):
        best = expected_best_sharpe(trials, self.VARIANCE)
        found = probabilistic_sharpe_ratio(self.SHARPE, best, self.DAYS, skew, kurtosis)
        assert found == pytest.approx(expected, abs=5e-5)

    @pytest.mark.parametrize("trials", [5, 13, 100])
    def test_the_best_of_many_is_what_a_simulation_shows(self, trials):
        rng = np.random.default_rng(0)
        best = rng.normal(0, 0.3, (20_000, trials)).max(axis=1).mean()
        assert expected_best_sharpe(trials, 0.09) == pytest.approx(best, rel=0.04)

    def test_at_the_benchmark_it_is_a_coin_toss(self):
        assert probabilistic_sharpe_ratio(0.1, 0.1, 500, -1.0, 6.0) == 0.5

    def test_from_returns_it_is_the_formula(self):
        rng = np.random.default_rng(3)
        returns = rng.standard_t(5, 700) * 0.01 + 0.001
        sharpes = np.array([0.2, 0.9, 1.4, np.nan])
        found = deflated_sharpe_ratio(returns, sharpes, riskfree=0.03, periods=242)
        excess = returns - (1.03 ** (1 / 242) - 1)
        ratio = excess.mean() / excess.std(ddof=1)
        z = (excess - excess.mean()) / excess.std()
        e, gamma = np.e, 0.5772156649015329
        variance = np.var([0.2, 0.9, 1.4], ddof=1) / 242
        best = np.sqrt(variance) * (
            (1 - gamma) * stats.norm.ppf(1 - 1 / 3) + gamma * stats.norm.ppf(1 - 1 / (3 * e))
        )
        below = np.sqrt(1 - (z**3).mean() * ratio + ((z**4).mean() - 1) / 4 * ratio**2)
        want = stats.norm.cdf((ratio - best) * np.sqrt(699) / below)
        assert found == pytest.approx(want, rel=1e-9)

    def test_more_tries_deflate_more(self, daily):
        sharpes = [0.1, 0.5, 0.9]
        by_trials = [deflated_sharpe_ratio(daily[0], sharpes, trials=n) for n in (3, 10, 100)]
        assert by_trials == sorted(by_trials, reverse=True)
        assert len(set(by_trials)) == 3

    def test_one_try_is_measured_against_zero(self, daily):
        own = daily[0]
        ratio = own.mean() / own.std(ddof=1)
        want = probabilistic_sharpe_ratio(
            ratio, 0.0, len(own), stats.skew(own), stats.kurtosis(own, fisher=False)
        )
        assert deflated_sharpe_ratio(own, [1.0]) == pytest.approx(want)

    def test_what_cannot_tell_is_not_known(self):
        assert np.isnan(deflated_sharpe_ratio([0.01], [1.0]))
        assert np.isnan(deflated_sharpe_ratio([0.01, np.nan, 0.02], [1.0]))
        assert np.isnan(deflated_sharpe_ratio([0.01, 0.01], [1.0]))
        with pytest.raises(ValueError, match="`trials` must be"):
            expected_best_sharpe(0, 1.0)


def frame(rows):
    return pd.DataFrame(rows, columns=[f"S{i}" for i in range(len(rows[0]))])


class TestPortfolio:
    def test_by_hand(self):
        returns = frame([[0.10, 0.00, -0.04], [0.02, 0.06, np.nan]])
        held = np.array([[True, False, True], [True, True, False]])
        # a half each, the commission inside it
        first = 0.5 / 1.01 * 1.10, 0.5 / 1.01 * 0.96
        # what the last one brings buys the second, the first is left alone
        second = first[0] * 1.02, first[1] * 0.99 / 1.01 * 1.06
        found = portfolio_returns(held, returns, 2, 0.01)
        assert found == pytest.approx([sum(first) - 1, sum(second) / sum(first) - 1])

    def test_winners_that_stay_weigh_more(self):
        returns = frame([[1.0, 0.0], [0.3, 0.0]])
        found = portfolio_returns(np.ones((2, 2), dtype=bool), returns, 2)
        assert found == pytest.approx([0.5, 0.2])

    def test_who_loses_all_stays_there(self):
        returns = frame([[-1.0], [0.5]])
        found = portfolio_returns(np.ones((2, 1), dtype=bool), returns, 1)
        assert found.tolist() == [-1.0, 0.0]

    def test_an_empty_place_is_cash(self):
        returns = frame([[0.10, 0.20]])
        assert portfolio_returns(np.array([[True, False]]), returns, 4) == pytest.approx([0.025])


class TestRandomPortfolios:
    def test_who_holds_all_has_no_luck(self):
        rng = np.random.default_rng(0)
        returns = frame(rng.normal(0, 0.05, (6, 5)).tolist())
        found = random_portfolios(returns, 5, cost=0.01, draws=4)
        value = np.r_[1.0, (1 + returns).cumprod().mean(axis=1) / 1.01]
        want = value[1:] / value[:-1] - 1
        assert found == pytest.approx(np.tile(want, (4, 1)))

    def test_every_choice_is_equally_likely(self):
        returns = frame([[1.0, 10.0, 100.0, 1000.0], [1.0, 10.0, 100.0, 1000.0]])
        found = random_portfolios(returns, 2, draws=6000)
        sums = sorted(a + b for a, b in itertools.combinations([1.0, 10.0, 100.0, 1000.0], 2))
        for month in range(2):
            values, counts = np.unique(np.round(found[:, month] * 2), return_counts=True)
            assert list(values) == sums
            if month == 0:
                assert stats.chisquare(counts).pvalue > 1e-4

    def test_with_as_many_changes_as_the_strategy(self):
        returns = frame(np.zeros((5, 20)).tolist())
        entrants = [4, 0, 1, 4, 2]
        found = random_portfolios(returns, 4, entrants=entrants, cost=0.01, draws=30)
        # a change is a sale and a purchase, the first month purchases only
        lost = np.r_[1 / 1.01 - 1, -np.array([0, 1, 4, 2]) / 4 * (1 - 0.99 / 1.01)]
        assert found == pytest.approx(np.tile(lost, (30, 1)), rel=0.03, abs=1e-12)

    def test_names_that_stay_earn_on(self):
        returns = frame([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
        found = random_portfolios(returns, 1, entrants=[1, 0, 0], draws=200)
        kinds = {tuple(row) for row in found}
        assert kinds == {(1.0, 0.0, 1.0), (0.0, 1.0, 0.0), (0.0, 0.0, 0.0)}

    def test_only_members_are_held_and_leavers_are_replaced(self):
        bad = np.nan
        returns = frame([[0.1, 0.1, bad, bad], [bad, bad, 0.2, 0.2], [0.3, bad, bad, bad]])
        found = random_portfolios(returns, 2, entrants=[2, 0, 0], cost=0.0, draws=50)
        assert found == pytest.approx(np.tile([0.1, 0.2, 0.15], (50, 1)))

    def test_a_leaver_is_one_of_the_changes(self):
        bad = np.nan
        returns = frame([[0.0] * 4 + [bad] * 6, [bad] + [0.0] * 9])
        found = random_portfolios(returns, 4, entrants=[4, 1], cost=0.01, draws=50)
        assert found[:, 1] == pytest.approx(np.full(50, -0.25 * (1 - 0.99 / 1.01)))

    @pytest.mark.slow
    @given(st.integers(0, 2**32 - 1), st.integers(1, 4))
    @settings(max_examples=25)
    def test_without_costs_luck_earns_the_members_mean(self, seed, k):
        rng = np.random.default_rng(seed)
        table = rng.normal(0, 0.05, (4, 9))  # with the same members, all are equally likely
        found = random_portfolios(frame(table.tolist()), k, entrants=[k] * 4, draws=3000)
        error = 0.06 / np.sqrt(k * 3000)
        assert np.abs(found.mean(axis=0) - table.mean(axis=1)).max() < 6 * error

    def test_same_seed_same_draws(self):
        returns = frame(np.random.default_rng(0).normal(size=(3, 8)).tolist())
        first = random_portfolios(returns, 3, draws=20, random_state=5)
        assert (random_portfolios(returns, 3, draws=20, random_state=5) == first).all()
        assert (random_portfolios(returns, 3, draws=20, random_state=6) != first).any()

    def test_wrong_arguments_are_named(self):
        returns = frame([[0.1, 0.2], [0.1, 0.2]])
        with pytest.raises(ValueError, match="one number per month, 2; got 3"):
            random_portfolios(returns, 1, entrants=[1, 1, 1])
        with pytest.raises(ValueError, match="got k=0"):
            random_portfolios(returns, 0)


class TestChance:
    def test_by_hand(self):
        assert as_good_by_chance(0.5, [0.4, 0.5, 0.6]) == 0.75
        assert as_good_by_chance(0.7, [0.4, 0.5, 0.6]) == 0.25

    def test_rounding_does_not_make_the_same_portfolio_better(self):
        assert as_good_by_chance(0.1 + 0.2, [0.3]) == 1.0

    def test_unknown_stays_unknown(self):
        assert np.isnan(as_good_by_chance(np.nan, [0.1]))
        assert np.isnan(as_good_by_chance(0.1, [np.nan]))
        assert np.isnan(as_good_by_chance(0.1, []))


def test_a_difference_that_is_rounding_has_neither_interval_nor_probability():
    rng = np.random.default_rng(1)
    market = rng.normal(0, 0.01, 300)
    own = (market + 0.001) - 1e-18
    active = own - market
    assert active.max() > active.min()  # rounding
    found = information_ratio_interval(own, market, draws=20)
    assert np.isnan(found.low) and np.isnan(found.high)
    grown = np.cumprod(np.full(300, 1.0001))
    assert np.isnan(deflated_sharpe_ratio(grown[1:] / grown[:-1] - 1, [1.0, 2.0]))
