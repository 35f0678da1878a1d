"""The sessions on which a strategy decides."""

from __future__ import annotations

import datetime as dt

from attngru_bt.data.schedule import Schedule
from attngru_bt.feeds.engine import bt


class Months:
    """Follows the sessions of a run and says when a decision is due.

    A decision falls on the first session of a new month. With a calendar, which knows in advance
    that a month is about to end, it falls on the last session instead. Under another schedule a
    week, a quarter or an offset takes the place of the month.

    Parameters
    ----------
    calendar : bt.TradingCalendar or None
    schedule : Schedule, default month-ends

    Attributes
    ----------
    first, last : date or None
        The first and the latest session; None before there was one.
    due : list of date
        Sessions in which a decision was due.
    asked : list of date
        Month-ends whose scores were asked for.
    """

    def __init__(
        self, calendar: bt.TradingCalendarBase | None, schedule: Schedule | None = None
    ) -> None:
        self._calendar = calendar
        self.schedule = schedule or Schedule()
        self.first: dt.date | None = None
        self.last: dt.date | None = None
        self._number = 0  # number of the latest session within its month, from 1
        self.due: list[dt.date] = []
        self.asked: list[dt.date] = []

    def may_be_due(self, today: dt.date) -> bool:
        """Whether a decision may be due today, so that it matters whether all bars are there."""
        return self._calendar is not None or self.begins_with(today)

    def next(self, today: dt.date, missed: dt.date | None) -> dt.date | None:
        """Go on to today; return the month-end that is to be decided on, if there is one.

        Parameters
        ----------
        today : date
        missed : date or None
            The session before, if it was over before all its bars were there.
        """
        month_end = None
        for date in [today] if missed is None else [missed, today]:
            if self._calendar is None and self.begins_with(date):
                month_end = self.last
            self._number = self._number_of(date)
            self.first, self.last = self.first or date, date
            if self._calendar is not None and self._closed_by(date):
                month_end = date
        if month_end is not None:
            self.due.append(today)
        return month_end

    def begins_with(self, today: dt.date) -> bool:
        """Whether today is the first session after a month-end."""
        if self.last is None:
            return False
        if self.schedule.offset:
            return self._number == self.schedule.offset
        return not self.schedule.same(self.last, today)

    def _number_of(self, date: dt.date) -> int:
        """Return the number of a session within its month, going on from the latest one."""
        if self.last is None or not self.schedule.same(self.last, date):
            return 1
        return self._number + 1

    def _closed_by(self, date: dt.date) -> bool:
        """Whether a month has ended with the latest session."""
        if self.schedule.offset:
            return self._number == self.schedule.offset
        assert self._calendar is not None
        day = dt.datetime.combine(date, dt.time())
        if self.schedule.unit == "week":
            return bool(self._calendar.last_weekday(day))
        ends = bool(self._calendar.last_monthday(day))
        return ends and (self.schedule.unit == "month" or date.month % 3 == 0)
