"""Prices that can be: positive and finite, or NaN where nothing traded."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

import numpy as np

from attngru_bt.data.bars import PRICE_LINES, Bars, DataError, first


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


def is_wrong(values: np.ndarray) -> np.ndarray:
    """Tell which values cannot be prices; NaN can."""
    return np.asarray((values <= 0) | (values == np.inf))


def sentence(line: str, value: float) -> str:
    """Say what is wrong with a price and what to do."""
    return (
        f"{line} must be positive and finite; got {value:g}. Correct the data, or leave the day "
        "out if nothing traded."
    )
