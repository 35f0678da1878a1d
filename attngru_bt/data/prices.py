"""Prices that can be: positive and finite, or NaN where nothing traded."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from attngru_bt.data.bars import PRICE_LINES, Bars, DataError, first
from attngru_bt.data.rows import NOT_NEGATIVE, ROUNDING


def check_prices(bars: Bars, source: str) -> None:
    """Raise DataError at the first price that is not positive, or infinite.

    Files and tables are checked when they are read; this is for bars that were made otherwise.
    """
    for line in PRICE_LINES:
        if line not in bars:
            continue
        for row in first(np.atleast_1d(is_wrong(bars[line]).any(axis=1))):
            values = bars[line][row]
            column = first(is_wrong(values))[0]
            where = f"{source}: {bars.assets[column]} on {bars.dates[row].date()}"
            raise DataError(f"{where}: {sentence(line, values[column])}")
    if bars.benchmark is not None:
        for row in first(is_wrong(bars.benchmark)):
            where = f"{source}: the benchmark on {bars.dates[row].date()}"
            raise DataError(f"{where}: {sentence('close', bars.benchmark[row])}")


def check_feed_prices(
    names: Iterable[str], days: np.ndarray, line: str, values: np.ndarray
) -> None:
    """Raise DataError at the first wrong price of feeds, values of shape (days, feeds)."""
    for row in first(np.atleast_1d(is_wrong(values).any(axis=1))):
        column = first(is_wrong(values[row]))[0]
        day = datetime.date.fromordinal(int(days[row]))
        name, value = list(names)[column], values[row, column]
        raise DataError(f"feed {name!r} on {day}: {sentence(line, value)}")


def check_feed_bars(
    names: Iterable[str], days: np.ndarray, lines: Mapping[str, np.ndarray]
) -> list[str]:
    """Check the lines of feeds against each other, as those of a file are.

    Parameters
    ----------
    names : iterable of str
    days : int array of shape (n_days,)
        Ordinals.
    lines : mapping of str to array of shape (n_days, n_feeds)

    Returns
    -------
    list of str
        A sentence for "open" and for "close", if it is outside of low..high.

    Raises
    ------
    DataError
        If a high is below its low, or a volume or amount negative.
    """

    def where(wrong: np.ndarray) -> Iterator[tuple[str, int, int]]:
        for row in first(wrong.any(axis=1)):
            column = first(wrong[row])[0]
            day = datetime.date.fromordinal(int(days[row]))
            yield f"feed {list(names)[column]!r} on {day}", row, column

    for name in NOT_NEGATIVE:
        for place, row, column in where(lines[name] < 0) if name in lines else ():
            raise DataError(
                f"{place}: {name} must not be negative; got {lines[name][row, column]:g}. Correct "
                "the data, or leave it out (are the columns those that you mean?)."
            )
    if "high" not in lines or "low" not in lines:
        return []
    high, low = lines["high"], lines["low"]
    for place, row, column in where(high < low * (1 - ROUNDING)):
        raise DataError(
            f"{place}: high {high[row, column]:g} is below low {low[row, column]:g}; correct the "
            "data (are the columns swapped?)."
        )
    outside = []
    for name in ("open", "close"):
        value = lines.get(name, high)
        wrong = (value > high * (1 + ROUNDING)) | (value < low * (1 - ROUNDING))
        outside += [
            f"{place}: {name} {value[row, column]:g} is outside low..high {low[row, column]:g}.."
            f"{high[row, column]:g}; it is kept as given, and so are further ones."
            for place, row, column in where(wrong)
        ]
    return outside


def is_wrong(values: np.ndarray) -> np.ndarray:
    """Tell which values cannot be prices; NaN can."""
    return np.asarray((values <= 0) | (values == np.inf))


def sentence(line: str, value: float) -> str:
    """Say what is wrong with a price and what to do."""
    return (
        f"{line} must be positive and finite; got {value:g}. Correct the data, or leave the day "
        "out if nothing traded."
    )
