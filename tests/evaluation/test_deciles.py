"""Returns by decile of the scores, against pandas' own cuts."""

import numpy as np
import pandas as pd
import pytest

from attngru_bt.compare.quality import by_bucket
from attngru_bt.evaluation.deciles import count_of, decile_returns, monotonicity, spread_returns


def tables(n_assets=40, months=12, seed=0):
    rng = np.random.default_rng(seed)
    index = pd.date_range("2015-01-31", periods=months, freq="ME")
    names = [f"S{i}" for i in range(n_assets)]
    scores = pd.DataFrame(rng.normal(0, 1, (months, n_assets)), index, names)
    return scores, 0.01 * scores + rng.normal(0, 0.005, scores.shape)


def test_it_is_pandas_qcut():
    scores, returns = tables()
    found = decile_returns(scores, returns)
    for month in scores.index:
        groups = pd.qcut(scores.loc[month], 10, labels=range(1, 11)).astype(int)
        expected = returns.loc[month].groupby(groups).mean()
        assert found.loc[month].tolist() == pytest.approx(expected.tolist())


def test_it_agrees_with_the_comparison():
    scores, returns = tables(n_assets=33)
    returns.iloc[2, 5] = np.nan
    long = pd.DataFrame({"score": scores.stack(), "forward_return": returns.stack()})
    excess = decile_returns(scores, returns.sub(returns.mean(axis=1), axis=0)).mean()
    assert excess.tolist() == pytest.approx(by_bucket([long]).tolist())


def test_spread_and_monotonicity():
    scores, returns = tables()
    found = decile_returns(scores, returns)
    assert spread_returns(found).tolist() == (found[10] - found[1]).tolist()
    assert monotonicity(found) == pytest.approx(1.0)
    assert monotonicity(decile_returns(-scores, returns)) == pytest.approx(-1.0)
    assert np.isnan(monotonicity(found * 0))


def test_few_stocks_make_fewer_groups_of_at_least_two():
    assert [count_of(tables(n)[0]) for n in (3, 8, 20, 300)] == [2, 4, 10, 10]
    found = decile_returns(*tables(8), 4)
    assert found.notna().all().all()


def test_equal_scores_are_in_one_group():
    scores, returns = tables(4, 1)
    found = decile_returns(scores * 0, returns, 2)
    assert found.iloc[0].tolist()[0] == pytest.approx(returns.iloc[0].mean())
    assert np.isnan(found.iloc[0, 1])
