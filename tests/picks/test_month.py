"""Which month-end the picks are for, and when its month counts as complete."""

import datetime as dt
import sys
from types import SimpleNamespace

import pandas as pd
import pytest

from attngru_bt.data.bars import DataError
from attngru_bt.data.schedule import Schedule
from attngru_bt.picks.month import MonthIncompleteError, find_month


def sessions(last, closed=()):
    days = pd.bdate_range("2021-10-01", last)
    return days[~days.isin(pd.DatetimeIndex(closed))]


def found(last, today=None, closed=(), **options):
    month = find_month(
        sessions(last, closed), today=None if today is None else dt.date.fromisoformat(today),
        **options,
    )  # fmt: skip
    return str(month.end.date()), str(month.session.date()), month


class Calendar:
    """A calendar whose year ends early: its last January session is the 27th."""

    def __init__(self, until="2022-12-31"):
        days = pd.bdate_range("2021-10-01", until)
        self.days = days[~days.isin(pd.bdate_range("2022-01-28", "2022-02-04"))]
        self.last_session = self.days[-1]

    def sessions_in_range(self, start, end):
        assert end <= self.last_session, "exchange_calendars refuses this"
        return self.days[(self.days >= start) & (self.days <= end)]


def test_no_weekday_is_left():
    end, session, month = found("2022-01-31", "2022-01-31")
    assert (end, session) == ("2022-01-31", "2022-02-01")
    assert month.why == "no weekday is left in it" and not month.begun
    assert (
        month.by_weekdays
        and not found("2022-01-27", "2022-01-27", calendar=Calendar())[2].by_weekdays
    )


@pytest.mark.parametrize(
    ("mask", "last", "complete", "session"),
    [
        ("1111111", "2022-07-29", False, None),  # a Friday, with two days to come
        ("1111111", "2022-07-30", False, None),
        ("1111111", "2022-07-31", True, "2022-08-01"),
        ("1111111", "2022-12-31", True, "2023-01-01"),  # a Saturday
        ("1111001", "2022-07-28", False, None),  # from Sunday to Thursday
        ("1111001", "2022-07-31", True, "2022-08-01"),
        ("1111001", "2022-12-30", False, None),
    ],
)
def test_days_of_the_data_at_weekends_are_days_of_the_month(mask, last, complete, session):
    """Else a month of a market that never closes was complete on its last Friday."""
    dates = pd.bdate_range("2022-01-01", last, freq="C", weekmask=mask)
    today = pd.Timestamp(last).date()
    assert Schedule().complete(dates) == complete
    if not complete:
        with pytest.raises(MonthIncompleteError, match="may be a session of the same month"):
            find_month(dates, today=today)
    else:
        assert find_month(dates, today=today).session == pd.Timestamp(session)
        assert Schedule("week").complete(dates) == (dates[-1].weekday() == 6)


def test_a_single_session_at_a_weekend_is_an_exception():
    dates = sessions("2022-07-29").append(pd.DatetimeIndex(["2022-07-30"]))  # a Saturday
    month = find_month(dates, today=dt.date(2022, 7, 30))
    assert (month.why, month.session) == ("no weekday is left in it", pd.Timestamp("2022-08-01"))


@pytest.mark.parametrize("last", ["2022-02-01", "2022-02-07"])
def test_a_bar_of_the_next_month(last):
    end, _, month = found(last, last)
    assert end == "2022-01-31" and month.begun
    assert month.why == "the next month has begun on 2022-02-01"
    assert month.session == pd.Timestamp(last) + pd.offsets.BDay(1)


def test_a_week_into_the_month_nothing_is_to_be_decided():
    with pytest.raises(MonthIncompleteError) as told:
        found("2022-02-08", "2022-02-08")
    assert str(told.value) == (
        "February 2022 is not complete yet: the data end on 2022-02-08, and 2022-02-09 may be a "
        "session of the same month. Wait until the month is over and bring its bars; or, if none "
        "is to come, say so with --asof 2022-02-28. The picks of the month before: --asof "
        "2022-01-31."
    )
    assert found("2022-02-08", asof="2022-02-08")[0] == "2022-01-31", "asked for by date"


def test_the_month_is_over_by_the_clock():
    end, session, month = found("2022-01-28", "2022-02-01")
    assert (end, session) == ("2022-01-28", "2022-02-01")
    assert month.why == "it is over, and the data have no bar on 2022-01-31"
    with pytest.raises(MonthIncompleteError, match="January 2022 is not complete"):
        found("2022-01-28", "2022-01-31")  # that session may be going on


def test_data_that_lack_the_end_of_a_month_are_behind():
    """More weekdays are missing than holidays are likely to be."""
    with pytest.raises(DataError) as told:
        found("2022-01-21", "2022-02-01")
    assert not isinstance(told.value, MonthIncompleteError)
    assert str(told.value) == (
        "the data end on 2022-01-21, and January 2022 is over today, 2022-02-01: bring its last "
        "bars. If none are to come, say so with --asof 2022-01-31; --old takes the month before."
    )
    assert found("2022-01-21", "2022-02-01", old=True)[0] == "2021-12-31"


def test_asof_is_the_users_word():
    assert found("2022-01-21", asof="2022-01-31")[:2] == ("2022-01-21", "2022-02-01")
    assert found("2022-01-28", asof="2022-02-06")[:2] == ("2022-01-28", "2022-02-07")
    with pytest.raises(ValueError, match="`asof` must be a date"):
        found("2022-01-28", asof="soon")


def test_a_trading_calendar_knows():
    end, session, month = found("2022-01-27", "2022-01-27", calendar=Calendar())
    assert (end, session) == ("2022-01-27", "2022-02-07")
    assert month.why == "the calendar has no session left in it"
    with pytest.raises(MonthIncompleteError, match="2022-01-27 may be a session"):
        found("2022-01-26", "2022-01-27", calendar=Calendar())
    with pytest.raises(DataError, match="January 2022 is over today, 2022-02-07"):
        # a session of the calendar is missing in the data
        found("2022-01-26", "2022-02-07", calendar=Calendar())
    assert found("2022-11-30", "2022-12-01", calendar=Calendar("2022-12-05"))[1] == "2022-12-01"
    with pytest.raises(ValueError, match="has no session in the 30 days after 2022-12-30"):
        found("2022-12-30", "2022-12-31", calendar=Calendar())
    with pytest.raises(TypeError, match="sessions_in_range"):
        found("2022-12-30", "2022-12-31", calendar=5)


def test_nobody_knows_that_no_bar_is_to_come():
    """A mistyped year gave orders for a session years from now."""
    with pytest.raises(ValueError, match="`asof` 2030-01-31 is after today, 2022-01-28"):
        found("2022-01-27", "2022-01-28", asof="2030-01-31")
    assert found("2022-01-31", "2022-01-31", asof="2022-02-01")[0] == "2022-01-31"


def test_calendars_by_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "exchange_calendars", None)
    with pytest.raises(ImportError, match=r"attngru_bt\[calendar\]"):
        found("2022-01-27", "2022-01-27", calendar="XSHG")
    module = SimpleNamespace(
        get_calendar_names=lambda: ["XSHG", "XNYS"], get_calendar=lambda name: Calendar()
    )
    monkeypatch.setitem(sys.modules, "exchange_calendars", module)
    assert found("2022-01-27", "2022-01-27", calendar="XSHG")[1] == "2022-02-07"
    with pytest.raises(ValueError, match="did you mean 'XSHG'"):
        found("2022-01-27", "2022-01-27", calendar="XSGH")


@pytest.mark.parametrize(
    ("last", "session"),
    [
        ("2019-09-30", "2019-10-08"),  # National Day
        ("2020-01-23", "2020-02-03"),  # Spring Festival of 2020, which was prolonged
        ("2018-12-28", "2019-01-02"),  # the Monday that is left is a holiday
    ],
)
@pytest.mark.filterwarnings("ignore:Series.values returning")  # of exchange_calendars 4.13
def test_the_calendar_of_shanghai_itself(last, session):
    """Dates as the exchange announced them."""
    calendar = pytest.importorskip("exchange_calendars").get_calendar("XSHG")
    dates = pd.DatetimeIndex(calendar.sessions_in_range("2018-01-02", last))
    day = dt.date.fromisoformat(last)
    month = find_month(dates, today=day, calendar="XSHG")
    assert (str(month.end.date()), str(month.session.date())) == (last, session)
    with pytest.raises(MonthIncompleteError, match=f"{last} may be a session"):
        find_month(dates[:-1], today=day, calendar="XSHG")
    with pytest.raises(ValueError, match="did you mean 'XSHG'"):
        find_month(dates, today=day, calendar="XSGH")


def test_old_data_are_refused_unless_asked_for():
    assert found("2022-01-31", "2022-02-28")[0] == "2022-01-31"
    with pytest.raises(DataError) as told:
        found("2022-01-31", "2022-03-01")
    assert str(told.value) == (
        "the data end on 2022-01-31, and since the month-end 2022-01-31 another month has ended "
        "before today, 2022-03-01: bring data up to now, or ask for old picks (--old, or --asof "
        "2022-01-31)."
    )
    assert found("2022-01-31", "2022-03-01", old=True)[:2] == ("2022-01-31", "2022-03-01")
    assert found("2022-01-31", asof="2022-01-31")[:2] == ("2022-01-31", "2022-02-01")


def test_a_single_month_that_is_not_over_has_no_month_end():
    with pytest.raises(MonthIncompleteError, match="October 2021 is not complete yet"):
        found("2021-10-05", "2021-10-05")


class TestOtherSchedules:
    def test_a_week_that_is_over(self):
        friday = found("2022-01-28", "2022-01-28", schedule=Schedule("week"))
        assert friday[:2] == ("2022-01-28", "2022-01-31")
        monday = found("2022-01-31", "2022-01-31", schedule=Schedule("week"))
        assert monday[:2] == ("2022-01-28", "2022-02-01") and monday[2].begun
        thursday = found("2022-01-27", "2022-01-31", schedule=Schedule("week"))
        assert thursday[2].why == "it is over, and the data have no bar on 2022-01-28"

    def test_a_week_that_is_not_told_as_one(self):
        with pytest.raises(MonthIncompleteError, match="week of 2021-09-27 is not complete yet"):
            find_month(pd.bdate_range("2021-09-27", periods=2), today=dt.date(2021, 9, 28),
                       schedule=Schedule("week"))  # fmt: skip
        with pytest.raises(DataError, match="the week of 2022-01-24 is over today, 2022-01-31"):
            found("2022-01-25", "2022-01-31", schedule=Schedule("week"))
        with pytest.raises(
            DataError, match="since the end of the week 2022-01-21 another week has ended"
        ):
            found("2022-01-21", "2022-02-01", schedule=Schedule("week"))

    def test_quarters(self):
        end, session, month = found("2021-12-31", "2022-01-02", schedule=Schedule("quarter"))
        assert (end, session) == ("2021-12-31", "2022-01-03")
        with pytest.raises(MonthIncompleteError, match="Quarter 1 of 2022 is not complete yet"):
            found("2022-01-31", "2022-01-31", schedule=Schedule("quarter"))

    def test_sessions_after_a_month_end(self):
        rule = Schedule("month", 3)  # January 5th, 2022
        on_the_day = found("2022-01-05", "2022-01-05", schedule=rule)
        assert on_the_day[:2] == ("2022-01-05", "2022-01-06")
        assert on_the_day[2].why == "2022-01-05 is session 3 of January 2022"
        late = found("2022-01-10", "2022-01-10", schedule=rule)
        assert late[:2] == ("2022-01-05", "2022-01-11") and late[2].begun
        with pytest.raises(MonthIncompleteError) as told:
            found("2022-01-04", "2022-01-04", schedule=rule)
        assert str(told.value) == (
            "There is nothing to decide yet: schedule='month+3' decides after session 3 of each "
            "month, and the data end on 2022-01-04. Wait until that session is over and bring its "
            "bars. The picks before: --asof 2021-12-03."
        )
        assert found("2022-01-28", schedule=rule, asof="2022-01-28")[0] == "2022-01-05"
        with pytest.raises(DataError, match="since the month-end 2022-01-05 another month"):
            found("2022-01-07", "2022-03-01", schedule=rule)
