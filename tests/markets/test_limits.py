"""Limits and lots: the tables on both sides of every date, and the arithmetic of lots."""

import datetime as dt
import math
from decimal import ROUND_HALF_UP, Decimal
from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngru_bt.data.membership import Membership
from attngru_bt.markets.limits import Limits
from attngru_bt.markets.lots import buyable, sellable
from attngru_bt.markets.rulebook import LIMITS, NONE, Limit, board_of

D = dt.date


class Feed:
    """What the rules read of a feed: name, length, dates and lines at an offset."""

    class Line(list):
        def __getitem__(self, ago):
            return list.__getitem__(self, len(self) - 1 + ago)

    def __init__(self, name, dates, **lines):
        self._name = name
        self.datetime = self.Line([d.toordinal() for d in dates])
        made = {k: self.Line(v) for k, v in lines.items()}
        self.lines = SimpleNamespace(**made)
        for key, line in made.items():
            setattr(self, key, line)

    def __len__(self):
        return len(self.datetime)


def old(name, date, close=(10.0,) * 8, **lines):
    """A feed that has traded for long; the last bar is on `date`."""
    dates = [date - dt.timedelta(days=len(close) - 1 - i) for i in range(len(close))]
    flat = {k: lines.pop(k, close) for k in ("open", "high", "low")}
    return Feed(name, dates, close=close, **flat, **lines)


class TestBoards:
    @pytest.mark.parametrize(
        ("symbol", "board", "exchange"),
        [
            ("600000.SH", "main", "SH"), ("sh.601318", "main", "SH"), ("SH603259", "main", "SH"),
            ("000001", "main", "SZ"), ("002415.SZ", "main", "SZ"), ("688981.SH", "star", "SH"),
            ("689009", "star", "SH"), ("300750.SZ", "chinext", "SZ"), ("sz301236", "chinext", "SZ"),
            ("830799.BJ", "bse", "BJ"), ("430047", "bse", "BJ"), ("920002", "bse", "BJ"),
            ("510300.SH", "fund", "SH"), ("501018", "fund", "SH"), ("588000", "fund20", "SH"),
            ("sz159915", "fund", "SZ"), ("161725.SZ", "fund", "SZ"), ("180101", "fund", "SZ"),
            ("S001", "main", "SH"), ("AAPL", "main", "SH"), ("1234567", "main", "SH"),
        ],
    )  # fmt: skip
    def test_board_by_symbol(self, symbol, board, exchange):
        assert board_of(symbol) == (board, exchange)


class TestFractions:
    @pytest.mark.parametrize(
        ("symbol", "date", "limit"),
        [
            ("600000", D(1996, 12, 15), NONE),
            ("600000", D(1996, 12, 16), 0.10),
            ("600000", D(2024, 1, 2), 0.10),
            ("300001", D(2020, 8, 23), 0.10),
            ("300001", D(2020, 8, 24), 0.20),
            ("688001", D(2019, 8, 1), 0.20),
            ("830799", D(2021, 11, 14), NONE),
            ("830799", D(2021, 11, 15), 0.30),
            ("510300", D(2024, 1, 2), 0.10),
            ("588000", D(2020, 8, 20), 0.10),
            ("588000", D(2020, 8, 21), 0.20),
        ],
    )
    def test_board_and_date(self, symbol, date, limit):
        assert Limits(LIMITS).fractions(old(symbol, date)) == (limit, limit)

    @pytest.mark.parametrize(
        ("symbol", "date", "limit"),
        [
            ("600000", D(1998, 4, 21), 0.10),
            ("600000", D(1998, 4, 22), 0.05),
            ("600000", D(2026, 7, 5), 0.05),
            ("000001", D(2026, 7, 5), 0.05),
            ("600000", D(2026, 7, 6), 0.10),
            ("000001", D(2026, 7, 6), 0.10),
            ("300001", D(2020, 8, 23), 0.05),
            ("300001", D(2020, 8, 24), 0.20),
            ("688001", D(2021, 1, 4), 0.20),
            ("830799", D(2021, 11, 15), 0.30),
        ],
    )
    def test_special_treatment(self, symbol, date, limit):
        by_line = old(symbol, date, st=(1.0,) * 8)
        assert Limits(LIMITS).fractions(by_line)[0] == limit
        stays = pd.DataFrame({"symbol": [symbol], "in_date": [date], "out_date": [""]})
        stays["in_date"] = stays["in_date"].astype(str)
        limits = Limits(LIMITS, st=Membership.from_frame(stays))
        assert limits.fractions(old(symbol, date))[0] == limit
        before = old(symbol, date - dt.timedelta(days=1))
        assert limits.fractions(before) == Limits(LIMITS).fractions(before)

    @pytest.mark.parametrize(
        ("symbol", "listed", "free"),
        [
            ("600000", D(2013, 12, 12), [(NONE, NONE), (0.1, 0.1)]),
            ("600000", D(2013, 12, 13), [(0.44, 0.36), (0.1, 0.1)]),
            ("000001", D(2014, 6, 12), [(NONE, NONE), (0.1, 0.1)]),
            ("000001", D(2014, 6, 13), [(0.44, 0.36), (0.1, 0.1)]),
            ("000001", D(2023, 4, 9), [(0.44, 0.36), (0.1, 0.1)]),
            ("000001", D(2023, 4, 10), [(NONE, NONE)] * 5 + [(0.1, 0.1)]),
            ("300001", D(2014, 6, 12), [(NONE, NONE), (0.1, 0.1)]),
            ("300001", D(2014, 6, 13), [(0.44, 0.36), (0.1, 0.1)]),
            ("600000", D(2023, 4, 9), [(0.44, 0.36), (0.1, 0.1)]),
            ("600000", D(2023, 4, 10), [(NONE, NONE)] * 5 + [(0.1, 0.1)]),
            ("300001", D(2020, 8, 23), [(0.44, 0.36), (0.2, 0.2)]),
            ("300001", D(2020, 8, 24), [(NONE, NONE)] * 5 + [(0.2, 0.2)]),
            ("688001", D(2019, 7, 22), [(NONE, NONE)] * 5 + [(0.2, 0.2)]),
            ("830799", D(2021, 11, 15), [(NONE, NONE), (0.3, 0.3)]),
        ],
    )
    @pytest.mark.parametrize("told", [True, False])
    def test_the_first_days_of_a_listing(self, symbol, listed, free, told):
        """With a listing table, and by the first bar of a feed that starts after the others."""
        limits = Limits(LIMITS, listed={symbol: [listed]} if told else None)
        limits.first_session = D(2010, 1, 4)
        for n, expected in enumerate(free, start=1):
            dates = [listed + dt.timedelta(days=i) for i in range(n)]
            feed = Feed(symbol, dates, close=[10.0] * n)
            assert limits.fractions(feed) == expected

    def test_a_feed_that_is_there_from_the_start_is_an_old_stock(self):
        limits = Limits(LIMITS)
        limits.first_session = D(2024, 1, 2)
        assert limits.fractions(Feed("600000", [D(2024, 1, 2)], close=[10.0])) == (0.1, 0.1)

    def test_a_feed_that_begins_long_after_its_listing_is_an_old_stock(self):
        limits = Limits(LIMITS, listed={"600000": [D(2023, 5, 4)]})
        limits.first_session = D(2023, 1, 3)
        feed = Feed("600000", [D(2023, 9, 1)], close=[10.0])
        assert limits.fractions(feed) == (0.1, 0.1)

    def test_a_new_rule_is_a_row(self):
        rows = (*LIMITS, Limit("main", D(2030, 1, 4), 0.10, 0.15, 5))
        limits = Limits(rows)
        st_line = {"st": (1.0,) * 8}
        assert limits.fractions(old("600000", D(2030, 1, 3), **st_line)) == (0.10, 0.10)
        assert limits.fractions(old("600000", D(2030, 1, 4), **st_line)) == (0.15, 0.15)

    @pytest.mark.parametrize(
        ("symbol", "first", "expected"),
        [
            ("600000", D(2020, 12, 30), [0.10, 0.10]),
            ("600000", D(2020, 12, 31), [NONE, 0.10]),
            ("000001", D(2020, 12, 30), [0.10, 0.10]),
            ("000001", D(2020, 12, 31), [NONE, 0.10]),
            ("000001", D(2026, 7, 6), [NONE, 0.10]),
            ("300001", D(2020, 8, 20), [0.10, 0.10]),
            ("300001", D(2020, 12, 30), [0.20, 0.20]),
            ("300001", D(2020, 12, 31), [NONE, 0.20]),
            ("688001", D(2020, 12, 30), [0.20, 0.20]),
            ("688001", D(2020, 12, 31), [NONE, 0.20]),
            ("830799", D(2021, 11, 15), [NONE, 0.30]),
        ],
    )
    def test_the_delisting_period(self, symbol, first, expected):
        """Its first day, and the next; by a line and by a table. ST does not narrow it."""
        stays = pd.DataFrame({"symbol": [symbol], "in_date": [str(first)], "out_date": [""]})
        by_table = Limits(LIMITS, delisting=Membership.from_frame(stays))
        for n, limit in enumerate(expected):
            day = first + dt.timedelta(days=n)
            under = {"st": (1.0,) * 8}
            line = {"delisting": (0.0,) * (7 - n) + (1.0,) * (n + 1)}
            assert Limits(LIMITS).fractions(old(symbol, day, **line, **under)) == (limit, limit)
            assert by_table.fractions(old(symbol, day, **under)) == (limit, limit)

    def test_the_delisting_period_begins_with_its_first_bar(self):
        """The period begins on a day without a bar: the next bar is its first session."""
        dates = [D(2021, 3, 1), D(2021, 3, 12), D(2021, 3, 15)]
        stays = pd.DataFrame({"symbol": ["600000"], "in_date": ["2021-03-08"], "out_date": [""]})
        limits = Limits(LIMITS, delisting=Membership.from_frame(stays))
        feeds = [Feed("600000", dates[:n], close=[10.0] * n) for n in (1, 2, 3)]
        assert [limits.fractions(feed)[0] for feed in feeds] == [0.10, NONE, 0.10]

    def test_a_relisting_has_one_day_without_a_limit(self):
        limits = Limits(LIMITS, listed={"600000": [D(2000, 1, 4), D(2024, 5, 6)]})
        before, first, second = D(2020, 5, 29), D(2024, 5, 6), D(2024, 5, 7)
        feed = Feed("600000", [before, first], close=[1.0, 2.0])
        assert limits.fractions(feed) == (NONE, NONE)
        feed = Feed("600000", [before, first, second], close=[1.0, 2.0, 2.0])
        assert limits.fractions(feed) == (0.10, 0.10)
        alone = Feed("600000", [first], close=[2.0])
        assert limits.fractions(alone) == (NONE, NONE)

    def test_after_a_suspension_the_limit_is_of_the_last_close(self):
        dates = [D(2019, 1, 2), D(2019, 1, 3), D(2019, 9, 2)]
        feed = Feed("600000", dates, close=[10.0, 20.0, 22.0])
        limits = Limits(LIMITS, listed={"600000": [D(2000, 1, 4)]})
        assert limits.prices(feed) == (22.0, 18.0)


class TestPrices:
    def test_the_limit_is_rounded_to_the_tick(self):
        feed = old("600000", D(2019, 1, 2), preclose=(15.69,) * 8)
        assert Limits(LIMITS).prices(feed) == pytest.approx((17.26, 14.12))  # 17.259, 14.121

    def test_half_a_tick_is_rounded_up(self):
        feed = old("600000", D(2019, 1, 2), preclose=(10.05,) * 8)
        assert Limits(LIMITS).prices(feed) == (11.06, 9.05)  # 11.055, 9.045

    @pytest.mark.slow
    @pytest.mark.parametrize("symbol", ["600000", "688001", "830799", "510300"])
    def test_every_limit_is_decimal_arithmetic(self, symbol):
        """Against Decimal, for every price up to 30 CNY, with a factor and without."""
        per_unit = 1000 if symbol == "510300" else 100
        tick = Decimal(1) / per_unit
        for ticks in range(1, 30 * per_unit, 7 * per_unit // 100):
            base = tick * ticks
            fraction = Decimal(str(Limits(LIMITS).fractions(old(symbol, D(2024, 1, 2)))[0]))
            up, down = ((base * (1 + s * fraction)).quantize(tick, ROUND_HALF_UP) for s in (1, -1))
            expected = float(max(up, base + tick)), float(min(down, base - tick))
            plain = old(symbol, D(2024, 1, 2), preclose=(float(base),) * 8)
            assert Limits(LIMITS).prices(plain) == expected
            lines = dict(preclose=(float(base) * 3.21,) * 8, adjfactor=(3.21,) * 8)
            adjusted = old(symbol, D(2024, 1, 2), **lines)
            assert Limits(LIMITS).prices(adjusted) == pytest.approx(
                tuple(p * 3.21 for p in expected), rel=1e-12
            )

    def test_prices_that_were_stored_short_round_like_those_they_stand_for(self):
        """10.05 × 3.21 is 32.2605; stored as 32.2565 it has the limits of 10.05 all the same."""
        lines = dict(preclose=(32.2605 - 0.004,) * 8, adjfactor=(3.21,) * 8)
        up, down = Limits(LIMITS).prices(old("600000", D(2019, 1, 2), **lines))
        assert (up / 3.21, down / 3.21) == pytest.approx((11.06, 9.05), rel=1e-12)

    @pytest.mark.parametrize(
        ("symbol", "base", "expected"),
        [("600000", 0.04, (0.05, 0.03)), ("600000", 0.01, (0.02, 0.0)),
         ("510300", 0.004, (0.005, 0.003)), ("600000", 0.05, (0.06, 0.04))],
    )  # fmt: skip
    def test_a_limit_is_at_least_one_tick(self, symbol, base, expected):
        feed = old(symbol, D(2024, 1, 2), preclose=(base,) * 8)
        assert Limits(LIMITS).prices(feed) == expected

    def test_without_preclose_the_base_is_the_previous_close(self):
        feed = old("600000", D(2019, 1, 2), close=(9.0,) * 6 + (10.0, 10.5))
        assert Limits(LIMITS).prices(feed) == pytest.approx((11.0, 9.0))

    def test_an_adjusted_limit_is_the_raw_one_times_the_factor(self):
        factor = 1.234567
        feed = old("600000", D(2019, 1, 2), preclose=(15.69 * factor,) * 8, adjfactor=(factor,) * 8)
        assert Limits(LIMITS).prices(feed) == pytest.approx((17.26 * factor, 14.12 * factor))

    def test_a_base_that_is_not_known_has_no_limit(self):
        feed = Feed("600000", [D(2019, 1, 2)], close=[10.0], open=[10.0])
        limits = Limits(LIMITS, listed={"600000": [D(2000, 1, 4)]})
        assert limits.prices(feed) == (math.inf, 0.0)


class TestLocked:
    def bar(self, o, h, low, c, factor=1.0):
        lines = dict(zip(("open", "high", "low", "close"), (o, h, low, c), strict=True))
        lines = {k: (10.0 * factor,) * 7 + (v * factor,) for k, v in lines.items()}
        return old("600000", D(2019, 1, 2), preclose=(10.0 * factor,) * 8,
                   adjfactor=(factor,) * 8, **lines)  # fmt: skip

    @pytest.mark.parametrize("factor", [1.0, 3.7182818, 0.25])
    @pytest.mark.parametrize(
        ("bar", "buy_locked", "buy_opens", "sell_locked", "sell_opens"),
        [
            ((11.0, 11.0, 11.0, 11.0), True, True, False, False),
            ((11.0, 11.0, 10.99, 11.0), False, True, False, False),  # it left the limit
            ((10.99, 11.0, 10.99, 11.0), False, False, False, False),
            ((9.0, 9.0, 9.0, 9.0), False, False, True, True),
            ((9.0, 9.01, 9.0, 9.0), False, False, False, True),
            ((10.99, 10.99, 10.99, 10.99), False, False, False, False),
            ((11.01, 11.01, 11.01, 11.01), False, False, False, False),  # beyond: there was none
            ((135.5, 135.5, 135.5, 135.5), False, False, False, False),  # a relisting
        ],
    )
    def test_locked_is_all_four_prices_at_the_limit(
        self, bar, buy_locked, buy_opens, sell_locked, sell_opens, factor
    ):
        feed, limits = self.bar(*bar, factor=factor), Limits(LIMITS)
        assert (not math.isnan(limits.locked_at(feed, "buy"))) == buy_locked
        assert (not math.isnan(limits.opens_at(feed, "buy"))) == buy_opens
        assert (not math.isnan(limits.locked_at(feed, "sell"))) == sell_locked
        assert (not math.isnan(limits.opens_at(feed, "sell"))) == sell_opens


class TestLots:
    @pytest.mark.parametrize(
        ("shares", "minimum", "step", "allowed"),
        [
            (99, 100, 100, 0), (100, 100, 100, 100), (199, 100, 100, 100), (250, 100, 100, 200),
            (199, 200, 1, 0), (200, 200, 1, 200), (333, 200, 1, 333), (333.7, 200, 1, 333),
            (99.9999999, 100, 100, 100),  # rounding of units × factor
        ],
    )  # fmt: skip
    def test_buys(self, shares, minimum, step, allowed):
        assert buyable(shares, minimum, step) == allowed

    @pytest.mark.parametrize(
        ("shares", "held", "minimum", "step", "allowed"),
        [
            (250, 250, 100, 100, 250),  # all of it
            (260, 250, 100, 100, 250),  # no more than all
            (249, 250, 100, 100, 200),
            (150, 250, 100, 100, 150),  # a lot and the whole odd rest
            (140, 250, 100, 100, 100),
            (50, 250, 100, 100, 50),  # the odd rest alone
            (40, 250, 100, 100, 0),  # part of the odd rest
            (99, 300, 100, 100, 0),
            (37.5, 37.5, 100, 100, 37.5),
            (250, 1000, 200, 1, 250),
            (150, 1000, 200, 1, 0),
            (150, 150, 200, 1, 150),
            (50, 400, 200, 1, 0),
            (250, 300, 200, 1, 250),  # what is left, 50, goes in one go later
            (50, 150, 100, 1, 0),  # Beijing
            (150, 220, 100, 1, 150),
        ],
    )
    def test_sales(self, shares, held, minimum, step, allowed):
        assert sellable(shares, held, minimum, step) == pytest.approx(allowed)

    @given(
        shares=st.floats(0, 1e6),
        held=st.floats(0, 1e6),
        rule=st.sampled_from([(100, 100), (200, 1)]),
    )
    def test_never_more_than_asked_or_held(self, shares, held, rule):
        allowed = sellable(shares, held, *rule)
        assert 0 <= allowed <= min(shares, held) + 1e-5
        assert buyable(shares, *rule) <= shares + 1e-5
