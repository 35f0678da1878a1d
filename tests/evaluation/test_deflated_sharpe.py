"""The deflated Sharpe ratio: the paper's example, a simulation, the formula."""

import numpy as np
import pytest
from scipy import stats

from attngru_bt.evaluation.deflated_sharpe import (
    deflated_sharpe_ratio,
    expected_best_sharpe,
    probabilistic_sharpe_ratio,
)


@pytest.fixture(scope="module")
def daily():
    return np.random.default_rng(4).normal(0.0006, 0.011, 1000)


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
        by_trials = [deflated_sharpe_ratio(daily, sharpes, trials=n) for n in (3, 10, 100)]
        assert by_trials == sorted(by_trials, reverse=True)
        assert len(set(by_trials)) == 3

    def test_one_try_is_measured_against_zero(self, daily):
        ratio = daily.mean() / daily.std(ddof=1)
        want = probabilistic_sharpe_ratio(
            ratio, 0.0, len(daily), stats.skew(daily), stats.kurtosis(daily, fisher=False)
        )
        assert deflated_sharpe_ratio(daily, [1.0]) == pytest.approx(want)

    def test_what_cannot_tell_is_not_known(self):
        assert np.isnan(deflated_sharpe_ratio([0.01], [1.0]))
        assert np.isnan(deflated_sharpe_ratio([0.01, np.nan, 0.02], [1.0]))
        assert np.isnan(deflated_sharpe_ratio([0.01, 0.01], [1.0]))
        with pytest.raises(ValueError, match="`trials` must be"):
            expected_best_sharpe(0, 1.0)

    def test_returns_that_vary_by_rounding_have_none(self):
        grown = np.cumprod(np.full(300, 1.0001))
        assert np.isnan(deflated_sharpe_ratio(grown[1:] / grown[:-1] - 1, [1.0, 2.0]))
