"""A book is kept by picks, and reconciled: the parts of each month sum to its difference."""

import json

import numpy as np
import pandas as pd
import pytest
from test_picks import CASH, account_before, flat_market, four_prices, pick

from attngru_bt import MonthlyTopK, make_market, picks
from attngru_bt.backtest import run as backtest
from attngru_bt.data.bars import DataError
from attngru_bt.data.lock import sole_use
from attngru_bt.picks.book.difference import CAUSES
from attngru_bt.picks.book.fills import read_fills


def kept(book, *orders, session="2020-01-02", month_end="2019-12-31", cash=10_000.0, lot=100):
    """Keep a hand-made proposal: symbol, side, shares, price; fees are 1 each."""
    rows = [
        dict(symbol=s, side=d, shares=n, price=p, fees=1.0, limit_down=None, limit_up=None)
        | ({} if lot is None else dict(least=lot, step=lot))
        for s, d, n, p in orders
    ]
    picks.Ledger(book).append("proposal", {
        "month_end": month_end, "last": month_end, "session": session, "model": "by hand",
        "orders": rows, "scores": {}, "holdings": {}, "cash": cash, "value": 10_000.0,
        "backtest": None, "data": {"digest": ""},
    })  # fmt: skip


def traded(*rows):
    names = ["date", "symbol", "side", "shares", "price", "fees"]
    return pd.DataFrame(rows, columns=names)


def told(month):
    assert sum(round(100 * part) for part in month.parts.values()) == round(100 * month.whole)
    assert month.orders["whole"].sum() == pytest.approx(month.whole, abs=0.011)
    assert month.orders[list(CAUSES)].sum().to_dict() == pytest.approx(month.parts, abs=0.011)
    return {cause: part for cause, part in month.parts.items() if part}


def longer(market, closes):
    """Add sessions that open at 10.5."""
    bars = market.bars
    dates = pd.bdate_range(bars.dates[-1], periods=len(closes) + 1)[1:]
    shape = (len(dates), len(bars.assets))
    more = {line: np.full(shape, 10.5) for line in ("open", "high", "low", "close")}
    more["close"] = np.repeat(np.array(closes)[:, None], shape[1], axis=1)
    more["volume"] = np.full(shape, 1e6)
    lines = {name: np.vstack([bars[name], more[name]]) for name in more}
    return type(market)(
        type(bars)(bars.dates.append(dates), bars.assets, lines), None, None, "made"
    )


def test_a_month_by_hand_with_each_cause(tmp_path):
    """Opened at 10.5, closed the month at 12."""
    kept(tmp_path, ("600000", "buy", 100, 10), ("600001", "buy", 100, 10),
         ("600002", "buy", 100, 10), ("600003", "sell", 100, 10))  # fmt: skip
    market = longer(flat_market(), [10.5, 10.5, 12.0])
    fills = traded(
        ("2020-01-02", "600000", "buy", 60, 10.75, 1.5),
        ("2020-01-03", "600000", "buy", 40, 11, 0.5),
        ("2020-01-02", "SH600001", "BUY", 30, 10.5, 1),
        ("2020-01-02", "600003", "sell", 0, None, 0),
        ("2020-01-02", "600004", "buy", 10, 11.0, 0.25),
    )
    found = picks.reconcile(tmp_path, fills, market=market)
    (month,) = found.months
    assert (month.against, str(month.marked.date())) == ("open", "2020-01-03")
    assert told(month) == {
        "price": -60 * 0.25 - 40 * 0.5 - 10 * 0.5,
        "not filled": -70 * 1.5 + 100 * 1.5,  # 70 not bought, and 100 not sold, which rose
        "skipped": -100 * 1.5,
        "not proposed": 10 * 1.5,
        "fees": 0.95,  # on paper 1.05 each, against 2, 1, 0, 0, and 0.25 for the fifth
    }
    assert len(found.frame()) == 5 and not found.faults


def test_fills_that_do_not_fit_the_bars_are_told(tmp_path):
    """In another currency or unit, on a day without trade, or in what is no stock of the data."""
    kept(tmp_path, ("600000", "buy", 100, 10), ("600001", "buy", 100, 10))
    market = longer(flat_market(), [10.5, 10.5, 12.0])
    fills = traded(
        ("2020-01-02", "600000", "buy", 60, 1075, 1.5),
        ("2020-01-03", "600000", "buy", 40, 11, 0.5),
        ("2020-01-04", "600001", "buy", 100, 10.5, 1),
        ("2020-01-02", "ZZZ", "buy", 100, 10.5, 1),
        ("2020-01-02", "600002", "buy", 0, None, 0),
    )
    (month,) = picks.reconcile(tmp_path, fills, market=market).months
    assert [note for note in month.notes if note.startswith("`fills`")] == [
        "`fills`, row 1: 600000 was traded at 1,075 on 2020-01-02, and its bar is from 10.5 to "
        "10.5: look at the currency, the unit, and whether the prices of the data are adjusted.",
        "`fills`, row 3: the data have no bar of 600001 on 2020-01-04.",
        "`fills`, row 4: the data have no stock ZZZ, which is valued at the price of the fill.",
    ]


def test_without_data_the_proposal_is_compared_with(tmp_path):
    kept(tmp_path, ("A", "buy", 100, 10), ("B", "sell", 10, 5))
    found = picks.reconcile(tmp_path, traded(("2020-01-03", "A", "buy", 90, 10.5, 2)))
    assert told(found.months[0]) == {"price": -45.0}
    skipped = found.months[0].orders.set_index("symbol").loc["B"]
    assert skipped["traded"] == 0 and skipped["whole"] == 1.0, "a fee is saved"


def test_periods_and_what_belongs_to_none(tmp_path, caplog):
    kept(tmp_path, ("A", "buy", 1, 10), session="2020-01-02")
    kept(tmp_path, ("A", "buy", 2, 10), session="2020-01-02")  # made again: this one counts
    kept(tmp_path, ("A", "sell", 2, 10), session="2020-02-03", month_end="2020-01-31")
    fills = traded(
        ("2020-01-01", "A", "buy", 5, 9, 0), ("2020-01-31", "A", "buy", 2, 10, 1),
        ("2020-02-03", "A", "sell", 2, 11, 1),
    )  # fmt: skip
    found = picks.reconcile(tmp_path, fills)
    assert [told(month) for month in found.months] == [{}, {"price": 2.0}]
    assert found.notes == [
        "`fills`, row 1: left out, being before the first session of the book, 2020-01-02."
    ]
    lines = (tmp_path / "ledger.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "ledger.jsonl").write_text("".join([*lines[:2], lines[2][:50]]))
    found = picks.reconcile(tmp_path, fills)
    assert len(found.months) == 1 and "line 3: is damaged" in found.faults[0]
    assert "line 3: is damaged" in caplog.text


def test_what_is_proposed_again_after_a_later_session_does_not_count(tmp_path):
    """It knows what came of the first; until then the last one counted, whenever it was made."""
    for shares, session in ((1, "2020-01-02"), (2, "2020-02-03"), (9, "2020-01-02")):
        kept(tmp_path, ("A", "buy", shares, 10), session=session)
    found = picks.reconcile(tmp_path, traded(("2020-01-02", "A", "buy", 1, 10, 1)))
    assert [month.orders["proposed"].tolist() for month in found.months] == [[1], [2]]
    assert found.notes == [
        "Line 3 of the book is left out: it proposes for 2020-01-02 again, after a proposal for "
        "2020-02-03; that of line 1 counts."
    ]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (("soon", "A", "buy", 1, 1, 0), "`date` must be a date"),
        (("2020-01-02", "A", "hold", 1, 1, 0), "side must be buy or sell; got 'hold'"),
        (("2020-01-02", "A", "buy", -1, 1, 0), "shares of a buy must be at least 0; got '-1'"),
        (("2020-01-02", "A", "buy", "1,5", 1, 0), "shares must be a number such as 1200"),
        (("2020-01-02", "A", "buy", 1, 0, 0), "price must be above 0; got '0'"),
        (("2020-01-02", "A", "buy", 1, 1, -2), r"fees must be at least 0.*--columns fees=NAME\*-1"),
        (("2020-01-02", "", "buy", 1, 1, 1), "the symbol is empty"),
    ],
)
def test_a_wrong_line_is_told_by_its_number(tmp_path, row, problem):
    file = tmp_path / "fills.csv"
    traded(("2020-01-02", "A", "buy", 1, 1, 0), row).to_csv(file, index=False)
    with pytest.raises(DataError, match=f"fills.csv, line 3: {problem}"):
        read_fills(file)


def test_an_export_of_a_broker(tmp_path):
    file = tmp_path / "export.csv"
    file.write_text("成交日期,证券代码,买卖标志,Lots,Price,Comm\n20200102,600000,卖出,-3,11.5,-5\n")
    named = {
        "date": "成交日期", "symbol": "证券代码", "side": "买卖标志", "shares": "Lots*100",
        "fees": "Comm*-1",
    }  # fmt: skip
    (done,) = read_fills(file, named, ["600000.SH"])
    assert (str(done.date.date()), done.symbol, done.side) == ("2020-01-02", "600000.SH", "sell")
    assert (done.shares, done.price, done.fees) == (300, 11.5, 5)
    (done,) = read_fills(file, named | {"fees": "0"})
    assert (done.symbol, done.fees) == ("600000", 0)
    with pytest.raises(DataError, match="no column 'date' .*--columns date=NAME"):
        read_fills(file)
    with pytest.raises(TypeError, match="sides"):
        read_fills(file, {"sides": "x"})


def test_data_that_spell_the_names_otherwise_are_read_as_the_book_does(tmp_path):
    orders = ("600000.SH", "buy", 100, 10), ("600001.SH", "buy", 100, 10)
    kept(tmp_path, *orders)
    market = longer(flat_market(), [10.5, 12.0])
    assert "600000" in market.bars.assets
    found = picks.reconcile(tmp_path, market=market, paper=True).months[0].orders
    assert found["traded"].tolist() == [100, 100] and found["mark"].tolist() == [12, 12]


class TestCashOnPaper:
    """Opened at 10.5, 5% above the closes that the orders were sized on; fees become 1.05."""

    BUYS = ("600000", "buy", 300, 10), ("600001", "buy", 300, 10)

    def fill(self, book, *orders, **given):
        kept(book, *orders, **given)
        found = picks.reconcile(book, market=longer(flat_market(), [10.5]), paper=True)
        (month,) = found.months
        told(month)
        return month.orders.set_index("symbol")["traded"].to_dict(), month.notes

    def short(self, notes):
        return [note for note in notes if note.startswith("On paper")]

    def test_what_the_cash_pays_for_is_filled_in_full(self, tmp_path):
        cash = 2 * (300 * 10.5 + 1.05)
        got, notes = self.fill(tmp_path, *self.BUYS, cash=cash)
        assert got == {"600000": 300, "600001": 300} and not self.short(notes)

    @pytest.mark.parametrize(
        ("cash", "last"), [(2 * 300 * 10.5 + 2, 200), (2 * 300 * 10.0, 200), (5000, 100), (4199, 0)]
    )
    def test_the_last_order_is_cut_to_whole_lots(self, tmp_path, cash, last):
        got, notes = self.fill(tmp_path, *self.BUYS, cash=cash)
        assert got == {"600000": 300, "600001": last}
        assert self.short(notes) == [
            f"On paper {last} of 300 shares of 600001 are bought: the cash pays for no more."
        ]

    def test_sales_that_filled_pay_for_buys(self, tmp_path):
        sale = "600002", "sell", 300, 10
        got, notes = self.fill(tmp_path / "a", sale, *self.BUYS[:1], cash=2.10)
        assert got == {"600002": 300, "600000": 300} and not self.short(notes)
        # of a name that is not in the data nothing is sold, and so nothing bought
        got, notes = self.fill(tmp_path / "b", ("X", "sell", 300, 10), *self.BUYS[:1], cash=2.10)
        assert got == {"X": 0, "600000": 0}
        assert self.short(notes) == [
            "On paper 0 of 300 shares of X are sold: it had no bar.",
            "On paper 0 of 300 shares of 600000 are bought: the cash pays for no more.",
        ]

    def test_fractions_and_a_least_size(self, tmp_path):
        got, _ = self.fill(tmp_path / "a", *self.BUYS[:1], cash=1051.05, lot=0)
        assert 99 < got["600000"] < 100.1 and got["600000"] * 10.5 <= 1051.05
        got, _ = self.fill(tmp_path / "b", *self.BUYS[:1], cash=2000.0, lot=None)
        assert got == {"600000": 0}, "its lots are not known"

    def test_why_stays_in_the_book(self, tmp_path):
        market = longer(flat_market(), [10.5])
        kept(tmp_path, *self.BUYS, cash=5000)
        first = picks.reconcile(tmp_path, market=market, paper=True).months[0].notes
        again = picks.reconcile(tmp_path, market=market).months[0].notes
        assert self.short(first) == self.short(again) != []


class TestKeptByPicks:
    @pytest.mark.slow
    def test_a_proposal_and_its_paper_fills(self, tmp_path):
        market = flat_market(**four_prices("600000", 11.0))
        found, *_ = pick(market, book=tmp_path / "book")
        content = found.entry.content
        assert content["session"] == "2020-01-01" and content["versions"]["attngru_bt"]
        assert [o["symbol"] for o in content["orders"]] == list(found.orders["symbol"])
        assert {(o["least"], o["step"]) for o in content["orders"]} == {(100.0, 100.0)}
        assert pick(market, book=tmp_path / "book")[0].entry is None, "it is there already"
        assert len(picks.Ledger(tmp_path / "book").read()[0]) == 1
        kept(tmp_path / "book", ("600000", "buy", 100, 10), session="2020-02-03")
        assert pick(market, book=tmp_path / "book")[0].entry is None, "below another session too"
        json.dumps(content, allow_nan=False)

    @pytest.mark.slow
    def test_a_book_that_is_in_use(self, tmp_path):
        with sole_use(tmp_path / "book"), pytest.raises(BlockingIOError, match="another run"):
            pick(flat_market(), book=tmp_path / "book")
        found, *_ = pick(flat_market(), book=tmp_path / "one", out=tmp_path / "one")
        assert found.entry.line == 1 and len(found.files) == 3, "one folder for both"

    @pytest.mark.slow
    def test_the_backtest_of_the_month_is_that_of_the_backtest(self, tmp_path):
        """What is run again from the ledger fills as the backtest over all months did."""
        market = make_market(8, 120, seed=5, gaps=0, late=0, delisted=0)
        dates, names = market.bars.dates, list(market.bars.assets)
        values = np.random.default_rng(1).normal(size=(len(dates), len(names)))
        scores = pd.DataFrame(values, index=dates, columns=names)
        strategy = backtest(market, MonthlyTopK, signal=scores, topk=4, cash=CASH, keep=6)
        log = strategy.trade_log.frame()
        chosen = strategy.decisions[1:3]
        for decision in chosen:
            holdings, cash = account_before(strategy, decision["date"])
            picks.run(
                market.until(decision["month_end"]), model=scores, topk=4, keep=6, cash=cash,
                holdings=holdings, today=decision["date"], book=tmp_path,
            )  # fmt: skip
        rows = log[log["event"].isin(("fill", "partial"))]
        rows = rows[rows["date"].isin([decision["date"] for decision in chosen])]
        fills = traded(
            *((r.date, r.asset, r.side, r.size, r.price, r.commission) for r in rows.itertuples())
        )
        until = market.until(strategy.decisions[3]["month_end"])
        found = picks.reconcile(tmp_path, fills, market=until)
        assert [month.against for month in found.months] == ["backtest"] * 2
        assert not [note for month in found.months for note in month.notes]
        for month in found.months:
            # traded as the backtest did, so each cause is what the sizes of the proposal explain
            assert (month.orders["traded"] == month.orders["backtest"]).all()
            assert month.whole == pytest.approx(0, abs=0.011)
        on_paper = picks.reconcile(tmp_path, market=until, paper=True)
        assert len(on_paper.months) == 2 and len(picks.Ledger(tmp_path).read()[0]) == 4
        for month in on_paper.months:
            assert set(told(month)) <= {"size", "fees"}, "the same opens, other sizes"
        before = (tmp_path / "ledger.jsonl").read_bytes()
        again = picks.reconcile(tmp_path, market=until, paper=True)
        pd.testing.assert_frame_equal(again.frame(), on_paper.frame())
        assert (tmp_path / "ledger.jsonl").read_bytes() == before
        late = picks.reconcile(tmp_path, market=market.until(chosen[1]["month_end"]), paper=True)
        assert len(late.months) == 1 and "do not have their session yet" in late.notes[0]


def test_questions_that_cannot_be_answered(tmp_path):
    (tmp_path / "ledger.jsonl").write_text("nothing\n")
    with pytest.raises(DataError, match="has no proposal that is sound"):
        picks.reconcile(tmp_path, traded(), market=flat_market())
    (tmp_path / "ledger.jsonl").unlink()
    kept(tmp_path, ("A", "buy", 1, 10))
    with pytest.raises(DataError, match="the book has no paper fills"):
        picks.reconcile(tmp_path)
    with pytest.raises(ValueError, match="give `market`"):
        picks.reconcile(tmp_path, paper=True)
    with pytest.raises(ValueError, match="leave `fills`"):
        picks.reconcile(tmp_path, traded(), paper=True, market=flat_market())
