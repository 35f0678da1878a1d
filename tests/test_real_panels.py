"""The main job on the real panels, where they are at hand: point-in-time members, three years.

The panels have no license to redistribute; without them these tests are skipped (see conftest).
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from attngru_bt import SignalGenerator, backtest, load, tearsheet

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module")
def strategy(sse50):
    """SSE 50, trained from 2015, traded 2017-2019; a linear model, to be quick."""
    return backtest.run(
        sse50,
        signal=LogisticRegression(C=0.01, max_iter=200),
        start="2017-01-01",
        periods=242,
        refit=3,
        lookback=1,
    )


def test_every_month_is_decided_and_scores_are_those_of_the_members(strategy, sse50):
    assert len(strategy.decisions) == 36
    for record in strategy.signal.records_:
        assert set(record.scores.index) <= sse50.membership.at(record.month_end)
        assert len(record.scores) >= 40 or record.scores.empty


def test_only_members_are_bought_and_leavers_are_sold(strategy, sse50):
    for decision in strategy.decisions:
        members = sse50.membership.at(decision["month_end"])
        assert set(decision["entrants"]) <= members
        assert set(decision["stayers"]) <= members


def test_nothing_is_rejected_and_the_books_balance(strategy):
    log = strategy.trade_log.frame()
    assert not (log["event"] == "rejected").any()
    performance = strategy.analyzers.performance
    values = performance.values[performance.first : performance.end]
    np.testing.assert_allclose(performance.positions().sum(axis=1), values, rtol=1e-12)
    assert performance.positions()["cash"].min() >= 0


def test_every_fill_is_on_a_day_the_stock_traded_at_its_open(strategy, sse50):
    log = strategy.trade_log.frame()
    opens = sse50.bars.frame("open")
    fills = log[log["event"] == "fill"]
    assert len(fills) > 100
    for fill in fills.itertuples():
        assert fill.price == opens.at[fill.date, fill.asset]


def test_the_tear_sheet_of_a_real_run(strategy, tmp_path):
    paths = tearsheet.write_run(strategy, tmp_path)
    assert {p.name for p in paths} >= {"tearsheet.html", "metrics.json", "scores.csv"}
    scores = pd.read_csv(tmp_path / "scores.csv", dtype={"symbol": str})
    assert scores.groupby("month_end").size().between(40, 50).all()


def test_csi300_scores_a_month(csi300_path):
    market = load(csi300_path)
    bars = market.bars.until("2012-06-30")
    generator = SignalGenerator(
        LogisticRegression(C=0.01, max_iter=100),
        topk=60,
        lookback=1,
        min_months=24,
        universe=market.membership,
    )
    scores = generator.scores(bars)
    assert 270 <= len(scores) <= 300
    assert generator.records_[-1].n_rows > 24 * 250
