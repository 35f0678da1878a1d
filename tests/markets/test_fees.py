"""Fees: to the cent against hand-made settlement notes, on both sides of every date."""

import datetime as dt

import pytest
from ashare_market import Script, cerebro_of, daily, play
from hypothesis import given
from hypothesis import strategies as st

from attngru_bt.feeds.engine import bt
from attngru_bt.markets import AShare, ashare
from attngru_bt.markets.fees import Fees, cents

D = dt.date


class TestByHand:
    @pytest.mark.parametrize(
        ("value", "shares", "side", "date", "exchange", "expected"),
        [
            # 10,000 CNY: commission 2.50 is less than 5; transfer 0.20; duty on the sale 10.00
            (10_000, 1000, "buy", D(2019, 1, 2), "SH", 5.00 + 0.20),
            (10_000, 1000, "sell", D(2019, 1, 2), "SH", 5.00 + 10.00 + 0.20),
            # 123,456.78: 30.86 (30.864), 123.46, 2.47
            (123_456.78, 10_000, "sell", D(2019, 1, 2), "SZ", 30.86 + 123.46 + 2.47),
            # where the commission begins to exceed its minimum: 20,000 × 0.00025 = 5
            (20_000, 1000, "buy", D(2019, 1, 2), "SH", 5.00 + 0.40),
            (20_040, 1000, "buy", D(2019, 1, 2), "SH", 5.01 + 0.40),
            # stamp duty is halved on 2023-08-28
            (100_000, 100, "sell", D(2023, 8, 27), "SH", 25.00 + 100.00 + 1.00),
            (100_000, 100, "sell", D(2023, 8, 28), "SH", 25.00 + 50.00 + 1.00),
            # the buyer pays none since 2008-09-19
            (100_000, 100, "buy", D(2008, 9, 18), "SZ", 25.00 + 100.00 + 2.55),
            (100_000, 100, "buy", D(2008, 9, 19), "SZ", 25.00 + 2.55),
            (100_000, 100, "sell", D(2008, 9, 19), "SZ", 25.00 + 100.00 + 2.55),
            (100_000, 100, "sell", D(2008, 4, 23), "SZ", 25.00 + 300.00 + 2.55),
            # and before: 0.3%, 0.5%, 0.4%, 0.2%, 0.1%, 0.3% on both sides
            (100_000, 100, "buy", D(1997, 5, 9), "SZ", 25.00 + 300.00 + 2.55),
            (100_000, 100, "buy", D(1997, 5, 12), "SZ", 25.00 + 500.00 + 2.55),
            (100_000, 100, "sell", D(1998, 6, 11), "SZ", 25.00 + 500.00 + 2.55),
            (100_000, 100, "sell", D(1998, 6, 12), "SZ", 25.00 + 400.00 + 2.55),
            (100_000, 100, "buy", D(2001, 11, 15), "SZ", 25.00 + 400.00 + 2.55),
            (100_000, 100, "buy", D(2001, 11, 16), "SZ", 25.00 + 200.00 + 2.55),
            (100_000, 100, "sell", D(2005, 1, 21), "SZ", 25.00 + 200.00 + 2.55),
            (100_000, 100, "buy", D(2005, 1, 23), "SZ", 25.00 + 200.00 + 2.55),
            (100_000, 100, "buy", D(2005, 1, 24), "SZ", 25.00 + 100.00 + 2.55),
            (100_000, 100, "buy", D(2007, 5, 30), "SZ", 25.00 + 300.00 + 2.55),
            # transfer fee: by shares in Shanghai until 2015-07-31, then 0.002%, then 0.001%
            (100_000, 10_000, "buy", D(2015, 7, 31), "SH", 25.00 + 3.00),
            (100_000, 10_000, "buy", D(2015, 8, 1), "SH", 25.00 + 2.00),
            (100_000, 10_000, "buy", D(2022, 4, 28), "SH", 25.00 + 2.00),
            (100_000, 10_000, "buy", D(2022, 4, 29), "SH", 25.00 + 1.00),
            (100_000, 10_000, "buy", D(2015, 7, 31), "SZ", 25.00 + 2.55),
            (100_000, 10_000, "buy", D(2015, 8, 1), "SZ", 25.00 + 2.00),
            (100_000, 10_000, "buy", D(2022, 4, 28), "BJ", 25.00 + 2.50),
            (100_000, 10_000, "buy", D(2022, 4, 29), "BJ", 25.00 + 1.00),
            (0, 0, "buy", D(2019, 1, 2), "SH", 0.0),
        ],
    )
    def test_a_settlement_note(self, value, shares, side, date, exchange, expected):
        assert Fees().of(value, shares, side, date, exchange) == pytest.approx(expected, abs=1e-9)

    def test_every_part_is_a_parameter(self):
        free = Fees(commission=0.0, minimum=0.0, stamp_duty=(), transfer_fees=())
        assert free.of(100_000, 1000, "sell", D(2019, 1, 2), "SH") == 0.0

    @pytest.mark.parametrize(
        ("amount", "rounded"),
        [(1.005, 1.01), (1.004, 1.0), (2.675, 2.68), (10.045, 10.05), (0.0, 0.0)],
    )
    def test_half_a_cent_is_rounded_up(self, amount, rounded):
        assert cents(amount) == rounded

    @pytest.mark.slow
    @given(value=st.floats(1, 1e9), shares=st.floats(1, 1e7))
    def test_fees_are_whole_cents_and_grow_with_the_value(self, value, shares):
        fees = Fees()
        got = fees.of(value, shares, "sell", D(2019, 1, 2), "SH")
        assert round(got, 2) == got
        assert fees.of(value * 1.01 + 100, shares, "sell", D(2019, 1, 2), "SH") >= got


class TestInTheBroker:
    def test_a_round_trip_to_the_cent(self):
        """1,000 at 10: 10,000 + 5.20; sold at 11: 11,000 - 5 - 11 - 0.22."""
        frames = {"600000.SH": daily([10, 10, 11, 11])}
        orders = {1: [("600000.SH", 1000)], 2: [("600000.SH", -1000)]}
        done = play(frames, orders, AShare())
        assert done.told == [
            ("2019-01-03", "600000.SH", "Completed", 1000, 5.20),
            ("2019-01-04", "600000.SH", "Completed", -1000, 16.22),
        ]
        assert done.broker.get_cash() == pytest.approx(1e6 - 10_005.20 + 10_983.78, abs=1e-9)

    @pytest.mark.parametrize("name", ["510300.SH", "588000.SH", "159915.SZ", "161725.SZ"])
    def test_funds_pay_the_commission_only(self, name):
        orders = {1: [(name, 10_000)], 2: [(name, -10_000)]}
        done = play({name: daily([4.0] * 4)}, orders, AShare())
        assert [t[4] for t in done.told] == [10.0, 10.0]

    @pytest.mark.parametrize(("start", "duty"), [("2023-08-24", 11.0), ("2023-08-25", 5.5)])
    def test_the_date_is_that_of_the_trade(self, start, duty):
        frames = {"600000.SH": daily([10, 11, 11], start=start)}
        orders = {0: [("600000.SH", 1000)], 1: [("600000.SH", -1000)]}
        done = play(frames, orders, AShare())
        assert done.told[1][4] == pytest.approx(5 + duty + 0.11)

    def test_the_minimum_is_due_once_per_order_not_per_partial_fill(self):
        """400 shares in fills of 100: 5 in all, not 20; the transfer fee follows the value."""
        frames = {"600000.SH": daily([10] * 8)}
        for before in (True, False):
            cerebro = cerebro_of(frames)
            if before:
                ashare.install(cerebro)
            cerebro.broker.set_filler(bt.fillers.FixedSize(size=100))
            if not before:
                ashare.install(cerebro)
            cerebro.addstrategy(Script, orders={0: [("600000.SH", 400)]})
            done = cerebro.run()[0]
            assert [t[2] for t in done.told] == ["Partial"] * 3 + ["Completed"]
            assert [t[4] for t in done.told] == pytest.approx([5.02, 0.02, 0.02, 0.02])
            assert isinstance(cerebro.broker.p.filler, bt.fillers.FixedSize)

    def test_each_part_of_an_order_pays_the_taxes_of_its_day(self):
        """Half on the last day of 0.1% stamp duty, half on the first of 0.05%."""
        cerebro = cerebro_of({"600000.SH": daily([10] * 6, start="2023-08-23")})
        ashare.install(cerebro)
        cerebro.broker.set_filler(bt.fillers.FixedSize(size=1000))
        cerebro.addstrategy(Script, orders={0: [("600000.SH", 2000)], 2: [("600000.SH", -2000)]})
        done = cerebro.run()[0]
        sold = [told for told in done.told if told[3] < 0]
        assert [t[0] for t in sold] == ["2023-08-25", "2023-08-28"]
        assert [t[4] for t in sold] == pytest.approx([5 + 10 + 0.1, 5 + 0.1])

    def test_partial_fills_beyond_the_minimum_pay_the_rate(self):
        """10 × 10,000 at 10 CNY: 100,000 a fill, commission 25 each, transfer fee 2."""
        cerebro = cerebro_of({"600000.SH": daily([10] * 12)})
        cerebro.broker.set_filler(bt.fillers.FixedSize(size=10_000))
        AShare().install(cerebro)
        cerebro.addstrategy(Script, orders={0: [("600000.SH", 50_000)]})
        done = cerebro.run()[0]
        assert [t[4] for t in done.told] == pytest.approx([27.0] * 5)

    def test_the_brokers_own_commission_is_back_after_the_run(self):
        cerebro = cerebro_of({"600000.SH": daily([10] * 4)})
        cerebro.broker.setcommission(0.01)
        AShare().install(cerebro)
        cerebro.addstrategy(Script, orders={0: [("600000.SH", 100)]})
        assert cerebro.run()[0].told[0][4] == pytest.approx(5.02)
        data = cerebro.datas[0]
        assert cerebro.broker.getcommissioninfo(data).getcommission(100, 10.0) == 10.0
        assert cerebro.broker.p.filler is None
