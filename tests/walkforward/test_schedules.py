"""Walks by the week, by the quarter, and some sessions after each month-end."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from attngru_bt import make_market
from attngru_bt.data.schedule import Schedule, schedule_of
from attngru_bt.models.baselines import RandomScores
from attngru_bt.walkforward import Recipe, SignalGenerator, walk_forward

pytestmark = pytest.mark.slow  # whole walks and backtests

SETTINGS = dict(
    topk=2, min_months=3, lookback=2, n_components=3, factors=["ROC6", "BIAS5", "VOL20"]
)
WORDS = ["week", "quarter", "month+5"]


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=8, n_days=330, seed=3, late=0, gaps=0, delisted=0)


@pytest.fixture(scope="module", params=WORDS)
def walk(market, request):
    return walk_forward(market, {"r": Ridge()}, schedule=request.param, **SETTINGS)[0]


def step_by_step(market, word):
    """Ask a generator at each of these sessions, with the bars known then."""
    generator = SignalGenerator(Ridge(), schedule=word, **SETTINGS)
    dates = market.bars.dates
    for end in schedule_of(word).ends(dates)[:-1]:
        generator.scores(market.bars.rows(0, int(end) + 1))
    return generator.walk_


def test_both_drivers_give_the_same_bits(market, walk):
    along = step_by_step(market, walk.recipe.schedule)
    known = [record for record in along.records if len(record.scores)]
    assert len(known) > 1
    ahead = {record.month_end: record.scores for record in walk.records}
    for record in known:
        assert record.scores.to_numpy().tobytes() == ahead[record.month_end].to_numpy().tobytes()


def test_outcomes_run_from_one_session_to_the_next(market, walk):
    close = market.bars.frame("close").ffill()
    ends = market.bars.dates[schedule_of(walk.recipe.schedule).ends(market.bars.dates)]
    outcome = walk.labels()["forward_return"].unstack()
    begins = outcome.index[:-2]
    following = ends[ends.get_indexer(begins) + 1]
    expected = close.loc[following].to_numpy() / close.loc[begins].to_numpy() - 1
    np.testing.assert_allclose(outcome.loc[begins].to_numpy(), expected, atol=1e-12)


def test_nothing_changes_when_the_future_is_cut_off(market, walk):
    cut = market.until(market.bars.dates[250])
    shorter = walk_forward(cut, {"r": Ridge()}, schedule=walk.recipe.schedule, **SETTINGS)[
        0
    ].scores()
    assert len(shorter) > 1
    pd.testing.assert_frame_equal(shorter, walk.scores().loc[: shorter.index[-1]], check_exact=True)


def test_numbers_of_months_stay_months(market):
    """Three months are 13 weeks, and a window of three months has 13 rows a stock."""
    weekly = walk_forward(market, {"r": Ridge()}, schedule="week", window=3, refit=2, **SETTINGS)[0]
    assert {record.n_months for record in weekly.records if len(record.scores)} == {13}
    fits = [i for i, record in enumerate(weekly.records) if record.refit]
    assert np.diff(fits).tolist() == [9] * (len(fits) - 1) and len(fits) > 3
    assert Recipe(schedule="quarter").n_sections(12) == 4


def test_monthly_steps_go_from_one_session_to_the_next(market):
    panel = Recipe(schedule="week", **SETTINGS).make_panel()
    panel.extend(market.bars.rows(0, 40))
    values = [section.values for section in panel.sections]
    np.testing.assert_array_equal(values[-1][:, 0], values[-2][:, 1])


def test_a_walk_answers_the_week_or_quarter_that_is_asked_for(walk):
    last = [record for record in walk.records if len(record.scores)][-1]
    assert walk.at(last.month_end).equals(last.scores)
    following = last.month_end + pd.Timedelta(days=1)
    assert walk.at(last.month_end, before=following).equals(last.scores)
    assert walk.at(last.month_end, before=last.month_end).empty


def test_models_walked_together_share_their_sessions(market):
    models = {"a": Recipe(Ridge(), **SETTINGS), "b": Recipe(Ridge(), schedule="week", **SETTINGS)}
    with pytest.raises(ValueError, match="same for all models.* got 'month' and 'week'"):
        walk_forward(market, models)


def test_an_unknown_schedule_is_refused_before_anything_is_computed(market):
    with pytest.raises(ValueError, match=r"`schedule` must be .*; did you mean 'month'\?"):
        walk_forward(market, {"r": Ridge()}, schedule="months", **SETTINGS)


def test_random_scores_are_drawn_anew_each_week(market):
    short = market.until(market.bars.dates[100])
    walk = walk_forward(short, ["random"], schedule="week", topk=2)[0]
    assert str(walk.panel.schedule) == "week"
    scores = walk.scores().dropna(axis=1)
    assert not scores.duplicated().any() and len(scores) > 15
    bars = market.bars.rows(0, 40)
    assert RandomScores().scores(bars).equals(RandomScores(schedule=Schedule()).scores(bars))
