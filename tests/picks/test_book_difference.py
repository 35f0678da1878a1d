"""The difference of a month, by cause: one hand-made order per cause, and parts that always sum."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attngru_bt.picks.book.difference import CAUSES, Compared, Trade, in_cents, total


def order(side="buy", proposed=100, backtest=(100, 10, 1), traded=(100, 10, 1), mark=12, placed=1):
    numbers = [Trade(*map(Fraction, trade)) for trade in (backtest, traded)]
    return Compared("A", side, Fraction(proposed), *numbers, Fraction(mark), bool(placed))


def told(compared):
    assert sum(compared.parts().values()) == compared.whole
    return {cause: part for cause, part in compared.parts().items() if part}, compared.whole


def test_as_the_backtest():
    assert told(order()) == ({}, 0)


def test_each_cause_by_hand():
    assert told(order(traded=(100, "10.5", 1))) == ({"price": -50}, -50)
    assert told(order("sell", traded=(100, "10.5", 1))) == ({"price": 50}, 50)
    assert told(order(traded=(100, 10, 3))) == ({"fees": -2}, -2)
    # 40 shares that went from 10 to 12, and a fee less
    assert told(order(traded=(60, 10, 1))) == ({"not filled": -80}, -80)
    assert told(order(traded=(0, 10, 0), placed=0)) == ({"skipped": -200, "fees": 1}, -199)
    # not sold at 10, and now worth 12
    assert told(order("sell", traded=(0, 10, 0))) == ({"not filled": 200, "fees": 1}, 201)
    assert told(order(proposed=120, traded=(120, 10, 1))) == ({"size": 40}, 40)
    assert told(order(traded=(130, 10, 1))) == ({"not proposed": 60}, 60)
    bought = order(proposed=0, backtest=(0, 11, 0), traded=(10, "10.5", 1))
    assert told(bought) == ({"not proposed": 10, "price": 5, "fees": -1}, 14)


def test_all_at_once():
    parts, whole = told(
        order(proposed=90, backtest=(100, 10, 2), traded=(80, "10.25", "2.5"), mark=9)
    )
    assert parts == {"size": 10, "not filled": 10, "price": -20, "fees": Fraction(-1, 2)}
    # 80 × (9 - 10.25) - 2.5 against 100 × (9 - 10) - 2
    assert whole == Fraction("-102.5") + 102


amounts = st.decimals(0, 10**6, places=4).map(Fraction)
trades = st.builds(Trade, amounts, amounts, amounts)
orders = st.builds(
    Compared, st.just("A"), st.sampled_from(["buy", "sell"]), amounts, trades, trades, amounts,
    st.booleans(),
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=30)
@given(st.lists(orders, max_size=4))
def test_the_parts_always_sum_to_the_whole(compared):
    parts, whole = total(compared)
    assert tuple(parts) == CAUSES and sum(parts.values()) == whole
    cents = in_cents(parts)
    assert sum(cents.values()) == Fraction(round(100 * whole), 100)
    assert all(abs(cents[cause] - parts[cause]) <= Fraction(1, 100) for cause in parts)


def test_the_missing_hundredth_is_added_where_most_was_lost():
    parts = {"one": Fraction("0.001"), "other": Fraction("0.009")}
    assert in_cents(parts) == {"one": 0, "other": Fraction("0.01")}
