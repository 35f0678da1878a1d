"""The monthly rebalance under A-share rules: who is stuck, who is missing, what the log says."""

import numpy as np
import pandas as pd
import pytest
from ashare_market import cerebro_of, daily, report

from attngru_bt import backtest, make_market
from attngru_bt.feeds.engine import bt
from attngru_bt.markets import AShare, ashare
from attngru_bt.trading.monthly import MonthlyTopK

DAYS = pd.bdate_range("2019-01-02", periods=85)  # to 2019-04-30
FREE = dict(commission=0.0, minimum=0.0, stamp_duty=(), transfer_fees=())


def flat(price=10.0, **days):
    """One price from January to April; `d0301=(o, h, l, c)` sets a day, None takes it away."""
    frame = daily([price] * len(DAYS))
    for key, bar in days.items():
        day = pd.Timestamp(f"2019-{key[1:3]}-{key[3:]}")
        if bar is None:
            frame = frame.drop(day)
        else:
            frame.loc[day, ["open", "high", "low", "close"]] = bar
    return frame


def scores(rows):
    table = {
        pd.Timestamp(date): pd.Series({n: -float(i) for i, n in enumerate(names)})
        for date, names in rows.items()
    }
    return pd.DataFrame(table).T


def run(frames, given, rules=None, *, coo=True, cash=100_000.0, **params):
    cerebro = cerebro_of(frames, coo=coo, cash=cash)
    (rules or AShare(**FREE)).install(cerebro)
    cerebro.addstrategy(MonthlyTopK, signal=scores(given), **params)
    return cerebro.run()[0]


def fills(strategy):
    log = strategy.trade_log.frame()
    log = log[log["event"].isin(["fill", "partial"])]
    return [(str(r.date.date())[5:], r.asset, r.side, r.size) for r in log.itertuples()]


def held(strategy):
    return {d._name: p.size for d, p in strategy.broker.positions.items() if p.size}


LOCKED_DOWN = (9.0, 9.0, 9.0, 9.0)
JAN, FEB = "2019-01-31", "2019-02-28"  # decisions fill on 02-01 and 03-01


class TestStuckNames:
    def test_a_name_locked_down_keeps_its_slot_and_its_cash_goes_to_who_is_missing(self):
        # A should go on 03-01, is locked down there, and 8.10 is the limit of 03-04 too
        frames = {n: flat() for n in "ABC"}
        frames["A"] = flat(d0301=LOCKED_DOWN, d0304=(8.1,) * 4, d0305=(8.0, 8.2, 8.0, 8.1))
        done = run(frames, {JAN: "AB", FEB: "CB"}, topk=2)
        assert fills(done) == [
            ("02-01", "A", "buy", 5000), ("02-01", "B", "buy", 5000),
            ("03-05", "A", "sell", 5000), ("03-06", "C", "buy", 4000),  # 5,000 × 8
        ]  # fmt: skip
        decision = done.decisions[1]
        assert decision["stuck"] == ("A",) and decision["entrants"] == ()
        assert decision["why"] == {"A": "opens at its down limit: 9"}
        assert held(done) == {"B": 5000, "C": 4000}

    def test_one_that_opens_at_its_limit_and_leaves_it_is_sold_there(self):
        """Nobody could know at the open: the sale is tried, its slot is filled a day later."""
        frames = {n: flat() for n in "ABC"}
        frames["A"] = flat(d0301=(9.0, 9.5, 9.0, 9.2))
        done = run(frames, {JAN: "AB", FEB: "CB"}, topk=2)
        assert fills(done)[2:] == [("03-01", "A", "sell", 5000), ("03-04", "C", "buy", 4500)]

    def test_a_name_that_was_just_sold_is_not_bought_back(self):
        """B is stuck for a day; D, wanted in its place, does not trade in March; A comes next."""
        frames = {n: flat() for n in "ABCD"}
        frames["B"] = flat(d0301=None)
        march = (frames["D"].index >= "2019-03-01") & (frames["D"].index < "2019-04-01")
        frames["D"] = frames["D"][~march]
        done = run(frames, {JAN: "AB", FEB: "CDAB"}, topk=2)
        assert fills(done)[2:5] == [
            ("03-01", "A", "sell", 5000), ("03-01", "C", "buy", 5000),
            ("03-04", "B", "sell", 5000),
        ]  # fmt: skip
        assert fills(done)[5] == ("04-01", "D", "buy", 5000)

    def test_without_retry_it_waits_for_the_next_decision(self):
        frames = {n: flat() for n in "ABC"}
        frames["A"] = flat(d0301=None)
        done = run(frames, {JAN: "AB", FEB: "CB"}, topk=2, retry=False)
        assert fills(done)[2:] == [("04-01", "A", "sell", 5000), ("04-01", "C", "buy", 5000)]

    def test_locked_at_the_fill_is_known_afterwards_without_cheat_on_open(self):
        """Decided at the close of 03-01, locked at the open of 03-04: it waits, so does the buy."""
        frames = {n: flat() for n in "ABC"}
        frames["A"] = flat(d0304=LOCKED_DOWN, d0305=(9.1, 9.2, 9.0, 9.1))
        done = run(frames, {JAN: "AB", FEB: "CB"}, coo=False, topk=2)
        assert fills(done)[2:4] == [("03-05", "A", "sell", 5000), ("03-06", "C", "buy", 4500)]
        log = done.trade_log.frame()
        waiting = log[log["event"] == "waiting"]
        assert list(waiting["reason"]) == ["locked at its down limit: 9"]
        assert not (log["event"] == "rejected").any()


class TestEntrants:
    def test_one_that_opens_at_its_up_limit_is_passed_over_for_the_next(self):
        frames = {n: flat() for n in "ABC"}
        frames["A"] = flat(d0201=(11.0,) * 4)
        done = run(frames, {JAN: "ABC"}, topk=2)
        assert [f[:2] for f in fills(done)][:2] == [("02-01", "B"), ("02-01", "C")]
        assert done.decisions[0]["why"] == {"A": "opens at its up limit: 11"}

    def test_without_substitution_it_is_bought_when_it_can_be(self):
        frames = {n: flat() for n in "ABC"}
        frames["A"] = flat(d0201=(11.0,) * 4, d0204=(12.1,) * 4, d0205=(12.0, 12.5, 12.0, 12.5))
        done = run(frames, {JAN: "ABC"}, topk=2, substitute=False)
        # 50,000 / 12 = 4,166: lots
        assert fills(done) == [("02-01", "B", "buy", 5000), ("02-05", "A", "buy", 4100)]

    def test_a_bar_without_volume_does_not_fill_and_is_tried_again(self):
        frames = {n: flat() for n in "AB"}
        frames["A"].loc[pd.Timestamp("2019-02-01"), "volume"] = 0.0
        done = run(frames, {JAN: "AB"}, topk=1)
        assert fills(done)[0] == ("02-04", "A", "buy", 10_000)
        log = done.trade_log.frame()
        assert list(log["event"])[:4] == ["order", "waiting", "canceled", "order"] or list(
            log["event"]
        )[:4] == ["order", "waiting", "order", "canceled"]

    def test_sizes_are_lots_with_the_fees_inside(self):
        done = run({n: flat(7.77) for n in "AB"}, {JAN: "AB"}, AShare(), topk=2)
        assert [f[3] for f in fills(done)] == [6400, 6400]  # 6,400 × 7.77 = 49,728 + 13.42
        assert done.broker.get_cash() == pytest.approx(100_000 - 2 * (49_728 + 12.43 + 0.99))

    def test_star_stocks_come_in_single_shares_from_200(self):
        frames = {"688001.SH": flat(30.0), "600000.SH": flat(30.0)}
        done = run(frames, {JAN: ["688001.SH", "600000.SH"]}, topk=2)
        assert fills(done) == [
            ("02-01", "688001.SH", "buy", 1666), ("02-01", "600000.SH", "buy", 1600),
        ]  # fmt: skip
        poor = run(frames, {JAN: ["688001.SH", "600000.SH"]}, topk=2, cash=11_000)
        # half of 11,000 buys 183: not enough for the one, a lot of the other
        assert fills(poor)[0] == ("02-01", "600000.SH", "buy", 100)
        passed = poor.trade_log.frame().query("event == 'passed'").iloc[0]
        assert passed["asset"] == "688001.SH" and "buys less than one lot" in passed["reason"]

    def test_lots_follow_the_factor(self):
        frames = {"A": flat(10.0).assign(adjfactor=2.5)}  # 4 a real share
        done = run(frames, {JAN: "A"}, topk=1, cash=10_100)
        assert fills(done)[0][3] == 1000.0  # 2,500 real shares; 25 more would not be a lot


class TestSettlement:
    def test_the_log_reproduces_the_cash_when_a_holding_is_settled(self):
        frames = {n: flat() for n in "ABC"}
        frames["A"] = frames["A"][frames["A"].index < "2019-02-15"]
        done = run(frames, {JAN: "ABC"}, AShare(settle_after=20), topk=2)
        # last bar 02-14; 21 days later is 03-07; the cash goes to the missing name a session on
        # half of 100,000 with fees is 49 lots
        assert fills(done)[2:] == [("03-08", "A", "sell", 4900), ("03-11", "C", "buy", 5000)]
        log = done.trade_log.frame()
        cash = 100_000.0
        for fill in log[log["event"].isin(["fill", "partial"])].itertuples():
            cash += (1 if fill.side == "sell" else -1) * fill.value - fill.commission
        assert done.broker.get_cash() == pytest.approx(cash, abs=0.005)
        assert "settled" in log[log["side"] == "sell"].iloc[-1]["reason"]
        assert report(done)[0][2] == "settled"


class TestWhatTheLogSays:
    @pytest.mark.slow
    def test_wanted_done_and_why_not_per_month(self):
        frames = {n: flat() for n in "ABCD"}
        frames["A"] = flat(d0301=None, d0304=None)
        frames["D"] = flat(d0301=(11.0,) * 4)
        done = run(frames, {JAN: "AB", FEB: "DCBA"}, topk=2)
        table = done.rebalances()
        feb = table[table["month_end"] == "2019-02-28"].set_index("asset")
        assert feb["action"].to_dict() == {"D": "enter", "C": "enter", "B": "leave", "A": "leave"}
        assert feb["done"].to_dict() == {
            "D": "bought", "C": "bought", "B": "sold", "A": "sold",
        }  # fmt: skip
        assert feb.loc["D", "reason"] == "opens at its up limit: 11"
        assert feb.loc["A", "reason"] == "no bar today, to be retried"
        assert str(feb.loc["A", "first_fill"].date()) == "2019-03-05"
        assert str(feb.loc["D", "first_fill"].date()) == "2019-03-05"
        assert feb["rank"].fillna(0).to_dict() == {"D": 1, "C": 2, "B": 0, "A": 0}

    def test_a_month_without_room_names_who_is_in_the_way(self):
        frames = {n: flat() for n in "ABC"}
        march = frames["A"].index[(frames["A"].index >= "2019-03-01")]
        frames["A"] = frames["A"].drop(march)
        done = run(frames, {JAN: "AB", FEB: "CB"}, topk=2)
        table = done.rebalances()
        row = table[(table["month_end"] == "2019-02-28") & (table["asset"] == "C")].iloc[0]
        assert row["done"] == "not done"
        assert row["reason"] == "no free slot: A could not be sold"


class TestBacktestRun:
    @pytest.mark.slow
    def test_rules_by_name_and_by_object(self):
        market = make_market(n_assets=6, n_days=90, seed=2)
        table = pd.DataFrame(1.0, index=market.bars.dates[:1], columns=list(market.bars.assets))
        kwargs = dict(signal=table, topk=3)
        named = backtest.run(market, MonthlyTopK, rules="ashare", **kwargs)
        given = backtest.run(market, MonthlyTopK, rules=AShare(), **kwargs)
        plain = backtest.run(market, MonthlyTopK, **kwargs)
        assert named.broker.get_value() == given.broker.get_value() != plain.broker.get_value()
        log = named.trade_log.frame()
        assert (log.query("event == 'fill' and side == 'buy'")["size"] % 100 == 0).all()
        base = backtest.equal_weight(market, rules="ashare")
        bought = base.trade_log.frame().query("event == 'fill' and side == 'buy'")["size"]
        assert len(bought) and (bought % 100 == 0).all()

    @pytest.mark.parametrize(
        ("params", "error", "message"),
        [
            (dict(rules="nyse"), ValueError, "`rules` must be 'ashare' or an object; got 'nyse'"),
            (dict(rules=3), TypeError, r"have a method install\(cerebro\)"),
            (dict(rules="ashare", commission=0.001), ValueError, "`commission` has no effect"),
            (dict(rules="ashare", lot=100), ValueError, "`lot` has no effect beside market rules"),
        ],
    )
    def test_bad_rules(self, params, error, message):
        market = make_market(n_assets=3, n_days=60, seed=2)
        table = pd.DataFrame(1.0, index=market.bars.dates[:1], columns=list(market.bars.assets))
        with pytest.raises(error, match=message):
            backtest.run(market, MonthlyTopK, signal=table, **params)


@pytest.mark.real
class TestOnTheRealPanel:
    """SSE 50, 2015-2019, scores at random, so that every kind of day is met."""

    @pytest.mark.slow
    def test_no_buy_on_a_locked_bar_and_every_lot_is_whole(self, sse50):
        bars = sse50.bars
        rng = np.random.default_rng(1)
        dates = pd.date_range(bars.dates[0], bars.dates[-1], freq="ME")
        table = pd.DataFrame(
            rng.normal(size=(len(dates), len(bars.assets))), index=dates, columns=list(bars.assets)
        )
        done = backtest.run(sse50, MonthlyTopK, signal=table, topk=10, rules="ashare")
        log = done.trade_log.frame()
        assert not (log["event"] == "rejected").any()
        fills = log[log["event"].isin(["fill", "partial"])]
        assert len(fills) > 500
        wide = {k: bars.frame(k) for k in ("open", "high", "low", "close", "preclose", "adjfactor")}
        cash, checked = 1_000_000.0, 0
        for fill in fills.itertuples():
            cash += (1 if fill.side == "sell" else -1) * fill.value - fill.commission
            if "settled" in fill.reason:
                continue
            bar = {k: frame.at[fill.date, fill.asset] for k, frame in wide.items()}
            # a one-price bar, a tenth away from the exchange's previous close: nobody could trade
            one_price = bar["high"] == bar["low"]
            change = bar["close"] / bar["preclose"] - 1
            assert not (one_price and (change if fill.side == "buy" else -change) > 0.098)
            shares = fill.size * bar["adjfactor"]
            if fill.side == "buy":
                assert shares / 100 == pytest.approx(round(shares / 100), abs=1e-6)
            checked += 1
        assert checked > 500
        assert done.broker.get_cash() == pytest.approx(cash, abs=0.005)
        settled = [e for e in done.analyzers.market.get_analysis() if e.event == "settled"]
        assert all(e.asset not in {d._name for d in done.broker.positions} for e in settled)

    @pytest.mark.slow
    def test_never_more_than_the_best_and_those_that_are_stuck(self, sse50):
        market = sse50.until("2016-06-30")
        rng = np.random.default_rng(3)
        assets = list(market.bars.assets)
        dates = pd.date_range("2015-01-31", "2016-06-30", freq="ME")
        table = pd.DataFrame(
            rng.normal(size=(len(dates), len(assets))), index=dates, columns=assets
        )
        done = backtest.run(market, Counting, signal=table, topk=20, rules=ashare.AShare())
        assert done.most == 20 and any(d["stuck"] for d in done.decisions)


class Counting(MonthlyTopK):
    """Counts the names held, but for those that cannot be sold."""

    most = 0

    def next(self):
        super().next()
        if self.decisions:
            names = {d._name for d, p in self.broker.positions.items() if p.size}
            self.most = max(self.most, len(names - set(self.decisions[-1]["stuck"])))


def test_bt_is_not_changed():
    """Rules are parts of one broker: another Cerebro in the process has none."""
    frames = {"A": flat()}
    run(frames, {JAN: "A"}, topk=1)
    cerebro = cerebro_of(frames, cash=100_000.0)
    cerebro.addstrategy(MonthlyTopK, signal=scores({JAN: "A"}), topk=1, lot=7)
    assert fills(cerebro.run()[0])[0][3] % 7 == 0
    assert bt.brokers.BackBroker().p.filler is None
