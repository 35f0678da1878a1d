"""Codes of stocks: other spellings are matched wherever names come from, or refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngru_bt import DataError, Membership, MonthlyTopK, backtest, make_market, picks
from attngru_bt.data.codes import other_spellings
from attngru_bt.data.score_table import read_score_table
from attngru_bt.models.given import GivenScores
from attngru_bt.picks.book.fills import read_fills
from attngru_bt.picks.portfolio import read_portfolio

SHANGHAI = ("{}.SH", "{}.SS", "{}.XSHG", "SH{}", "sh{}", "sh.{}", "{}", " {}.sh ")
SHENZHEN = ("{}.SZ", "{}.XSHE", "SZ{}", "sz{}", "sz.{}", "{}")
STOCKS = [(f"{600000 + i}", SHANGHAI) for i in range(4)] + [
    (f"{i:06d}", SHENZHEN) for i in range(1, 5)
]


@pytest.mark.slow
@given(st.data())
def test_each_stock_is_found_in_whatever_spelling(data):
    """The oracle: which digits and which list of forms a name was made from."""
    here, there = {}, {}
    for digits, forms in data.draw(st.lists(st.sampled_from(STOCKS), unique=True)):
        here[data.draw(st.sampled_from(forms)).format(digits)] = digits
        there[data.draw(st.sampled_from(forms)).format(digits)] = digits
    of_digits = {digits: name for name, digits in there.items()}
    expected = {name: of_digits[digits] for name, digits in here.items() if name not in there}
    assert other_spellings(here, there, "x") == expected


def test_what_may_be_two_is_refused_and_what_is_none_stays():
    with pytest.raises(DataError, match="^x: 600000 may be 600000.SH or sh.600000, which both"):
        other_spellings(["600000"], ["600000.SH", "sh.600000"], "x")
    assert other_spellings(["sh.600000"], ["600000.SH", "sh.600000"], "x") == {}
    assert other_spellings(["A", "BRK-B", "000001.SH"], ["BRK.B", "000001.SZ"], "x") == {
        "BRK-B": "BRK.B"
    }


DATES = pd.DatetimeIndex(["2020-01-31", "2020-02-28"])
NAMES = ("600000.SH", "000001.SZ", "600004.SH")
SPELLED = [
    ("sh.600000", "sz.000001", "sh.600004"), ("SH600000", "SZ000001", "SH600004"),
    ("600000.XSHG", "000001.XSHE", "600004.XSHG"), ("600000", "000001", "600004"),
]  # fmt: skip


class TestScores:
    def table(self, names):
        return pd.DataFrame(np.arange(6.0).reshape(2, 3), DATES, list(names))

    @pytest.mark.parametrize("names", SPELLED, ids=lambda names: names[0])
    def test_are_matched(self, names, tmp_path):
        want = self.table(NAMES).iloc[1].to_dict()
        found = GivenScores(self.table(names)).spelled(NAMES)
        assert found.at(DATES[1]).to_dict() == want
        long = self.table(names).stack().rename("score").rename_axis(["date", "symbol"])
        long.reset_index().to_csv(tmp_path / "scores.csv", index=False)
        read = GivenScores(read_score_table(tmp_path / "scores.csv")).spelled(NAMES)
        assert read.at(DATES[1]).to_dict() == want, "zeros in front are kept"

    def test_two_spellings_of_one_are_refused(self):
        table = self.table(("SH600000", "000001.SZ", "sh.600000"))
        told = "SH600000 and sh.600000 are two spellings of 600000.SH; keep one of them"
        with pytest.raises(DataError, match=told):
            GivenScores(table).spelled(NAMES)
        with pytest.raises(DataError, match="600000.SH and SH600000 are two spellings"):
            GivenScores(self.table(("SH600000", "000001.SZ", "600000.SH"))).spelled(NAMES)

    @pytest.mark.slow
    def test_a_backtest_and_picks_are_the_same(self):
        """Of bars named 600000.SH, with scores of SH600000."""
        market = make_market(6, 120, seed=2, gaps=0, late=0, delisted=0)
        bars = market.bars
        own = [f"{600000 + i}.SH" for i in range(6)]
        bars = type(bars)(bars.dates, own, dict(bars.lines))
        market = type(market)(bars, None, None, "made")
        values = np.random.default_rng(0).normal(size=(len(bars.dates), 6))
        tables = [
            pd.DataFrame(values, bars.dates, names)
            for names in (own, [f"SH{name[:6]}" for name in own])
        ]
        runs = [backtest.run(market, MonthlyTopK, signal=table, topk=2) for table in tables]
        logs = [run.trade_log.frame() for run in runs]
        assert len(logs[0]) > 10
        pd.testing.assert_frame_equal(*logs)
        modeled = backtest.run(market, model=tables[1], topk=2).trade_log.frame()
        pd.testing.assert_frame_equal(modeled, logs[0])
        holdings = [{own[0]: 100}, {"sh.600000": 100}]
        found = [
            picks.run(market, model=table, topk=2, holdings=held, cash=1e5, asof=bars.dates[-1])
            for table, held in zip(tables, holdings, strict=True)
        ]
        assert len(found[0].orders) and found[0].portfolio.shares == {own[0]: 100}
        pd.testing.assert_frame_equal(found[0].orders, found[1].orders)
        pd.testing.assert_frame_equal(found[0].picks, found[1].picks)
        with pytest.raises(DataError, match="such as of 'X0'.* such as of '600000.SH'"):
            strangers = pd.DataFrame(values, bars.dates, [f"X{i}" for i in range(6)])
            picks.run(market, model=strangers, topk=2, asof=bars.dates[-1])


class TestHoldingsAndFills:
    def test_holdings(self, tmp_path):
        for names in SPELLED:
            file = tmp_path / "holdings.csv"
            file.write_text("symbol,shares\n" + "".join(f"{name},100\n" for name in names))
            assert read_portfolio(file, 0, NAMES).shares == dict.fromkeys(NAMES, 100.0)
        file.write_text("symbol,shares\nSH600000,100\n600000.SH,5\n")
        with pytest.raises(DataError, match="line 3: 600000.SH is there twice, first in .*line 2"):
            read_portfolio(file, 0, NAMES)
        with pytest.raises(DataError, match="600004 may be 600004.SH or SH600004"):
            read_portfolio({"600004": 1}, 0, [*NAMES, "SH600004"])

    def test_fills(self):
        for names in SPELLED:
            fills = pd.DataFrame({"symbol": list(names)}).assign(
                date="2020-01-02", side="buy", shares=1, price=1, fees=0
            )
            assert [fill.symbol for fill in read_fills(fills, None, NAMES)] == list(NAMES)
        with pytest.raises(DataError, match="^`fills`: 600000.SS may be 600000.SH or SH600000"):
            read_fills(fills.assign(symbol="600000.SS"), None, ["600000.SH", "SH600000"])


def test_members_are_matched_by_the_same_function():
    members = Membership(["SH600000", "X"], ["2020-01-01"] * 2, [None] * 2)
    assert members.spelled(NAMES).symbols == ("600000.SH", "X")


def test_a_code_that_has_lost_its_zeros_is_told():
    with pytest.raises(
        DataError, match="^`x`: 4 has lost the zeros in front .* 000004.SZ is meant"
    ):
        other_spellings(["4", "7203"], ["000004.SZ", "600000.SH"], "`x`")
    assert other_spellings(["7203"], ["000004.SZ"], "`x`") == {}
