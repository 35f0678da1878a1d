"""Trading: turnover, volume and traded amount."""

from __future__ import annotations

import numpy as np

from attngru_bt.factors.decorators import factor, step
from attngru_bt.factors.library.shared import MILLION
from attngru_bt.factors.ops import Array, diff, ema, keep, lag, mean, settle, std, total
from attngru_bt.factors.regress import regression

TRADING = "trading"


@factor(
    TRADING,
    windows={"VOL5": 5, "VOL10": 10, "VOL20": 20, "VOL60": 60, "VOL120": 120, "VOL240": 240},
)
def VOL(turnover: Array, n: int) -> Array:
    """Mean turnover rate of the last {n} bars (suspended days are no bars)."""
    return mean(turnover, n)


@factor(TRADING)
def DAVOL5(VOL5: Array, VOL120: Array) -> Array:
    """Mean turnover of 5 bars over that of 120."""
    return VOL5 / VOL120


@factor(TRADING)
def DAVOL10(VOL10: Array, VOL120: Array) -> Array:
    """Mean turnover of 10 bars over that of 120."""
    return VOL10 / VOL120


@factor(TRADING)
def DAVOL20(VOL20: Array, VOL120: Array) -> Array:
    """Mean turnover of 20 bars over that of 120."""
    return VOL20 / VOL120


@factor(TRADING)
def Volatility(turnover: Array, n: int = 20) -> Array:
    """Sample standard deviation of the turnover rate over its mean, {n} bars."""
    return std(turnover, n) / mean(turnover, n)


@factor(TRADING, amount_degree=1, windows={"TVMA6": 6, "TVMA20": 20})
def TVMA(amount: Array, n: int) -> Array:
    """Mean traded amount of {n} bars, in millions."""
    return mean(amount, n) / MILLION


@factor(TRADING, amount_degree=1, windows={"TVSTD6": 6, "TVSTD20": 20})
def TVSTD(amount: Array, n: int) -> Array:
    """Sample standard deviation of the traded amount over {n} bars, in millions."""
    return std(amount, n) / MILLION


@factor(TRADING, degree=1, volume_degree=1)
def MoneyFlow20(typical_amount: Array, n: int = 20) -> Array:
    """Sum of typical price x volume over {n} bars."""
    return total(typical_amount, n)


@factor(
    TRADING, volume_degree=1, memory="ema", lookback=settle,
    windows={"VEMA5": 5, "VEMA10": 10, "VEMA12": 12, "VEMA26": 26},
)  # fmt: skip
def VEMA(volume: Array, n: int) -> Array:
    """Exponential mean of the volume, alpha = 2 / ({n} + 1)."""
    return ema(volume, n)


@factor(TRADING, volume_degree=1)
def VDIFF(VEMA12: Array, VEMA26: Array) -> Array:
    """Volume MACD line: EMA(volume, 12) - EMA(volume, 26)."""
    return VEMA12 - VEMA26


@factor(TRADING, volume_degree=1, memory="ema", lookback=settle, history=1)
def VDEA(VDIFF: Array, n: int = 9) -> Array:
    """Volume MACD signal line: EMA(VDIFF, {n})."""
    return ema(VDIFF, n)


@factor(TRADING, volume_degree=1)
def VMACD(VDIFF: Array, VDEA: Array) -> Array:
    """Volume MACD histogram, doubled as in China: 2 (VDIFF - VDEA)."""
    return 2 * (VDIFF - VDEA)


@factor(TRADING)
def VOSC(volume: Array, n: int = 12, m: int = 26) -> Array:
    """Volume oscillator: 100 (mean of {n} - mean of {m}) / mean of {n} bars' volume."""
    fast = mean(volume, n)
    return 100 * (fast - mean(volume, m)) / fast


@factor(TRADING)
def VR(change: Array, volume: Array, n: int = 24) -> Array:
    """Volume ratio: (volume of up days + half of flat days) over the same of down days."""
    measured = volume + 0 * change
    flat = total(keep(measured, change == 0), n) / 2
    up, down = total(keep(measured, change > 0), n), total(keep(measured, change < 0), n)
    return (up + flat) / (down + flat)


@factor(TRADING, lookback=lambda n: n + 1, windows={"VROC6": 6, "VROC12": 12})
def VROC(volume: Array, n: int) -> Array:
    """Rate of change of the volume over {n} bars, in per cent (JoinQuant lags one bar less)."""
    return 100 * (volume / lag(volume, n) - 1)


@factor(TRADING, volume_degree=1, windows={"VSTD10": 10, "VSTD20": 20})
def VSTD(volume: Array, n: int) -> Array:
    """Sample standard deviation of the volume over {n} bars."""
    return std(volume, n)


@factor(TRADING, volume_degree=1, memory="cumulative", history=1)
def OBV(signed_volume: Array) -> Array:
    """On-balance volume: running sum of volume signed by the change of the close.

    Depends on where the history starts.
    """
    return np.nancumsum(signed_volume, axis=0)


@factor(TRADING, volume_degree=1, windows={"OBV6": 6, "OBV20": 20})
def OBVSum(signed_volume: Array, n: int) -> Array:
    """Sum over {n} bars of volume signed by the change of the close (some texts: mean)."""
    return total(signed_volume, n)


@step(lookback=2)
def typical_move(typical: Array) -> Array:
    """Change of the typical price."""
    return diff(typical)


@factor(
    TRADING, volume_degree=1, memory="ema",
    lookback=lambda n, fast, slow: settle(slow) + settle(n), history=lambda slow: slow,
)  # fmt: skip
def KlingerOscillator(
    typical_move: Array, volume: Array, n: int = 6, fast: int = 34, slow: int = 55
) -> Array:
    """EMA({n}) of EMA({fast}) - EMA({slow}) of signed volume, / 1e6.

    Volume counts + if the typical price rose, - otherwise.
    """
    signed = np.where(typical_move > 0, volume, -volume) + 0 * typical_move
    return ema(ema(signed, fast) - ema(signed, slow), n) / MILLION


@factor(TRADING, clock="calendar", lookback=lambda n: n + 5, history=lambda least: least + 5)
def TOBT(
    known_return: Array,
    turnover: Array,
    market_return: Array,
    wanted: Array,
    n: int = 500,
    least: int = 180,
) -> Array:
    """Turnover beta: coefficient on turnover in a regression of |r|, over {n} sessions.

    The other regressors are 5 lags of the market's |r| and 5 lags of the stock's own; at least
    {least} sessions must be complete.
    """
    move, market_move = np.abs(known_return), np.abs(market_return)
    lags = [lag(x, k) for x in (market_move, move) for k in range(1, 6)]
    slopes, _ = regression(move, [turnover, *lags], n, least, wanted > 0, 1, residual=False)
    return slopes[0]
