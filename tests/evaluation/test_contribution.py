"""Contributions by name sum to the account's return; orders in days of volume."""

import numpy as np
import pandas as pd
import pytest

from attngru_bt.evaluation.contribution import before_costs, by_name, days_of_volume


@pytest.fixture
def account():
    """Two names held in turn, worked out by hand: 100 in cash, commission 1 per fill."""
    dates = pd.bdate_range("2020-01-01", periods=4)
    fills = pd.DataFrame(
        {
            "date": dates[[0, 2, 2]],
            "symbol": ["A", "A", "B"],
            "size": [5.0, -5.0, 2.0],
            "price": [10.0, 12.0, 20.0],
            "commission": [1.0, 1.0, 1.0],
        }
    )
    values = pd.DataFrame({"A": [55.0, 65, 0, 0], "B": [0.0, 0, 44, 40]}, index=dates)
    cash = pd.Series([49.0, 49, 67, 67], index=dates)
    total = values.sum(axis=1) + cash
    before = total.shift(fill_value=100.0)
    return values, fills, before, total / before - 1.0


def test_contributions_sum_to_the_return(account):
    values, fills, before, returns = account
    found = by_name(values, fills, before)
    assert found.sum(axis=1).tolist() == pytest.approx(returns.tolist())
    assert found["A"].iloc[0] == pytest.approx(4 / 100)
    assert found["B"].tolist() == pytest.approx([0, 0, 3 / 114, -4 / 111])


def test_before_costs(account):
    _, fills, before, returns = account
    gross = before_costs(returns, fills, before)
    assert (gross - returns).tolist() == pytest.approx([0.01, 0, 2 / 114, 0])


def test_days_of_volume(account):
    _, fills, before, _ = account
    volume = pd.DataFrame({"A": [100.0] * 4, "C": [1.0] * 4}, index=before.index)
    found = days_of_volume(fills, before, volume, size=1000.0)
    # 50 of 100 is half of the account: 500 of 1,000, five days of 100
    assert found.tolist() == pytest.approx([5.0, 60 / 114 * 1000 / 100])
    assert found.index.get_level_values(1).tolist() == ["A", "A"]
    volume["A"] = np.nan
    assert days_of_volume(fills, before, volume, 1000.0).empty
