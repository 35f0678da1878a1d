"""The luck of the day: other days of the month, on the same sessions."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from compare_walks import walk

from attngru_bt import MonthlyTopK, backtest, compare, make_market
from attngru_bt.cli.compare import offset_numbers
from attngru_bt.compare.markdown import markdown
from attngru_bt.compare.offsets import FIGURES, later
from attngru_bt.compare.page import render
from attngru_bt.compare.tables import ranges_of_days, table_of_days
from attngru_bt.data.schedule import Schedule
from attngru_bt.evaluation import statistics
from attngru_bt.walkforward import walk_forward

pytestmark = pytest.mark.slow  # whole walks and backtests

K = 3
DAYS = [5, 12]


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=8, n_days=200, seed=3, late=0, gaps=0, delisted=0)


@pytest.fixture(scope="module")
def walks(market):
    return [walk(market, "gbdt", seed, skill=0.5, topk=K) for seed in range(2)]


@pytest.fixture(scope="module")
def found(market, walks):
    return compare.measure(market, walks, topk=K, draws=20, offsets=DAYS)


def returns_of(market, scores, schedule):
    """A backtest by itself, its returns and those of the index."""
    strategy = backtest.run(
        market, MonthlyTopK, signal=scores, topk=K, schedule=schedule,
        start=scores.index[0] + pd.Timedelta(days=1),
    )  # fmt: skip
    performance = strategy.analyzers.performance
    return performance.returns, performance.benchmark_returns


def test_the_same_scores_are_traded_later_and_measured_on_the_same_sessions(market, walks, found):
    assert list(found.offsets.columns) == list(FIGURES)
    assert set(found.offsets.index) == {
        (m, d) for m in ("gbdt", "equal-weight") for d in (0, 5, 12)
    }
    tables = [own.scores() for own in walks]
    runs = {
        day: [returns_of(market, table, f"month+{day}" if day else "month") for table in tables]
        for day in (0, *DAYS)
    }
    begin = max(returns.index[0] for some in runs.values() for returns, _ in some)
    for day, some in runs.items():
        expected = [
            (
                statistics.annualized_return(own[begin:]),
                statistics.sharpe_ratio(own[begin:]),
                statistics.information_ratio(own[begin:], index[begin:]),
                statistics.max_drawdown(own[begin:]).depth,
            )
            for own, index in some
        ]
        np.testing.assert_allclose(
            found.offsets.loc[("gbdt", day)], np.mean(expected, axis=0), rtol=1e-9
        )
    assert found.offsets["sharpe"].groupby(level=0).nunique().tolist() == [3, 3]


def test_without_other_days_there_is_no_table(found):
    plain = replace(found, offsets=None)
    assert table_of_days(plain) is None
    assert "luck of the day" not in (render(plain) + markdown(plain)).lower()


def test_page_tables_and_files_show_the_spread(found, tmp_path):
    table = table_of_days(found)
    assert [group for group, _ in table.groups] == [
        "Annualized return", "Sharpe ratio", "Information ratio", "Maximum drawdown",
    ]  # fmt: skip
    sharpe = found.offsets.loc["gbdt", "sharpe"]
    row = next(row for row in table.rows if row.name == found.titles["gbdt"])
    low, middle, high = (float(cell.text.replace("\u2212", "-")) for cell in row.cells[3:6])
    assert (low, high) == pytest.approx((sharpe.min(), sharpe.max()), abs=0.0051)
    assert low <= middle <= high
    short = next(r for r in ranges_of_days(found).rows if r.name == row.name)
    assert len(short.cells) == 4 and " … " in short.cells[1].text
    assert short.cells[1].text == f"{row.cells[3]} … {row.cells[5]}"
    compare.write(found, tmp_path)
    assert "The luck of the day" in (tmp_path / "compare.html").read_text()
    assert "### The luck of the day" in (tmp_path / "table.md").read_text()
    assert (
        "The scores are those of the first day, traded later, when they are older."
        in (tmp_path / "table.md").read_text()
    )
    frame = pd.read_csv(tmp_path / "offsets.csv").set_index(["model", "offset"])
    np.testing.assert_allclose(frame, found.offsets)
    kept = json.loads((tmp_path / "compare.json").read_text())["offsets"]
    assert {(row["model"], row["offset"]) for row in kept} == set(found.offsets.index)


@pytest.mark.slow
def test_each_day_is_walked_by_itself(market, tmp_path):
    settings = dict(
        topk=K, min_months=2, refit=3, lookback=1, n_components=None, factors=["ROC6", "BIAS5"]
    )
    done = compare.run(market, "ridge", draws=20, offsets=[5], folder=tmp_path, tried=1, **settings)
    assert {"walks", "walks+5", "offsets.csv"} <= {path.name for path in tmp_path.iterdir()}
    own = walk_forward(market, ["ridge"], schedule="month+5", **settings)[0].scores()
    other = walk_forward(market, ["ridge"], **settings)[0].scores()
    own = own.loc[own.index >= other.index[0]]
    strategy = backtest.run(
        market, MonthlyTopK, signal=own, topk=K, schedule="month+5",
        start=other.index[0] + pd.Timedelta(days=1),
    )  # fmt: skip
    returns = strategy.analyzers.performance.returns
    # it begins last, so that all are measured from its first session on
    expected = statistics.annualized_return(returns)
    assert done.offsets.loc[("ridge", 5), "annual_return"] == pytest.approx(expected)
    assert "walked anew" in (tmp_path / "table.md").read_text()


@pytest.mark.parametrize(
    ("offsets", "message"),
    [
        ([0], "must be a whole number of sessions of at least 1"),
        ([5, 5], "is there twice"),
        ([16], "from 1 to 15 sessions"),
        ([2.5], "must be a whole number of sessions"),
    ],
)
def test_days_are_checked_before_anything_is_fitted(market, offsets, message):
    with pytest.raises(ValueError, match=message):
        compare.run(market, "ridge", offsets=offsets)


def test_the_day_of_the_schedule_is_there_already():
    assert list(later(Schedule("week", 2), [1, 3])) == [1, 3]
    with pytest.raises(ValueError, match=r"has 2, on which `schedule` 'week\+2' decides already"):
        later(Schedule("week", 2), [2])


def test_numbers_of_the_command_line():
    assert offset_numbers("5, 10,15") == [5, 10, 15] and offset_numbers(None) == []
    with pytest.raises(ValueError, match="--offsets must be numbers of sessions"):
        offset_numbers("5;10")
