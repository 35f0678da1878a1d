"""Windows of raw lines, and rows between month-ends: cut by hand beside what the panel cuts."""

import numpy as np
import pandas as pd
import pytest

from attngru_bt import make_market
from attngru_bt.features.panel import HORIZON
from attngru_bt.features.windows import NOT_TRADED, SESSIONS, Windows, concatenated
from attngru_bt.walkforward import Recipe

LINES = ("LineClose", "LineOpen", "LineHigh", "LineLow", "LineAverage", "LineVolume")


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=6, n_days=260, seed=5)


def panel_of(bars, **settings):
    panel = Recipe(view="lines", **settings).make_panel()
    panel.extend(bars)
    return panel


def window_by_hand(bars, asset, end):
    """The lines of one stock over 60 sessions, bar after bar, as the docstrings define them."""
    column = bars.assets.index(asset)
    line = {name: bars[name][:, column] for name in ("open", "high", "low", "close")}
    volume, amount = bars["volume"][:, column], bars["amount"][:, column]
    traded = np.flatnonzero(~np.isnan(line["close"][: end + 1]))
    rows = np.zeros((SESSIONS, len(LINES)), dtype=np.float32)
    rows[:, -1] = NOT_TRADED
    for place, day in enumerate(range(end - SESSIONS + 1, end + 1)):
        number = np.searchsorted(traded, day)
        if day not in traded or day < 0:
            continue
        close = line["close"][day]
        if number:
            before = line["close"][traded[number - 1]]
            rows[place, 0] = np.log(close / before) / 0.025
            rows[place, 1] = np.log(line["open"][day] / before) / 0.0125
        rows[place, 2] = np.log(line["high"][day] / close) / 0.02
        rows[place, 3] = np.log(line["low"][day] / close) / 0.02
        last60 = traded[max(number - 59, 0) : number + 1]
        above = np.log(amount[last60] / volume[last60] / line["close"][last60])
        rows[place, 4] = (above[-1] - above.mean()) / 0.01
        usual = np.log(volume[last60])
        rows[place, 5] = np.log(volume[day]) - usual.mean()
    return np.clip(rows, -5, 5)


def test_a_window_is_what_one_cuts_by_hand(market):
    bars = market.bars
    panel = panel_of(bars)
    dates = list(bars.dates)
    for section in (panel.sections[0], panel.sections[4], panel.sections[-1]):
        end = dates.index(section.date)
        got = np.asarray(section.values)
        assert got.shape == section.values.shape == (len(section), 20, 18)
        assert got.dtype == np.float32 and np.isfinite(got).all()
        for row, asset in zip(got, section.assets, strict=True):
            expected = window_by_hand(bars, asset, end)
            np.testing.assert_allclose(row.reshape(60, 6), expected, atol=1e-5)


def test_the_features_of_a_step_are_named_oldest_session_first(market):
    columns = panel_of(market.bars).columns
    assert columns[:2] == ("LineClose-2", "LineOpen-2")
    assert columns[-6:] == LINES


def test_lines_that_the_data_lack_are_left_out(market):
    bars = market.bars
    close_only = type(bars)(bars.dates, bars.assets, {"close": bars["close"]})
    panel = panel_of(close_only)
    assert panel.columns == ("LineClose-2", "LineClose-1", "LineClose")
    whole = np.asarray(panel_of(bars).sections[-1].values)
    np.testing.assert_array_equal(
        np.asarray(panel.sections[-1].values), whole.reshape(-1, 60, 6)[:, :, 0].reshape(-1, 20, 3)
    )


def test_rows_are_selected_without_a_copy_of_the_lines(market):
    windows = panel_of(market.bars).sections[-1].values
    picked = windows[np.array([2, 0])]
    assert isinstance(picked, Windows) and picked.store is windows.store
    np.testing.assert_array_equal(np.asarray(picked), np.asarray(windows)[[2, 0]])
    np.testing.assert_array_equal(windows[:, -1], np.asarray(windows)[:, -1])
    both = concatenated([windows, picked])
    assert len(both) == len(windows) + 2
    np.testing.assert_array_equal(np.asarray(both)[-2:], np.asarray(picked))
    with pytest.raises(ValueError, match="no array to share"):
        windows.__array__(copy=False)


@pytest.mark.slow
def test_month_by_month_gives_the_bits_of_all_at_once(market):
    bars = market.bars
    whole = panel_of(bars, sample="week")
    grown = Recipe(view="lines", sample="week").make_panel()
    for section in whole.sections:
        grown.extend(bars.until(section.date))
    assert grown.digests() == whole.digests()
    for one, other in zip(grown.sections, whole.sections, strict=True):
        np.testing.assert_array_equal(np.asarray(one.values), np.asarray(other.values))
        assert [s.date for s in one.samples] == [s.date for s in other.samples]


@pytest.mark.slow
@pytest.mark.parametrize("view", ["factors", "lines"])
@pytest.mark.parametrize("sample", ["week", 7])
def test_a_row_exists_when_its_outcome_has_ended(market, view, sample):
    bars = market.bars
    factors = None if view == "lines" else ["ROC6", "BIAS5"]
    panel = Recipe(view=view, factors=factors, sample=sample).make_panel()
    panel.extend(bars)
    close = pd.DataFrame(bars["close"], bars.dates, list(bars.assets)).ffill()
    dates = list(bars.dates)
    days = []
    for section in panel.sections:
        for row in section.samples:
            day = dates.index(row.date)
            known = dates.index(section.date)
            assert day + HORIZON <= known  # nothing reaches into the month that is predicted
            days.append(day)
            returns = close.iloc[day + HORIZON] / close.iloc[day] - 1
            np.testing.assert_allclose(row.returns, returns[list(row.assets)], rtol=1e-12)
    mondays = [d - pd.Timedelta(days=d.weekday()) for d in bars.dates]
    first = [i for i in range(len(dates)) if i == 0 or mondays[i] != mondays[i - 1]]
    asked = first if sample == "week" else list(range(0, len(dates), 7))
    # the rows of the first sessions have no factors yet
    expected = [day for day in asked if day + HORIZON <= dates.index(panel.sections[-1].date)]
    assert days == expected
    recipe = Recipe(view=view, sample=sample)
    fit_at = panel.sections[: len(panel.sections) // 2]
    rows = recipe.training_sections(fit_at)
    assert rows
    assert max(dates.index(row.date) for row in rows) + HORIZON <= dates.index(fit_at[-1].date)


def test_a_rolling_window_takes_the_rows_of_its_months(market):
    panel = panel_of(market.bars, sample="week")
    recipe = Recipe(view="lines", sample="week", window=3, min_months=2)
    rows = recipe.training_sections(panel.sections)
    assert rows == [row for s in panel.sections[-3:] for row in s.samples if len(row)]


def test_what_is_none_is_refused():
    for wrong in ({"view": "bars"}, {"sample": "day"}, {"sample": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Recipe(**wrong).check()
