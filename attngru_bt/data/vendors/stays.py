"""From lists of members at single days to stays with a first day and a day of leaving."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

MembersAt = Callable[[pd.Timestamp], frozenset[str]]
DAY = pd.Timedelta(days=1)


def find_stays(members_at: MembersAt, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Return who was a member from when to when, between two days.

    The first of every month is asked about, and start and end; between two lists that differ
    the day of each change is searched by halving. So the dates are as exact as the lists; only
    a name that enters and leaves again between two firsts of months is not seen.

    Parameters
    ----------
    members_at : callable
        Day to the members on that day; asked once per day.
    start, end : pandas.Timestamp
        Both included.

    Returns
    -------
    pandas.DataFrame
        symbol, in_date, out_date as text YYYY-MM-DD, sorted. Members of ``start`` have that as
        their in_date, though they may have been in before; those of ``end`` have no out_date.
    """
    seen: dict[pd.Timestamp, frozenset[str]] = {}

    def at(day: pd.Timestamp) -> frozenset[str]:
        if day not in seen:
            seen[day] = members_at(day)
        return seen[day]

    def changes(low: pd.Timestamp, high: pd.Timestamp) -> list[pd.Timestamp]:
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
