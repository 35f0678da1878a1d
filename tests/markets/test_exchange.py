"""What fills under A-share rules and what waits, for any strategy."""

import datetime as dt

import pandas as pd
import pytest
from ashare_market import Script, cerebro_of, daily, play, report

from attngru_bt.data.bars import DataError
from attngru_bt.data.membership import Membership
from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.market_feeds import add_feeds
from attngru_bt.markets import AShare, ashare, exchange_of
from attngru_bt.markets.rulebook import Limit

A, STAR = "600000.SH", "688001.SH"
FREE = dict(commission=0.0, minimum=0.0, stamp_duty=(), transfer_fees=())


def done(strategy):
    """Day, name, status and size of everything the broker said."""
    return [t[:4] for t in strategy.told]


@pytest.fixture(params=[True, False], ids=["cheat_on_open", "plain"])
def coo(request):
    return request.param


def at(coo, day):
    """Script day whose orders fill at the open of `day`."""
    return day if coo else day - 1


class TestLots:
    @pytest.mark.parametrize(
        ("name", "size", "fills"),
        [(A, 100, 100), (A, 250, 200), (STAR, 200, 200), (STAR, 333, 333), (A, 1, None),
         (STAR, 199, None)],
    )  # fmt: skip
    def test_buys_are_cut_to_what_may_be_ordered(self, name, size, fills, coo):
        played = play({name: daily([10] * 5)}, {at(coo, 2): [(name, size)]}, AShare(), coo=coo)
        if fills is None:
            assert done(played) == [("2019-01-04", name, "Rejected", 0)]
            assert report(played)[0][2] == "refused"
            assert "buys are for" in report(played)[0][4]
        else:
            assert done(played) == [("2019-01-04", name, "Completed", fills)]
            assert [e[2:4] for e in report(played)] == (
                [("trimmed", size - fills)] if fills < size else []
            )

    def test_a_lot_is_converted_by_the_factor(self):
        """At a factor of 4, 100 real shares are 25 units of the adjusted price."""
        frames = {A: daily([40] * 4, adjfactor=4.0)}
        played = play(frames, {1: [(A, 60)]}, AShare())
        assert done(played) == [("2019-01-03", A, "Completed", 50)]  # 200 shares at 10
        # 200 real shares × 10: commission 5 and transfer fee 0.04
        assert played.told[0][4] == pytest.approx(5.04)

    def test_odd_lots_are_sold_in_one_go(self):
        """Units bought before a 3% dividend: 200 lots become 206 real shares, sold as they are."""
        frames = {A: daily([10, 10, 10.3, 10.3], adjfactor=[1, 1, 1.03, 1.03])}
        played = play(frames, {0: [(A, 200)], 2: [(A, -200)]}, AShare())
        assert done(played)[1] == ("2019-01-04", A, "Completed", -200)
        assert report(played) == []

    def test_all_of_a_holding_leaves_no_dust(self):
        """100 and 200 shares at a factor of 1.1: 90.9 + 181.8 is not 272.7 in binary floats."""
        frames = {A: daily([10] * 5, adjfactor=1.1)}
        orders = {0: [(A, 100 / 1.1), (A, 200 / 1.1)], 2: [(A, -300 / 1.1)]}
        played = play(frames, orders, AShare())
        assert played.getpositionbyname(A).size == 0
        assert [d[2] for d in done(played)] == ["Completed"] * 3 and not played.broker.pending
        assert report(played) == []

    def test_part_of_a_holding_is_sold_in_lots(self):
        played = play({A: daily([10] * 5)}, {0: [(A, 500)], 2: [(A, -250)]}, AShare())
        assert done(played)[1] == ("2019-01-04", A, "Completed", -200)
        assert played.getpositionbyname(A).size == 300

    def test_nothing_is_sold_short(self, coo):
        played = play({A: daily([10] * 5)}, {at(coo, 2): [(A, -100)]}, AShare(), coo=coo)
        assert done(played) == [("2019-01-04", A, "Rejected", 0)]
        assert "cannot be sold short" in report(played)[0][4]

    def test_no_more_is_sold_than_is_held(self):
        played = play({A: daily([10] * 5)}, {0: [(A, 200)], 2: [(A, -500)]}, AShare())
        assert done(played)[1] == ("2019-01-04", A, "Completed", -200)


class TestLimits:
    # closes 10, 11 (limit up), 12.1 (limit up), then it opens at its limit and leaves it
    def locked_up(self, **lines):
        return {A: daily([10, 11, 12.1, 13], open=[10, 11, 12.1, 13.31], **lines)}

    def test_no_buy_fills_on_a_bar_locked_at_the_up_limit(self, coo):
        played = play(self.locked_up(), {at(coo, 1): [(A, 100)]}, AShare(**FREE), coo=coo)
        # days 1 and 2 are locked; day 3 opens at its limit, 13.31, and falls to 13: it fills there
        assert done(played) == [("2019-01-07", A, "Completed", 100)]
        assert report(played) == [
            ("2019-01-03", A, "waiting", 100, "locked at its up limit: 11"),
        ]  # fmt: skip
        assert played.broker.get_cash() == pytest.approx(1e6 - 1331.0)

    def test_a_sale_on_such_a_bar_fills(self):
        played = play(self.locked_up(), {0: [(A, 100)], 1: [(A, -100)]}, AShare(**FREE))
        assert done(played)[1] == ("2019-01-03", A, "Completed", -100)

    def test_no_sale_fills_on_a_bar_locked_at_the_down_limit(self, coo):
        frames = {A: daily([10, 10, 9, 8.1, 8.2])}
        orders = {at(coo, 1): [(A, 100)], at(coo, 2): [(A, -100)]}
        played = play(frames, orders, AShare(**FREE), coo=coo)
        assert done(played)[1] == ("2019-01-08", A, "Completed", -100)
        assert [e[:3] for e in report(played)] == [("2019-01-04", A, "waiting")]

    def test_limit_orders_wait_as_well(self):
        """On a locked bar a buy at the limit price stands in a queue nobody sells to."""
        played = play(self.locked_up(), {1: [(A, 100, 12.1)]}, AShare(**FREE))
        assert done(played) == []

    @pytest.mark.parametrize("symbol", [A, "sh.600000", "600000"])
    def test_st_stocks_are_locked_at_5_per_cent(self, symbol):
        frames = {A: daily([10, 10.5, 10.5])}
        stays = pd.DataFrame({"symbol": [symbol], "in_date": ["2018-01-01"], "out_date": [""]})
        orders = {1: [(A, 100)]}
        st = Membership.from_frame(stays)
        assert done(play(frames, orders, AShare()))[0][0] == "2019-01-03"
        assert done(play(frames, orders, AShare(st=st)))[0][0] == "2019-01-04"
        by_line = {A: daily([10, 10.5, 10.5], st=1.0)}
        assert done(play(by_line, orders, AShare()))[0][0] == "2019-01-04"

    def test_the_first_day_of_the_delisting_period_has_no_limit(self):
        """It opens and stays 10% lower, and so does the next day: there a sale waits."""
        closes, period = [10, 10, 9, 8.1, 8.0], [0, 0, 1, 1, 1]
        frames = {A: daily(closes, start="2021-03-01", delisting=period, st=1.0)}
        orders = {0: [(A, 300)], 2: [(A, -100)], 3: [(A, -100)]}
        played = play(frames, orders, AShare())
        days = [(d[0], d[3]) for d in done(played)]
        assert days == [("2021-03-01", 300), ("2021-03-03", -100), ("2021-03-05", -100)]

    def test_preclose_is_the_base_on_an_ex_right_day(self):
        """Two for one: raw prices fall from 10 to 5.5, which is the up limit of 5."""
        frames = {A: daily([10, 5.5, 5.5], preclose=[10, 5, 5.5])}
        played = play(frames, {1: [(A, 100)]}, AShare())
        assert done(played) == [("2019-01-04", A, "Completed", 100)]

    def test_a_new_stock_has_no_limit_on_its_first_day(self):
        frames = {A: daily([10] * 6), "600001.SH": daily([30.0] * 3, preclose=30 / 1.1)}
        frames["600001.SH"].index = frames[A].index[3:]
        orders = {3: [("600001.SH", 100)], 4: [("600001.SH", 100)]}
        played = play(frames, orders, AShare(limits=AShare().limits[:2]))
        # 30 is the 10% limit of its preclose; the first day it binds nobody, the second it does
        assert done(played) == [("2019-01-07", "600001.SH", "Completed", 100)]
        assert report(played)[0][:3] == ("2019-01-08", "600001.SH", "waiting")

    def test_without_the_table_there_are_no_limits(self):
        played = play(self.locked_up(), {1: [(A, 100)]}, AShare(limits=()))
        assert done(played)[0][0] == "2019-01-03"


class TestTPlusOne:
    def test_what_was_bought_today_is_sold_tomorrow(self):
        """Both in one session: the buy fills, the sale waits a day."""
        frames = {A: daily([10] * 4)}
        played = play(frames, {1: [(A, 100), (A, -100)]}, AShare())
        assert done(played) == [
            ("2019-01-03", A, "Completed", 100),
            ("2019-01-04", A, "Completed", -100),
        ]
        assert "T+1" in report(played)[0][4]
        at_once = play(frames, {1: [(A, 100), (A, -100)]}, AShare(t_plus_one=False))
        assert [d[0] for d in done(at_once)] == ["2019-01-03"] * 2

    def test_what_was_held_before_is_sold_at_once(self):
        played = play({A: daily([10] * 5)}, {0: [(A, 300)], 2: [(A, 200), (A, -500)]}, AShare())
        assert done(played)[1:] == [
            ("2019-01-04", A, "Completed", 200),
            ("2019-01-04", A, "Partial", -300),
            ("2019-01-07", A, "Completed", -200),
        ]

    def test_the_rest_of_a_split_sale_is_an_order_of_its_own(self):
        """200 STAR shares are free, 200 were bought today: of a sale of 250 the rest is 50.

        With 200 held, 50 may not be sold: STAR sells 200 and more, or all.
        """
        frames = {STAR: daily([10] * 6)}
        played = play(frames, {0: [(STAR, 200)], 2: [(STAR, 200), (STAR, -250)]}, AShare())
        assert done(played)[2:] == [
            ("2019-01-04", STAR, "Partial", -200),
            ("2019-01-07", STAR, "Canceled", 0),
        ]
        assert [(e[0], e[2], e[3]) for e in report(played)] == [("2019-01-07", "refused", 50)]
        assert played.getpositionbyname(STAR).size == 200

    def test_the_rest_of_a_split_sale_may_be_all_that_is_left(self):
        frames = {STAR: daily([10] * 6)}
        played = play(frames, {0: [(STAR, 200)], 2: [(STAR, 200), (STAR, -400)]}, AShare())
        assert [d[2:] for d in done(played)[2:]] == [("Partial", -200), ("Completed", -200)]
        assert report(played) == []

    def test_the_rest_of_a_split_sale_is_sold_in_lots(self):
        """In shares: 150 are held, 300 bought today; of a sale of 375, lots and odd rest are 350.

        150 of them are free today; the rest, 200, are whole lots of the 300 held tomorrow.
        """
        frames = {A: daily([10, 15, 15, 15, 15], adjfactor=[1, 1.5, 1.5, 1.5, 1.5])}
        played = play(frames, {0: [(A, 100)], 2: [(A, 200), (A, -250)]}, AShare())
        assert [round(-d[3] * 1.5) for d in done(played) if d[3] < 0] == [150, 200]

    def test_a_part_that_the_scripts_own_filler_left_over_is_no_new_order(self):
        """400 in fills of 150: 150, 150 and 100, on a board that sells 200 and more."""
        cerebro = cerebro_of({STAR: daily([10] * 8)})
        ashare.install(cerebro)
        cerebro.broker.set_filler(bt.fillers.FixedSize(size=150))
        cerebro.addstrategy(Script, orders={0: [(STAR, 400)], 4: [(STAR, -250)]})
        played = cerebro.run()[0]
        assert [d[3] for d in done(played)] == [150, 150, 100, -150, -100]
        assert report(played) == []

    def test_shares_that_another_order_sold_are_not_sold_again(self):
        """Two sales of the whole holding in fills of 100: together they sell what is held."""
        cerebro = cerebro_of({A: daily([10] * 12)})
        ashare.install(cerebro)
        cerebro.broker.set_filler(bt.fillers.FixedSize(size=100))
        cerebro.addstrategy(Script, orders={0: [(A, 300)], 4: [(A, -300), (A, -300)]})
        played = cerebro.run()[0]
        assert played.getpositionbyname(A).size == 0
        assert sum(d[3] for d in done(played)) == 0
        assert not played.broker.pending


class TestSuspensions:
    def suspended(self):
        return {A: daily([10, 10, None, None, 12, 12]), "600001.SH": daily([5] * 6)}

    def test_an_order_waits_for_a_bar_and_is_reported(self, coo):
        played = play(self.suspended(), {at(coo, 2): [(A, 100)]}, AShare(), coo=coo)
        assert done(played) == [("2019-01-08", A, "Completed", 100)]
        assert report(played) == [("2019-01-04", A, "waiting", 100, "suspended: no bar today")]

    @pytest.mark.parametrize(
        "line", [{"volume": [1e6, 1e6, 0, 0, 1e6]}, {"traded": [1, 1, 0, 0, 1]}]
    )
    def test_a_bar_without_a_trade_does_not_fill(self, line, coo):
        frames = {A: daily([10] * 5, **line)}
        played = play(frames, {at(coo, 2): [(A, 100)]}, AShare(), coo=coo)
        assert done(played) == [("2019-01-08", A, "Completed", 100)]
        assert report(played)[0][4] == "suspended: no trade today"

    def test_a_feed_without_volumes_trades(self):
        played = play({A: daily([10] * 4, volume=0.0)}, {1: [(A, 100)]}, AShare())
        assert done(played)[0][0] == "2019-01-03"


class TestDelisting:
    def frames(self):
        return {A: daily([10, 10, 8] + [None] * 37), "600001.SH": daily([5] * 40)}

    def test_a_holding_is_settled_at_its_last_price_and_reported(self, coo):
        rules = AShare(settle_after=20)
        played = play(self.frames(), {at(coo, 1): [(A, 100)]}, rules, coo=coo)
        # last bar 2019-01-04; 21 days later is 2019-01-25, and the cash is there a session later
        assert done(played)[1] == ("2019-01-28", A, "Completed", -100)
        (event,) = report(played)
        assert event[:4] == ("2019-01-25", A, "settled", 100)
        assert "more than 20 days" in event[4] and "2019-01-04" in event[4]
        assert played.broker.get_cash() == pytest.approx(1e6 - 1000 - 5.02 + 800)
        assert played.broker.get_value() == played.broker.get_cash()

    @pytest.mark.parametrize("symbol", [A, "SH600000", "600000.XSHG"])
    def test_a_listing_table_knows_the_day(self, symbol):
        listing = pd.DataFrame(
            {"symbol": [symbol], "in_date": ["1999-11-10"], "out_date": ["2019-01-10"]}
        )
        rules = AShare(listing=listing)
        for _ in range(2):  # the same rules serve any number of runs
            played = play(self.frames(), {1: [(A, 100)]}, rules)
            assert report(played)[0][:3] == ("2019-01-10", A, "settled")
            assert done(played)[1][0] == "2019-01-11"

    def test_who_still_trades_is_not_settled_whatever_the_table_says(self):
        listing = pd.DataFrame({"symbol": [A], "in_date": ["1999-11-10"], "out_date": "2019-01-10"})
        played = play({A: daily([10] * 20)}, {1: [(A, 100)]}, AShare(listing=listing))
        assert report(played) == [] and played.getpositionbyname(A).size == 100

    def test_one_stock_in_two_spellings_of_the_table(self):
        listing = pd.DataFrame({"symbol": [A, "SH600000"], "in_date": "1999-11-10", "out_date": ""})
        with pytest.raises(DataError, match="600000.SH in two spellings, one is SH600000"):
            play(self.frames(), {}, AShare(listing=listing))

    def test_a_relisted_name_is_settled_by_the_stay_of_its_last_bar(self):
        rows = pd.DataFrame(
            {"symbol": ["A", "A"], "in_date": ["2022-03-01", "2001-01-02"],
             "out_date": ["", "2019-06-03"]}
        )  # fmt: skip
        rules, day = AShare(listing=rows), pd.Timestamp
        first, later = day("2019-05-31").date(), day("2022-03-04").date()
        assert "delisted on 2019-06-03" in rules.gone("A", first, day("2019-06-03").date())
        assert rules.gone("A", first, day("2019-06-02").date()) == ""
        assert rules.gone("A", later, day("2030-01-01").date()) == ""

    def test_a_name_the_table_lists_is_only_suspended(self):
        listing = pd.DataFrame({"symbol": [A], "in_date": ["1999-11-10"], "out_date": [None]})
        played = play(self.frames(), {1: [(A, 100)]}, AShare(listing=listing, settle_after=5))
        assert report(played) == [] and played.getpositionbyname(A).size == 100

    def test_never_is_an_option(self):
        played = play(self.frames(), {1: [(A, 100)]}, AShare(settle_after=None))
        assert report(played) == [] and played.getpositionbyname(A).size == 100

    def test_orders_that_wait_for_it_are_canceled(self):
        played = play(self.frames(), {1: [(A, 100)], 4: [(A, -100)]}, AShare(settle_after=20))
        assert [d[2] for d in done(played)] == ["Completed", "Canceled", "Completed"]
        assert played.broker.get_cash() == pytest.approx(1e6 - 1000 - 5.02 + 800)


class TestSlippage:
    def test_a_fill_stays_within_the_days_range(self):
        frames = {
            A: daily([10, 10.005, 10.005], open=10.0),
            "600001.SH": daily([10, 10.5, 10.5], open=10.0),
        }
        orders = {1: [(A, 100), ("600001.SH", 100)]}
        played = play(frames, orders, AShare(slippage=0.01, **FREE))
        assert played.broker.get_cash() == pytest.approx(1e6 - 1000.5 - 1010)


class CrossOver(bt.Strategy):
    """A plain strategy that knows nothing of this package: above its average in, below it out."""

    params = dict(period=10)

    def __init__(self):
        self.above = {
            d: d.close > bt.indicators.SMA(d.close, period=self.p.period) for d in self.datas
        }
        self.statuses = []
        self.fills = []

    def next(self):
        for data in self.datas:
            position = self.getposition(data)
            if self.above[data][0] and not position.size:
                self.order_target_percent(data, 0.08)
            elif not self.above[data][0] and position.size:
                self.close(data)

    def notify_order(self, order):
        self.statuses.append(order.status)
        if order.status in (order.Partial, order.Completed):
            for bit in order.executed.iterpending():
                self.fills.append((order.data._name, bit.size, bit.price, self.datetime.date(0),
                                   bit.closedcomm + bit.openedcomm))  # fmt: skip


@pytest.fixture(scope="module")
def run(market):
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.setcash(1e6)
    ashare.install(cerebro)  # before the feeds: one call, whenever
    add_feeds(cerebro, market.bars)
    cerebro.addstrategy(CrossOver)
    return cerebro.run()[0]


class TestAPlainStrategy:
    @pytest.mark.slow
    def test_buys_are_lots(self, run):
        buys = [f for f in run.fills if f[1] > 0]
        assert len(buys) > 50
        assert all(f[1] % 100 == 0 for f in buys)

    @pytest.mark.slow
    def test_books_balance(self, run):
        cash = 1e6 - sum(size * price + fee for _, size, price, _, fee in run.fills)
        assert run.broker.get_cash() == pytest.approx(cash, abs=0.005)
        held = sum(p.size * d.close[0] for d, p in run.broker.positions.items())
        assert run.broker.get_value() == pytest.approx(run.broker.get_cash() + held)

    @pytest.mark.slow
    def test_every_fee_is_that_of_the_note(self, run):
        fees = AShare().fees
        for _, size, price, date, fee in run.fills:
            side = "buy" if size > 0 else "sell"
            note = fees.of(abs(size) * price, abs(size), side, date, "SH")
            assert fee == pytest.approx(note, abs=1e-6)

    @pytest.mark.slow
    def test_nothing_is_sold_on_the_day_it_was_bought(self, run):
        bought = {(f[0], f[3]) for f in run.fills if f[1] > 0}
        assert not bought & {(f[0], f[3]) for f in run.fills if f[1] < 0}


class TestInstall:
    def test_before_or_after_the_feeds_is_the_same(self):
        frames = {A: daily([10, 11, 12.1, 13])}
        orders = {1: [(A, 150)]}
        told = []
        for first in (True, False):
            cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
            if first:
                ashare.install(cerebro)
            other = cerebro_of(frames)
            for data in other.datas:
                cerebro.adddata(data, name=data._name)
            if not first:
                ashare.install(cerebro)
            cerebro.addstrategy(Script, orders=orders)
            told.append(cerebro.run()[0].told)
        assert told[0] == told[1] != []

    def test_one_cerebro_runs_twice(self):
        cerebro = cerebro_of({A: daily([10, 11, 12.1, 13])})
        own = bt.CommissionInfo(commission=0.01)
        cerebro.broker.addcommissioninfo(own, name=A)
        ashare.install(cerebro)
        cerebro.addstrategy(Script, orders={0: [(A, 150)]})
        first, second = cerebro.run()[0], cerebro.run()[0]
        assert cerebro.broker.comminfo[A] is own
        assert first.told == second.told != []
        assert cerebro.broker.p.filler is None and exchange_of(cerebro.broker) is None

    def test_a_run_that_failed_leaves_nothing_behind(self):
        class Fails(Script):
            def next(self):
                raise RuntimeError("on purpose")

        cerebro = cerebro_of({A: daily([10] * 4)})
        ashare.install(cerebro)
        cerebro.addstrategy(Fails)
        with pytest.raises(RuntimeError):
            cerebro.run()
        cerebro.strats.clear()
        cerebro.addstrategy(Script, orders={0: [(A, 100)]})
        done_ = cerebro.run()[0]
        assert [t[2] for t in done_.told] == ["Completed"]
        assert cerebro.broker.p.filler is None

    def test_two_strategies_share_one_exchange(self):
        cerebro = cerebro_of({A: daily([10] * 5)})
        ashare.install(cerebro)
        cerebro.addstrategy(Script, orders={0: [(A, 150)]})
        cerebro.addstrategy(Script, orders={1: [(A, 150)]})
        one, two = cerebro.run()
        assert done(one) + done(two) == [
            ("2019-01-02", A, "Completed", 100), ("2019-01-03", A, "Completed", 100),
        ]  # fmt: skip
        assert cerebro.broker.p.filler is None

    @pytest.mark.slow
    def test_the_report_comes_back_from_worker_processes(self):
        cerebro = cerebro_of({A: daily([10] * 5)})
        cerebro.p.maxcpus = 2
        ashare.install(cerebro)
        cerebro.optstrategy(Script, orders=[{0: [(A, 150)]}, {0: [(A, 100)]}])
        reports = [run[0].analyzers.market.get_analysis() for run in cerebro.run()]
        assert [len(r) for r in reports] == [1, 0]

    @pytest.mark.parametrize(
        "modes", [dict(runonce=False), dict(preload=False), dict(exactbars=-2)]
    )
    def test_the_mode_of_cerebro_changes_nothing(self, modes):
        frames = {A: daily([10, 11, 12.1, 13, None, 13, 13]), "600001.SH": daily([5] * 7)}
        orders = {1: [(A, 150)], 4: [(A, -100), ("600001.SH", 300)]}
        want = play(frames, orders, AShare())
        cerebro = cerebro_of(frames)
        for name, value in modes.items():
            setattr(cerebro.p, name, value)
        ashare.install(cerebro)
        cerebro.addstrategy(Script, orders=orders)
        got = cerebro.run()[0]
        assert got.told == want.told and report(got) == report(want)

    def test_installed_twice_is_an_error(self):
        cerebro = bt.Cerebro()
        ashare.install(cerebro)
        with pytest.raises(ValueError, match="has market rules already"):
            ashare.install(cerebro)

    def test_cheat_on_close_is_refused(self):
        cerebro = cerebro_of({A: daily([10] * 4)})
        cerebro.broker.set_coc(True)
        ashare.install(cerebro)
        cerebro.addstrategy(Script)
        with pytest.raises(ValueError, match="cheat-on-close"):
            cerebro.run()

    def test_a_code_without_its_zeros_is_refused(self):
        """It counted as a stock of Shanghai's main board."""
        cerebro = cerebro_of({"2594": daily([10] * 4)})
        ashare.install(cerebro)
        cerebro.addstrategy(Script)
        with pytest.raises(ValueError, match="'2594' has lost the zeros.*name it '002594'"):
            cerebro.run()

    def test_duplicate_names_are_refused(self):
        cerebro = bt.Cerebro(stdstats=False)
        for _ in range(2):
            cerebro.adddata(bt.feeds.PandasData(dataname=daily([10] * 4)), name=A)
        ashare.install(cerebro)
        cerebro.addstrategy(Script)
        with pytest.raises(DataError, match="Two feeds are named"):
            cerebro.run()

    @pytest.mark.parametrize(
        ("switches", "error", "message"),
        [
            (dict(commission=0.7), ValueError, "`commission` must be a fraction"),
            (dict(minimum=-1.0), ValueError, "`minimum` must be a number of at least 0"),
            (dict(slippage=1.0), ValueError, "`slippage` must be a fraction"),
            (dict(settle_after=0), ValueError, "`settle_after` must be a whole number"),
            (dict(st={"A"}), TypeError, "`st` must have a method at"),
            (dict(delisting={"A"}), TypeError, "`delisting` must have a method at"),
            (dict(lots={"main": (100, 0)}), ValueError, "`lots` must give"),
            (
                dict(limits=[Limit("mian", dt.date(2020, 1, 1), 0.1, 0.1, 1)]),
                ValueError,
                "`limits` must have rows of the boards main, .*got Limit.board='mian'",
            ),
            (
                dict(
                    listing=pd.DataFrame(
                        {
                            "symbol": ["A", "A"],
                            "in_date": ["2001-01-02", "2002-01-02"],
                            "out_date": ["", ""],
                        }
                    )
                ),
                DataError,
                "A twice: a row from 2002-01-02 follows one until no out_date",
            ),
            (dict(listing=pd.DataFrame({"symbol": ["A"]})), DataError, "must have the columns"),
            (
                dict(listing=pd.DataFrame({"symbol": ["A"], "in_date": ["x"], "out_date": [""]})),
                DataError,
                "A has the date 'x'",
            ),
        ],
    )
    def test_bad_switches(self, switches, error, message):
        with pytest.raises(error, match=message):
            AShare(**switches)
