"""Lines: a bar itself, scaled so that a network can read sixty of them as a sequence.

Off unless named: they say little at a month-end and much as a sequence. Moves are in units of about
one standard deviation of a day's move of a stock, and end at ±5 of them.
"""

from __future__ import annotations

import numpy as np

from attngru_bt.factors.decorators import factor
from attngru_bt.factors.ops import Array, mean_known

LINES = "lines"
END = 5.0  # moves end here: the first day after a long suspension is no typical day


def _move(price: Array, reference: Array, unit: float) -> Array:
    """Log return from a reference price to a price, in units, cut."""
    return np.clip(np.log(price / reference) / unit, -END, END)


@factor(LINES, default=False)
def LineClose(close: Array, before: Array) -> Array:
    """Log return of the close on the close before, in units of 2.5%."""
    return _move(close, before, 0.025)


@factor(LINES, default=False)
def LineOpen(open: Array, before: Array) -> Array:  # noqa: A002
    """Log return of the open on the close before, in units of 1.25%."""
    return _move(open, before, 0.0125)


@factor(LINES, default=False)
def LineHigh(high: Array, close: Array) -> Array:
    """Log of the high over the close, in units of 2%."""
    return _move(high, close, 0.02)


@factor(LINES, default=False)
def LineLow(low: Array, close: Array) -> Array:
    """Log of the low over the close, in units of 2%."""
    return _move(low, close, 0.02)


@factor(LINES, default=False, lookback=60, history=1)
def LineAverage(amount: Array, volume: Array, close: Array, n: int = 60) -> Array:
    """Log of the average price, amount / volume, over the close, in units of 1%.

    Less its mean over the last {n} bars, of as many as there are: whatever units volume and amount
    are in, they drop out.
    """
    above = np.log(amount / volume / close)
    return np.clip((above - mean_known(above, n, least=1)) / 0.01, -END, END)


@factor(LINES, default=False, lookback=60, history=1)
def LineVolume(volume: Array, n: int = 60) -> Array:
    """Log volume less its mean over the last {n} bars, of as many as there are."""
    level = np.log(np.where(volume > 0, volume, np.nan))
    return np.clip(level - mean_known(level, n, least=1), -END, END)
