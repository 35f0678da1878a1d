"""Picks hold as the backtest does: weights, caps and days, on given scores."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_picks import CASH, account_before, opening_at_the_last_close, orders_on, proposed

from attngru_bt import Bars, MonthlyTopK, make_market, picks
from attngru_bt.backtest import run as backtest

pytestmark = pytest.mark.slow  # whole walks and backtests


def by_spread(scores, bars):
    """Weigh by the width of the last day's range among all stocks, chosen or not."""
    width = (bars.frame("high") / bars.frame("low")).iloc[-1]
    shares = width[scores.index] / width.max()
    return shares / shares.sum()


@pytest.fixture(scope="module")
def market():
    made = opening_at_the_last_close(make_market(12, 200, seed=5, gaps=0, late=0, delisted=0))
    bars, number = made.bars, np.tile(np.arange(12.0), (200, 1))
    lines = {**bars.lines, "industry": number % 5, "owner": number % 3}
    return replace(made, bars=Bars(bars.dates, bars.assets, lines))


@pytest.fixture(scope="module")
def scores(market):
    dates, names = market.bars.dates, list(market.bars.assets)
    values = np.random.default_rng(1).normal(size=(len(dates), len(names)))
    return pd.DataFrame(values, index=dates, columns=names)


@pytest.mark.parametrize(
    "params",
    [
        dict(weights="score"),
        dict(weights="inverse-volatility", rebalance="full", keep=8),
        dict(weights=by_spread),
        dict(max_per_group=1, keep=6),
        dict(max_per_group=2, groups="owner"),
        dict(schedule="week"),
        dict(schedule="month+5", keep=6),
        dict(max_per_group=1, groups={f"S{i:03d}": i % 6 for i in range(12)}),
    ],
)
def test_the_orders_are_those_of_the_backtest(market, scores, params):
    strategy = backtest(market, MonthlyTopK, signal=scores, topk=4, cash=CASH, **params)
    sides = set()
    for decision in strategy.decisions[2:5]:
        holdings, cash = account_before(strategy, decision["date"])
        found = picks.run(
            market.until(decision["month_end"]), model=scores, topk=4, holdings=holdings,
            cash=cash, today=decision["date"], **params,
        )  # fmt: skip
        assert found.month.end == decision["month_end"]
        assert proposed(found) == orders_on(strategy, decision["date"])
        sides |= set(found.orders["side"])
    assert sides == {"buy", "sell"}


class TestWhySold:
    """Beside a buffer the reason of a sale is about the buffer, and not about the best."""

    def sold(self, market, held, **params):
        names = list(market.bars.assets)
        best_first = [np.arange(12.0, 0, -1)]
        scores = pd.DataFrame(best_first, index=[pd.Timestamp("2015-09-30")], columns=names)
        holdings = {names[i]: 100 for i in held}
        found = picks.run(
            market.until("2015-09-30"), model=scores, topk=2, holdings=holdings, cash=CASH,
            today="2015-10-01", **params,
        )  # fmt: skip
        picked = found.proposal.picks
        rows = picked[picked["action"] == "sell"]
        orders = found.orders[found.orders["side"] == "sell"].set_index("symbol")["reason"]
        return dict(zip(rows["symbol"], rows["reason"], strict=True)), dict(orders)

    def test_beyond_the_buffer(self, market):
        assert self.sold(market, [4, 9], keep=6)[0] == {"S009": "not among the best 6"}

    def test_within_the_buffer_in_a_full_group(self, market):
        picked, ordered = self.sold(market, [0, 3], keep=6, max_per_group=1, groups="owner")
        assert picked == ordered == {"S003": "its group is full"}

    def test_more_names_than_places(self, market):
        picked, ordered = self.sold(market, [0, 1, 2], keep=6)
        assert picked == ordered == {"S002": "better ones take all 2 places"}
