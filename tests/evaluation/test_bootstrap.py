"""Bootstrap intervals of the information ratio."""

import numpy as np
import pytest

from attngru_bt.evaluation import statistics
from attngru_bt.evaluation.bootstrap import information_ratio_interval


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

    @pytest.mark.slow
    def test_a_lower_level_is_narrower(self, daily):
        wide = information_ratio_interval(*daily, level=0.95)
        narrow = information_ratio_interval(*daily, level=0.5)
        assert wide.low < narrow.low < narrow.high < wide.high

    @pytest.mark.slow
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

    def test_a_difference_that_is_rounding_has_no_interval(self):
        market = np.random.default_rng(1).normal(0, 0.01, 300)
        own = (market + 0.001) - 1e-18
        active = own - market
        assert active.max() > active.min()  # rounding
        found = information_ratio_interval(own, market, draws=20)
        assert np.isnan(found.low) and np.isnan(found.high)
