"""Losses, asymmetry and tails of returns, against empyrical, scipy and hand calculations."""

import empyrical
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from attngru_bt.evaluation import statistics, tails

RETURN = st.floats(-0.9, 3.0).map(lambda x: round(x, 6)) | st.sampled_from([0.0, 0.01, -0.01])
RETURNS = hnp.arrays(np.float64, st.integers(2, 60), elements=RETURN)
FIGURES = (
    tails.sortino_ratio, tails.skewness, tails.excess_kurtosis, tails.value_at_risk,
    tails.expected_shortfall, tails.longest_drawdown,
)  # fmt: skip


@pytest.mark.slow
class TestAgreesWith:
    @given(RETURNS, st.sampled_from([252, 242, 12]), st.sampled_from([0.0, 0.03]))
    def test_empyricals_sortino_ratio(self, returns, periods, riskfree):
        daily = (1 + riskfree) ** (1 / periods) - 1
        if not (returns < daily).any():
            assert np.isnan(tails.sortino_ratio(returns, riskfree, periods))
            return
        theirs = empyrical.sortino_ratio(returns, daily, annualization=periods)
        assert tails.sortino_ratio(returns, riskfree, periods) == pytest.approx(theirs, rel=1e-9)

    @given(RETURNS)
    def test_empyricals_tails(self, returns):
        assert tails.value_at_risk(returns) == pytest.approx(-empyrical.value_at_risk(returns))
        theirs = -empyrical.conditional_value_at_risk(returns)
        assert tails.expected_shortfall(returns) == pytest.approx(theirs)

    @given(RETURNS)
    def test_scipys_moments(self, returns):
        if np.ptp(returns) < 1e-4:
            return
        assert tails.skewness(returns) == pytest.approx(stats.skew(returns), rel=1e-7, abs=1e-7)
        theirs = stats.kurtosis(returns)
        assert tails.excess_kurtosis(returns) == pytest.approx(theirs, rel=1e-7, abs=1e-7)


def test_by_hand():
    returns = [0.1, -0.2, 0.1, 0.3, -0.1, -0.1]
    assert tails.sortino_ratio(returns, periods=1) == pytest.approx(
        (0.1 / 6) / np.sqrt((0.04 + 0.01 + 0.01) / 6)
    )
    assert tails.expected_shortfall(returns) == pytest.approx(0.2)
    assert tails.longest_drawdown(returns) == 3  # 1.1, .88, .968, 1.2584: above its peak again
    assert tails.longest_drawdown(returns[:3]) == 2  # not yet
    assert tails.longest_drawdown([0.1, 0.0, 0.2]) == 0


@pytest.mark.slow
@given(RETURNS)
def test_the_longest_drawdown_is_the_longest_of_the_worst(returns):
    found = statistics.worst_drawdowns(returns, len(returns))
    ends = [len(returns) - 1 if d.recovery is None else d.recovery for d in found]
    longest = max((end - d.peak for end, d in zip(ends, found, strict=True)), default=0)
    assert tails.longest_drawdown(returns) == longest


def test_an_unknown_return_makes_every_figure_unknown():
    for figure in FIGURES:
        assert np.isnan(figure([0.1, np.nan, -0.2])), figure
        assert np.isnan(figure([])), figure


def test_a_constant_series_has_no_shape():
    constant = np.full(9, 0.01)
    for figure in (tails.sortino_ratio, tails.skewness, tails.excess_kurtosis):
        assert np.isnan(figure(constant)), figure
