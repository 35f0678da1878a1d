"""Sentiment: the balance of buyers and sellers inside the day and from day to day."""

from __future__ import annotations

import numpy as np

from attngru_bt.factors.decorators import factor, step
from attngru_bt.factors.library.shared import MILLION, energy
from attngru_bt.factors.ops import Array, diff, keep, lag, mean, settle, smooth, total

SENTIMENT = "sentiment"


@factor(SENTIMENT)
def PSY(change: Array, n: int = 12) -> Array:
    """Psychological line: share of the last {n} bars that closed above the bar before."""
    return mean(keep(1 + 0 * change, change > 0), n)


@factor(SENTIMENT)
def RSI(change: Array, n: int = 12) -> Array:
    """Relative strength index with plain {n}-bar means: 100 - 100 / (1 + gains / losses).

    Not Wilder-smoothed, so not TA-Lib's. 100 without losses; NaN if the price did not move.
    """
    gains, losses = total(np.maximum(change, 0), n), total(np.maximum(-change, 0), n)
    return 100 - 100 / (1 + gains / losses)


@factor(SENTIMENT, volume_degree=1)
def WVAD(open: Array, high: Array, low: Array, close: Array, volume: Array, n: int = 24) -> Array:
    """Williams' variable accumulation: sum over {n} bars of (C - O) / (H - L) x volume, / 1e6.

    NaN while a bar without a range (0 / 0) is in the window.
    """
    return total((close - open) / (high - low) * volume, n) / MILLION


@factor(SENTIMENT, volume_degree=1)
def MAWVAD(WVAD: Array, n: int = 6) -> Array:
    """Mean of WVAD over {n} bars."""
    return mean(WVAD, n)


@factor(SENTIMENT, degree=1, lookback=lambda n: n + 1)
def STM(open: Array, high: Array, n: int = 23) -> Array:
    """Sum over {n} bars of max(H - O, O - O1) where the open O is above the last, O1."""
    move = diff(open)
    return total(keep(np.maximum(high - open, move), move > 0), n)


@factor(SENTIMENT, degree=1, lookback=lambda n: n + 1)
def SBM(open: Array, low: Array, n: int = 23) -> Array:
    """Sum over {n} bars of max(O - L, O1 - O) where the open O is below the last, O1."""
    move = diff(open)
    return total(keep(np.maximum(open - low, -move), move < 0), n)


@factor(SENTIMENT)
def ADTM(STM: Array, SBM: Array) -> Array:
    """Dynamic trading momentum: (STM - SBM) / max(STM, SBM)."""
    return (STM - SBM) / np.maximum(STM, SBM)


@factor(
    SENTIMENT, degree=1, memory="ema", lookback=lambda n: settle(alpha=1 / n) + n,
    windows={"ATR6": 6, "ATR14": 14},
)  # fmt: skip
def ATR(true_range: Array, n: int) -> Array:
    """Wilder's average true range: plain mean of the first {n}, then += (range - mean) / {n}."""
    return smooth(true_range, n)


@factor(SENTIMENT, degree=1, windows={"ACD6": 6, "ACD20": 20})
def ACD(close: Array, change: Array, true_low: Array, true_high: Array, n: int) -> Array:
    """Sum over {n} bars of C - min(L, C1) on up days and C - max(H, C1) on down days."""
    return total(keep(close - true_low, change > 0) + keep(close - true_high, change < 0), n)


@factor(SENTIMENT)
def AR(open: Array, high: Array, low: Array, n: int = 26) -> Array:
    """Popularity: 100 x sum of (H - O) over sum of (O - L), {n} bars."""
    return 100 * total(high - open, n) / total(open - low, n)


@factor(SENTIMENT)
def BR(high: Array, low: Array, before: Array, n: int = 26) -> Array:
    """Willingness: 100 x sum of max(H - C1, 0) over sum of max(C1 - L, 0), {n} bars."""
    return energy(high, low, before, n)


@factor(SENTIMENT)
def ARBR(AR: Array, BR: Array) -> Array:
    """Popularity less willingness: AR - BR."""
    return AR - BR


@step(lookback=2)
def volume_move(volume: Array) -> Array:
    """Change of the volume."""
    return volume - lag(volume, 1)


@factor(SENTIMENT, memory="cumulative")
def NVI(volume_move: Array, daily_return: Array) -> Array:
    """Negative volume index: starts at 100, takes the return of days on which volume fell.

    Depends on where the history starts.
    """
    return 100 * np.cumprod(1 + np.where(volume_move < 0, daily_return, 0.0), axis=0)


@factor(SENTIMENT, memory="cumulative")
def PVI(volume_move: Array, daily_return: Array) -> Array:
    """Positive volume index: starts at 100, takes the return of days on which volume rose.

    Depends on where the history starts.
    """
    return 100 * np.cumprod(1 + np.where(volume_move > 0, daily_return, 0.0), axis=0)


@factor(SENTIMENT, clock="calendar")
def JDQS20(
    open: Array, close: Array, benchmark: Array, benchmark_open: Array, n: int = 20
) -> Array:
    """Resistance: share of the sessions with a falling index on which the stock closed higher.

    Of the last {n} sessions, those on which the index closed below its open; higher: above the
    stock's own open. Needs an index with opens of its own.
    """
    down = benchmark < benchmark_open
    rose = np.asarray(close > open, dtype=np.float64)
    return total(keep(rose, down), n) / total(keep(1 + 0 * close, down), n)
