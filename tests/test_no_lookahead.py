"""The promise: nothing here can see the future.

Everything after a day t is cut off or scrambled; scores, decisions and fills up to t must not
change by a bit. The whole chain runs: feeds, reader, factors, preprocessing, model, orders.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from attngru_bt import Blend, backtest
from attngru_bt.data import Market, make_market
from attngru_bt.data.bars import Bars
from attngru_bt.features.exposures import EXPOSURES
from attngru_bt.models.estimators import AttentionGRUClassifier
from attngru_bt.trading.monthly import MonthlyTopK
from attngru_bt.walkforward import walk_forward
from attngru_bt.walkforward.generator import SignalGenerator

FACTORS = [  # of every family and memory; tests/factors/test_proof.py looks at each one of them
    "ROC6", "BIAS5", "VOL20", "MACD", "EMA10", "RSI", "OBV", "HBETA", "TOBT", "PB", "ETOP",
    "AroonUp",
]  # fmt: skip
SETTINGS = dict(topk=4, min_months=4, lookback=3, n_components=6, factors=FACTORS)
LOGISTIC = LogisticRegression(max_iter=200)
NETWORK = AttentionGRUClassifier(hidden_size=4, max_epochs=2)


def scrambled(market, t, seed=0):
    """The same market up to and including t; after it every number is another one."""
    bars, rng = market.bars, np.random.default_rng(seed)
    after = np.asarray(bars.dates > t)
    noise = np.exp(rng.normal(0, 0.5, size=bars["close"].shape))
    gone = rng.random(noise.shape) < 0.1
    lines = {}
    for name, line in bars.lines.items():
        other = line * noise
        if name not in ("open", "high", "low", "close", "preclose"):
            other = line * np.exp(rng.normal(0, 1.0, size=line.shape))
        other = np.where(gone, np.nan, other)
        lines[name] = np.where(after[:, None], other, line)
    index = market.benchmark.copy()
    late = index.index > t
    index.loc[late] = index.loc[late] * np.exp(rng.normal(0, 0.3, size=(late.sum(), 1)))
    return Market(Bars(bars.dates, bars.assets, lines), index, market.membership, "scrambled")


def cut(market, t):
    """The market as it was known at the end of t."""
    bars, index = market.bars.until(t), market.benchmark
    return Market(bars, index[index.index <= t], market.membership, "cut")


def soon_over(market, t, days=25):
    """The market up to some days after t: enough of a future to see."""
    dates = market.bars.dates
    return cut(market, dates[min(dates.searchsorted(t, side="right") + days, len(dates) - 1)])


def history(strategy, t, asked=None):
    """All that a run had decided and done by the end of t, with scores as bytes.

    A month-end is asked about before the first session of the next month, unless told otherwise.
    """
    asked = t.replace(day=1) if asked is None else asked
    walk = getattr(strategy.signal, "walk_", strategy.signal)
    records = [r for r in walk.records if r.month_end < asked]
    log = strategy.trade_log.frame()
    log = log[log["date"] <= t]
    return (
        [(r.month_end, tuple(r.scores.index), r.scores.to_numpy().tobytes()) for r in records],
        log.drop(columns="ref").to_csv(),
    )


def run(market, classifier, driver="along", **changed):
    """Fit along with the backtest, or walk all months first and trade the finished walk."""
    if isinstance(classifier, SignalGenerator):
        how = {"signal" if driver == "along" else "model": classifier}
        return backtest.run(market, **how, topk=SETTINGS["topk"])
    how = {"signal": classifier} if driver == "along" else {"model": classifier}
    return backtest.run(market, **how, **{**SETTINGS, **changed})


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=12, n_days=320, seed=3, signal=0.3)


def cut_points(market, n):
    """Days in the second half of the market: month-ends, their neighbors and others."""
    dates = market.bars.dates
    ends = dates[np.flatnonzero(dates.month[1:] != dates.month[:-1])]
    ends = ends[len(ends) // 2 : -1]
    picks = [ends[-1], dates[dates.get_loc(ends[-2]) + 1], dates[dates.get_loc(ends[-3]) - 1]]
    picks += list(ends[:-3][:: max(1, len(ends) // 4)])
    return picks[:n]


class Eight:
    """Eight of the stocks may be held."""

    def __init__(self, assets):
        self.names = frozenset(assets[:8])

    def at(self, date):
        return self.names


@pytest.fixture(scope="module")
def full(market):
    return run(market, LOGISTIC)


@pytest.mark.slow
@pytest.mark.parametrize("change", [cut, scrambled])
@pytest.mark.parametrize(("point", "driver"), list(enumerate(["along", "ahead"] * 2)))
def test_nothing_up_to_t_changes_when_the_future_does(market, full, change, point, driver):
    t = cut_points(market, 4)[point]
    scores, log = history(full, t)
    assert len(scores) >= 3 and log.count("fill") >= 4, "too little to compare"
    changed = change(soon_over(market, t), t)
    other_scores, other_log = history(run(changed, LOGISTIC, driver), t)
    assert other_scores == scores
    assert other_log == log


@pytest.mark.slow
def test_nor_does_it_with_all_factors(market):
    t = cut_points(market, 2)[1]
    want = history(run(market, LOGISTIC, factors=None), t)
    assert len(want[0]) >= 3
    changed = scrambled(soon_over(market, t), t)
    for driver in ("along", "ahead"):
        assert history(run(changed, LOGISTIC, driver, factors=None), t) == want, driver


@pytest.mark.slow
@pytest.mark.parametrize(("schedule", "driver"), [("week", "ahead"), ("month+5", "along")])
def test_nothing_changes_by_any_schedule_weights_or_groups(market, schedule, driver):
    """Inverse volatility reads the bars, and so does a cap on a line; both up to the decision."""
    bars = market.bars
    rank = pd.DataFrame(bars["volume"]).rank(axis=1).to_numpy()
    lines = {**bars.lines, "sector": rank // 3}
    market = replace(market, bars=Bars(bars.dates, bars.assets, lines))
    how = dict(
        schedule=schedule, weights="inverse-volatility", max_per_group=1, keep=6, refit=1,
        factors=["ROC6", "BIAS5", "VOL20"], n_components=None,
    )  # fmt: skip
    if schedule == "week":
        market = cut(market, bars.dates[150])  # thirty weeks are enough
    model = {"signal": LOGISTIC} if driver == "along" else {"model": LOGISTIC}
    whole = backtest.run(market, **model, **{**SETTINGS, **how})
    decided = [d["date"] for d in whole.decisions]
    assert len(decided) > 8 and any(d["capped"] for d in whole.decisions)
    walk = getattr(whole.signal, "walk_", whole.signal)
    fits = {record.month_end for record in walk.records if record.refit}
    fitted = [d["date"] for d in whole.decisions if d["month_end"] in fits]
    for t, change in ((fitted[-2], cut), (fitted[-3], scrambled)):  # what a fit knew shows first
        want = history(whole, t, asked=t)
        assert len(want[0]) > 5 and want[1].count("fill") >= 4
        changed = change(soon_over(market, t), t)
        if change is scrambled:  # groups are numbers that stay numbers of groups
            after = changed.bars.lines["sector"].round()
            lines = {**changed.bars.lines, "sector": after}
            changed = replace(changed, bars=Bars(changed.bars.dates, bars.assets, lines))
        other = backtest.run(changed, **model, **{**SETTINGS, **how})
        assert history(other, t, asked=t) == want


@pytest.mark.slow
def test_a_finished_walk_is_asked_for_the_past_alone(market):
    """Each month-end that a strategy asks a walk for lies before the session at hand."""
    walk = walk_forward(market, {"one": LOGISTIC}, **SETTINGS)[0]

    class Witness(MonthlyTopK):
        def next_open(self):
            self.today = self.data.datetime.date(0)
            super().next_open()

        def make_signal(self):
            asked, strategy = [], self

            class Asked:
                assets = walk.assets

                def at(self, month_end, before=None):
                    asked.append((month_end.date(), before.date(), strategy.today))
                    return walk.at(month_end, before)

            self.asked = asked
            return Asked()

    strategy = backtest.run(market, Witness, topk=4)
    assert len(strategy.asked) >= len(walk.records)
    assert all(month_end < before <= today for month_end, before, today in strategy.asked)
    assert strategy.trade_log.n_fills > 10


@pytest.mark.slow
def test_the_network_sees_no_future_either(market):
    t = cut_points(market, 1)[0]
    want = history(run(market, NETWORK, refit=3), t)
    assert history(run(scrambled(market, t), NETWORK, refit=3), t) == want


@pytest.mark.slow
def test_a_blend_sees_no_future_either(market):
    t = cut_points(market, 1)[0]
    blend = Blend([LOGISTIC, Ridge(), "random"], neutralize=EXPOSURES)
    want = history(run(market, blend, "along"), t)
    assert len(want[0]) >= 3
    for driver in ("along", "ahead"):
        assert history(run(scrambled(market, t), blend, driver), t) == want, driver


def by_last_volume(members, bars):
    """Rows count by what is traded on the last day that is known, members twice."""
    traded = dict(zip(bars.assets, np.nan_to_num(bars["volume"][-1]), strict=True))
    return {name: volume * (1 + (name in members)) for name, volume in traded.items()}


@pytest.mark.slow
@pytest.mark.parametrize("driver", ["along", "ahead"])
@pytest.mark.parametrize("how", [{}, dict(within="members", row_weights=by_last_volume)])
def test_raw_lines_and_weekly_rows_of_other_stocks_see_no_future_either(market, how, driver):
    t = cut_points(market, 1)[0]
    members = Eight(market.bars.assets)
    lines = SignalGenerator(
        Ridge(100.0),
        view="lines",
        sample="week",
        train_on="all",
        universe=members,
        topk=4,
        min_months=4,
        **how,
    )
    want = history(run(market, lines, driver), t)
    assert len(want[0]) >= 3
    assert history(run(scrambled(market, t), lines, driver), t) == want


@pytest.mark.slow
def test_neutral_scores_see_no_future(market):
    t = cut_points(market, 1)[0]
    model = SignalGenerator(Ridge(), neutralize=EXPOSURES, **SETTINGS)
    want = history(run(market, model), t)
    assert len(want[0]) >= 3
    for driver in ("along", "ahead"):
        assert history(run(scrambled(market, t), model, driver), t) == want, driver


LATE = {  # what changes once nobody has a value of the lines: factors, sequences, decile, exposures
    "factors": (["amount", "turnover"], dict(n_components=None)),
    "lines": (["volume", "amount"], dict(view="lines", sample="week")),
    "size": (["market_cap", "float_cap"], dict(train_on="all", factors=FACTORS[:4])),
    "known": (["market_cap", "float_cap"], dict(neutralize=["known"], factors=FACTORS[:4])),
}


@pytest.mark.slow
@pytest.mark.parametrize("driver", ["along", "ahead"])
@pytest.mark.parametrize("what", LATE)
def test_a_line_that_begins_later_is_not_there_before(market, what, driver, caplog):
    lines, how = LATE[what]
    t = cut_points(market, 1)[0]
    bars = market.bars
    early = np.asarray(bars.dates <= t)[:, None]
    late = {name: np.where(early, np.nan, bars[name]) for name in lines}
    later = replace(market, bars=replace(bars, lines=dict(bars.lines) | late))
    never = replace(market, bars=bars.without(lines))
    members = Eight(bars.assets)
    model = SignalGenerator(Ridge(), topk=4, min_months=4, universe=members, **how)
    want = history(run(never, model, "along"), t)
    assert len(want[0]) >= 3
    assert history(run(later, model, driver), t) == want
    if driver == "ahead":
        assert f"{lines[0]!r} is known from" in caplog.text


@pytest.mark.slow
def test_data_beyond_end_change_nothing(market):
    t = cut_points(market, 1)[0]
    whole = backtest.run(market, signal=LOGISTIC, end=t, **SETTINGS)
    short = backtest.run(cut(market, t), signal=LOGISTIC, **SETTINGS)
    assert history(whole, t) == history(short, t)
    a = whole.analyzers.performance.get_analysis()
    b = short.analyzers.performance.get_analysis()
    assert repr(a) == repr(b)


@pytest.mark.slow
def test_the_generator_alone_sees_no_future(market):
    """Month-ends walked on bars cut at each of them equal those of one call at the end."""
    bars = market.bars
    ends = bars.dates[np.flatnonzero(bars.dates.month[1:] != bars.dates.month[:-1])]
    walked = SignalGenerator(LOGISTIC, **SETTINGS)
    for t in ends[-3:]:
        scores = walked.scores(bars.until(t))
        jumped = SignalGenerator(LOGISTIC, **SETTINGS).scores(bars.until(t))
        assert list(scores.index) == list(jumped.index)
        # incremental factors equal a full pass to 1e-9, not to the bit
        np.testing.assert_allclose(scores, jumped, rtol=1e-5)


@pytest.mark.slow
def test_orders_of_a_session_do_not_depend_on_its_close(market, full):
    """Sizes are set on the open: a wild close of the same day changes none of its fills."""
    t = next(d["date"] for d in reversed(full.decisions) if d["entrants"] and d["exits"])
    bars = market.bars
    day = bars.dates.get_loc(t)
    lines = {name: line.copy() for name, line in bars.lines.items()}
    for name in ("high", "close"):
        lines[name][day] = np.fmax(lines[name][day], lines["open"][day]) * 1.5
    wild = Market(Bars(bars.dates, bars.assets, lines), market.benchmark, None, "wild")
    logs = []
    for one in (full, run(wild, LOGISTIC)):
        log = one.trade_log.frame()
        logs.append(log[log["date"] == t].drop(columns="ref").to_csv())
    assert "fill" in logs[0]
    assert logs[0] == logs[1]


class TestTheTestCanFail:
    """A signal that peeks is caught by the same comparison."""

    class Peeking(MonthlyTopK):
        """Ranks by the return of the coming month, read from the preloaded feeds."""

        def make_signal(self):
            return self

        def scores(self, bars):
            ahead = {}
            for name, feed in self.feeds.items():
                row = len(feed)
                array = feed.lines.close.array
                if 0 < row and row + 15 < len(array):
                    ahead[name] = array[row + 15] / array[row - 1]
            return pd.Series(ahead)

    @pytest.mark.slow
    def test_a_peeking_strategy_is_caught(self, market):
        t = cut_points(market, 2)[1]  # the session on which it decides

        def log(m):
            strategy = backtest.run(m, self.Peeking, topk=4)
            frame = strategy.trade_log.frame()
            return frame[frame["date"] <= t].drop(columns="ref").to_csv()

        assert log(scrambled(market, t)) != log(market)
