"""Prices of bars that were not read from a file: positive and finite, or nothing is run on them."""

from dataclasses import replace

import numpy as np
import pytest

from attngru_bt import MonthlyTopK, backtest, make_market, picks, walk_forward
from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.prices import check_prices


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=4, n_days=60, seed=1)


def changed(market, line, value):
    bars = market.bars
    lines = {name: values.copy() for name, values in bars.lines.items()}
    lines[line][30, 2] = value
    return replace(market, bars=Bars(bars.dates, bars.assets, lines))


@pytest.mark.parametrize("line", ["open", "close", "preclose"])
@pytest.mark.parametrize("value", [0.0, -1.0, np.inf, -np.inf])
def test_the_first_wrong_one_is_told(market, line, value):
    wrong = changed(market, line, value)
    day = market.bars.dates[30].date()
    told = f"^x: S002 on {day}: {line} must be positive and finite; got {value:g}"
    with pytest.raises(DataError, match=told):
        check_prices(wrong.bars, "x")


def test_no_price_is_no_wrong_one(market):
    check_prices(changed(market, "close", np.nan).bars, "x")
    check_prices(changed(market, "volume", 0.0).bars, "x")


def test_the_benchmark_is_looked_at(market):
    index = market.benchmark.copy()
    index.iloc[10] = 0.0
    with pytest.raises(DataError, match="x: the benchmark on .* got 0"):
        check_prices(replace(market, benchmark=index).bars, "x")


@pytest.mark.parametrize(
    "run",
    [
        lambda market: backtest.run(market, MonthlyTopK, signal="random", topk=2),
        lambda market: walk_forward(market, ["random"]),
        lambda market: picks.run(market, model="random", old=True),
    ],
)
def test_nothing_is_run_on_them(market, run):
    with pytest.raises(DataError, match="S002 .* close must be positive and finite"):
        run(changed(market, "close", 0.0))
