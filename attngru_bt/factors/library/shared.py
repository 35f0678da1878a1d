"""Intermediate results that several factors share, and the units of volume-like factors."""

from __future__ import annotations

import numpy as np

from attngru_bt.factors.decorators import step
from attngru_bt.factors.ops import Array, diff, ema, lag, mean, mean_known, settle, total

MILLION = 1e6


@step(lookback=2)
def before(close: Array) -> Array:
    """Close of the bar before."""
    return lag(close, 1)


@step(lookback=2)
def change(close: Array) -> Array:
    """Change of the close."""
    return diff(close)


@step(lookback=2)
def daily_return(close: Array) -> Array:
    """Return of the bar, as a fraction."""
    return close / lag(close, 1) - 1


@step(lookback=2)
def high_move(high: Array) -> Array:
    """Change of the high."""
    return diff(high)


@step(lookback=2)
def low_move(low: Array) -> Array:
    """Change of the low."""
    return diff(low)


@step()
def typical(high: Array, low: Array, close: Array) -> Array:
    """Typical price, the mean of high, low and close."""
    return (high + low + close) / 3


@step()
def typical_amount(typical: Array, volume: Array) -> Array:
    """Typical price x volume."""
    return typical * volume


@step(stands_for="amount")
def guessed_amount(typical_amount: Array) -> Array:
    """Typical price x volume, in place of a traded amount that is not known."""
    return typical_amount


@step()
def true_low(low: Array, before: Array) -> Array:
    """Lower of the low and the close before."""
    return np.minimum(low, before)


@step()
def true_high(high: Array, before: Array) -> Array:
    """Higher of the high and the close before."""
    return np.maximum(high, before)


@step()
def true_range(true_high: Array, true_low: Array) -> Array:
    """Wilder's true range."""
    return true_high - true_low


@step()
def signed_volume(change: Array, volume: Array) -> Array:
    """Volume signed by the change of the close."""
    return np.sign(change) * volume


@step(lookback=120, history=1)
def usual_volume(volume: Array, n: int = 120) -> Array:
    """Mean volume of the last 120 bars, of as many as there are."""
    return mean_known(volume, n, least=1)


@step(lookback=120, history=1)
def usual_amount(amount: Array, n: int = 120) -> Array:
    """Mean traded amount of the last 120 bars, of as many as there are."""
    return mean_known(amount, n, least=1)


@step()
def money_flow(high: Array, low: Array, close: Array, volume: Array, daily_return: Array) -> Array:
    """Volume weighted by where the close lies between low (-1) and high (1).

    On a bar without a range the return takes that place.
    """
    place = ((close - low) - (high - close)) / (high - low)
    return np.where(high == low, daily_return, place) * volume


@step()
def mean10(close: Array, n: int = 10) -> Array:
    """Mean close of 10 bars."""
    return mean(close, n)


@step(lookback=24)
def bull_bear(close: Array) -> Array:
    """Mean of the 3-, 6-, 12- and 24-bar mean closes."""
    return (mean(close, 3) + mean(close, 6) + mean(close, 12) + mean(close, 24)) / 4


@step(
    memory="ema", lookback=settle,
    windows={"ema5": 5, "ema10": 10, "ema12": 12, "ema13": 13, "ema26": 26},
)  # fmt: skip
def ema_of_close(close: Array, n: int) -> Array:
    """Exponential mean of the close over {n} bars."""
    return ema(close, n)


@step(memory="ema", lookback=settle(5), history=1)
def double5(ema5: Array) -> Array:
    """Exponential mean over 5 bars of that of the close."""
    return ema(ema5, 5)


@step(memory="ema", lookback=settle(5), history=1)
def triple5(double5: Array) -> Array:
    """Exponential mean over 5 bars, three times over."""
    return ema(double5, 5)


@step(memory="ema", lookback=settle(10), history=1)
def double10(ema10: Array) -> Array:
    """Exponential mean over 10 bars of that of the close."""
    return ema(ema10, 10)


@step(memory="ema", lookback=settle(10), history=1)
def triple10(double10: Array) -> Array:
    """Exponential mean over 10 bars, three times over."""
    return ema(double10, 10)


def energy(high: Array, low: Array, middle: Array, n: int) -> Array:
    """100 x sum of max(high - middle, 0) over sum of max(middle - low, 0), n bars."""
    return 100 * total(np.maximum(high - middle, 0), n) / total(np.maximum(middle - low, 0), n)
