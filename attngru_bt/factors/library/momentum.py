"""Momentum: where the price stands against its own past."""

from __future__ import annotations

import numpy as np

from attngru_bt.factors.decorators import factor, step
from attngru_bt.factors.library.shared import MILLION
from attngru_bt.factors.ops import (
    Array,
    ema,
    highest,
    keep,
    lag,
    lowest,
    mean,
    mean_deviation,
    mean_linear,
    settle,
    since_highest,
    since_lowest,
    slope,
    total,
)  # fmt: skip

MOMENTUM = "momentum"


@factor(
    MOMENTUM, clock="calendar", lookback=lambda n: n + 1,
    windows={"REVS5": 5, "REVS10": 10, "REVS20": 20},
)  # fmt: skip
def REVS(close: Array, n: int) -> Array:
    """Price relative over {n} sessions: close / close {n} sessions ago.

    Suspended sessions count, at the last close.
    """
    return close / lag(close, n)


@factor(MOMENTUM, clock="calendar", lookback=lambda n: n + 1, windows={"RC12": 12, "RC24": 24})
def RC(close: Array, n: int) -> Array:
    """Price relative over {n} sessions, suspended sessions counted: close / close {n} ago."""
    return close / lag(close, n)


@factor(
    MOMENTUM, clock="calendar", lookback=lambda n: n + 1, windows={"RSTR12": 250, "RSTR24": 500}
)
def RSTR(close: Array, n: int) -> Array:
    """Relative strength: sum of log returns over {n} sessions, risk-free rate 0."""
    return np.log(close / lag(close, n))


@factor(MOMENTUM, windows={"BIAS5": 5, "BIAS10": 10, "BIAS20": 20, "BIAS60": 60})
def BIAS(close: Array, n: int) -> Array:
    """Deviation of the close from its {n}-bar mean, in per cent."""
    return 100 * (close / mean(close, n) - 1)


@factor(MOMENTUM, windows={"CCI5": 5, "CCI10": 10, "CCI20": 20, "CCI88": 88})
def CCI(typical: Array, n: int) -> Array:
    """Commodity channel index: typical price less its {n}-bar mean, over .015 x mean deviation."""
    return (typical - mean(typical, n)) / (0.015 * mean_deviation(typical, n))


@factor(MOMENTUM, lookback=lambda n: n + 1, windows={"ROC6": 6, "ROC20": 20})
def ROC(close: Array, n: int) -> Array:
    """Rate of change over {n} bars, in per cent."""
    return 100 * (close / lag(close, n) - 1)


@factor(MOMENTUM)
def FiftyTwoWeekHigh(close: Array, n: int = 240) -> Array:
    """Place of the close between lowest (0) and highest (1) close of {n} bars."""
    bottom = lowest(close, n)
    return (close - bottom) / (highest(close, n) - bottom)


@factor(MOMENTUM, lookback=lambda n: n + 1)
def SRMI(close: Array, n: int = 10) -> Array:
    """Momentum over {n} bars as a share of the higher of the two closes."""
    past = lag(close, n)
    return (close - past) / np.maximum(close, past)


@factor(MOMENTUM, degree=1)
def ChandeSU(change: Array, n: int = 20) -> Array:
    """Sum of the positive close-to-close changes of {n} bars."""
    return total(np.maximum(change, 0), n)


@factor(MOMENTUM, degree=1)
def ChandeSD(change: Array, n: int = 20) -> Array:
    """Sum of the absolute negative close-to-close changes of {n} bars."""
    return total(np.maximum(-change, 0), n)


@factor(MOMENTUM)
def CMO(ChandeSU: Array, ChandeSD: Array) -> Array:
    """Chande momentum: 100 (SU - SD) / (SU + SD), plain sums (TA-Lib smooths them)."""
    return 100 * (ChandeSU - ChandeSD) / (ChandeSU + ChandeSD)


@factor(MOMENTUM, memory="ema", lookback=lambda n: settle(alpha=1 / n) + n, history=lambda n: 2 * n)
def ARC(close: Array, n: int = 50) -> Array:
    """Exponential mean, alpha = 1/{n}, of close / close {n} bars ago."""
    return ema(close / lag(close, n), alpha=1 / n)


@factor(MOMENTUM, lookback=lambda n: n + 14)
def CoppockCurve(close: Array, n: int = 10) -> Array:
    """Linearly weighted {n}-bar mean of 100 (close / close 14 ago + close / close 11 ago)."""
    return mean_linear(100 * (close / lag(close, 14) + close / lag(close, 11)), n)


@factor(MOMENTUM)
def AroonUp(high: Array, n: int = 26) -> Array:
    """Aroon up: ({n} - bars since the highest high of {n}) / {n}; of equal highs the latest."""
    return (n - since_highest(high, n)) / n


@factor(MOMENTUM)
def AroonDown(low: Array, n: int = 26) -> Array:
    """Aroon down: ({n} - bars since the lowest low of {n}) / {n}; of equal lows the latest."""
    return (n - since_lowest(low, n)) / n


@factor(MOMENTUM)
def Aroon(AroonUp: Array, AroonDown: Array) -> Array:
    """Aroon oscillator: up - down."""
    return AroonUp - AroonDown


@factor(MOMENTUM, degree=1)
def DIFF(ema12: Array, ema26: Array) -> Array:
    """MACD line: EMA(close, 12) - EMA(close, 26)."""
    return ema12 - ema26


@factor(MOMENTUM, degree=1, memory="ema", lookback=settle, history=1)
def DEA(DIFF: Array, n: int = 9) -> Array:
    """MACD signal line: EMA(DIFF, {n})."""
    return ema(DIFF, n)


@step()
def dmz(high_move: Array, low_move: Array, n: int = 13) -> Array:
    """Sum over 13 bars of the larger move, on bars where high + low rises."""
    move = np.maximum(np.abs(high_move), np.abs(low_move))
    return total(keep(move, high_move + low_move > 0), n)


@step()
def dmf(high_move: Array, low_move: Array, n: int = 13) -> Array:
    """Sum over 13 bars of the larger move, on bars where high + low falls."""
    move = np.maximum(np.abs(high_move), np.abs(low_move))
    return total(keep(move, high_move + low_move < 0), n)


@factor(MOMENTUM)
def DIZ(dmz: Array, dmf: Array) -> Array:
    """Share of upward directional movement over 13 bars."""
    return dmz / (dmz + dmf)


@factor(MOMENTUM)
def DIF(dmz: Array, dmf: Array) -> Array:
    """Share of downward directional movement over 13 bars (of DDI; the MACD line is DIFF)."""
    return dmf / (dmz + dmf)


@factor(MOMENTUM)
def DDI(DIZ: Array, DIF: Array) -> Array:
    """Directional divergence index: DIZ - DIF."""
    return DIZ - DIF


@factor(MOMENTUM, degree=1, windows={"MA10RegressCoeff6": 6, "MA10RegressCoeff12": 12})
def MA10RegressCoeff(mean10: Array, n: int) -> Array:
    """Least-squares slope of the 10-bar mean close on 1 .. {n}."""
    return slope(mean10, n)


@factor(MOMENTUM, degree=1, windows={"PLRC6": 6, "PLRC12": 12})
def PLRC(close: Array, n: int) -> Array:
    """Least-squares slope of the close on 1 .. {n} (JoinQuant divides it by the mean close)."""
    return slope(close, n)


@factor(MOMENTUM, degree=1, lookback=lambda n: 2 * n - 1)
def APBMA(close: Array, n: int = 5) -> Array:
    """Mean over {n} bars of |close - its {n}-bar mean|."""
    return mean(np.abs(close - mean(close, n)), n)


@factor(MOMENTUM)
def BBIC(bull_bear: Array, close: Array) -> Array:
    """Bull and bear index, the mean of the 3-, 6-, 12- and 24-bar mean closes, over the close."""
    return bull_bear / close


@factor(MOMENTUM)
def MA10Close(mean10: Array, close: Array) -> Array:
    """Mean close of 10 bars over the close."""
    return mean10 / close


@factor(MOMENTUM, degree=1)
def BullPower(high: Array, ema13: Array) -> Array:
    """Elder's bull power: high - EMA(close, 13)."""
    return high - ema13


@factor(MOMENTUM, degree=1)
def BearPower(low: Array, ema13: Array) -> Array:
    """Elder's bear power: low - EMA(close, 13)."""
    return low - ema13


@factor(MOMENTUM, lookback=2)
def TRIX5(triple5: Array) -> Array:
    """One-bar relative change of the triple exponential mean of the close over 5 bars."""
    return triple5 / lag(triple5, 1) - 1


@factor(MOMENTUM, lookback=2)
def TRIX10(triple10: Array) -> Array:
    """One-bar relative change of the triple exponential mean of the close over 10 bars."""
    return triple10 / lag(triple10, 1) - 1


@factor(MOMENTUM, volume_degree=1, memory="cumulative", history=1)
def AD(money_flow: Array) -> Array:
    """Accumulation/distribution: running sum of volume x place of the close in the range, / 1e6.

    Depends on where the history starts. Bars of a single price count their return x volume.
    """
    return np.nancumsum(money_flow, axis=0) / MILLION


@factor(MOMENTUM, volume_degree=1, windows={"AD6": 6, "AD20": 20})
def ADMean(AD: Array, n: int) -> Array:
    """Mean of AD over {n} bars. Depends on where the history starts."""
    return mean(AD, n)


@factor(MOMENTUM, volume_degree=1, memory="cumulative", history=1)
def PVT(daily_return: Array, volume: Array) -> Array:
    """Price-volume trend: running sum of return x volume, / 1e6.

    Depends on where the history starts.
    """
    return np.nancumsum(daily_return * volume, axis=0) / MILLION


@factor(MOMENTUM, volume_degree=1, windows={"PVT6": 6, "PVT12": 12})
def PVTMean(PVT: Array, n: int) -> Array:
    """Mean of PVT over {n} bars. Depends on where the history starts."""
    return mean(PVT, n)
