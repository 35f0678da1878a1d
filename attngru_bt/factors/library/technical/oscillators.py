"""Oscillators, ranges and other indicators of a stock's own bars."""

from __future__ import annotations

import numpy as np

from attngru_bt.factors.decorators import factor, step
from attngru_bt.factors.library.shared import energy
from attngru_bt.factors.ops import (
    Array,
    diff,
    ema,
    highest,
    keep,
    lag,
    lowest,
    mean,
    median,
    ratio,
    settle,
    skewness,
    std,
    tiles,
    total,
    vars_doubling,
)

TECHNICAL = "technical"


@step()
def stochastic(high: Array, low: Array, close: Array, n: int = 9) -> Array:
    """Place of the close between lowest low (0) and highest high (100) of 9 bars."""
    bottom = lowest(low, n)
    return 100 * ratio(close - bottom, highest(high, n) - bottom)


@factor(TECHNICAL, memory="ema", lookback=settle(alpha=1 / 3), history=1)
def KDJ_K(stochastic: Array) -> Array:
    """K of KDJ: 2/3 K before + 1/3 RSV, the 9-bar stochastic; starts from 50."""
    return ema(stochastic, alpha=1 / 3, seed=50)


@factor(TECHNICAL, memory="ema", lookback=settle(alpha=1 / 3), history=1)
def KDJ_D(KDJ_K: Array) -> Array:
    """D of KDJ: 2/3 D before + 1/3 K; starts from 50."""
    return ema(KDJ_K, alpha=1 / 3, seed=50)


@factor(TECHNICAL)
def KDJ_J(KDJ_K: Array, KDJ_D: Array) -> Array:
    """J of KDJ: 3 K - 2 D."""
    return 3 * KDJ_K - 2 * KDJ_D


@step(lookback=10)
def spread10(close: Array, n: int = 10) -> Array:
    """Sample standard deviation of the close over 10 bars."""
    return std(close, n)


@factor(TECHNICAL, degree=1, memory="ema", lookback=settle(27), history=14)
def UpRVI(spread10: Array, change: Array) -> Array:
    """EMA(27) of the 10-bar sample standard deviation of the close on up days, else 0."""
    return ema(keep(spread10, change > 0), 27)


@factor(TECHNICAL, degree=1, memory="ema", lookback=settle(27), history=14)
def DownRVI(spread10: Array, change: Array) -> Array:
    """EMA(27) of the 10-bar sample standard deviation of the close on down days, else 0."""
    return ema(keep(spread10, change < 0), 27)


@factor(TECHNICAL)
def RVI(UpRVI: Array, DownRVI: Array) -> Array:
    """Relative volatility index: 100 UpRVI / (UpRVI + DownRVI)."""
    return 100 * UpRVI / (UpRVI + DownRVI)


@factor(
    TECHNICAL, memory="ema", lookback=lambda n, gap: settle(n) + gap, history=lambda n, gap: n + gap
)
def DBCD(BIAS5: Array, n: int = 17, gap: int = 16) -> Array:
    """EMA({n}) of BIAS5 less BIAS5 {gap} bars ago."""
    return ema(diff(BIAS5, gap), n)


@factor(TECHNICAL, memory="ema", lookback=lambda n: settle(n) + n, history=lambda n: 2 * n)
def ChaikinVolatility(high: Array, low: Array, n: int = 10) -> Array:
    """Change in per cent over {n} bars of E, the EMA({n}) of high - low."""
    spread = ema(high - low, n)
    return 100 * (spread / lag(spread, n) - 1)


@factor(TECHNICAL, volume_degree=1, memory="ema", lookback=lambda n: settle(n), history=lambda n: n)
def ChaikinOscillator(money_flow: Array, n: int = 10) -> Array:
    """EMA(AD, 3) - EMA(AD, {n}), the level of AD canceling out.

    AD - EMA(AD, m) is itself an exponential mean of AD's increments, times (m - 1) / 2: so nothing
    is accumulated.
    """
    flow = money_flow.copy()
    flow[:1] = 0.0  # AD's first value is its level, to which both means are seeded
    return (ema(flow, n, seed=0) * (n - 1) - ema(flow, 3, seed=0) * 2) / 2e6


@factor(TECHNICAL, degree=2, volume_degree=-1, lookback=lambda n: n + 1,
        windows={"EMV6": 6, "EMV14": 14})  # fmt: skip
def EMV(high: Array, low: Array, volume: Array, n: int) -> Array:
    """Ease of movement: {n}-bar mean of the change of (high + low) / 2 x (high - low) / volume."""
    return mean(diff((high + low) / 2) * (high - low) / volume, n)


@step(memory="ema", lookback=settle(14), history=14)
def smooth_range(true_range: Array) -> Array:
    """Exponential mean of the true range over 14 bars."""
    return ema(true_range, 14)


@factor(TECHNICAL, memory="ema", lookback=settle(14), history=14)
def plusDI(high_move: Array, low_move: Array, smooth_range: Array) -> Array:
    """Directional indicator up: EMA(14) of +DM over EMA(14) of the true range, as a fraction.

    Exponential smoothing with alpha = 2/15; TA-Lib's, Wilder's, has 1/14.
    """
    return ema(keep(high_move, (high_move > -low_move) & (high_move > 0)), 14) / smooth_range


@factor(TECHNICAL, memory="ema", lookback=settle(14), history=14)
def minusDI(high_move: Array, low_move: Array, smooth_range: Array) -> Array:
    """Directional indicator down: EMA(14) of -DM over EMA(14) of the true range, as a fraction."""
    return ema(keep(-low_move, (-low_move > high_move) & (low_move < 0)), 14) / smooth_range


@factor(TECHNICAL, memory="ema", lookback=settle(14), history=14)
def ADX(plusDI: Array, minusDI: Array) -> Array:
    """EMA(14) of |+DI - -DI| / (+DI + -DI), as a fraction."""
    return ema(ratio(np.abs(plusDI - minusDI), plusDI + minusDI), 14)


@factor(TECHNICAL, lookback=lambda n: n + 1)
def ADXR(ADX: Array, n: int = 14) -> Array:
    """Mean of ADX and ADX {n} bars ago."""
    return (ADX + lag(ADX, n)) / 2


@factor(TECHNICAL, degree=1, lookback=lambda n: n + 1)
def MTM(close: Array, n: int = 10) -> Array:
    """Momentum: close - close {n} bars ago."""
    return diff(close, n)


@factor(TECHNICAL, degree=1)
def MTMMA(MTM: Array, n: int = 10) -> Array:
    """Mean of MTM over {n} bars."""
    return mean(MTM, n)


@factor(TECHNICAL, lookback=28)
def UOS(close: Array, true_low: Array, true_range: Array) -> Array:
    """Ultimate oscillator of 7, 14 and 28 bars, weighted by the other two windows."""
    gain = close - true_low
    a, b, d = (total(gain, n) / total(true_range, n) for n in (7, 14, 28))
    return 100 * (a * 14 * 28 + b * 7 * 28 + d * 7 * 14) / (7 * 14 + 7 * 28 + 14 * 28)


@factor(TECHNICAL, degree=1, lookback=2)
def SwingIndex(open: Array, high: Array, low: Array, close: Array) -> Array:
    """Wilder's swing index: 16 X / R x K.

    X = (C - C1) + (C - O) / 2 + (C1 - O1), K = max(A, B) with A = |H - C1|, B = |L - C1|,
    E = |H - L1|, D = |C1 - O1|, and R = A + B/2 + D/4, B + A/2 + D/4 or E + D/4, whichever of
    A, B, E is largest.
    """
    before, low_before, body = lag(close, 1), lag(low, 1), lag(close - open, 1)
    a, b, e = np.abs(high - before), np.abs(low - before), np.abs(high - low_before)
    most = np.maximum(a, b)
    r = np.where(most >= e, most + np.minimum(a, b) / 2, e) + np.abs(body) / 4
    return 16 * (close - before + (close - open) / 2 + body) / r * most


@factor(TECHNICAL, degree=1)
def ASI(SwingIndex: Array, n: int = 6) -> Array:
    """Sum of the swing index over {n} bars (the textbook's runs from the beginning)."""
    return total(SwingIndex, n)


@factor(TECHNICAL, lookback=lambda n: 2 * n - 1, windows={"Ulcer5": 5, "Ulcer10": 10})
def Ulcer(close: Array, n: int) -> Array:
    """Ulcer index: root mean square over {n} bars of the drop from the {n}-bar highest close."""
    drop = close / highest(close, n) - 1
    return np.sqrt(mean(drop * drop, n))


@factor(TECHNICAL)
def Skewness(close: Array, n: int = 20) -> Array:
    """Skewness (population) of the last {n} closes: of the price, not of returns."""
    return skewness(close, n)


@factor(TECHNICAL, lookback=lambda n: n + 1)
def Hurst(close: Array, n: int = 80) -> Array:
    """Hurst exponent from rescaled ranges of {n} log returns.

    Slope of log(mean R/S) on log m for pieces of m = 5, 10, 20, 40, 80 returns counted back from
    today; S is the population's. Public copies differ in window and pieces.
    """
    level = np.log(close)
    sizes = [m for m in (5, 10, 20, 40, 80) if m <= n]
    steps = np.log(sizes) - np.mean(np.log(sizes))
    out = np.zeros_like(level)
    variances = vars_doubling(diff(level), 5, ddof=0)
    for m, weight, variance in zip(sizes, steps / (steps @ steps), variances, strict=False):
        scaled = way_range(level, m) / np.sqrt(variance)
        pieces = scaled.copy()
        pieces[: n - m] = np.nan
        for k in range(m, n - m + 1, m):
            pieces[k:] += scaled[:-k]
        out += weight * np.log(pieces)  # the slope does not see the constant log of the pieces
        out -= weight * np.log(n // m)
    return out


def way_range(level: Array, m: int) -> Array:
    """Range of the level's way around the straight line over the last m steps."""
    out = np.full(level.shape, np.nan)
    for part in tiles(m, level):
        line = level[part.start - m : part.stop - m].copy()
        rise = (level[part] - line) / m
        way, top, bottom = np.empty_like(rise), np.zeros_like(rise), np.zeros_like(rise)
        for k in range(1, m):
            line += rise  # where the straight line is after k steps
            np.subtract(level[part.start - m + k : part.stop - m + k], line, out=way)
            np.maximum(top, way, out=top)
            np.minimum(bottom, way, out=bottom)
        np.subtract(top, bottom, out=out[part])
    return out


@factor(TECHNICAL, lookback=21)
def CR20(typical: Array, high: Array, low: Array) -> Array:
    """Energy: 100 x sum of max(H - TP1, 0) over sum of max(TP1 - L, 0), 20 bars.

    TP1 is the typical price of the bar before.
    """
    return energy(high, low, lag(typical, 1), 20)


@factor(
    TECHNICAL, memory="ema", lookback=lambda n, m: n + 2 * settle(m), history=lambda n, m: n + m
)
def MassIndex(high: Array, low: Array, n: int = 25, m: int = 9) -> Array:
    """Sum over {n} bars of E / EMA(E, {m}), E = EMA(high - low, {m})."""
    spread = ema(high - low, m)
    return total(spread / ema(spread, m), n)


@factor(TECHNICAL, lookback=lambda n: n + 1)
def MFI(typical: Array, typical_amount: Array, n: int = 14) -> Array:
    """Money flow index: 100 - 100 / (1 + rising / falling) of {n} bars' typical price x volume.

    A bar is rising or falling by its typical price.
    """
    move = diff(typical)
    rising = total(keep(typical_amount + 0 * move, move > 0), n)
    falling = total(keep(typical_amount + 0 * move, move < 0), n)
    return 100 - 100 / (1 + rising / falling)


@factor(TECHNICAL, amount_degree=-1)
def ILLIQUIDITY(daily_return: Array, amount: Array, n: int = 20) -> Array:
    """Sum of returns over sum of traded amount, {n} bars, x 1e9; signed, so not Amihud's."""
    return total(daily_return, n) / total(amount, n) * 1e9


@factor(TECHNICAL)
def Elder(high: Array, low: Array, close: Array) -> Array:
    """Elder ray: (BullPower - BearPower) / close, which is (high - low) / close."""
    return (high - low) / close


@factor(TECHNICAL)
def DHILO(high: Array, low: Array, close: Array, n: int = 60) -> Array:
    """Median over {n} bars of log(high) - log(low); a missing high or low counts as the close."""
    top, bottom = (np.where(np.isnan(x), close, x) for x in (high, low))
    return median(np.log(top / bottom), n)


@factor(TECHNICAL, default=False)
def BackwardADJ(adjfactor: Array) -> Array:
    """Cumulative backward adjustment factor, a level."""
    return adjfactor
