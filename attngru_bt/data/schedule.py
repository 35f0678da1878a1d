"""The schedule: the sessions after which models score and the portfolio is changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt import checks

# largest `offset`: holidays leave some weeks, months and quarters without more sessions
MOST = {"week": 4, "month": 15, "quarter": 50}
_MONTHS = {"week": 12 / 52, "month": 1.0, "quarter": 3.0}  # length of each, in months


@dataclass(frozen=True)
class Schedule:
    """When cross-sections are taken, models score and the portfolio is changed.

    This is at the close of the last session of each week, month or quarter, or of a session a fixed
    number of sessions later. Which session that is depends on the sessions before it alone; what is
    decided then is traded in the next one.

    Parameters
    ----------
    unit : {"month", "week", "quarter"}, default "month"
        Weeks begin on Mondays.
    offset : int, default 0
        Sessions after the end of the unit. A unit of fewer sessions is passed over.

    Examples
    --------
    >>> import pandas as pd
    >>> dates = pd.bdate_range("2020-01-28", "2020-03-05")
    >>> [f"{day:%m-%d}" for day in dates[Schedule("month").ends(dates)]]
    ['01-31', '02-28', '03-05']
    >>> [f"{day:%m-%d}" for day in dates[Schedule("month", 2).ends(dates)]]
    ['01-29', '02-04', '03-03', '03-05']
    """

    unit: str = "month"
    offset: int = 0

    def __str__(self) -> str:
        return f"{self.unit}+{self.offset}" if self.offset else self.unit

    def ends(self, dates: pd.DatetimeIndex) -> NDArray[np.intp]:
        """Return the positions of the sessions decided after; the last date counts as one.

        Parameters
        ----------
        dates : DatetimeIndex of shape (days,)
            Sessions in increasing order. The caller vouches that the last one is such a session.
        """
        last = len(dates) - 1
        if last < 0:
            return np.empty(0, dtype=np.intp)
        units = self.units(dates)
        begins = np.flatnonzero(units[1:] != units[:-1]) + 1
        if not self.offset:
            return np.append(begins - 1, last)
        begins = np.append(0, begins)
        ends = begins + self.offset - 1
        ends = ends[ends < np.append(begins[1:], len(dates))]
        return ends if len(ends) and ends[-1] == last else np.append(ends, last)

    def complete(self, dates: pd.DatetimeIndex) -> bool:
        """Whether the last date is known to be such a session, by what is dated up to it.

        Without an offset that is where no weekday of the unit is left.
        """
        if self.offset:
            units = self.units(dates[-(self.offset + 1) :])
            return int((units == units[-1]).sum()) == self.offset
        following = dates[-1] + pd.offsets.CustomBusinessDay(weekmask=weekdays(dates))
        return not self.same(dates[-1], following)

    def units(self, dates: pd.DatetimeIndex) -> NDArray[np.intp]:
        """Return the number of the week, month or quarter of each date."""
        if self.unit == "week":
            # day 0 is a Thursday
            days = dates.to_numpy().astype("datetime64[D]").astype(np.intp)
            return np.asarray((days + 3) // 7)
        months = dates.to_numpy().astype("datetime64[M]").astype(np.intp) + 1970 * 12
        return np.asarray(months // 3 if self.unit == "quarter" else months, dtype=np.intp)

    def same(self, one: Any, other: Any) -> bool:
        """Whether two dates lie in the same week, month or quarter."""
        return self._number(one) == self._number(other)

    def _number(self, date: Any) -> int:
        """Return what `units` has for one date, without pandas: backtests ask in every session."""
        if self.unit == "week":
            return int((date.toordinal() - 1) // 7)  # day 1 is a Monday
        months = date.year * 12 + date.month - 1
        return int(months // 3 if self.unit == "quarter" else months)

    def begin(self, date: pd.Timestamp) -> pd.Timestamp:
        """Return the first day of the week, month or quarter of a date."""
        if self.unit == "week":
            return date.normalize() - pd.Timedelta(days=date.weekday())
        month = 3 * ((date.month - 1) // 3) + 1 if self.unit == "quarter" else date.month
        return pd.Timestamp(date.year, month, 1)

    def following(self, date: pd.Timestamp) -> pd.Timestamp:
        """Return the first day of the next week, month or quarter."""
        # a day within the next one
        days = {"week": 7, "month": 40, "quarter": 100}[self.unit]
        return self.begin(self.begin(date) + pd.Timedelta(days=days))

    def title(self, date: pd.Timestamp) -> str:
        """Name the week, month or quarter of a date: "January 2022", "the week of 2022-01-03"."""
        if self.unit == "week":
            return f"the week of {self.begin(date).date()}"
        return f"{date:%B %Y}" if self.unit == "month" else f"quarter {date.quarter} of {date.year}"

    @property
    def end_called(self) -> str:
        """Name of the end of its unit: "month-end", "end of the week", "end of the quarter"."""
        return "month-end" if self.unit == "month" else f"end of the {self.unit}"

    def counted(self, n: int) -> str:
        """Say how many of its sessions there are: "60 month-ends", "20 quarters + 5 sessions"."""
        what = {"month": "month-end", "week": "week", "quarter": "quarter"}[self.unit]
        return f"{n} {what}{'s' if n != 1 else ''}" + (
            f" + {self.offset} session{'s' if self.offset > 1 else ''}" if self.offset else ""
        )

    def periods(self, months: int) -> int:
        """Return the number of these sessions in a number of months, rounded up."""
        return int(np.ceil(round(months / _MONTHS[self.unit], 6)))


MONTH = Schedule()
"""The end of each month, at which everything is decided unless another schedule is asked for."""


def weekdays(dates: pd.DatetimeIndex) -> str:
    """Return the weekdays of sessions as a mask from Monday on, such as "1111100".

    They are Monday to Friday, and a Saturday or Sunday with two sessions in the last four weeks of
    the dates, as where trade never stops or weeks begin on Sundays. One alone is an exception.
    """
    recent = dates[dates > dates[-1] - pd.Timedelta(weeks=4)]
    count = np.bincount(recent.day_of_week, minlength=7)
    return "11111" + "".join("1" if n > 1 else "0" for n in count[5:])


def schedule_of(value: Any) -> Schedule:
    """Return the schedule that a parameter names.

    Parameters
    ----------
    value : Schedule or str
        "month", "week" or "quarter"; "month+5" is the fifth session after each month-end.

    Raises
    ------
    ValueError
        If it names none.

    Examples
    --------
    >>> schedule_of("quarter+1")
    Schedule(unit='quarter', offset=1)
    """
    if isinstance(value, Schedule):
        return value
    unit, plus, offset = str(value).partition("+")
    if unit not in MOST or (plus and not offset.isdecimal()):
        raise ValueError(
            f"`schedule` must be 'month', 'week' or 'quarter', or such a word and a number of "
            f"sessions after it, such as 'month+5'; got {value!r}"
            f"{checks.nearest(unit, MOST) if unit not in MOST else '.'}"
        )
    if plus and not 1 <= int(offset) <= MOST[unit]:
        raise ValueError(
            f"`schedule` can be from 1 to {MOST[unit]} sessions after the end of a {unit}, since "
            f"holidays leave some without more; got {value!r}."
        )
    return Schedule(unit, int(offset or 0))
