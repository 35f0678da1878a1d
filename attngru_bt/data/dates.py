"""Session dates from the date column of a table, in any of the usual forms."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from attngru_bt.data.bars import DataError, first

WRITTEN = re.compile(
    r"(\d{4})([-/]?)(\d{1,2})\2(\d{1,2})"  # 2020-01-31, 2020/1/31, 20200131
    r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"  # a time of day is dropped
    r"\s*(Z|UTC|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
)
TURNED = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?: .*)?")  # 03/04/2020, either way
MONTHS = 12
HOUR = 3600
NOON = 12
FRIDAY, SATURDAY, SUNDAY = 4, 5, 6


def parse_dates(
    column: pd.Series, symbols: np.ndarray, source: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return local session dates and, if they have a time zone, their UTC offsets in seconds.

    Times of day are dropped: the date is the one that is written, in the zone it is written in.

    Parameters
    ----------
    column : pandas.Series
        Text (YYYY-MM-DD, YYYY/MM/DD or YYYYMMDD, optionally with time and offset), whole
        numbers YYYYMMDD, dates or timestamps.
    symbols : numpy.ndarray
        Symbol of each row, for messages.
    source : str
        File, for messages.

    Raises
    ------
    DataError
        If a date is empty or not understood, or the dates are of more than one zone.
    """
    name = str(column.name or "date")
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        for i in first(column.isna().to_numpy()):
            raise DataError(f"{source}: {symbols[i]} has a row without a date in column {name!r}.")
        zoned = getattr(column.dt, "tz", None) is not None
        local = column.dt.tz_localize(None)
        days = local.dt.normalize().to_numpy().astype("datetime64[us]")
        if not zoned:
            _not_moved(days, lambda i: local.iloc[i], symbols, source)
            return days, None
        gap = local - column.dt.tz_convert("UTC").dt.tz_localize(None)
        seconds = gap.dt.total_seconds().to_numpy().astype(np.int64)
        if not seconds.any():
            _not_moved(days, lambda i: local.iloc[i], symbols, source)
        return days, seconds
    # a column has few different dates, so each one is parsed once; code -1 is an empty cell
    codes, values = pd.factorize(column, use_na_sentinel=True)
    written = ["" if value is None else _text(value) for value in values] + [""]
    parsed = [_parse(text) for text in written]
    for k in sorted({int(c) for c in np.unique(codes)}):
        if parsed[k] is None:
            i = first(codes == k)[0]
            got = repr(written[k]) if written[k] else "an empty cell"
            raise DataError(
                f"{source}: {symbols[i]} in row {i + 1}: column {name!r} must be a date written "
                f"YYYY-MM-DD; got {got}{_readings(written[k])}."
            )
    days = np.array([p[0] if p else np.datetime64("NaT") for p in parsed], dtype="datetime64[us]")
    offsets = [p[1] if p else None for p in parsed]
    used = [offsets[k] for k in np.unique(codes)]
    dates = days[codes]
    if all(offset is None for offset in used):
        _not_moved(dates, lambda i: pd.Timestamp(written[codes[i]]), symbols, source)
        return dates, None
    if any(offset is None for offset in used):
        zoned_at = np.array([offset is not None for offset in offsets])[codes]
        i = first(zoned_at != zoned_at[0])[0]
        raise DataError(
            f"{source}: {symbols[i]} on {str(dates[i])[:10]}: mixed time zones in column 'date': "
            "some dates have a zone, others have none; write plain session dates (YYYY-MM-DD)."
        )
    seconds = np.array([o or 0 for o in offsets], dtype=np.int64)[codes]
    one_zone(dates, seconds, symbols, source)
    if not seconds.any():
        _not_moved(dates, lambda i: pd.Timestamp(written[codes[i]]), symbols, source)
    return dates, seconds


def moved_to_utc(dates: np.ndarray, stamp: Callable[[int], pd.Timestamp]) -> list[int]:
    """Find midnights east of Greenwich that were converted to UTC: they are of the day before.

    They show by Sundays in the afternoon, where the sessions are Mondays, and by no Friday.

    Parameters
    ----------
    dates : datetime64 array
        As they are written.
    stamp : callable
        Position → date and time as they are written there.

    Returns
    -------
    list of int
        The position of the first Sunday; empty if the dates may be what they seem.
    """
    weekday = (dates.astype("datetime64[D]").astype(np.int64) + 3) % 7  # 0 is Monday
    if np.isin(weekday, (FRIDAY, SATURDAY)).any():
        return []
    sundays = first(weekday == SUNDAY)
    # at 23:59 a day ends, and is written for the day itself
    return [i for i in sundays if dt.time(NOON) <= stamp(i).time() < dt.time(23, 30)]


def _not_moved(
    dates: np.ndarray, stamp: Callable[[int], pd.Timestamp], symbols: np.ndarray, source: str
) -> None:
    """Refuse midnights east of Greenwich that were converted to UTC."""
    for i in moved_to_utc(dates, stamp):
        raise DataError(
            f"{source}: {symbols[i]} on {str(dates[i])[:10]}, a Sunday, and on no Friday: "
            f"{stamp(i)} seems to be the next day of an exchange east of UTC; convert the "
            "dates to its zone, or write plain session dates (YYYY-MM-DD)."
        )


def one_zone(dates: np.ndarray, offsets: np.ndarray, symbols: np.ndarray, source: str) -> None:
    """Raise DataError unless all dates can be of one zone.

    A zone has one offset on a day, and over the year two that differ by at most an hour (summer
    time). Data of two exchanges violate this.
    """
    order = np.argsort(dates, kind="stable")
    day, offset = dates[order], offsets[order]
    clash = np.r_[False, (day[1:] == day[:-1]) & (offset[1:] != offset[:-1])]
    far = np.abs(offset - offset[:1]) > HOUR
    for i in (*first(clash), *first(far)):
        other = offset[i - 1] if clash.any() else offset[0]
        raise DataError(
            f"{source}: {symbols[order[i]]} on {str(day[i])[:10]}: mixed time zones in column "
            f"'date' (UTC{offset[i] / HOUR:+g}h and UTC{other / HOUR:+g}h); write plain session "
            "dates (YYYY-MM-DD), or one table per exchange."
        )


def _readings(text: str) -> str:
    """Return both readings of a date whose day or month may come first."""
    match = TURNED.fullmatch(text)
    if match is None:
        return ""
    first, second, year = map(int, match.groups())
    if max(first, second) > MONTHS or min(first, second) < 1 or first == second:
        return ""
    return f", which may be {year}-{second:02d}-{first:02d} or {year}-{first:02d}-{second:02d}"


def _text(value: object) -> str:
    """Return a cell as it was written."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 20200131 in a column that had an empty cell
    return str(value).strip()


def _parse(text: str) -> tuple[np.datetime64, int | None] | None:
    """Return a date and its UTC offset in seconds, None without one; None if it is no date."""
    match = WRITTEN.fullmatch(text)
    if match is None:
        return None
    year, separator, month, day, zone = match.groups()
    if not separator and len(month + day) != 4:
        return None  # 2020111 is January 11 or November 1
    try:
        date = np.datetime64(f"{year}-{int(month):02d}-{int(day):02d}", "us")
    except ValueError:
        return None
    if zone is None:
        return date, None
    if zone in ("Z", "UTC"):
        return date, 0
    digits = zone[1:].replace(":", "").ljust(4, "0")  # of +08, +0800 or +08:00
    seconds = int(digits[:2]) * HOUR + int(digits[2:]) * 60
    return date, -seconds if zone[0] == "-" else seconds
