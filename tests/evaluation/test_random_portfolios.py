"""Random portfolios: their account by hand, what is drawn, and the probability."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from attngru_bt.evaluation.random_portfolios import (
    as_good_by_chance,
    portfolio_returns,
    random_portfolios,
)


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

    def test_entrants_share_by_weight_by_hand(self):
        returns = frame([[0.10, 0.00, -0.04], [0.02, 0.06, 0.1]])
        held = np.array([[True, False, True], [True, True, True]])
        weights = frame([[3.0, 5.0, 1.0], [1.0, np.nan, 9.0]])
        first = 1.5 * 1.10, 0.5 * 0.96, 1.0  # of three places one is cash
        second = first[0] * 1.02, first[1] * 1.1, first[2] * 1.06
        found = portfolio_returns(held, returns, 3, weights=weights)
        assert found == pytest.approx([sum(first) / 3 - 1, sum(second) / sum(first) - 1])

    def test_equal_weights_are_none(self):
        rng = np.random.default_rng(0)
        returns = frame(rng.normal(0, 0.05, (6, 9)).tolist())
        for alike in (returns * 0 + 7.0, returns * np.nan):
            weighed, plain = (
                random_portfolios(returns, 4, entrants=[4, 1, 2, 0, 3, 1], draws=20, weights=w)
                for w in (alike, None)
            )
            np.testing.assert_allclose(weighed, plain, atol=1e-12)

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
    @settings(max_examples=15)
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
