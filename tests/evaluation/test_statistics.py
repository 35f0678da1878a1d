"""Return statistics against empyrical and hand calculations."""

import warnings

import empyrical
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from attngru_bt.evaluation import statistics, tails

# rounded: a deviation in the last bits of a constant series is ill-conditioned for anybody
RETURN = st.floats(-0.9, 3.0).map(lambda x: round(x, 6)) | st.sampled_from([0.0, 0.01, -0.01, -1.0])
RETURNS = hnp.arrays(np.float64, st.integers(0, 60), elements=RETURN) | st.builds(
    lambda value, n: np.full(n, value), RETURN, st.integers(0, 60)
)
PERIODS = st.sampled_from([252, 242, 12])


def same(ours, theirs, within=0.0):
    if not np.isfinite(theirs):  # theirs is infinite without spread, ours is not defined
        return np.isnan(ours)
    return ours == theirs or abs(ours - theirs) <= max(1e-12, within) * max(1.0, abs(theirs))


def quiet(function, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


@pytest.mark.slow
class TestAgreesWithEmpyrical:
    @given(RETURNS, PERIODS)
    def test_annualized_return(self, returns, periods):
        theirs = quiet(empyrical.annual_return, returns, annualization=periods)
        assert same(statistics.annualized_return(returns, periods), theirs)

    @given(RETURNS, PERIODS)
    def test_volatility(self, returns, periods):
        theirs = quiet(empyrical.annual_volatility, returns, annualization=periods)
        assert same(statistics.volatility(returns, periods), theirs)

    @given(RETURNS, PERIODS, st.sampled_from([0.0, 0.03, -0.005]))
    def test_sharpe_ratio(self, returns, periods, riskfree):
        daily = (1 + riskfree) ** (1 / periods) - 1
        theirs = quiet(empyrical.sharpe_ratio, returns, risk_free=daily, annualization=periods)
        assert same(statistics.sharpe_ratio(returns, riskfree, periods), theirs)

    @given(st.data(), PERIODS)
    def test_information_ratio(self, data, periods):
        n = data.draw(st.integers(0, 40))
        own, other = (data.draw(hnp.arrays(np.float64, n, elements=RETURN)) for _ in range(2))
        theirs = quiet(empyrical.excess_sharpe, own, other) * np.sqrt(periods)
        assert same(statistics.information_ratio(own, other, periods), theirs)

    @given(RETURNS)
    def test_max_drawdown(self, returns):
        theirs = quiet(empyrical.max_drawdown, returns)
        assert same(-statistics.max_drawdown(returns).depth, theirs)

    @given(RETURNS)
    def test_drawdowns_and_growth(self, returns):
        if len(returns):
            theirs = empyrical.cum_returns(returns, 1)
            assert np.allclose(statistics.growth(returns), theirs, rtol=1e-12, atol=0)
            theirs = -quiet(empyrical.stats.drawdown_series, returns)
            assert np.allclose(statistics.drawdowns(returns), theirs, rtol=0, atol=1e-12)
            assert same(statistics.total_return(returns), empyrical.cum_returns_final(returns))

    @given(RETURNS, PERIODS)
    def test_calmar_ratio(self, returns, periods):
        theirs = quiet(empyrical.calmar_ratio, returns, annualization=periods)
        # a drawdown of 1e-5 beside values around 1 is only known to some eleven digits
        depth = statistics.max_drawdown(returns).depth
        assert same(statistics.calmar_ratio(returns, periods), theirs, 1e-15 / max(depth, 1e-15))


class TestValues:
    def test_drawdown_by_hand(self):
        # values 1, 1.1, .88, .99, 1.1, 1.21: down a fifth from session 0, back at session 3
        found = statistics.max_drawdown([0.1, -0.2, 0.125, 1 / 9 + 1e-12, 0.1])
        assert found.depth == pytest.approx(0.2, abs=1e-15)
        assert (found.peak, found.trough, found.recovery) == (0, 1, 3)

    def test_a_loss_on_the_first_day_counts_from_the_start(self):
        found = statistics.max_drawdown([-0.1, 0.05])
        assert found == (pytest.approx(0.1), -1, 0, None)

    def test_a_peak_held_for_days_is_its_last_day(self):
        assert statistics.max_drawdown([1.0, 0.0, -0.5]) == (0.5, 1, 2, None)

    def test_no_loss_has_no_dates(self):
        assert statistics.max_drawdown([0.0, 0.1]) == (0.0, None, None, None)

    def test_total_loss_is_minus_one_a_year(self):
        assert statistics.annualized_return([0.1, -1.0, 0.5]) == -1.0
        assert statistics.max_drawdown([0.1, -1.0]).depth == 1.0

    def test_more_than_total_loss_has_no_growth_rate(self):
        assert np.isnan(statistics.annualized_return([0.1, -1.5]))
        assert np.isnan(statistics.annualized_return([-2.0, -2.0]))  # two debts are no wealth

    def test_annual_rate_is_the_compounded_daily_rate(self):
        assert statistics.per_period(0.1, 252) * 252 < 0.1
        assert (1 + statistics.per_period(0.1, 252)) ** 252 == pytest.approx(1.1, rel=1e-14)

    def test_returns_equal_to_the_riskfree_rate_have_no_sharpe_ratio(self):
        assert np.isnan(statistics.sharpe_ratio(np.full(5, 0.0)))

    @pytest.mark.parametrize("gain", [0.1, 1e-4, 0.0, -0.3])
    def test_a_constant_series_has_no_ratio_whatever_rounding_leaves(self, gain):
        """An account that grows by the same rate every day, as a broker's values have it."""
        value = 1e6 * np.cumprod(np.r_[1.0, np.full(300, 1 + gain)])
        value = value[value > 1e-3]
        returns = value[1:] / value[:-1] - 1
        assert gain == 0.0 or returns.max() > returns.min()  # rounding did leave something
        index = np.full(len(returns), gain / 3)
        assert np.isnan(statistics.sharpe_ratio(returns))
        assert np.isnan(statistics.sharpe_ratio(np.full(3, gain)))
        assert np.isnan(statistics.information_ratio(returns, index))
        rippled = np.tile([1e-16, -1e-16], 150)
        assert np.isnan(statistics.calmar_ratio(rippled))

    def test_a_small_spread_is_one(self):
        """A money market fund's returns vary by a millionth."""
        returns = 1e-4 + 1e-7 * np.sin(np.arange(300))
        assert 1e3 < statistics.sharpe_ratio(returns) < 1e5


class TestProperties:
    @pytest.mark.slow
    @given(hnp.arrays(np.float64, st.integers(2, 30), elements=RETURN), st.data())
    def test_one_unknown_return_makes_every_statistic_unknown(self, returns, data):
        returns[data.draw(st.integers(0, len(returns) - 1))] = np.nan
        for function in (
            statistics.total_return,
            statistics.annualized_return,
            statistics.volatility,
            statistics.sharpe_ratio,
            statistics.calmar_ratio,
            lambda r: statistics.max_drawdown(r).depth,
            lambda r: statistics.information_ratio(r, np.zeros(len(r))),
        ):
            assert np.isnan(function(returns))

    @pytest.mark.slow
    @settings(max_examples=50)
    @given(hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(-0.5, 0.5)))
    def test_drawdown_positions_describe_the_depth(self, returns):
        value = np.concatenate([[1.0], np.cumprod(1 + returns)])
        found = statistics.max_drawdown(returns)
        if found.depth == 0:
            return
        peak, trough = value[found.peak + 1], value[found.trough + 1]
        assert found.peak < found.trough
        assert found.depth == pytest.approx((peak - trough) / peak, abs=1e-15)
        assert peak == value[: found.trough + 1].max()
        after = value[found.trough + 1 :]
        if found.recovery is None:
            assert (after < peak).all()
        else:
            assert value[found.recovery + 1] >= peak
            assert (value[found.trough + 1 : found.recovery + 1] < peak).all()


class TestValidation:
    def test_two_dimensions_are_refused(self):
        with pytest.raises(ValueError, match=r"one dimension.*\(2, 3\)"):
            statistics.sharpe_ratio(np.zeros((2, 3)))

    def test_different_lengths_are_refused(self):
        with pytest.raises(ValueError, match="same sessions; got 3 and 2"):
            statistics.information_ratio([0.1, 0.2, 0.3], [0.1, 0.2])


@given(st.lists(st.integers(1, 9_999), min_size=1, max_size=8), st.integers(1, 9))
def test_a_value_that_is_back_at_its_peak_has_recovered(below, above):
    """Whatever the returns between are rounded to."""
    prices = np.array([10_000, *below, 10_000, 10_000 - above]) / 100
    returns = prices[1:] / prices[:-1] - 1
    found = statistics.worst_drawdowns(returns)
    assert len(found) == 2 and len(below) in (drawdown.recovery for drawdown in found)
    deepest = statistics.max_drawdown(returns)
    assert deepest in found
    assert deepest.depth == pytest.approx(1 - prices.min() / 100)
    assert tails.longest_drawdown(returns) == len(below) + 1


class TestWorstDrawdowns:
    @pytest.mark.slow
    @given(st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=40))
    def test_the_first_is_the_deepest_and_none_overlap(self, returns):
        found = statistics.worst_drawdowns(returns, 40)
        deepest = statistics.max_drawdown(returns)
        if not found:
            assert deepest.depth == 0
            return
        assert found[0].depth == deepest.depth and found[0].trough == deepest.trough
        spans = sorted((d.peak, len(returns) if d.recovery is None else d.recovery) for d in found)
        assert all(end <= begin for (_, end), (begin, _) in zip(spans, spans[1:], strict=False))
        assert [d.depth for d in found] == sorted((d.depth for d in found), reverse=True)
        loss = statistics.drawdowns(returns)
        for d in found:
            until = len(returns) if d.recovery is None else d.recovery
            assert (loss[d.peak + 1 : until] > 0).all() and d.depth == loss[d.trough]

    def test_by_hand(self):
        found = statistics.worst_drawdowns([0.1, -0.5, 1.0, 1.0, -0.1, -0.1], 5)
        assert [(d.peak, d.trough, d.recovery) for d in found] == [(0, 1, 2), (3, 5, None)]
        assert len(statistics.worst_drawdowns([0.1, -0.5, 1.0, 1.0, -0.1, -0.1], 1)) == 1
        assert statistics.worst_drawdowns([0.1, np.nan]) == []
