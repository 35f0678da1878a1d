"""The buffer: a held name stays while its rank is at most `keep`."""

import numpy as np
import pandas as pd
import pytest

from attngru_bt import MonthlyTopK, backtest, make_market
from attngru_bt.compare.chance import chosen
from attngru_bt.trading.rebalance import rank


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=12, n_days=300, seed=4, late=0, gaps=0, delisted=0)


@pytest.fixture(scope="module")
def scores(market):
    dates = market.bars.dates
    ends = dates[np.flatnonzero(dates.month[1:] != dates.month[:-1])]
    values = np.random.default_rng(0).normal(size=(len(ends), len(market.bars.assets)))
    return pd.DataFrame(values, index=ends, columns=list(market.bars.assets))


def run(market, scores, **params):
    return backtest.run(market, MonthlyTopK, signal=scores, topk=3, lot=0, **params)


@pytest.mark.slow
def test_a_name_leaves_when_its_rank_is_beyond_keep_and_not_before(market, scores):
    strategy = run(market, scores, keep=7)
    held = set()
    for decision in strategy.decisions:
        ranked = rank(scores.loc[decision["month_end"]])
        assert set(decision["stayers"]) == held & set(ranked[:7])
        assert set(decision["exits"]) == held - set(ranked[:7])
        assert (
            decision["entrants"]
            == tuple(n for n in ranked if n not in held)[: 3 - len(decision["stayers"])]
        )
        held = {*decision["stayers"], *decision["entrants"]}
        assert len(held) == 3
    traded = [len(run(market, scores, keep=keep).trade_log) for keep in (3, 7, 12)]
    assert traded[0] > traded[1] > traded[2]


@pytest.mark.slow
def test_keep_of_topk_is_the_paper_s_rule(market, scores):
    pd.testing.assert_frame_equal(
        run(market, scores, keep=3).trade_log.frame(), run(market, scores).trade_log.frame()
    )


def test_the_luck_test_holds_the_same_names(market, scores):
    marks = chosen(scores, 3, keep=7)
    for decision in run(market, scores, keep=7).decisions:
        row = marks.loc[decision["month_end"]]
        assert set(row.index[row]) == {*decision["stayers"], *decision["entrants"]}


def test_less_than_topk_is_refused(market, scores):
    with pytest.raises(ValueError, match="`keep` must be a whole number of at least 3, or None"):
        run(market, scores, keep=2)
