"""The month-end that the picks are for, and the session in which they are traded."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from attngru_bt import checks
from attngru_bt.data.bars import DataError
from attngru_bt.data.schedule import Schedule, weekdays

# sessions of a new month up to which picks are for the month-end before it
LATE = 5
# most weekdays without a bar at the end of a month that is over which are taken for holidays
HOLIDAYS = 5
IN_A_WEEK = 2  # the same for a week
DAY = pd.Timedelta(days=1)


class MonthIncompleteError(DataError):
    """The month that the data end in is not complete yet: there is nothing to decide."""


@dataclass(frozen=True)
class Month:
    """A month-end whose month is complete, and the session that its picks are traded in.

    Attributes
    ----------
    end : Timestamp
        The last session of the month.
    last : Timestamp
        The last session of the data; orders refer to its closes. Later than `end` if the new month
        has begun.
    session : Timestamp
        The next session, as far as the calendar or the weekdays of the data tell.
    why : str
        What shows that the month is complete, as a clause.
    by_weekdays : bool
        Whether there was no calendar, so that the session may be a holiday.
    """

    end: pd.Timestamp
    last: pd.Timestamp
    session: pd.Timestamp
    why: str
    by_weekdays: bool = False

    @property
    def begun(self) -> bool:
        """Whether the data have a session of the next month already."""
        return self.last != self.end


def find_month(
    dates: pd.DatetimeIndex,
    *,
    asof: Any = None,
    today: dt.date | None = None,
    old: bool = False,
    calendar: Any = None,
    schedule: Schedule | None = None,
) -> Month:
    """Find the last month-end in the data whose month is complete.

    Under another schedule this is the last session of a week or quarter, or a session a fixed
    number of sessions later.

    A month is complete if the data have a session of the next month, if no weekday of it is left
    (with a calendar: no session), or if it is over by the date: five weekdays at its end may then
    lack a bar, as holidays do. With `asof`, which is the user's word, any number may. A Saturday or
    Sunday is a weekday where the data have sessions on it.

    Parameters
    ----------
    dates : DatetimeIndex
        The sessions of the data, none of them after `asof`.
    asof : date, default None
        Up to and including this day all sessions are in the data. None: up to yesterday.
    today : date, default None
        The date of today; None: by the clock, or the day after `asof`.
    old : bool, default False
        Take data that are older than one rebalance. `asof` implies it.
    calendar : str or object with ``sessions_in_range(start, end)``, default None
        Trading calendar; a name is that of one of ``exchange_calendars``, such as "XSHG".
    schedule : Schedule, default month-ends

    Returns
    -------
    Month

    Raises
    ------
    MonthIncompleteError
        If the month that the data end in is not complete.
    DataError
        If the data are older than one rebalance, or lack the end of a month that is over.
    ImportError
        If a calendar is named, and exchange_calendars is not installed.
    """
    day = None if asof is None else checks.date("asof", asof)
    clock = pd.Timestamp(today or dt.date.today())
    if day is not None and day > clock + DAY:  # by a day a zone further east may be ahead
        raise ValueError(
            f"`asof` {day.date()} is after today, {clock.date()}: whether a session of that time "
            f"had bars is not known; give a day that is over, such as the last of the data, "
            f"{dates[-1].date()}."
        )
    now = clock if day is None else day + DAY
    last = dates[-1]
    mask = weekdays(dates)
    following = next_session(last, calendar, mask)
    rule = schedule or Schedule()
    unit, asked = rule.unit, day is not None or old
    if rule.offset:
        after_today = next_session(max(following, now) - DAY, calendar, mask)
        month = _sessions_after(dates, after_today, rule, asked=asked)
    elif why := _complete(
        last, following, now, rule, None if calendar is not None else mask, asked=day is not None
    ):
        # a session before the month is over or before today has passed
        earliest = max(following, rule.following(last), now)
        session = next_session(earliest - DAY, calendar, mask)
        month = Month(last, last, session, why)
    else:
        before = dates[dates < rule.begin(last)]
        n_sessions = len(dates) - len(before)
        if now >= rule.following(last) and not asked:
            raise DataError(
                f"the data end on {last.date()}, and {rule.title(last)} is over today, "
                f"{now.date()}: bring its last bars. If none are to come, say so with --asof "
                f"{_end_of(last, rule).date()}; --old takes the {unit} before."
            )
        if not len(before) or (n_sessions > LATE and not asked):
            raise MonthIncompleteError(_incomplete(last, following, before, day, rule))
        session = next_session(max(following, now) - DAY, calendar, mask)
        first = dates[len(before)]
        month = Month(before[-1], last, session, f"the next {unit} has begun on {first.date()}")
    then, today_is = rule.units(pd.DatetimeIndex([month.end, now]))
    if today_is - then > 1 and not asked:
        raise DataError(
            f"the data end on {last.date()}, and since the {rule.end_called} {month.end.date()} "
            f"another {unit} has ended before today, {now.date()}: bring data up to now, or ask "
            f"for old picks (--old, or --asof {_end_of(month.end, rule).date()})."
        )
    return replace(month, by_weekdays=calendar is None)


def _sessions_after(
    dates: pd.DatetimeIndex, session: pd.Timestamp, rule: Schedule, *, asked: bool
) -> Month:
    """Find the last session on which a schedule with an offset decides."""
    last = dates[-1]
    nth = f"session {rule.offset} of {rule.title(last)}"
    if rule.complete(dates):
        return Month(last, last, session, f"{last.date()} is {nth}")
    ends = rule.ends(dates)[:-1]
    late = len(dates) - 1 - int(ends[-1]) if len(ends) else 0
    if not late or (late > LATE and not asked):
        before = f" The picks before: --asof {dates[ends[-1]].date()}." if len(ends) else ""
        raise MonthIncompleteError(
            f"There is nothing to decide yet: schedule={str(rule)!r} decides after session "
            f"{rule.offset} of each {rule.unit}, and the data end on {last.date()}. Wait until "
            f"that session is over and bring its bars.{before}"
        )
    end = dates[ends[-1]]
    return Month(end, last, session, f"{end.date()} is session {rule.offset} of {rule.title(end)}")


def next_session(date: pd.Timestamp, calendar: Any, mask: str) -> pd.Timestamp:
    """Return the first session after a date by a calendar; without one by a mask of weekdays.

    Raises
    ------
    ValueError
        If the calendar has no session soon after that date, or there is no such calendar.
    ImportError
        If exchange_calendars is needed and is not installed.
    """
    if calendar is None:
        return date + pd.offsets.CustomBusinessDay(weekmask=mask)
    exchange = find_calendar(calendar)
    # exchange_calendars refuses a range beyond its last session
    end = min(date + 30 * DAY, getattr(exchange, "last_session", date + 30 * DAY))
    sessions = exchange.sessions_in_range(date + DAY, end) if end > date else []
    if not len(sessions):
        raise ValueError(
            f"`calendar` {calendar!r} has no session in the 30 days after {date.date()}: update "
            f"exchange_calendars, or leave the calendar out and give --asof."
        )
    return pd.Timestamp(sessions[0]).tz_localize(None).normalize()


def find_calendar(calendar: Any) -> Any:
    """Return a trading calendar by its name in exchange_calendars, or the object itself."""
    if not isinstance(calendar, str):
        if not hasattr(calendar, "sessions_in_range"):
            raise TypeError(
                f"`calendar` must be a name such as 'XSHG', or have a method "
                f"sessions_in_range(start, end); got {type(calendar).__name__}."
            )
        return calendar
    try:
        import exchange_calendars
    except ImportError:
        raise ImportError(
            f"`calendar` {calendar!r} needs exchange_calendars, which is not installed: "
            f"pip install 'attngru_bt[calendar]'."
        ) from None
    names = exchange_calendars.get_calendar_names()
    if calendar not in names:
        raise ValueError(
            f"`calendar` must be the name of one of exchange_calendars, such as 'XSHG' or 'XNYS'; "
            f"got {calendar!r}{checks.nearest(calendar, names)}"
        )
    return exchange_calendars.get_calendar(calendar)


def _end_of(date: pd.Timestamp, rule: Schedule) -> pd.Timestamp:
    """Return the last day of a month, session or not."""
    return rule.following(date) - DAY


def _complete(
    last: pd.Timestamp,
    following: pd.Timestamp,
    now: pd.Timestamp,
    rule: Schedule,
    mask: str | None,
    *,
    asked: bool,
) -> str:
    """Say why the month of the last session is complete; empty if it is not.

    The mask is that of the weekdays, None with a calendar.
    """
    begins = rule.following(last)
    if following >= begins:
        return (
            "the calendar has no session left in it" if mask is None else "no weekday is left in it"
        )
    if mask is None:
        return ""  # what lacks a bar is a session, and so the data are behind
    left = pd.bdate_range(following, begins - DAY, freq="C", weekmask=mask)
    most = HOLIDAYS if rule.unit != "week" else IN_A_WEEK
    if left[-1] >= now or (len(left) > most and not asked):
        return ""
    first, end = left[0].date(), left[-1].date()
    span = f"{first}" if len(left) == 1 else f"the {len(left)} weekdays {first} to {end}"
    return f"it is over, and the data have no bar on {span}"


def _incomplete(
    last: pd.Timestamp,
    following: pd.Timestamp,
    before: pd.DatetimeIndex,
    asof: pd.Timestamp | None,
    rule: Schedule,
) -> str:
    """Say that the month of the last session is not complete, and what to do."""
    given = "" if asof is None else f" (as of {asof.date()})"
    earlier = ""
    if len(before):
        day = _end_of(before[-1], rule).date()
        earlier = f" The picks of the {rule.unit} before: --asof {day}."
    title = rule.title(last)
    return (
        f"{title[0].upper()}{title[1:]} is not complete yet{given}: the data end on {last.date()}, "
        f"and {following.date()} may be a session of the same {rule.unit}. Wait until the "
        f"{rule.unit} is over and bring its bars; or, if none is to come, say so with --asof "
        f"{_end_of(last, rule).date()}.{earlier}"
    )
