"""Rank correlations of many rows at once, against scipy's of one."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from attngru_bt.evaluation.ranks import rank_rows, row_correlation, wide


def some(seed, shape=(8, 12), holes=0.2):
    rng = np.random.default_rng(seed)
    values = np.round(rng.normal(0, 1, shape), 1)  # with ties
    values[rng.random(shape) < holes] = np.nan
    return values


@pytest.mark.slow
@given(st.integers(0, 50))
def test_each_row_is_scipys_spearman_of_what_both_know(seed):
    a, b = some(seed), some(seed + 1000)
    found = row_correlation(a, b)
    for row in range(len(a)):
        both = ~np.isnan(a[row]) & ~np.isnan(b[row])
        x, y = a[row][both], b[row][both]
        if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
            assert np.isnan(found[row])
        else:
            assert found[row] == pytest.approx(stats.spearmanr(x, y)[0], abs=1e-12)


def test_without_spread_there_is_none():
    same = np.array([[1.0, 1.0, 1.0], [1.0, np.nan, np.nan], [np.nan] * 3])
    assert np.isnan(row_correlation(same, some(0, (3, 3), 0))).all()


def test_ranks_are_centered_and_of_length_one():
    ranks = rank_rows(some(1))
    assert np.nansum(ranks, axis=1) == pytest.approx(np.zeros(8), abs=1e-12)
    assert np.nansum(ranks**2, axis=1) == pytest.approx(np.ones(8))
    assert (np.isnan(ranks) == np.isnan(some(1))).all()


def test_a_long_table_becomes_two_wide_ones():
    index = pd.MultiIndex.from_tuples(
        [(1, "A"), (1, "B"), (2, "A"), (2, "C")], names=["month_end", "asset"]
    )
    labels = pd.DataFrame(
        {"score": [1.0, 2, np.nan, 4], "label": 0, "forward_return": [0.1, 0.2, 0.3, np.nan]},
        index=index,
    )
    scores, returns = wide(labels)
    assert list(scores.columns) == ["A", "B", "C"] and scores.shape == returns.shape == (2, 3)
    assert scores.loc[2].tolist()[2] == 4 and np.isnan(scores.loc[2, "A"])
    assert np.isnan(returns.loc[2]).all()
