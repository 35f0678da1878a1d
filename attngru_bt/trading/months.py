"""Which session the decision of a month-end falls on."""

from __future__ import annotations

import datetime as dt

import backtrader as bt


class Months:
    """Follows the sessions of a run and says when a decision is due.

    A decision falls on the first session of a new month. With a calendar, which knows in advance
    that a month is about to end, it falls on the last session instead.

    Parameters
    ----------
    calendar : bt.TradingCalendar or None

    Attributes
    ----------
    first, last : date or None
        The first and the latest session; None before there was one.
    due : list of date
        Sessions in which a decision was due.
    asked : list of date
        Month-ends whose scores were asked for.
    """

    def __init__(self, calendar: bt.TradingCalendarBase | None) -> None:
        self._calendar = calendar
        self.first: dt.date | None = None
        self.last: dt.date | None = None
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
        if self._calendar is not None:
            sessions = [today] if missed is None else [today, missed]
            month_end = next((date for date in sessions if self._closed_by(date)), None)
        elif self.begins_with(today):
            month_end = self.last
        self.first, self.last = self.first or today, today
        if month_end is not None:
            self.due.append(today)
        return month_end

    def begins_with(self, today: dt.date) -> bool:
        """Whether today is the first session after a month-end."""
        last = self.last
        return last is not None and (last.year, last.month) != (today.year, today.month)

    def _closed_by(self, date: dt.date) -> bool:
        assert self._calendar is not None
        return bool(self._calendar.last_monthday(dt.datetime.combine(date, dt.time())))
