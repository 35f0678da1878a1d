"""What came of scores that were made elsewhere, beside what a walk knows of its own."""

import numpy as np
import pandas as pd
import pytest

from attngru_bt import Bars, make_market, walk_forward
from attngru_bt.data.schedule import Schedule
from attngru_bt.evaluation.outcomes import outcomes_of


@pytest.fixture(scope="module")
def market():
    return make_market(8, 300, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["month", "week"])
def test_the_same_as_a_walk_says_of_its_scores(market, unit):
    (walk,) = walk_forward(market, ["random"], topk=3, schedule=unit)
    scores = {record.month_end: record.scores for record in walk.records}
    found = outcomes_of(scores, market.bars, 3, Schedule(unit))
    expected = walk.labels()
    assert list(found.index) == list(expected.index)
    assert list(found["score"]) == list(expected["score"])
    both = found.join(expected.add_suffix("_of_walk"))
    assert both["forward_return"].notna().mean() > 0.6
    for name in ("forward_return", "label"):
        np.testing.assert_allclose(both[name], both[f"{name}_of_walk"])


def test_a_stock_that_is_gone_has_no_outcome():
    dates = pd.bdate_range("2020-01-01", "2020-04-30")
    gone = np.where(dates > pd.Timestamp("2020-02-14"), np.nan, 7.0)
    close = np.column_stack([np.linspace(1.0, 2.0, len(dates)), gone])
    bars = Bars(dates, ("LIVES", "GONE"), {"close": close})
    ends = pd.to_datetime(["2020-01-31", "2020-02-28", "2020-03-31"])
    scores = {end: pd.Series({"LIVES": 1.0, "GONE": 2.0}) for end in ends}
    returns = outcomes_of(scores, bars, 1)["forward_return"].xs("GONE", level=1)
    # it could be held in February, and not be bought after
    assert returns.iloc[0] == 0.0 and returns.iloc[1:].isna().all()


def test_what_is_not_known_is_not_made_up(market):
    last = market.bars.dates[-1]
    found = outcomes_of(
        {last: pd.Series({"S000": 1.0, "S001": np.nan, "nobody": 2.0})}, market.bars, 1
    )
    assert list(found.index.get_level_values(1)) == ["S000", "nobody"]
    assert found[["label", "forward_return"]].isna().all(axis=None)
    assert outcomes_of({}, market.bars, 1).empty
    assert outcomes_of({last: pd.Series(dtype=float)}, market.bars, 1).empty
