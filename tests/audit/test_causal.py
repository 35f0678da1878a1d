"""assert_causal: factors that see the future are caught, with how far they see; others pass."""

import re
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from factor_market import make_bars

from attngru_bt.audit import assert_causal
from attngru_bt.audit.altered import MembersKnown, cut_dates, scrambled, scrambled_bars
from attngru_bt.audit.causal import _computer
from attngru_bt.audit.fresh import is_ours
from attngru_bt.audit.leaks import find, measured
from attngru_bt.audit.memory import remembers
from attngru_bt.data import make_market
from attngru_bt.data.bars import Bars
from attngru_bt.data.membership import Membership
from attngru_bt.factors import Registry, factor, ops, registry
from attngru_bt.features.cross_section import month_ends


def ahead(values, n):
    """Values of n rows later; not known at the end."""
    return np.vstack([values[n:], np.full((n, values.shape[1]), np.nan)])


def said(function, **options):
    with pytest.raises(AssertionError) as caught:
        assert_causal(function, **options)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text
    return text


class TestCaught:
    @pytest.mark.slow
    @pytest.mark.parametrize("n", [1, 2, 7])
    def test_a_window_that_reaches_ahead_and_how_far(self, n):
        def Centered(bars):
            return bars.frame("close").rolling(2 * n + 1, center=True).mean()

        text = said(Centered)
        sessions = "1 session ahead" if n == 1 else f"{n} sessions ahead"
        assert text.startswith("Centered of S") and f"it looks {sessions}" in text
        day = pd.Timestamp(re.search(r"on (\d{4}-\d\d-\d\d) is", text)[1])
        cut = pd.Timestamp(re.search(r"up to (\d{4}-\d\d-\d\d)", text)[1])
        assert day == cut - pd.offsets.BDay(n - 1), "the first value that the cut can change"

    def test_the_values_in_the_sentence_are_the_values(self):
        market = make_market(3, 120, late=0, gaps=0, delisted=0)

        def Tomorrow(close):
            return ahead(close, 1)

        text = said(Tomorrow, bars=market.bars)
        name, day, value = re.search(r"of (\S+) on (\S+) is (\S+) with all bars", text).groups()
        close = market.bars.frame("close")[name]
        assert float(value) == pytest.approx(close.shift(-1)[day], rel=1e-8)
        assert f"not known from the bars up to {day} alone" in text

    @pytest.mark.slow
    def test_a_z_score_over_the_whole_sample(self):
        def Whole(bars):
            close = bars.frame("close")
            return (close - close.mean()) / close.std()

        assert "to the very last bar" in said(Whole)

    @pytest.mark.slow
    def test_one_that_is_registered(self, clean_registry):
        @factor("mine", windows={"Peek3": 3, "Peek5": 5})
        def Peek(close, n):
            return ahead(close, n) / close - 1

        assert "Peek3 of S" in said(Peek) or "Peek5 of S" in said(Peek)
        assert "it looks 5 sessions ahead" in said("Peek5")
        assert "it looks 3 sessions ahead" in said(registry["Peek3"])

    def test_one_that_reads_only_whether_there_is_a_future(self):
        def Bars_left(bars):
            left = np.arange(len(bars))[::-1, None] > 30
            return np.where(left, bars["close"], 0.0)

        assert "it looks 31 sessions ahead" in said(Bars_left)

    def test_one_that_only_other_numbers_change(self):
        """Without later bars it is as with the real ones: only a scrambled future tells."""

        def Crash(bars):
            close = bars.frame("close").ffill()
            crash = (close.pct_change().abs() > 0.9).to_numpy()[::-1].cumsum(axis=0)[::-1]
            return np.where(crash > 0, 1.0, bars["close"])

        text = said(Crash)
        assert "is 1 if" in text or "but 1 if the bars after" in text
        assert "ahead" not in text

    def test_bars_of_a_suspended_stock_are_counted_beside_the_sessions(self):
        days = pd.bdate_range("2020-01-01", periods=60)
        close = np.arange(1.0, 61)[:, None].repeat(2, axis=1)
        close[20:50, 0] = np.nan
        bars = Bars(days, ("A", "B"), {"close": close})

        def Next(close):
            return ahead(close, 2)

        leak = find(
            lambda bars: _computer(Next)[0](bars)[:, :1], bars, ("Next",), [days[30]], seed=0
        )["Next"]
        assert leak.date == days[18]
        text = measured(leak, _computer(Next)[0], bars).sentence
        assert "it looks 2 bars of the stock ahead (32 sessions)" in text

    def test_chance_is_not_taken_for_sight(self):
        rng = np.random.default_rng(0)

        def Noise(close):
            return close * rng.random(close.shape)

        assert "computed again" in said(Noise)

    @pytest.mark.slow
    def test_the_benchmark_of_tomorrow(self):
        def Market(close, benchmark):
            return ahead(benchmark, 1) / benchmark + 0 * close

        assert "it looks 1 session ahead" in said(Market)

    @pytest.mark.slow
    def test_a_table_with_rows_date_and_asset(self):
        def Long(bars):
            wide = {"fine": bars.frame("close"), "peek": bars.frame("close").shift(-2)}
            return pd.concat({k: f.stack() for k, f in wide.items()}, axis=1)

        assert said(Long).startswith("Long[1] of S")


def test_the_earliest_value_counts_whatever_the_order_of_the_dates():
    bars = make_market(3, 200, late=0, gaps=0, delisted=0).bars

    def compute(bars):
        return ahead(bars["close"], 4)[:, :, None]

    for cuts in ([60, 120], [120, 60]):
        found = find(compute, bars, ("x",), [bars.dates[i] for i in cuts], seed=0)
        assert (found["x"].date, found["x"].asset) == (bars.dates[57], "S000")


class TestPasses:
    @pytest.mark.parametrize("name", ["BIAS5", "MACD", "OBV", "DDNBT", "JDQS20"])
    def test_the_librarys(self, name):
        assert_causal(name, cuts=3)

    @pytest.mark.slow
    def test_functions_of_lines_and_of_bars(self):
        def Trailing(close, volume, n=5):
            return ops.mean(close * volume, n)

        def Shifted(bars):
            return bars.frame("close").shift(3)

        def Array(bars):
            return bars["close"]

        for function in (Trailing, Shifted, Array):
            assert_causal(function)

    @pytest.mark.slow
    def test_on_ones_own_bars_and_lines(self, clean_registry):
        @factor("mine", lines=("sentiment",))
        def Mood(sentiment, n=3):
            return ops.mean(sentiment, n)

        assert_causal(Mood)
        bars = make_bars(200)
        mine = Bars(bars.dates, bars.assets, {**bars.lines, "sentiment": bars["pb"]})
        assert_causal("Mood", bars=mine)

    def test_a_line_of_the_same_name_does_not_hide_the_function(self):
        bars = make_bars(200)

        def Peek(close):
            return ahead(close, 1)

        mine = Bars(bars.dates, bars.assets, {**bars.lines, "Peek": bars["close"]})
        assert "ahead" in said(Peek, bars=mine)

    @pytest.mark.slow
    def test_nothing_stays_registered(self):
        def Passing(close):
            return close

        before = registry.names()
        assert_causal(Passing)
        assert registry.names() == before


class TestRefused:
    def test_an_unknown_name(self):
        with pytest.raises(ValueError, match="No factor is called 'BIAS55'; did you mean 'BIAS5'"):
            assert_causal("BIAS55")

    def test_what_is_no_factor(self):
        with pytest.raises(TypeError, match="must be a factor's name"):
            assert_causal(3)

    def test_an_answer_of_another_shape(self):
        def Last(bars):
            return bars["close"][-1]

        with pytest.raises(TypeError, match="Last must answer a DataFrame"):
            assert_causal(Last)

    def test_bars_too_short_for_a_value(self):
        with pytest.raises(ValueError, match="has no value on these 30 bars"):
            assert_causal("MA120", bars=make_market(3, 30).bars)

    def test_cuts(self):
        with pytest.raises(ValueError, match="`cuts` must be a whole number"):
            assert_causal("BIAS5", cuts=0)


class TestAnotherFuture:
    def test_the_past_stays_and_every_number_after_it_changes(self):
        bars = make_bars(300)
        date = bars.dates[200]
        other = scrambled_bars(bars, date, np.random.default_rng(0))
        assert other.until(date).digest() == bars.until(date).digest()
        for name in bars.lines:
            now, was = other[name][201:], bars[name][201:]
            zero = was == 0
            assert not ((now == was) & ~zero).any(), name
        assert (other.benchmark[201:] != bars.benchmark[201:]).all()
        known = other.traded
        assert (other["high"][known] >= other["low"][known]).all()
        assert known[201:].sum() < bars.traded[201:].sum()

    def test_a_market_with_its_index(self):
        market = make_market(4, 100)
        date = market.bars.dates[60]
        other = scrambled(market, date, np.random.default_rng(0), beyond=10)
        assert len(other.bars) == 71
        index, before = other.benchmark, market.benchmark
        assert index[index.index <= date].equals(before[before.index <= date])
        assert (index["close"][61:] != before["close"][61:71]).all()

    def test_cuts_are_at_month_ends_after_them_and_between(self):
        dates = pd.bdate_range("2015-01-01", periods=700)
        cuts = cut_dates(dates, 9, 200, seed=1)
        assert len(cuts) == 9 and cuts == sorted(set(cuts))
        assert cuts[0] >= dates[200] and cuts[-1] < dates[-1]
        ends = set(dates[month_ends(dates)])
        after = {dates[i + 1] for i in month_ends(dates)[:-1]}
        assert len(ends & set(cuts)) >= 2 and len(after & set(cuts)) >= 2
        assert cut_dates(dates, 9, 200, seed=1) == cuts != cut_dates(dates, 9, 200, seed=2)
        assert cut_dates(dates, 3, 700, seed=1) == []

    def test_members_as_known(self):
        stays = pd.DataFrame(
            {
                "symbol": ["A", "B"],
                "in_date": ["2015-01-01", "2015-06-01"],
                "out_date": ["2015-07-01", ""],
            }
        )
        known = MembersKnown(Membership.from_frame(stays), pd.Timestamp("2015-03-31"))
        assert known.at("2015-02-01") == {"A"} == known.at("2016-01-01")


@pytest.mark.slow
def test_registries_of_ones_own_are_left_alone():
    own = Registry()

    @factor("mine", into=own)
    def Hidden(close):
        return ahead(close, 1)

    assert "it looks 1 session ahead" in said(own["Hidden"])
    assert "Hidden" not in registry


class TestKept:
    """Caches: what a function keeps from its first call would hide that it saw all bars in it."""

    @pytest.mark.slow
    def test_a_cache_filled_by_all_bars(self):
        kept = {}

        def Remembered(close):
            if "mean" not in kept:
                kept["mean"] = np.nanmean(close, axis=0)
            return close / kept["mean"]

        bars = make_market(8, 300, late=0, gaps=0, delisted=0).bars
        assert "something is kept from one call to the next" in said(Remembered, bars=bars, cuts=2)

    def test_what_can_keep_and_what_cannot(self):
        table, cache = {}, lru_cache(lambda n: n)
        number = 3

        def reads(close):
            return close * len(table)

        def cached(close):
            return close * cache(2)

        def default(close, seen=[]):  # noqa: B006
            return close

        def calls(close):
            return reads(close)

        def plain(close, volume, n=5):
            return ops.mean(np.log(close) * volume, n) + number

        def attribute(close):
            attribute.last = close
            return close

        for function in (reads, cached, default, calls, attribute, cache):
            assert remembers(function, is_ours), function
        for function in (plain, ops.mean, Bars, ahead):
            assert not remembers(function, is_ours), function


@pytest.mark.slow
def test_a_warm_up_filled_from_the_first_value():
    def warmed_up(close):
        return pd.DataFrame(close).rolling(60).mean().bfill().to_numpy()

    assert said(warmed_up).startswith("warmed_up of S0")


@pytest.mark.slow
def test_a_leak_on_one_row():
    def Christmas(close):
        out = close.copy()
        if len(close) > 334:
            out[333] = close[334]
        return out

    bars = make_market(8, 520, late=0, gaps=0, delisted=0).bars
    dates = {bars.dates.get_loc(d) for d in cut_dates(bars.dates, 40, 1, 0)}
    assert 333 not in dates
    assert f"on {bars.dates[333].date()} is" in said(Christmas, bars=bars, cuts=40)
