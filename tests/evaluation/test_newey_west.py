"""The t-statistic of Newey and West, against statsmodels and the plain one."""

import numpy as np
import pytest

from attngru_bt.evaluation.newey_west import hac_t_statistic
from attngru_bt.evaluation.quality import t_statistic


@pytest.mark.slow
@pytest.mark.parametrize("lags", [0, 1, 4, 12])
def test_it_is_that_of_statsmodels(lags):
    api = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(lags)
    values = 0.02 + np.convolve(rng.normal(0, 0.1, 130), np.ones(5), "valid")
    fit = api.OLS(values, np.ones(len(values))).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}
    )
    assert hac_t_statistic(values, lags) == pytest.approx(fit.tvalues[0], rel=1e-12)


def test_without_lags_it_is_the_plain_one():
    values = np.random.default_rng(0).normal(0.1, 1, 40)
    assert hac_t_statistic(values, 0) == pytest.approx(t_statistic(values))


def test_months_that_resemble_each_other_count_for_less():
    rng = np.random.default_rng(1)
    alike = np.repeat(rng.normal(0.5, 1, 30), 4)
    assert abs(hac_t_statistic(alike)) < 0.8 * abs(t_statistic(alike))


def test_as_many_lags_as_the_rule_says():
    values = np.random.default_rng(2).normal(0.1, 1, 120)
    assert hac_t_statistic(values) == hac_t_statistic(values, 4)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 1.0, 1.0], [1.0, np.nan, 2.0]])
def test_what_has_no_spread_has_none(values):
    assert np.isnan(hac_t_statistic(values))


def test_lags_must_be_a_number():
    with pytest.raises(ValueError, match="`lags` must be a whole number of at least 0"):
        hac_t_statistic([1.0, 2.0], -1)
