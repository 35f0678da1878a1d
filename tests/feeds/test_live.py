"""Live feeds that deliver one after the other: a session is decided once its bars are there."""

import numpy as np
import pandas as pd
import pytest

from attngru_bt.feeds.clock import Pulse
from attngru_bt.feeds.engine import bt
from attngru_bt.trading.monthly import MonthlyTopK

DATES = pd.bdate_range("2020-01-20", "2020-04-10")
NAMES = "ABCDEF"


def frame(seed, dates=DATES):
    rng = np.random.default_rng(seed)
    bars = pd.DataFrame(index=dates)
    bars["close"] = 10 * np.cumprod(1 + 0.02 * rng.standard_normal(len(dates)))
    bars["open"] = bars["close"].shift(1, fill_value=10.0)
    bars["high"] = bars[["open", "close"]].max(axis=1)
    bars["low"] = bars[["open", "close"]].min(axis=1)
    bars["volume"] = 1000.0
    return bars


class Live(bt.feeds.PandasData):
    """A simulated live feed: polled again and again, it delivers each bar when `due` says.

    `due(name, date)` is the number of the poll that brings the bar of a date. The polls are the
    seconds of the simulated time.
    """

    seconds = 0.0

    params = (("due", None),)

    def islive(self):
        return True

    def start(self):
        super().start()
        self._polls = -1

    def _load(self):
        self._polls += 1
        Live.seconds = max(Live.seconds, float(self._polls))
        row = self._idx + 1
        if row < len(self.p.dataname) and self.p.due is not None:
            if self._polls < self.p.due(self.p.name, self.p.dataname.index[row]):
                return None
        return super()._load()


def in_turn(name, date):
    """Within each session one feed after the other, always in this order."""
    return DATES.get_loc(date) * 10 + NAMES.index(name)


def in_changing_turn(name, date):
    """As `in_turn`, but each session begins with another feed."""
    day = DATES.get_loc(date)
    return day * 10 + (NAMES.index(name) + day) % len(NAMES)


class LastDay:
    """Scores are the last day's returns; remembers what it was shown."""

    def __init__(self):
        self.shown = []

    def scores(self, bars):
        self.shown.append((bars.dates[-1], bars["close"][-1].tolist()))
        return pd.Series(bars["close"][-1] / bars["open"][-1], index=list(bars.assets))


def trade(frames, due=None, *, live=True, coo=False, **params):
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=coo)
    cerebro.broker.setcash(1_000_000.0)
    for name, bars in frames.items():
        kind, more = (Live, {"due": due}) if live else (bt.feeds.PandasData, {})
        cerebro.adddata(kind(dataname=bars, name=name, **more), name=name)
    cerebro.addstrategy(MonthlyTopK, **{"topk": 2, "signal": LastDay(), **params})
    strategy = cerebro.run()[0]
    strategy.shown = getattr(strategy.signal, "shown", None)
    return strategy


def outcome(strategy):
    """What was decided, on which bars, what came of it, and the account at the end."""
    log = strategy.trade_log.frame()
    log = log[log["event"].isin(["order", "fill", "partial", "passed", "stuck"])]
    return (
        round(strategy.broker.getvalue(), 4),
        [(d["date"], d["month_end"], d["wanted"]) for d in strategy.decisions],
        str(strategy.shown),
        sorted(log.drop(columns=["ref"]).astype(str).to_numpy().tolist()),
    )


MARCH = pd.Timestamp("2020-03-02")


@pytest.fixture
def simulated_time(monkeypatch):
    Live.seconds = 0.0
    monkeypatch.setattr("attngru_bt.feeds.clock.monotonic", lambda: Live.seconds)


class TestUnevenDeliveries:
    @pytest.mark.slow
    @pytest.mark.parametrize("coo", [True, False])
    def test_the_account_ends_as_if_all_bars_came_at_once(self, coo):
        frames = {name: frame(i) for i, name in enumerate(NAMES)}
        want = outcome(trade(frames, live=False, coo=coo))
        assert len(want[1]) == 3 and len(want[3]) > 8
        for due in (None, in_turn, in_changing_turn):
            assert outcome(trade(frames, due, coo=coo)) == want
        assert outcome(trade(frames, in_turn, coo=coo, wait=0)) != want

    @pytest.mark.slow
    @pytest.mark.parametrize("coo", [True, False])
    def test_a_suspended_stock_is_absent_once_the_wait_is_over(self, coo, simulated_time, caplog):
        frames = {name: frame(i) for i, name in enumerate(NAMES)}
        frames["C"] = frames["C"].drop(index=DATES[(DATES >= MARCH) & (DATES < "2020-03-10")])
        frames["E"] = frames["E"].drop(index=pd.Timestamp("2020-04-01"))
        want = outcome(trade(frames, live=False, coo=coo))
        got = outcome(trade(frames, in_turn, coo=coo, wait=7))
        assert got[:3] == want[:3]
        # what fills while no bar comes is told to a strategy with the next one
        since = 1 if coo else 0
        assert sorted(row[since:] for row in got[3]) == sorted(row[since:] for row in want[3])
        assert "2020-03-02: no bar of C after 7 seconds, which counts as absent" in caplog.text

    @pytest.mark.slow
    def test_a_session_that_is_over_too_soon_hands_its_decision_on(self, simulated_time, caplog):
        frames = {name: frame(i) for i, name in enumerate(NAMES)}
        frames["C"] = frames["C"].drop(index=MARCH)
        strategy = trade(frames, in_turn, wait=300)
        assert [(d["date"], d["month_end"]) for d in strategy.decisions][1] == (
            pd.Timestamp("2020-03-03"), pd.Timestamp("2020-02-28"),
        )  # fmt: skip
        assert strategy.shown[1][0] == MARCH  # known by then
        assert "2020-03-02: the session was over before the bar of C came" in caplog.text

    @pytest.mark.slow
    def test_so_does_the_last_session_of_a_calendar(self, simulated_time):
        class Weekdays(bt.TradingCalendar):
            pass

        frames = {name: frame(i) for i, name in enumerate(NAMES)}
        frames["C"] = frames["C"].drop(index=pd.Timestamp("2020-02-28"))
        kwargs = dict(calendar=Weekdays())
        in_time = trade(frames, in_turn, wait=7, **kwargs)
        assert outcome(in_time) == outcome(trade(frames, live=False, **kwargs))
        assert in_time.decisions[1]["date"] == pd.Timestamp("2020-02-28")
        late = trade(frames, in_turn, wait=300, **kwargs).decisions[1]
        assert (late["date"], late["month_end"]) == (MARCH, pd.Timestamp("2020-02-28"))

    @pytest.mark.slow
    def test_who_comes_after_the_wait_counts_as_absent(self, simulated_time, caplog):
        frames = {name: frame(i) for i, name in enumerate(NAMES)}
        strategy = trade(frames, in_turn, topk=6, wait=2)
        assert strategy.decisions[0]["date"] == pd.Timestamp("2020-02-03")
        assert set(strategy.decisions[0]["entrants"]) == set("ABCD")
        assert "2020-02-03: no bar of E, F after 2 seconds" in caplog.text

    @pytest.mark.slow
    def test_a_bar_that_comes_days_late_is_known_from_then_on(self, simulated_time, caplog):
        def due(name, date):
            late = name == "F" and date in (pd.Timestamp("2020-02-05"), pd.Timestamp("2020-02-06"))
            return in_turn(name, date) + 15 * late

        frames = {name: frame(i) for i, name in enumerate(NAMES)}
        want = outcome(trade(frames, live=False))
        got = outcome(trade(frames, due, wait=7))
        assert got[1:3] == want[1:3]
        assert "F: the bar of 2020-02-05 came after the session of 2020-02-06" in caplog.text

    @pytest.mark.slow
    def test_the_feeds_are_left_as_they_were(self):
        cerebro = bt.Cerebro(stdstats=False)
        for i, name in enumerate("AB"):
            cerebro.adddata(Live(dataname=frame(i), name=name, due=in_turn), name=name)
        cerebro.addstrategy(MonthlyTopK, topk=1, signal=LastDay())
        values = [cerebro.run()[0].broker.getvalue() for _ in range(2)]
        assert not any(feed._filters for feed in cerebro.datas)
        assert values[0] != 10_000


def test_nothing_is_done_while_cerebro_sorts_what_it_delivers():
    calls = []
    pulse = Pulse(lambda: calls.append(1))
    assert pulse(None) is False
    pulse.check(None, _forcedata=object())
    assert not calls
    pulse.check(None)
    assert calls
