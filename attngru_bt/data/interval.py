"""The interval of bars: whether they are daily, and how many sessions make a year."""

from __future__ import annotations

import numpy as np
import pandas as pd

from attngru_bt.data.bars import DataError

DAYS_PER_YEAR = 365.25
LEAST = 12  # sessions needed for an answer
DAILY = 5  # calendar days, below which a median gap is daily; it is 1 whatever the holidays
SURE = 120  # sessions from which holidays hardly change the number of a year
FAR = 1.25  # ratio of two numbers of sessions a year that holidays do not explain
HOLIDAYS = 15  # longest gap, in median gaps, so that a hole in the data does not count

_NAMES = ((5.0, "daily"), (12.0, "weekly"), (25.0, "fortnightly"), (45.0, "monthly"),
          (135.0, "quarterly"))  # fmt: skip


def median_gap(dates: pd.DatetimeIndex) -> float:
    """Return the median number of calendar days between sessions; NaN with too few sessions."""
    return float(np.median(_gaps(dates))) if len(dates) >= LEAST else float("nan")


def sessions_per_year(dates: pd.DatetimeIndex) -> float:
    """Return the mean number of sessions per year; NaN with too few sessions."""
    if len(dates) < LEAST:
        return float("nan")
    gaps = _gaps(dates)
    return float(DAYS_PER_YEAR / np.minimum(gaps, HOLIDAYS * np.median(gaps)).mean())


def check_daily(dates: pd.DatetimeIndex, source: str) -> None:
    """Raise DataError for weekly, monthly or longer bars."""
    gap = median_gap(dates)
    if gap >= DAILY:
        raise DataError(
            f"{source}: the bars are {_name(gap)}, {gap:g} days from one to the next "
            f"({dates[0].date()}, {dates[1].date()}, {dates[2].date()}, …). Factors, month-ends "
            "and fills are made for daily bars; give the daily ones."
        )


def contradicts(periods: float, dates: pd.DatetimeIndex) -> str:
    """Say that a number of sessions per year cannot be right, and which one would be.

    Numbers between half and twice the measured one are possible: 252, 242 and 365 all fit daily
    bars.

    Returns
    -------
    str
        Empty if the number is possible, or with too few sessions.
    """
    rate = sessions_per_year(dates)
    if not (periods > 2 * rate or periods < rate / 2):  # also NaN
        return ""
    gap = median_gap(dates)
    if gap < DAILY:
        needed = "give the market's number: 252 in the US, 242 in China, 365 if every day is one"
    else:
        near = {7.0: 52, 14.0: 26}.get(gap, round(DAYS_PER_YEAR / gap))
        needed = f"give periods={max(near, 1)}"
    return (
        f"`periods` is {periods:g} sessions a year, but the sessions are {_name(gap)}, about "
        f"{rate:.0f} a year; {needed}."
    )


def unusual(periods: float, dates: pd.DatetimeIndex) -> str:
    """Say that a number of sessions per year is far from the measured one, though it is possible.

    Returns
    -------
    str
        Empty within a quarter of it, or with fewer than `SURE` sessions.
    """
    rate = sessions_per_year(dates)
    if len(dates) < SURE or 1 / FAR < periods / rate < FAR:
        return ""
    return (
        f"`periods` is {periods:g} sessions a year, and there were about {rate:.0f}: figures a "
        f"year are those of {periods:g}."
    )


def _gaps(dates: pd.DatetimeIndex) -> np.ndarray:
    days = dates.to_numpy().astype("datetime64[D]").astype(np.int64)
    return np.diff(days)


def _name(gap: float) -> str:
    """Return the word for bars with this gap, in calendar days."""
    return next((name for limit, name in _NAMES if gap < limit), "yearly")
