"""MonthlyTopK: when it decides, what it orders, what it refuses. Scores are given."""

import logging
import threading

import numpy as np
import pandas as pd
import pytest

import attngru_bt
from attngru_bt.data.bars import DataError
from attngru_bt.data.membership import Membership
from attngru_bt.feeds.engine import bt
from attngru_bt.trading.attention_gru import AttentionGRUStrategy
from attngru_bt.trading.monthly import MonthlyTopK

DATES = pd.bdate_range("2020-01-01", "2020-04-30")


def bars(opens=None, closes=None, dates=DATES):
    """Daily bars; opens and closes are functions of the date or constants."""
    frame = pd.DataFrame(index=dates)
    frame["close"] = [closes(d) if callable(closes) else closes or 10.0 for d in dates]
    frame["open"] = [opens(d) if callable(opens) else opens or 10.0 for d in dates]
    frame["high"] = frame[["open", "close"]].max(axis=1)
    frame["low"] = frame[["open", "close"]].min(axis=1)
    frame["volume"] = 1000.0
    return frame[["open", "high", "low", "close", "volume"]]


def scores(rows):
    """Given scores: {month_end: "names best first"}."""
    table = {
        pd.Timestamp(date): pd.Series({n: -float(i) for i, n in enumerate(names)})
        for date, names in rows.items()
    }
    return pd.DataFrame(table).T


class Gives:
    """A signal that gives the same each time."""

    def __init__(self, given):
        self.given = given

    def scores(self, bars):
        return self.given


def run(frames, *, coo=True, cash=10_000.0, commission=0.0, strategy=MonthlyTopK, modes=None, **p):
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=coo, **(modes or {}))
    cerebro.broker.setcash(cash)
    cerebro.broker.setcommission(commission)
    for name, frame in frames.items():
        cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=name)
    cerebro.addstrategy(strategy, **p)
    return cerebro.run()[0]


def fills(strategy):
    log = strategy.trade_log.frame()
    log = log[log["event"].isin(["fill", "partial"])]
    return [(str(r.date.date()), r.asset, r.side, r.size, r.price) for r in log.itertuples()]


def events(strategy, *names):
    log = strategy.trade_log.frame()
    return [(str(r.date.date()), r.asset, r.event) for r in log.itertuples() if r.event in names]


def final(strategy):
    return {d._name: p.size for d, p in strategy.broker.positions.items() if p.size}


class TestClock:
    def test_decides_on_the_month_end_and_fills_at_the_first_open(self):
        frames = {n: bars(opens=lambda d: 10.0 + d.day, closes=500.0) for n in "AB"}
        strategy = run(frames, topk=1, signal=scores({"2020-01-31": "AB", "2020-02-28": "BA"}))
        assert fills(strategy) == [
            ("2020-02-03", "A", "buy", 769, 13.0),
            ("2020-03-02", "A", "sell", 769, 12.0),
            ("2020-03-02", "B", "buy", 769, 12.0),
        ]
        assert [str(d["month_end"].date()) for d in strategy.decisions] == [
            "2020-01-31", "2020-02-28", "2020-03-31",
        ]  # fmt: skip
        assert strategy.trading_since == pd.Timestamp("2020-02-03")

    def test_without_cheat_on_open_it_fills_one_session_later_and_says_so_once(self, caplog):
        frames = {n: bars(opens=lambda d: 10.0 + d.day, closes=10.0) for n in "AB"}
        with caplog.at_level(logging.WARNING):
            strategy = run(frames, coo=False, topk=1, signal=scores({"2020-01-31": "AB"}))
        assert [f[:3] for f in fills(strategy)] == [("2020-02-04", "A", "buy")]
        assert sum("cheat_on_open=True" in r.message for r in caplog.records) == 1

    def test_cheat_on_close_beside_cheat_on_open_is_told(self, caplog):
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
        cerebro.broker.set_coc(True)
        cerebro.adddata(bt.feeds.PandasData(dataname=bars(11.0, 10.0)), name="A")
        cerebro.addstrategy(MonthlyTopK, topk=1, signal=scores({"2020-01-31": "A"}))
        assert fills(cerebro.run()[0])[0][4] == 10.0  # the close, though it was sized on the open
        assert "fills at its closes" in caplog.text

    def test_a_calendar_lets_it_decide_on_the_last_close(self):
        class Weekdays(bt.TradingCalendar):
            pass

        frames = {n: bars(opens=lambda d: 10.0 + d.day, closes=13.0) for n in "AB"}
        strategy = run(
            frames, coo=False, topk=1, calendar=Weekdays(), signal=scores({"2020-01-31": "AB"})
        )
        assert fills(strategy) == [("2020-02-03", "A", "buy", 769, 13.0)]

    def test_a_score_dated_after_the_month_end_is_not_used(self):
        frames = {n: bars() for n in "AB"}
        strategy = run(frames, topk=1, signal=scores({"2020-02-03": "AB"}))
        assert fills(strategy)[0][0] == "2020-03-02"

    @pytest.mark.parametrize("day", [DATES[30], DATES[-1]])
    @pytest.mark.parametrize("price", [0.0, -5.0, np.inf])
    def test_wrong_prices_are_told_though_no_signal_reads_them(self, price, day):
        """Finished scores are traded without a look at the bars; they were filled and valued."""
        frames = {n: bars() for n in "AB"}
        frames["B"].loc[day, ["open", "high", "low", "close"]] = price
        told = f"feed 'B' on {day.date()}: open must be positive and finite; got {price:g}"
        with pytest.raises(DataError, match=told):
            run(frames, topk=1, signal=scores({"2020-01-31": "AB"}))

    @pytest.mark.parametrize(
        "signal", [scores({"2020-01-31": "AB"}), Gives(pd.Series({"A": 1.0, "B": 2.0}))]
    )
    def test_opens_outside_of_the_bar_are_told_once(self, signal, caplog):
        """As in files: a wrong column is filled at, and makes an account that cannot be."""
        frames = {n: bars() for n in "AB"}
        frames["B"]["open"] = 5.0
        run(frames, topk=1, signal=signal)
        assert caplog.text.count("feed 'B' on 2020-01-01: open 5 is outside low..high 10..10;") == 1

    def test_rows_out_of_order_are_told_though_no_signal_reads_them(self):
        frames = {n: bars() for n in "AB"}
        frames["A"] = frames["A"].iloc[[*range(30), 35, *range(31, len(DATES))]]
        with pytest.raises(DataError, match="feed 'A': goes back in time to"):
            run(frames, topk=1, signal=scores({"2020-01-31": "AB"}))
        with pytest.raises(DataError, match="throws bars away"):
            frames = {n: bars() for n in "AB"}
            run(frames, topk=1, signal=scores({"2020-01-31": "AB"}), modes={"exactbars": 1})

    @pytest.mark.parametrize(
        ("given", "kind", "told"),
        [
            (pd.Series([1.0, 2.0], index=["A", "A"]), DataError, "scored A twice"),
            (pd.Series(["x", "y"], index=["A", "B"]), TypeError, "real numbers; got a Series of"),
            (pd.Series([1j, 2j], index=["A", "B"]), TypeError, "real numbers; got a Series of c"),
            ({"A": 1.0}, TypeError, "must return a Series of scores indexed by name; got dict"),
        ],
    )
    def test_what_a_signal_cannot_give_is_told(self, given, kind, told):
        """A name that was scored twice was bought twice."""
        frames = {n: bars() for n in "AB"}
        with pytest.raises(kind, match=told):
            run(frames, topk=2, signal=Gives(given))

    @pytest.mark.parametrize("again", ["run", "optstrategy"])
    def test_what_a_signal_keeps_is_not_known_to_the_next_run(self, again):
        """It has seen the whole market by then: a second run would know the future."""

        class Keeps:
            longest = 0

            def scores(self, known):
                self.longest = max(self.longest, len(known))
                return pd.Series({"A": 1.0, "B": 2.0 if self.longest > 60 else 0.0})

        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
        for name in "AB":
            cerebro.adddata(bt.feeds.PandasData(dataname=bars()), name=name)
        signal = Keeps()
        if again == "run":
            cerebro.addstrategy(MonthlyTopK, signal=signal, topk=1)
            runs = [cerebro.run()[0] for _ in range(2)]
        else:
            cerebro.optstrategy(MonthlyTopK, signal=[signal], topk=1, keep=[1, 2])
            runs = [run[0] for run in cerebro.run(maxcpus=1, optreturn=False)]
        assert [fills(strategy)[0][1] for strategy in runs] == ["A", "A"]
        assert signal.longest == 0

    def test_a_signal_may_write_into_what_it_gave(self):
        """Else each month is reported, and measured, with the scores of the last one."""

        class Rewrites:
            def __init__(self):
                self.given = pd.Series([1.0, 2.0], index=["A", "B"])

            def scores(self, known):
                self.given *= -1
                return self.given

        strategy = run({n: bars() for n in "AB"}, topk=1, signal=Rewrites())
        best = [scores.idxmax() for scores in strategy.scores_by_month.values()]
        assert best == [decision["wanted"][0] for decision in strategy.decisions] == ["A", "B", "A"]

    def test_a_signal_that_cannot_be_copied_is_told(self, caplog):
        class Locked(Gives):
            def __init__(self, given):
                super().__init__(given)
                self.lock = threading.Lock()

        run({n: bars() for n in "AB"}, topk=1, signal=Locked(pd.Series({"A": 1.0, "B": 2.0})))
        assert "a Locked cannot be copied (cannot pickle '_thread.lock' object)" in caplog.text

    def test_scores_of_what_is_no_feed_are_told_once(self, caplog):
        frames = {n: bars() for n in "AB"}
        run(frames, topk=1, signal=Gives(pd.Series([1.0, 2.0], index=["A", "sh.A"])))
        assert caplog.text.count("1 of 2 names that the signal scored are no feeds (sh.A, …)") == 1

    def test_scores_that_went_on_too_long_are_told(self, caplog):
        """They count until later ones come, and a table may have ended by mistake."""
        frames = {n: bars() for n in "AB"}
        run(frames, topk=1, signal=scores({"2020-01-31": "AB", "2020-02-28": "BA"}))
        assert (
            "At 1 of 3 decisions, the first after 2020-03-31, the given scores were more than a "
            "month old (those of 2020-02-28): bring scores of each month-end." in caplog.text
        )
        caplog.clear()
        run(frames, topk=1, signal=scores({"2020-01-31": "AB"}))  # one row for good
        run(frames, topk=1, signal=scores(dict.fromkeys(map(str, DATES.date), "AB")))
        assert "given scores were" not in caplog.text

    def test_members_in_another_spelling_are_held(self):
        frames = {n: bars() for n in ("600000.SH", "000001.SZ")}
        members = Membership(["sh.600000", "000001.SZ"], ["2020-01-01"] * 2, [None] * 2)
        table = pd.DataFrame([[1.0, 0.0]], [pd.Timestamp("2020-01-31")], list(frames))
        strategy = run(frames, topk=1, signal=table, universe=members)
        assert [f[1] for f in fills(strategy)] == ["600000.SH"]

    def test_start_holds_decisions_back(self):
        frames = {n: bars() for n in "AB"}
        strategy = run(frames, topk=1, start="2020-03-01", signal=scores({"2020-01-31": "AB"}))
        assert fills(strategy)[0][0] == "2020-03-02"

    def test_nobody_waits_for_the_youngest_feed(self):
        frames = {"A": bars(), "B": bars(dates=DATES[70:])}
        strategy = run(frames, topk=1, signal=scores({"2020-01-31": "AB"}))
        assert fills(strategy)[0][0] == "2020-02-03"

    def test_a_feed_that_has_not_started_is_not_bought(self):
        frames = {"A": bars(), "B": bars(dates=DATES[70:])}
        strategy = run(frames, topk=1, signal=scores({"2020-01-31": "BA"}))
        assert fills(strategy)[0][:3] == ("2020-02-03", "A", "buy")
        assert ("2020-02-03", "B", "passed") in events(strategy, "passed")


class TestOrders:
    def test_entrants_share_the_freed_cash_and_stayers_are_left_alone(self):
        prices = {"A": 10.0, "B": 20.0, "C": 40.0, "D": 50.0}
        frames = {n: bars(p, p) for n, p in prices.items()}
        given = scores({"2020-01-31": "ABCD", "2020-02-28": "CADB"})
        strategy = run(frames, topk=2, signal=given)
        assert fills(strategy) == [
            ("2020-02-03", "A", "buy", 500, 10.0),
            ("2020-02-03", "B", "buy", 250, 20.0),
            ("2020-03-02", "B", "sell", 250, 20.0),
            ("2020-03-02", "C", "buy", 125, 40.0),
        ]

    def test_full_rebalance_equalizes_stayers_too(self):
        def doubled(date):
            return 10.0 if date < pd.Timestamp("2020-02-28") else 20.0

        frames = {"A": bars(doubled, doubled), "B": bars()}
        given = scores({"2020-01-31": "AB"})
        strategy = run(frames, topk=2, signal=given, rebalance="full")
        # 500 A at 20 and 500 B at 10 are 15,000: 7,500 each
        assert fills(strategy)[2:4] == [
            ("2020-03-02", "A", "sell", 125, 20.0),
            ("2020-03-02", "B", "buy", 250, 10.0),
        ]

    def test_full_rebalance_gives_who_enters_late_no_more_than_a_slot(self):
        """B falls while it is locked in: the cash beside A is more than A's share."""
        frames = {n: bars() for n in "AB"}
        frames["A"] = bars(dates=DATES[DATES != pd.Timestamp("2020-02-03")])
        frames["B"] = bars(opens=10.0, closes=lambda d: 10.0 if d.month < 2 else 5.0)
        given = scores({"2020-01-31": "AB"})
        strategy = run(frames, topk=2, signal=given, rebalance="full", start="2020-02-01")
        # after the first session 500 B at 5 and 5,000 in cash are 7,500: a slot is 3,750
        assert fills(strategy)[:2] == [
            ("2020-02-03", "B", "buy", 500, 10.0),
            ("2020-02-04", "A", "buy", 375, 10.0),
        ]

    def test_commission_is_inside_the_size(self):
        strategy = run(
            {n: bars() for n in "AB"}, topk=1, commission=0.01, signal=scores({"2020-01-31": "AB"})
        )
        assert fills(strategy)[0][3] == 990  # 990 × 10 × 1.01 = 9,999
        assert strategy.broker.get_cash() == pytest.approx(1.0)

    def test_reserve_stays_in_cash(self):
        strategy = run(
            {n: bars() for n in "AB"}, topk=1, reserve=0.2, signal=scores({"2020-01-31": "AB"})
        )
        assert fills(strategy)[0][3] == 800

    def test_lots(self):
        given = scores({"2020-01-31": "A"})
        assert fills(run({"A": bars(7.0, 7.0)}, topk=1, lot=100, signal=given))[0][3] == 1400
        assert fills(run({"A": bars(0.5, 0.5)}, topk=1, signal=given))[0][3] == 20_000
        whole = run({"A": bars(7.0, 7.0)}, topk=1, lot=0, signal=given)
        assert fills(whole)[0][3] == pytest.approx(10_000 / 7)
        assert whole.broker.get_cash() >= 0

    def test_fewer_names_than_topk_leaves_the_rest_in_cash(self):
        strategy = run({n: bars() for n in "AB"}, topk=4, signal=scores({"2020-01-31": "AB"}))
        assert final(strategy) == {"A": 250, "B": 250}

    @pytest.mark.parametrize("coo", [True, False])
    @pytest.mark.parametrize("slippage", [0.0, 0.01])
    def test_a_gap_up_at_the_open_never_gets_an_order_rejected(self, coo, slippage):
        gap = pd.Timestamp("2020-02-04") if not coo else pd.Timestamp("2020-02-03")
        frames = {
            n: bars(opens=lambda d: 14.0 if d >= gap else 10.0, closes=lambda d: 10.0)
            for n in "ABC"
        }
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=coo)
        cerebro.broker.setcash(10_000.0)
        cerebro.broker.set_slippage_perc(slippage, slip_out=True, slip_match=True)
        for name, frame in frames.items():
            cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=name)
        cerebro.addstrategy(MonthlyTopK, topk=3, signal=scores({"2020-01-31": "ABC"}))
        strategy = cerebro.run()[0]
        assert events(strategy, "rejected") == []
        assert len(final(strategy)) >= 2
        assert 0 <= strategy.broker.get_cash() < 200

    def test_the_brokers_filler_is_handed_back(self):
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
        mine = bt.fillers.FixedSize(size=100)
        cerebro.broker.set_filler(mine)
        cerebro.adddata(bt.feeds.PandasData(dataname=bars()), name="A")
        cerebro.addstrategy(MonthlyTopK, topk=1, signal=scores({"2020-01-31": "A"}))
        strategy = cerebro.run()[0]
        assert cerebro.broker.p.filler is mine
        # the user's filler still has its say: 100 a day until the order is done
        assert [f[3] for f in fills(strategy)] == [100] * 10
        assert len({f[0] for f in fills(strategy)}) == 10


class TestFeedsThatDoNotTrade:
    def gap(self, first, last):
        return DATES[(DATES < first) | (DATES > last)]

    @pytest.mark.parametrize("coo", [True, False])
    def test_an_exit_waits_for_a_bar_and_keeps_its_slot(self, coo):
        frames = {n: bars() for n in "ABC"}
        frames["A"] = bars(dates=self.gap("2020-03-01", "2020-03-10"))
        given = scores({"2020-01-31": "ABC", "2020-02-28": "CBA"})
        strategy = run(frames, coo=coo, topk=2, signal=given)
        assert ("2020-03-02", "A", "stuck") in events(strategy, "stuck")
        sold = [f for f in fills(strategy) if f[1] == "A" and f[2] == "sell"]
        assert [f[0] for f in sold] == ["2020-03-11" if coo else "2020-03-12"]
        # the cash it frees goes to the entrant that is still missing
        assert [f for f in fills(strategy) if f[1] == "C"] == [
            ("2020-03-11" if coo else "2020-03-12", "C", "buy", 500, 10.0)
        ]

    @pytest.mark.slow
    @pytest.mark.parametrize("coo", [True, False])
    def test_without_retry_both_wait_for_the_next_decision(self, coo):
        frames = {n: bars() for n in "ABC"}
        frames["A"] = bars(dates=self.gap("2020-03-01", "2020-03-10"))
        given = scores({"2020-01-31": "ABC", "2020-02-28": "CBA"})
        strategy = run(frames, coo=coo, topk=2, retry=False, signal=given)
        assert [f[:3] for f in fills(strategy)][2:] == [
            ("2020-04-01" if coo else "2020-04-02", "A", "sell"),
            ("2020-04-01" if coo else "2020-04-02", "C", "buy"),
        ]

    def test_without_substitution_the_entrant_is_bought_once_it_trades(self):
        frames = {n: bars() for n in "ABC"}
        frames["A"] = bars(dates=self.gap("2020-02-03", "2020-02-10"))
        given = scores({"2020-01-31": "ABC"})
        strategy = run(frames, topk=2, substitute=False, signal=given)
        assert fills(strategy) == [
            ("2020-02-03", "B", "buy", 500, 10.0),
            ("2020-02-11", "A", "buy", 500, 10.0),
        ]

    def test_no_fill_ever_uses_a_stale_bar(self):
        frames = {n: bars() for n in "ABC"}
        frames["A"] = bars(dates=self.gap("2020-02-03", "2020-03-10"))
        strategy = run(frames, topk=1, signal=scores({"2020-01-31": "ABC"}))
        assert fills(strategy)[0][:3] == ("2020-02-03", "B", "buy")

    def test_an_order_whose_feed_stops_overnight_is_canceled_not_left_for_weeks(self):
        frames = {n: bars() for n in "AB"}
        frames["A"] = bars(dates=self.gap("2020-02-04", "2020-02-20"))
        strategy = run(frames, coo=False, topk=1, signal=scores({"2020-01-31": "AB"}))
        assert ("2020-02-04", "A", "canceled") in events(strategy, "canceled")
        assert not [f for f in fills(strategy) if f[1] == "A" and f[0] < "2020-03-01"]

    def test_a_holding_without_bars_for_long_no_longer_fills_a_slot(self, caplog):
        frames = {n: bars() for n in "AB"}
        frames["A"] = bars(dates=DATES[DATES < "2020-02-10"])
        with caplog.at_level(logging.WARNING):
            strategy = run(
                frames,
                topk=1,
                stale_days=30,
                cash=10_005.0,
                signal=scores({"2020-01-31": "AB", "2020-02-28": "BA"}),
            )
        assert final(strategy)["A"] == 1000  # kept at its last price
        assert events(strategy, "stale") == [("2020-04-01", "A", "stale")]
        # the last bar is 54 days old then, which are not more than 54
        late = run(frames, topk=1, stale_days=54, signal=scores({"2020-01-31": "AB"}))
        assert not events(late, "stale")
        assert sum("no longer a slot" in r.message for r in caplog.records) == 1

    def test_the_index_is_never_bought(self):
        frames = {"A": bars(), "INDEX": bars()}
        given = scores({"2020-01-31": ["INDEX", "A"]})
        named = run(frames, topk=2, benchmark="INDEX", signal=given)
        assert set(final(named)) == {"A"}

    def test_a_feed_that_an_analyzer_calls_benchmark_is_not_bought_either(self):
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
        for name in ("A", "INDEX"):
            cerebro.adddata(bt.feeds.PandasData(dataname=bars()), name=name)
        cerebro.addstrategy(MonthlyTopK, signal=scores({"2020-01-31": ["INDEX", "A"]}))
        cerebro.addanalyzer(attngru_bt.Performance, benchmark="INDEX", _name="performance")
        assert set(final(cerebro.run()[0])) == {"A"}

    @pytest.mark.slow
    def test_who_has_sold_everything_has_traded(self):
        given = scores({"2020-01-31": "A", "2020-02-28": "B"})
        frames = {"A": bars(), "B": bars(dates=DATES[DATES < "2020-02-20"])}
        strategy = run(frames, topk=1, signal=given)
        assert not final(strategy) and strategy.why_not_traded == ""

    @pytest.mark.parametrize(
        "signal",
        [scores({"2020-01-31": "ABC"}), Gives(pd.Series([3.0, 2.0, 1.0], index=list("ABC")))],
        ids=["finished scores", "a signal that knows no universe"],
    )
    def test_only_members_are_bought(self, signal):
        class Universe:
            def at(self, date):
                return frozenset("BC") if date < pd.Timestamp("2020-02-28") else frozenset("C")

        frames = {n: bars() for n in "ABC"}
        strategy = run(frames, topk=1, universe=Universe(), signal=signal)
        assert [f[:3] for f in fills(strategy)] == [
            ("2020-02-03", "B", "buy"), ("2020-03-02", "B", "sell"), ("2020-03-02", "C", "buy"),
        ]  # fmt: skip


class TestFeedsOfMembers:
    """Whoever is never a member is no feed of a backtest of finished scores."""

    @pytest.mark.slow
    def test_the_trades_are_those_among_all_feeds(self):
        market = attngru_bt.make_market(n_assets=10, n_days=150, seed=4)
        names = market.bars.assets[:6]
        members = attngru_bt.Membership(names, ["2015-01-01"] * 6, [None] * 6)
        market = attngru_bt.Market(market.bars, market.benchmark, members, "ten")
        rng = np.random.default_rng(0)
        days = market.bars.dates[[20, 60, 100]]
        table = pd.DataFrame(rng.random((3, 10)), days, list(market.bars.assets))
        few = attngru_bt.backtest.run(market, MonthlyTopK, signal=table, topk=2)
        assert [feed._name for feed in few.datas if feed._name != "INDEX"] == list(names)

        class Named(MonthlyTopK):
            """A strategy of one's own is given all feeds."""

        many = attngru_bt.backtest.run(market, Named, signal=table, topk=2)
        assert len(many.datas) == 11
        assert few.trade_log.n_fills > 3
        pd.testing.assert_frame_equal(few.trade_log.frame(), many.trade_log.frame())
        a, b = (s.analyzers.performance.returns for s in (few, many))
        pd.testing.assert_series_equal(a, b)


@pytest.mark.slow
class TestModes:
    MODES = (
        {"runonce": False}, {"preload": False}, {"exactbars": -1}, {"exactbars": -2},
        {"live": True}, {"stdstats": True},
    )  # fmt: skip

    @pytest.mark.parametrize(("coo", "all_modes"), [(True, MODES[::2]), (False, MODES[1::2])])
    def test_every_mode_of_cerebro_gives_the_same_trades(self, market, coo, all_modes):
        bars = market.bars.rows(120, 330).select(market.bars.assets[3:14:2] + ("S004", "S008"))
        frames = {
            asset: pd.DataFrame(
                {k: bars[k][:, i] for k in ("open", "high", "low", "close", "volume")},
                index=bars.dates,
            ).dropna()
            for i, asset in enumerate(bars.assets)
        }
        # gaps, and a late and an early end: what the modes of Cerebro treat differently
        assert len({len(frame) for frame in frames.values()}) > 2  # of eight
        rng = np.random.default_rng(0)
        given = pd.DataFrame(
            rng.normal(size=(20, len(frames))),
            index=pd.date_range(market.bars.dates[0], periods=20, freq="ME"),
            columns=list(frames),
        )
        kwargs = dict(coo=coo, topk=3, cash=1e6, commission=0.001, signal=given)
        want = run(frames, **kwargs)
        assert len(fills(want)) > 20
        for modes in all_modes:
            modes = {"stdstats": False, **modes}
            cerebro = bt.Cerebro(cheat_on_open=coo, **modes)
            cerebro.broker.setcash(1e6)
            cerebro.broker.setcommission(0.001)
            for name, frame in frames.items():
                cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=name)
            cerebro.addstrategy(MonthlyTopK, topk=3, signal=given)
            got = cerebro.run()[0]
            pd.testing.assert_frame_equal(
                got.trade_log.frame().drop(columns="ref"),
                want.trade_log.frame().drop(columns="ref"),
            )
            assert got.broker.getvalue() == want.broker.getvalue()

    def test_one_cerebro_can_run_twice(self):
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
        for name in "AB":
            cerebro.adddata(bt.feeds.PandasData(dataname=bars()), name=name)
        cerebro.addstrategy(MonthlyTopK, topk=1, signal=scores({"2020-01-31": "AB"}))
        first, second = cerebro.run()[0], cerebro.run()[0]
        assert fills(first) == fills(second)
        assert cerebro.broker.p.filler is None

    def test_two_monthly_strategies_in_one_cerebro_are_refused(self):
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
        cerebro.adddata(bt.feeds.PandasData(dataname=bars()), name="A")
        for _ in range(2):
            cerebro.addstrategy(MonthlyTopK, signal=scores({"2020-01-31": "A"}))
        with pytest.raises(ValueError, match="a Cerebro of its own"):
            cerebro.run()


class TestSubclasses:
    """Scripts override what backtrader calls, and often without super()."""

    @pytest.mark.parametrize("modes", [{}, {"quicknotify": True}])
    def test_the_log_is_whole_when_orders_are_printed(self, modes):
        class Prints(MonthlyTopK):
            seen = 0

            def notify_order(self, order):
                self.seen += 1

        given = scores({"2020-01-31": "AB", "2020-02-28": "BA"})
        plain, prints = (
            run({n: bars() for n in "AB"}, strategy=kind, topk=1, signal=given, modes=modes)
            for kind in (MonthlyTopK, Prints)
        )
        assert prints.seen and len(fills(plain)) == 3
        own, other = (s.trade_log.frame().drop(columns="ref") for s in (plain, prints))
        pd.testing.assert_frame_equal(own, other)

    @pytest.mark.parametrize("method", ["__init__", "start"])
    def test_what_must_call_super_says_so(self, method):
        kind = type("Mine", (MonthlyTopK,), {method: lambda self: None})
        with pytest.raises(TypeError, match=rf"Mine overrides `{method}`: call super\(\).{method}"):
            run({"A": bars()}, strategy=kind, signal=scores({"2020-01-31": "A"}))

    @pytest.mark.parametrize(("coo", "method"), [(True, "next_open"), (False, "next")])
    def test_so_does_what_is_called_in_each_session(self, coo, method):
        kind = type("Mine", (MonthlyTopK,), {method: lambda self: None})
        given = scores({"2020-01-31": "A"})
        strategy = run({"A": bars()}, coo=coo, strategy=kind, signal=given)
        assert f"Mine overrides `{method}`" in strategy.why_not_traded


class TestValidation:
    def test_an_unknown_parameter_is_an_error_with_a_hint(self):
        with pytest.raises(TypeError, match="no parameter `top_k`; did you mean 'topk'"):
            run({"A": bars()}, top_k=3)

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            (dict(topk=0), "`topk` must be a whole number of at least 1; got 0"),
            (dict(topk=2.5), "`topk` must be a whole number"),
            (dict(reserve=1.0), r"`reserve` must be a fraction in \[0, 1\)"),
            (dict(rebalance="some"), "`rebalance` must be 'entrants' or 'full'"),
            (dict(lot=-1), "`lot` must be a number of at least 0; got -1"),
            (dict(lot=float("nan")), "`lot` must be a number of at least 0; got nan"),
            (dict(lot="100"), "`lot` must be a number of at least 0; got '100'"),
            (dict(substitute="no"), "`substitute` must be True or False; got 'no'"),
            (dict(retry="no"), "`retry` must be True or False; got 'no'"),
        ],
    )
    def test_bad_parameters(self, params, message):
        with pytest.raises(ValueError, match=message):
            run({"A": bars()}, signal=scores({"2020-01-31": "A"}), **params)

    def test_signal_must_give_scores(self):
        with pytest.raises(TypeError, match="`signal` must be a DataFrame of scores, a Walk, or"):
            run({"A": bars()}, signal=3)

    def test_a_signal_is_no_class(self):
        with pytest.raises(TypeError, match=r"not a class: give Gives\(\.\.\.\)"):
            run({"A": bars()}, signal=Gives)

    def test_a_calendar_is_no_name(self):
        with pytest.raises(TypeError, match="`calendar` must be a bt.TradingCalendar.*got 'NYSE'"):
            run({"A": bars()}, calendar="NYSE", signal=scores({"2020-01-31": "A"}))

    @pytest.mark.skipif(not hasattr(bt.Cerebro.params, "oldsync"), reason="not of this engine")
    @pytest.mark.parametrize("coo", [True, False])
    def test_the_old_clock_is_refused(self, coo):
        """It never calls next_open, and the reason given for trading nothing was a wrong one."""
        with pytest.raises(ValueError, match="run Cerebro without oldsync"):
            run({"A": bars()}, coo=coo, modes={"oldsync": True}, signal=scores({"2020-01-31": "A"}))

    def test_universe_must_have_at(self):
        with pytest.raises(TypeError, match="`universe` must have a method at"):
            run({"A": bars()}, universe={"A"}, signal=scores({"2020-01-31": "A"}))

    @pytest.mark.parametrize("answer", [None, "A,B", 5])
    @pytest.mark.parametrize("signal", [scores({"2020-01-31": "AB"}), "momentum", "ridge"])
    def test_what_a_universe_cannot_answer_is_told(self, signal, answer):
        """A stock was searched for in a text, of which its name may be a part."""

        class Odd:
            def at(self, date):
                return answer

        with pytest.raises(TypeError, match=r"Odd.at.2020-01-31. must return a set of names; got"):
            run({n: bars() for n in "AB"}, topk=1, universe=Odd(), signal=signal)

    @pytest.mark.parametrize("kind", [list, tuple, pd.Series, pd.Index])
    @pytest.mark.parametrize(
        "signal", [scores({"2020-01-31": "ABC"}), Gives(pd.Series(1.0, list("ABC")))]
    )
    def test_any_collection_of_names_is_a_universe(self, kind, signal):
        class Some:
            def at(self, date):
                return kind(["B", "C"])

        strategy = run({n: bars() for n in "ABC"}, topk=1, universe=Some(), signal=signal)
        assert final(strategy) == {"B": 1000}

    def test_duplicate_and_missing_feed_names(self):
        for names, message in (
            (["A", "A"], "Two feeds are named 'A'"),
            (["A", ""], "no name"),
            (["A", 2594], "number 2 of 2 is named 2594, which is no text"),
        ):
            cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
            for name in names:
                cerebro.adddata(bt.feeds.PandasData(dataname=bars()), name=name)
            cerebro.addstrategy(MonthlyTopK, signal=scores({"2020-01-31": "A"}))
            with pytest.raises(DataError, match=message):
                cerebro.run()

    def test_an_unknown_benchmark_names_the_nearest(self):
        with pytest.raises(DataError, match="no feed is named 'INDX'; did you mean 'INDEX'"):
            run({"A": bars(), "INDEX": bars()}, benchmark="INDX")

    @pytest.mark.parametrize("twice", ["A", "B"])
    def test_two_bars_of_one_feed_in_a_session_are_refused(self, twice):
        frames = {"A": bars(), "B": bars()}
        again = frames[twice].iloc[5:6].set_axis([DATES[5] + pd.Timedelta(hours=15)])
        frames[twice] = pd.concat([frames[twice], again]).sort_index()
        with pytest.raises(DataError, match=f"{twice}: a second bar on {DATES[5].date()}"):
            run(frames, signal=scores({"2020-01-31": "A"}))

    @pytest.mark.parametrize("wait", [-1, "soon", True])
    def test_wait_is_a_number_of_seconds(self, wait):
        with pytest.raises(ValueError, match="`wait` must be a number of at least 0"):
            run({"A": bars()}, wait=wait, signal=scores({"2020-01-31": "A"}))

    def test_a_generator_beside_generator_parameters(self):
        class Signal:
            def scores(self, bars):
                raise AssertionError("not asked")

        with pytest.raises(ValueError, match="`n_networks` has no effect beside a `signal`"):
            run({"A": bars()}, strategy=AttentionGRUStrategy, signal=Signal(), n_networks=3)

    def test_given_scores_with_a_date_twice(self):
        table = scores({"2020-01-31": "A"})
        with pytest.raises(ValueError, match="the date 2020-01-31 00:00:00 twice"):
            run({"A": bars()}, signal=pd.concat([table, table]))


class TestMakeSignal:
    def test_a_strategy_brings_a_signal_of_its_own(self):
        class First:
            def scores(self, bars):
                return pd.Series({name: -float(i) for i, name in enumerate(bars.assets)})

        class Own(MonthlyTopK):
            def make_signal(self):
                return First()

        strategy = run({"A": bars(), "B": bars()}, strategy=Own, topk=1)
        assert {asset for _, asset, *_ in fills(strategy)} == {"A"}

    def test_the_old_name_is_not_passed_over(self):
        class Old(MonthlyTopK):
            def _make_signal(self):
                return None

        with pytest.raises(TypeError, match="Old overrides `_make_signal`.*rename the method"):
            run({"A": bars()}, strategy=Old, topk=1)


def test_a_stayer_that_could_not_be_trimmed_stays():
    """Its order to equal weight is void on a day without a bar; that is no order to leave."""
    rising = bars(closes=lambda d: 10.0 if d < pd.Timestamp("2020-02-20") else 20.0)
    gap = rising[rising.index != pd.Timestamp("2020-03-03")]
    given = scores({"2020-01-31": "AB", "2020-02-28": "AB"})
    strategy = run(
        {"A": gap, "B": bars()}, coo=False, signal=given, topk=2, rebalance="full", lot=0
    )
    log = strategy.trade_log.frame()
    assert "above equal weight" in set(log["reason"]) and "no bar today" in set(log["reason"])
    orders = log[(log["asset"] == "A") & (log["event"] == "order") & (log["side"] == "sell")]
    assert set(orders["reason"]) == {"above equal weight"}
    assert strategy.getposition(strategy.getdatabyname("A")).size > 300
