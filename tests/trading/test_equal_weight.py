"""The baseline without a choice holds what can be held, whatever will be listed later."""

import numpy as np
import pandas as pd

from attngru_bt import make_market
from attngru_bt.backtest import equal_weight
from attngru_bt.data.bars import Bars
from attngru_bt.data.market import Market
from attngru_bt.data.membership import Membership

SESSIONS, LISTED = 130, 90


def market(*, later, members=None):
    """Six stocks; with `later`, as many more are listed and the data go on."""
    made = make_market(12, SESSIONS, seed=1, late=0, gaps=0, delisted=0)
    lines = {name: values.copy() for name, values in made.bars.lines.items()}
    for values in lines.values():
        values[:LISTED, 6:] = np.nan
    rows, columns = (SESSIONS, 12) if later else (LISTED, 6)
    lines = {name: values[:rows, :columns] for name, values in lines.items()}
    bars = Bars(made.bars.dates[:rows], made.bars.assets[:columns], lines)
    return Market(bars, None, members, "test")


def measured(run):
    figures = run.analyzers.performance
    return figures.returns, figures.gross_leverage()


def test_stocks_that_are_listed_later_change_nothing_before():
    returns, invested = measured(equal_weight(market(later=True)))
    before, _ = measured(equal_weight(market(later=False)))
    pd.testing.assert_series_equal(returns.iloc[: len(before)], before, rtol=1e-12)
    assert invested.min() > 0.97  # a slot that waited for a later listing was half of the account


def test_members_of_later_change_nothing_before():
    assets = make_market(12, 10, seed=1).bars.assets
    first = market(later=False).bars.dates[0]
    stays = pd.DataFrame({"symbol": assets[:8], "in_date": str(first.date()), "out_date": None})
    more = pd.DataFrame({"symbol": assets[8:], "in_date": "2015-05-10", "out_date": None})
    few, many = (Membership.from_frame(s) for s in (stays, pd.concat([stays, more])))
    one, other = (measured(equal_weight(market(later=True, members=m)))[0] for m in (few, many))
    before = one.index < "2015-05-10"
    assert before.sum() > 50
    pd.testing.assert_series_equal(one[before], other[before], rtol=1e-12)


def test_a_name_that_is_suspended_at_a_decision_keeps_no_cash_waiting():
    whole = market(later=False)
    lines = {name: values.copy() for name, values in whole.bars.lines.items()}
    february = np.flatnonzero(whole.bars.dates >= "2015-02-01")[0]
    for values in lines.values():
        values[february - 3 : february + 3, 0] = np.nan  # over the first decision
    bars = Bars(whole.bars.dates, whole.bars.assets, lines)
    run = equal_weight(Market(bars, None, None, "test"))
    first, second = run.decisions[:2]
    assert len(first["entrants"]) == 5 and second["entrants"] == (whole.bars.assets[0],)
    assert measured(run)[1].min() > 0.97
