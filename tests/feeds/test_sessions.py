"""A bar belongs to one session, whatever zone its feed is in; nothing of today is ever handed over.

A feed's stamps pass through ``tz``, ``tzinput`` and ``sessionend`` in backtrader. Whatever they
are, the session is the date in the source, and a signal that follows the last day it was shown
must have been shown the day before the one it trades, never the day itself.
"""

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import pytest

from attngru_bt.analyzers import Performance, Positions
from attngru_bt.data.bars import DataError
from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.panel_feed import PanelFeed
from attngru_bt.feeds.sessions import FeedSessions, session_of
from attngru_bt.markets import ashare
from attngru_bt.trading.monthly import MonthlyTopK

NEW_YORK, SHANGHAI = "America/New_York", "Asia/Shanghai"
SPRING = pd.bdate_range("2020-02-26", "2020-04-03")  # New York sets its clocks on March 8
AUTUMN = pd.bdate_range("2019-10-29", "2019-12-04")  # and on November 3
DAYS = pd.bdate_range("2020-03-04", "2020-03-11")
MODES = [{}, {"runonce": False}, {"preload": False}, {"live": True}, {"exactbars": -1}]


def frame(seed, dates=SPRING):
    """Random days whose opens tell the day: 10.01 on the first, and so on."""
    rng = np.random.default_rng(seed)
    bars = pd.DataFrame(index=dates)
    bars["open"] = 10 + np.arange(1, len(dates) + 1) / 100
    bars["close"] = bars["open"] * (1 + 0.02 * rng.standard_normal(len(dates)))
    bars["high"] = bars[["open", "close"]].max(axis=1)
    bars["low"] = bars[["open", "close"]].min(axis=1)
    bars["volume"] = 1000.0
    return bars


def feed_of(kind, bars, path, time="", **params):
    """A feed of a class; `time` is written behind each date of a CSV, or added to the index."""
    if kind == "csv":
        table = bars[["open", "high", "low", "close", "volume"]].copy()
        table.index = [f"{date:%Y-%m-%d}{time and ' ' + time}" for date in bars.index]
        table.to_csv(path, index_label="date")
        form = "%Y-%m-%d %H:%M:%S" if time else "%Y-%m-%d"
        return bt.feeds.GenericCSVData(dataname=str(path), dtformat=form, openinterest=-1, **params)
    made = bt.feeds.PandasData if kind == "pandas" else PanelFeed
    bars = bars.set_axis(bars.index + pd.Timedelta(time or 0))
    return made(dataname=bars, **params)


def sessions_seen(feed, **modes):
    """The sessions of a feed's bars, as a strategy meets them."""

    class Look(bt.Strategy):
        def next(self):
            seen.append(session_of(self.data))

    seen = []
    cerebro = bt.Cerebro(stdstats=False, **modes)
    cerebro.adddata(feed, name="A")
    cerebro.addstrategy(Look)
    cerebro.run()
    return seen


class LastDay:
    """Scores are the last day's returns; remembers the bars it was shown."""

    def __init__(self):
        self.shown = []

    def scores(self, bars):
        self.shown.append(bars)
        return pd.Series(bars["close"][-1] / bars["open"][-1], index=list(bars.assets))


def trade(feeds, *, coo, modes=None, rules=False, **params):
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=coo, **(modes or {}))
    cerebro.broker.setcash(1_000_000.0)
    for name, feed in feeds.items():
        cerebro.adddata(feed, name=name)
    if rules:
        ashare.install(cerebro, minimum=0.0)
    cerebro.addstrategy(MonthlyTopK, **{"signal": LastDay(), "topk": 1, **params})
    strategy = cerebro.run()[0]
    return strategy, strategy.signal


def check(strategy, signal, frames, coo):
    """All that must hold, in any zone: what was shown, what was traded, and the dates of both."""
    dates = next(iter(frames.values())).index
    first = [d for before, d in itertools.pairwise(dates) if d.month != before.month]
    assert [d["date"] for d in strategy.decisions] == first
    assert len(signal.shown) == len(first)
    fills = strategy.trade_log.frame().query("event in ('fill', 'partial')")
    for decision, shown in zip(strategy.decisions, signal.shown, strict=True):
        today = dates.get_loc(decision["date"])
        assert list(shown.dates) == list(dates[:today])
        for i, name in enumerate(shown.assets):
            assert np.allclose(shown["close"][:, i], frames[name]["close"].iloc[:today])
        best = max(frames, key=lambda n: (frames[n]["close"] / frames[n]["open"]).iloc[today - 1])
        assert decision["wanted"][0] == best
        assert decision["month_end"] == dates[today - 1]
        at = today if coo else today + 1
        due = fills[fills["date"].dt.to_period("M") == decision["date"].to_period("M")]
        assert (due["date"] == dates[at]).all()
        assert np.allclose(due["price"], 10 + (at + 1) / 100)
    assert len(fills)


MATRIX = [  # any two of the settings meet with cheat-on-open and without
    (kind, tz, tzinput, sessionend, (i // 2 + j + k) % 2 == 0)
    for kind in ("pandas", "panel", "csv")
    for i, tz in enumerate((None, NEW_YORK, SHANGHAI, "UTC"))
    for j, tzinput in enumerate((None, NEW_YORK, SHANGHAI))
    for k, sessionend in enumerate((None, dt.time(15), dt.time(3)))
    if kind == "csv" or sessionend != dt.time(3)  # of CSV only is it the stamp
]


class TestMatrix:
    """Feed class x tz x tzinput x sessionend, over both changes of the clocks."""

    @pytest.mark.parametrize(
        "number",
        [
            pytest.param(number, marks=[pytest.mark.slow] if number % 84 else [])
            for number in range(0, len(MATRIX), 12)
        ],
    )
    def test_the_day_shown_last_is_the_one_before_the_day_traded(self, number, tmp_path):
        for i, setting in enumerate(MATRIX[number : number + 12], number):
            kind, tz, tzinput, sessionend, coo = setting
            params = dict(tz=tz, tzinput=tzinput, sessionend=sessionend)
            params = {name: value for name, value in params.items() if value is not None}
            dates = SPRING if i % 2 else AUTUMN
            frames = {name: frame(seed, dates) for seed, name in enumerate("AB", 2 * i)}
            feeds = {n: feed_of(kind, f, tmp_path / n, **params) for n, f in frames.items()}
            strategy, signal = trade(feeds, coo=coo, modes=MODES[i % len(MODES)])
            try:
                check(strategy, signal, frames, coo)
            except AssertionError as error:
                raise AssertionError(f"{setting}, {MODES[i % len(MODES)]}") from error

    @pytest.mark.parametrize("zone", [NEW_YORK, SHANGHAI])
    @pytest.mark.parametrize("coo", [True, False])
    def test_under_market_rules_and_a_zone_of_cerebro(self, zone, coo, tmp_path):
        frames = {name: frame(seed) for seed, name in enumerate("ABC")}
        feeds = {n: feed_of("csv", f, tmp_path / n, tz=zone) for n, f in frames.items()}
        strategy, signal = trade(feeds, coo=coo, modes={"tz": zone}, rules=True)
        check(strategy, signal, frames, coo)


TIMES = ["", "15:00:00", "16:30:00", "23:59:59"]


class TestSessionOfABar:
    @pytest.mark.slow
    @pytest.mark.parametrize("time", TIMES)
    @pytest.mark.parametrize("kind", ["pandas", "panel", "csv"])
    def test_it_is_the_date_as_written(self, kind, time, tmp_path):
        expected = [date.date() for date in DAYS]
        zones = (None, NEW_YORK, SHANGHAI, "America/Sao_Paulo")
        bars = frame(1, DAYS)
        for i, (tz, tzinput) in enumerate(itertools.product(zones, (None, NEW_YORK, SHANGHAI))):
            ends = (None, dt.time(15)) if kind == "csv" else (None, dt.time(15))[i % 2 :][:1]
            for end in ends:  # of CSV only is it the stamp
                given = dict(tz=tz, tzinput=tzinput, sessionend=end)
                params = {k: v for k, v in given.items() if v is not None}
                feed = feed_of(kind, bars, tmp_path / "A", time, **params)
                assert sessions_seen(feed) == expected, given

    @pytest.mark.slow
    @pytest.mark.parametrize("time", ["0h", "15h", "23:59:59", "23:59:59.999989"])
    @pytest.mark.parametrize("zone", [NEW_YORK, SHANGHAI, "UTC", "America/Sao_Paulo"])
    def test_an_index_with_a_zone(self, zone, time):
        expected = [date.date() for date in DAYS]
        # the second shift of `tzinput` rounds what is less than a second before midnight
        moved = (None,) if "." in time else (None, zone)
        for tz, tzinput in itertools.product((None, NEW_YORK, SHANGHAI), moved):
            bars = frame(1, DAYS).set_axis((DAYS + pd.Timedelta(time)).tz_localize(zone))
            params = {k: v for k, v in dict(tz=tz, tzinput=tzinput).items() if v is not None}
            feed = bt.feeds.PandasData(dataname=bars, **params)
            assert sessions_seen(feed) == expected, params
            column = bars.reset_index(names="when")
            feed = bt.feeds.PandasData(dataname=column, datetime="when", **params)
            assert sessions_seen(feed) == expected, params

    def test_direct_data_counts_the_index(self):
        bars = frame(1, DAYS).set_axis(DAYS.tz_localize(SHANGHAI))
        feed = bt.feeds.PandasDirectData(dataname=bars, openinterest=-1, low=4, high=3, close=2)
        assert sessions_seen(feed) == [date.date() for date in DAYS]

    @pytest.mark.parametrize("tz", [None, NEW_YORK, SHANGHAI])
    @pytest.mark.parametrize("modes", MODES[:3])
    def test_resampled_days(self, tz, modes):
        minutes = pd.DatetimeIndex(
            [date + pd.Timedelta(hours=h) for date in DAYS for h in (9.5, 11, 15)]
        )
        bars = frame(1, minutes)
        feed = bt.feeds.PandasData(
            dataname=bars, timeframe=bt.TimeFrame.Minutes, **({"tz": tz} if tz else {})
        )
        feed.resample(timeframe=bt.TimeFrame.Days)
        assert sessions_seen(feed, **modes) == [date.date() for date in DAYS]

    def test_other_feeds_deliver_moments_or_plain_dates(self):
        class Moments(bt.feed.DataBase):
            def _load(self):
                if not self.p.dataname:
                    return False
                self.lines.datetime[0] = bt.date2num(self.p.dataname.pop(0).to_pydatetime())
                self.lines.close[0] = self.lines.open[0] = 1.0
                return True

        expected = [date.date() for date in DAYS]
        tokyo = list(DAYS.tz_localize("Asia/Tokyo"))
        assert sessions_seen(Moments(dataname=tokyo, tz="Asia/Tokyo")) == expected
        ends = list((DAYS + pd.Timedelta("23:59:59.99999")).tz_localize(NEW_YORK))
        assert sessions_seen(Moments(dataname=ends, tz=NEW_YORK)) == expected
        assert sessions_seen(Moments(dataname=list(DAYS), tz=NEW_YORK)) == expected


class TestMidnightsMovedToUTC:
    """Those of the east are of the day before: on Sundays, and on no Friday."""

    @pytest.mark.parametrize("zoned", [True, False])
    @pytest.mark.parametrize("given", [True, False])
    def test_they_are_told(self, zoned, given):
        def moved(bars):
            index = bars.index.tz_localize(SHANGHAI).tz_convert("UTC")
            return bars.set_axis(index if zoned else index.tz_localize(None))

        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
        for seed, name in enumerate("AB"):
            cerebro.adddata(bt.feeds.PandasData(dataname=moved(frame(seed))), name=name)
        last = SPRING[SPRING < "2020-03-01"][-1:]
        signal = pd.DataFrame({"A": 1.0, "B": 2.0}, index=last) if given else LastDay()
        cerebro.addstrategy(MonthlyTopK, topk=1, signal=signal)
        with pytest.raises(DataError, match=r"'A'.*2020-03-01 16:00:00 is on a Sunday.*tz_convert"):
            cerebro.run()

    @pytest.mark.parametrize("time", ["0h", "23:59:59"])
    def test_an_exchange_that_is_open_on_sundays_is_read(self, time):
        week = pd.date_range("2020-02-02", "2020-03-20")
        dates = week[~week.day_of_week.isin([4, 5])]  # Tel Aviv, Riyadh
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
        for seed, name in enumerate("AB"):
            bars = frame(seed, dates).set_axis(dates + pd.Timedelta(time))
            cerebro.adddata(bt.feeds.PandasData(dataname=bars), name=name)
        cerebro.addstrategy(MonthlyTopK, topk=1, signal=LastDay())
        assert len(cerebro.run()[0].decisions) == 1


class TestFeedsOfDifferentStamps:
    """Bars of one date are one session, at whatever time of day each feed stamps them."""

    DATES = pd.bdate_range("2020-02-26", "2020-05-06")

    def feeds(self, path, *, mixed):
        rng = np.random.default_rng(5)
        feeds = {}
        for number, name in enumerate("ABCDEF"):
            bars = frame(number, self.DATES)
            absent = rng.random(len(bars)) < 0.2
            absent = bars.index[absent].union(pd.bdate_range("2020-04-01", periods=number % 3))
            bars = bars.drop(index=absent)
            kind, time = [("pandas", ""), ("csv", "23:59:59"), ("panel", "15:00:00")][number % 3]
            if mixed:
                feeds[name] = feed_of(kind, bars, path / name, time)
            else:
                feeds[name] = feed_of("pandas", bars, None)
        return feeds

    def log(self, path, **kwargs):
        strategy, signal = trade(self.feeds(path, mixed=kwargs.pop("mixed")), **kwargs)
        fills = [(e.date, e.asset, e.size, e.price) for e in strategy.trade_log.frame().itertuples()
                 if e.event in ("fill", "partial")]  # fmt: skip
        decided = [(d["date"], d["month_end"], d["wanted"]) for d in strategy.decisions]
        shown = [(bars.dates[-1], bars["close"][-1].tolist()) for bars in signal.shown]
        # fills of one session come in the order of the bars
        return decided, str(shown), sorted(fills), round(strategy.broker.getvalue(), 4)

    @pytest.mark.slow
    @pytest.mark.parametrize("rules", [False, True])
    @pytest.mark.parametrize("coo", [True, False])
    def test_all_is_as_if_they_were_stamped_alike(self, coo, rules, tmp_path):
        kwargs = dict(coo=coo, rules=rules, topk=3)
        want = self.log(tmp_path, mixed=False, **kwargs)
        assert len(want[2]) >= 5
        for modes in MODES[:3]:
            assert self.log(tmp_path, mixed=True, modes=modes, **kwargs) == want, modes

    def test_a_zone_that_turns_the_order_round_is_refused(self, tmp_path):
        # New York's day of a CSV ends when the next day's midnight has passed in UTC
        feeds = {
            "A": feed_of("pandas", frame(1), None),
            "B": feed_of("csv", frame(2), tmp_path / "B", tz=NEW_YORK),
        }
        with pytest.raises(DataError, match=r"B: its bar of 2020-02-26 comes after .* 2020-02-27"):
            trade(feeds, coo=True)

    def test_a_replayed_feed_is_refused(self):
        feed = feed_of("pandas", frame(1), None, timeframe=bt.TimeFrame.Days)
        feed.replay(timeframe=bt.TimeFrame.Weeks)
        with pytest.raises(DataError, match="A: a replayed feed shows a day before it is over"):
            trade({"A": feed}, coo=True)


class TestLock:
    @pytest.mark.parametrize("late", [1, 3])
    def test_dates_that_run_late_in_the_reader_are_an_error(self, late, monkeypatch):
        """Were the reader to date bars otherwise than the clock, nothing would reach the signal."""
        right = FeedSessions.days_of
        monkeypatch.setattr(FeedSessions, "days_of", lambda *given: right(*given) - late)
        with pytest.raises(RuntimeError, match="the session whose open is traded was about to be"):
            trade({n: feed_of("pandas", frame(i), None) for i, n in enumerate("AB")}, coo=True)


class TestAnalyzers:
    @pytest.mark.slow
    @pytest.mark.parametrize("tz", [NEW_YORK, SHANGHAI])
    def test_their_dates_are_the_sessions(self, tz, tmp_path):
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
        for i, name in enumerate("AB"):
            cerebro.adddata(feed_of("csv", frame(i), tmp_path / name, tz=tz), name=name)
        index = frame(7).set_axis(SPRING.tz_localize(tz) + pd.Timedelta(hours=15))
        cerebro.adddata(bt.feeds.PandasData(dataname=index, tz=tz), name="INDEX")
        cerebro.addstrategy(MonthlyTopK, signal=LastDay(), topk=1, benchmark="INDEX")
        cerebro.addanalyzer(Performance, benchmark="INDEX", _name="performance")
        cerebro.addanalyzer(Positions, _name="positions")
        found = cerebro.run()[0].analyzers
        assert list(found.performance.returns.index) == list(SPRING)
        want = index["close"].pct_change().to_numpy()
        assert np.allclose(found.performance.benchmark_returns, want, equal_nan=True)
        assert found.positions.fills()["date"].tolist()[0] == pd.Timestamp("2020-03-02")
