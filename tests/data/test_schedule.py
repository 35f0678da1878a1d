"""The sessions after which is decided: weeks, months, quarters, and days after them."""

import doctest

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngru_bt.data import schedule as module
from attngru_bt.data.schedule import MOST, Schedule, schedule_of

DAYS = pd.date_range("2019-11-20", "2020-12-31")
WORDS = ["month", "week", "quarter", "month+1", "month+5", "week+2", "quarter+30"]
sessions = st.lists(st.integers(0, len(DAYS) - 1), min_size=1, max_size=200, unique=True).map(
    lambda days: DAYS[sorted(days)]
)
words = st.sampled_from(WORDS)


def unit_of(day, unit):
    if unit == "week":
        return day.isocalendar()[:2]
    return day.year, day.quarter if unit == "quarter" else day.month


def slowly(dates, unit, offset):
    """Go from session to session, and say which is decided on: an oracle in plain words."""
    ends, seen = [], {}
    for i, day in enumerate(dates):
        key = unit_of(day, unit)
        seen[key] = seen.get(key, 0) + 1
        following = dates[i + 1] if i + 1 < len(dates) else None
        if offset:
            is_end = seen[key] == offset
        else:
            is_end = following is not None and unit_of(following, unit) != key
        if is_end or following is None:
            ends.append(i)
    return ends


@pytest.mark.slow
@given(sessions, words)
def test_it_is_the_sessions_that_the_words_say(dates, word):
    schedule = schedule_of(word)
    assert schedule.ends(dates).tolist() == slowly(dates, schedule.unit, schedule.offset)


@pytest.mark.slow
@given(st.sampled_from(["month", "week", "quarter"]), st.data())
def test_two_dates_are_in_the_same_unit_as_the_calendar_says(unit, data):
    one, other = (data.draw(st.sampled_from(list(DAYS))) for _ in range(2))
    same = unit_of(one, unit) == unit_of(other, unit)
    assert Schedule(unit).same(one, other) == same
    assert Schedule(unit).same(one.date(), other.date()) == same  # the sessions of a backtest


@pytest.mark.slow
@given(sessions, words, st.integers(1, 200))
def test_later_sessions_change_nothing(dates, word, n):
    schedule = schedule_of(word)
    known = schedule.ends(dates[:n])
    assert known[:-1].tolist() == [i for i in schedule.ends(dates) if i < known[-1]]
    if schedule.complete(dates[:n]) and schedule.offset:
        assert known[-1] in schedule.ends(dates)


@pytest.mark.parametrize(
    ("word", "last", "complete"),
    [
        ("month", "2020-01-30", False), ("month", "2020-01-31", True),
        ("week", "2020-01-30", False), ("week", "2020-01-31", True),
        ("quarter", "2020-02-28", False), ("quarter", "2020-03-31", True),
        ("month+2", "2020-01-03", False), ("month+2", "2020-01-02", True),
        ("week+1", "2020-01-06", True), ("week+1", "2020-01-07", False),
    ],
)  # fmt: skip
def test_whether_the_last_date_is_known_to_be_one(word, last, complete):
    dates = pd.bdate_range("2019-12-20", last)
    assert schedule_of(word).complete(dates) is complete


def test_no_dates_none_of_them():
    assert len(Schedule().ends(pd.DatetimeIndex([]))) == 0


def test_months_in_other_units():
    assert [Schedule("month", 5).periods(n) for n in (1, 12)] == [1, 12]
    assert [Schedule("week").periods(n) for n in (1, 12)] == [5, 52]
    assert [Schedule("quarter").periods(n) for n in (1, 3, 12)] == [1, 1, 4]


@pytest.mark.parametrize("unit", MOST)
def test_a_text_says_it_all(unit):
    for schedule in (Schedule(unit), Schedule(unit, 1), Schedule(unit, MOST[unit])):
        assert schedule_of(str(schedule)) == schedule == schedule_of(schedule)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("moth", r"got 'moth'; did you mean 'month'\?"),
        ("month+x", r"a number of sessions after it, such as 'month\+5'; got 'month\+x'\."),
        ("month+", r"got 'month\+'"),
        ("week+5", r"from 1 to 4 sessions after the end of a week"),
        ("month+0", r"from 1 to 15 sessions"),
        (21, "got 21"),
        (None, "got None"),
    ],
)
def test_what_is_none_is_a_sentence(value, message):
    with pytest.raises(ValueError, match=message):
        schedule_of(value)


def test_examples():
    assert doctest.testmod(module).failed == 0


def test_weeks_begin_on_mondays():
    dates = pd.date_range("2020-01-01", "2020-03-01")
    assert set(dates[Schedule("week").ends(dates)][:-1].day_of_week) == {6}
    assert np.ptp(np.diff(Schedule("week").ends(dates)[:-1])) == 0
