"""Rolling figures against those of each window by itself."""

import numpy as np
import pandas as pd
import pytest

from attngru_bt.evaluation import statistics
from attngru_bt.evaluation.rolling import active_risk, rolling_beta, rolling_sharpe


@pytest.fixture(scope="module")
def curves():
    rng = np.random.default_rng(0)
    index = pd.bdate_range("2020-01-01", periods=80)
    market = pd.Series(rng.normal(0, 0.01, 80), index)
    return 0.8 * market + rng.normal(0, 0.004, 80), market


def test_each_window_by_itself(curves):
    returns, market = curves
    sharpe = rolling_sharpe(returns, 0.03, 242, 30)
    beta, risk = rolling_beta(returns, market, 30), active_risk(returns, market, 242, 30)
    assert sharpe.isna().sum() == beta.isna().sum() == risk.isna().sum() == 29
    for end in (30, 57, 80):
        r, m = returns.iloc[end - 30 : end], market.iloc[end - 30 : end]
        assert sharpe.iloc[end - 1] == pytest.approx(statistics.sharpe_ratio(r, 0.03, 242))
        assert beta.iloc[end - 1] == pytest.approx(np.polyfit(m, r, 1)[0])
        assert risk.iloc[end - 1] == pytest.approx(statistics.tracking_error(r, m, 242))


def test_what_has_no_spread_has_no_ratio(curves):
    flat = curves[0] * 0 + 0.001
    assert rolling_sharpe(flat, window=30).isna().all()
    assert rolling_beta(curves[0], flat, 30).isna().all()


def test_a_window_must_hold_two():
    with pytest.raises(ValueError, match="`window` must be a whole number of at least 2"):
        rolling_sharpe(pd.Series([0.1, 0.2]), window=1)
