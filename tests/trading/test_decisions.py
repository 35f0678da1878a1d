"""Decisions by the week, by the quarter, and some sessions after each month-end."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from attngru_bt import MonthlyTopK, backtest, make_market
from attngru_bt.data.schedule import schedule_of
from attngru_bt.feeds.engine import bt
from attngru_bt.models.baselines import RandomScores
from attngru_bt.trading.attention_gru import AttentionGRUStrategy
from attngru_bt.trading.months import Months
from attngru_bt.walkforward import Recipe, SignalGenerator, walk_forward

pytestmark = pytest.mark.slow  # whole walks and backtests

WORDS = ["month", "week", "quarter", "month+5", "week+2", "quarter+20"]
SETTINGS = dict(topk=2, min_months=1, lookback=1, n_components=None, factors=["ROC6", "BIAS5"])


@pytest.fixture(scope="module")
def market():
    """A market with holidays of several days."""
    made = make_market(n_assets=8, n_days=330, seed=3, late=0, gaps=0, delisted=0)
    bars = made.bars
    open_days = np.ones(len(bars), dtype=bool)
    for start in (20, 47, 100, 180):
        open_days[start : start + 5] = False
    lines = {name: values[open_days] for name, values in bars.lines.items()}
    return type(made)(type(bars)(bars.dates[open_days], bars.assets, lines), None, None, "holidays")


@pytest.fixture(scope="module")
def short(market):
    return market.until(market.bars.dates[110])


@pytest.fixture(scope="module")
def scores(market):
    dates, names = market.bars.dates, list(market.bars.assets)
    values = np.random.default_rng(0).normal(size=(len(dates), len(names)))
    return pd.DataFrame(values, index=dates, columns=names)


@pytest.mark.parametrize("word", WORDS)
def test_it_decides_after_these_sessions_and_trades_in_the_next(market, scores, word):
    dates = market.bars.dates
    strategy = backtest.run(market, MonthlyTopK, signal=scores, topk=2, schedule=word)
    ends = schedule_of(word).ends(dates)
    ends = ends[ends < len(dates) - 1]
    assert [d["month_end"] for d in strategy.decisions] == list(dates[ends])
    assert [d["date"] for d in strategy.decisions] == list(dates[ends + 1])
    for decision in strategy.decisions:  # it holds the best of that day
        best = scores.loc[decision["month_end"]].nlargest(2)
        assert decision["wanted"] == tuple(best.index)
    fills = strategy.trade_log.frame().query("event == 'fill'")
    assert set(fills["date"]) <= {day for end in ends for day in dates[end + 1 : end + 3]}


class Sessions(bt.TradingCalendarBase):
    """A calendar that has the sessions of a market, and those of the weeks after it."""

    def __init__(self, dates):
        self.days = [*dates, *pd.bdate_range(dates[-1], periods=10)[1:]]

    def _nextday(self, day):
        following = next(d for d in self.days if d > pd.Timestamp(day)).to_pydatetime()
        return following, following.isocalendar()


@pytest.mark.parametrize("word", WORDS)
def test_with_a_calendar_it_decides_at_the_close(market, word):
    dates = market.bars.dates
    months = Months(Sessions(dates), schedule_of(word))
    found = [months.next(day.date(), None) for day in dates]
    closes = [date for date in found if date is not None]
    ends = schedule_of(word).ends(dates)
    ends = ends[ends < len(dates) - 1]
    assert closes[: len(ends)] == [day.date() for day in dates[ends]]
    assert found[int(ends[3])] == dates[ends[3]].date()


@pytest.mark.parametrize("word", WORDS)
def test_a_missed_session_counts(market, word):
    """Every seventh session is over before its bars were there: the next one stands in for it."""
    dates, months, closes, missed = market.bars.dates, Months(None, schedule_of(word)), [], None
    for i, day in enumerate(dates):
        if i % 7 == 3:
            missed = day.date()
            continue
        due = months.next(day.date(), missed)
        closes += [] if due is None else [due]
        missed = None
    ends = schedule_of(word).ends(dates)
    ends = ends[ends < len(dates) - 1]
    assert closes == [day.date() for day in dates[ends]]


@pytest.mark.slow
@pytest.mark.parametrize("word", ["week", "month+5"])
def test_the_model_is_scored_by_the_same_schedule_along_and_ahead(short, word):
    along = backtest.run(short, signal=Ridge(), schedule=word, **SETTINGS)
    ahead = backtest.run(short, model=Ridge(), schedule=word, **SETTINGS)
    assert len(ahead.decisions) > 3
    pd.testing.assert_frame_equal(along.trade_log.frame(), ahead.trade_log.frame())
    ends = set(short.bars.dates[schedule_of(word).ends(short.bars.dates)])
    assert {d["month_end"] for d in ahead.decisions} < ends
    assert str(ahead.signal.panel.schedule) == word


@pytest.mark.slow
def test_a_recipe_or_a_walk_brings_its_schedule(short):
    recipe = Recipe(Ridge(), schedule="week", **SETTINGS)
    walk = walk_forward(short, {"r": recipe})[0]
    by_recipe, by_walk = (
        backtest.run(short, model=model, topk=2) for model in (recipe, walk)
    )  # fmt: skip
    assert by_recipe.p.schedule == "week" and len(by_recipe.decisions) > 12
    pd.testing.assert_frame_equal(by_recipe.trade_log.frame(), by_walk.trade_log.frame())


@pytest.mark.parametrize(
    "signal", [SignalGenerator(Ridge()), RandomScores(schedule="quarter"), "walk"]
)
def test_two_schedules_are_refused(short, signal):
    if isinstance(signal, str):
        signal = walk_forward(short, ["random"], topk=2)[0]
    for strategy in (MonthlyTopK, AttentionGRUStrategy):
        with pytest.raises(ValueError, match=r"`schedule` is 'week' for the strategy and '\w+' fo"):
            backtest.run(short, strategy, signal=signal, topk=2, schedule="week")
    with pytest.raises(ValueError, match=r"give both the same"):
        backtest.run(short, model=signal, topk=2, schedule="week")


def test_a_baseline_by_name_takes_it(short):
    strategy = backtest.run(short, model="random", topk=2, schedule="week")
    assert len(strategy.decisions) > 15


def test_words_are_checked_and_too_short_data_told(market, scores):
    with pytest.raises(ValueError, match=r"`schedule` must be .*did you mean 'week'"):
        backtest.run(market, MonthlyTopK, signal=scores, schedule="weeks")
    days = market.until(market.bars.dates[8])
    strategy = backtest.run(days, MonthlyTopK, signal=scores, topk=2, schedule="quarter")
    assert "lie in one quarter, and a decision needs a quarter" in strategy.why_not_traded


@pytest.mark.slow
def test_the_baseline_of_a_report_has_it_too(short, scores, tmp_path):
    strategy = backtest.run(short, model=scores, topk=2, schedule="week", folder=tmp_path / "run")
    assert len(strategy.baseline.decisions) == len(strategy.decisions) > 15
    assert "best 2 of each week" in (tmp_path / "run" / "tearsheet.html").read_text()
