"""IC decay, rank autocorrelation and turnover of the top, against loops over months."""

import numpy as np
import pandas as pd
import pytest

from attngru_bt.evaluation.horizons import ic_decay, rank_autocorrelation, top_turnover
from attngru_bt.evaluation.quality import rank_ic, t_statistic


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(0)
    months = pd.date_range("2015-01-31", periods=30, freq="ME")
    names = [f"S{i}" for i in range(15)]
    scores = pd.DataFrame(rng.normal(0, 1, (30, 15)), months, names)
    returns = pd.DataFrame(rng.normal(0, 0.1, (30, 15)), months, names)
    returns.iloc[3:] += 0.05 * scores.iloc[:-3].to_numpy()  # scores know the fourth month
    scores[rng.random((30, 15)) < 0.1] = np.nan
    returns[rng.random((30, 15)) < 0.1] = np.nan
    return scores, returns


@pytest.mark.slow
def test_decay_is_that_of_a_loop(tables):
    scores, returns = tables
    decay = ic_decay(scores, returns, 6)
    for ahead in range(1, 7):
        ics = [rank_ic(scores.iloc[i], returns.iloc[i + ahead - 1]) for i in range(31 - ahead)]
        assert decay.loc[ahead, "mean"] == pytest.approx(np.mean(ics))
        assert decay.loc[ahead, "t"] == pytest.approx(t_statistic(pd.Series(ics)))
        assert decay.loc[ahead, "months"] == 31 - ahead
    assert decay["mean"].idxmax() == 4 and decay.loc[4, "t"] > 5


def test_months_beyond_the_data_are_not_known(tables):
    scores, returns = (table.iloc[:3] for table in tables)
    decay = ic_decay(scores, returns, 5)
    assert decay["months"].tolist() == [3, 2, 1, 0, 0] and np.isnan(decay.loc[4, "mean"])


def test_autocorrelation_is_that_of_a_loop(tables):
    scores, _ = tables
    found = rank_autocorrelation(scores)
    assert np.isnan(found.iloc[0])
    for i in range(1, 30):
        assert found.iloc[i] == pytest.approx(rank_ic(scores.iloc[i], scores.iloc[i - 1]))
    assert rank_autocorrelation(scores.iloc[[0, 0]]).iloc[1] == pytest.approx(1.0)


def test_turnover_of_the_top():
    scores = pd.DataFrame([[3, 2, 1, 0.0], [3, 0, 1, 2], [0, 3, 2, 1]], columns=list("ABCD"))
    assert top_turnover(scores, 2).tolist()[1:] == [0.5, 1.0]
    assert np.isnan(top_turnover(scores, 2).iloc[0])
