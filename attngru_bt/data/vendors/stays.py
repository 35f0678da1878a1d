"""Stays in an index, with their first day and the day of leaving, from lists of members."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pandas as pd

MembersAt = Callable[[pd.Timestamp], frozenset[str]]
DAY = pd.Timedelta(days=1)


def find_stays(members_at: MembersAt, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Return who was a member from when to when, between two days.

    The lists of start, end and the first of every month are asked for; between two lists that
    differ, bisection finds the day of each change. So the dates are as exact as the lists, except
    that a name is missed if it enters and leaves between two firsts of months.

    Parameters
    ----------
    members_at : callable
        Returns the members on a day; called at most once per day.
    start, end : pandas.Timestamp
        Both included.

    Returns
    -------
    pandas.DataFrame
        symbol, in_date, out_date as text YYYY-MM-DD, sorted. Members on ``start`` have that day as
        their in_date, even if they were members before; those on ``end`` have no out_date.
    """
    at = functools.cache(members_at)

    def changes(low: pd.Timestamp, high: pd.Timestamp) -> list[pd.Timestamp]:
        """Return the days after `low` and up to `high` on which the list changes."""
        if at(low) == at(high):
            return []
        if high - low <= DAY:
            return [high]
        middle = low + (high - low) // (2 * DAY) * DAY
        return changes(low, middle) + changes(middle, high)

    samples = sorted({start, end, *pd.date_range(start, end, freq="MS")})
    entered = dict.fromkeys(at(start), start)
    rows: list[tuple[str, pd.Timestamp, pd.Timestamp | None]] = []
    for low, high in zip(samples[:-1], samples[1:], strict=True):
        for day in changes(low, high):
            now = at(day)
            for symbol in entered.keys() - now:
                rows.append((symbol, entered.pop(symbol), day))
            for symbol in now - entered.keys():
                entered[symbol] = day
    rows += [(symbol, day, None) for symbol, day in entered.items()]
    text = [(s, f"{a:%Y-%m-%d}", "" if b is None else f"{b:%Y-%m-%d}") for s, a, b in rows]
    return pd.DataFrame(sorted(text), columns=["symbol", "in_date", "out_date"])
