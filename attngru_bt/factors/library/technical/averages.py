"""Moving averages of the close, and the bands and differences made of them."""

from __future__ import annotations

from attngru_bt.factors.decorators import factor, step
from attngru_bt.factors.ops import Array, ema, mean, settle, std

TECHNICAL = "technical"


@factor(TECHNICAL, degree=1, windows={"MA5": 5, "MA10": 10, "MA20": 20, "MA60": 60, "MA120": 120})
def MA(close: Array, n: int) -> Array:
    """Mean close of {n} bars."""
    return mean(close, n)


@factor(
    TECHNICAL,
    degree=1,
    memory="ema",
    lookback=settle,
    windows={"EMA20": 20, "EMA60": 60, "EMA120": 120},
)
def EMA(close: Array, n: int) -> Array:
    """Exponential mean of the close, alpha = 2 / ({n} + 1), seeded with the first close."""
    return ema(close, n)


@factor(TECHNICAL, degree=1)
def EMA5(ema5: Array) -> Array:
    """Exponential mean of the close, alpha = 2 / (5 + 1), seeded with the first close."""
    return ema5


@factor(TECHNICAL, degree=1)
def EMA10(ema10: Array) -> Array:
    """Exponential mean of the close, alpha = 2 / (10 + 1), seeded with the first close."""
    return ema10


@factor(TECHNICAL, degree=1)
def EMA12(ema12: Array) -> Array:
    """Exponential mean of the close, alpha = 2 / (12 + 1), seeded with the first close."""
    return ema12


@factor(TECHNICAL, degree=1)
def EMA26(ema26: Array) -> Array:
    """Exponential mean of the close, alpha = 2 / (26 + 1), seeded with the first close."""
    return ema26


@factor(TECHNICAL, degree=1)
def TEMA5(ema5: Array, double5: Array, triple5: Array) -> Array:
    """Triple exponential mean: 3 E1 - 3 E2 + E3, each the EMA(5) of the one before."""
    return 3 * ema5 - 3 * double5 + triple5


@factor(TECHNICAL, degree=1)
def TEMA10(ema10: Array, double10: Array, triple10: Array) -> Array:
    """Triple exponential mean: 3 E1 - 3 E2 + E3, each the EMA(10) of the one before."""
    return 3 * ema10 - 3 * double10 + triple10


@factor(TECHNICAL, degree=1)
def MACD(DIFF: Array, DEA: Array) -> Array:
    """MACD histogram, doubled as in China: 2 (DIFF - DEA). TA-Lib's is not doubled."""
    return 2 * (DIFF - DEA)


@factor(TECHNICAL, degree=1)
def BBI(bull_bear: Array) -> Array:
    """Bull and bear index: mean of the 3-, 6-, 12- and 24-bar mean closes."""
    return bull_bear


@step(lookback=20)
def band(close: Array, n: int = 20) -> Array:
    """Two sample standard deviations of the close over 20 bars."""
    return 2 * std(close, n)


@factor(TECHNICAL, degree=1)
def BollUp(MA20: Array, band: Array) -> Array:
    """Upper Bollinger band: mean + 2 sample standard deviations of the close, 20 bars."""
    return MA20 + band


@factor(TECHNICAL, degree=1)
def BollDown(MA20: Array, band: Array) -> Array:
    """Lower Bollinger band: mean - 2 sample standard deviations of the close, 20 bars."""
    return MA20 - band
