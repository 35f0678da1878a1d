"""Sums, means, extremes and medians over the last n bars."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import rank_filter

from attngru_bt.factors.ops.shifts import Array, pad, tiles


def total(x: Array, n: int) -> Array:
    """Return the sum over the last n bars."""
    if n > len(x):
        return np.full(x.shape, np.nan)
    out = np.empty(x.shape)
    out[: n - 1] = np.nan
    power, size = x, 1  # power[i]: sum of the `size` bars that end at bar i + size - 1
    recent = x[:0]  # recent[i]: sum of the `taken` bars that end at bar i + taken - 1
    taken = 0
    while True:
        # the bits of n say which powers of two the window is made of, the smallest latest in time
        older = power[: len(power) - taken]  # ends right before `recent` begins
        if taken + size == n:
            if taken:
                np.add(recent[size:], older, out=out[n - 1 :])
            else:
                out[n - 1 :] = older
            return out
        if n & size:
            recent = recent[size:] + older if taken else older
            taken += size
        power = power[size:] + power[:-size]
        size *= 2


def mean(x: Array, n: int) -> Array:
    """Return the mean over the last n bars."""
    out = total(x, n)
    out /= n
    return out


def count(x: Array, n: int) -> Array:
    """Return how many of the last n bars have a known value."""
    return total_known(np.isfinite(x).astype(float), n)


def total_known(x: Array, n: int) -> Array:
    """Return the sum of the known values of the last n bars, or of as many as there are."""
    padded = np.zeros((n - 1 + len(x), *x.shape[1:]))
    np.copyto(padded[n - 1 :], x, where=~np.isnan(x))
    return total(padded, n)[n - 1 :]


def mean_known(x: Array, n: int, least: int) -> Array:
    """Return the mean of the known values of the last n bars; NaN if fewer than `least`."""
    known = count(x, n)
    out = total_known(x, n) / known
    out[known < least] = np.nan
    return out


def _extreme(x: Array, n: int, every: int, pick: Callable[..., Array]) -> Array:
    """Return the extreme of n values, each `every` bars after the one before it."""
    n_bars = len(x)
    if (n - 1) * every >= n_bars:
        return np.full(x.shape, np.nan)
    size = 1
    while 2 * size <= n:
        x = pick(x[size * every :], x[: -size * every])
        size *= 2
    if size < n:  # two windows that overlap cover the whole one, which no extreme minds
        shift = (n - size) * every
        x = pick(x[shift:], x[: len(x) - shift])
    return pad(x, n_bars)


def highest(x: Array, n: int, every: int = 1) -> Array:
    """Return the highest of the last n bars, or of n bars that lie `every` bars apart."""
    return _extreme(x, n, every, np.maximum)


def lowest(x: Array, n: int, every: int = 1) -> Array:
    """Return the lowest of the last n bars, or of n bars that lie `every` bars apart."""
    return _extreme(x, n, every, np.minimum)


def since_highest(x: Array, n: int) -> Array:
    """Return the age of the highest of the last n bars, 0 to n - 1; of equal ones the latest."""
    n_bars = len(x)
    if n > n_bars:
        return np.full(x.shape, np.nan)
    top = np.where(np.isnan(x), np.inf, x)  # so that NaN wins over any number
    since = np.zeros(x.shape, dtype=np.int32)  # age of `top` within its window

    def join(shift: int) -> tuple[Array, NDArray[np.int32]]:
        old, new = top[: len(top) - shift], top[shift:]
        return np.maximum(old, new), np.where(
            old > new, since[: len(since) - shift] + np.int32(shift), since[shift:]
        )

    size = 1
    while 2 * size <= n:
        top, since = join(size)
        size *= 2
    if size < n:
        top, since = join(n - size)
    return pad(np.where(top == np.inf, np.nan, since), n_bars)


def since_lowest(x: Array, n: int) -> Array:
    """Return the age of the lowest of the last n bars, 0 to n - 1; of equal ones the latest."""
    return since_highest(-x, n)


def mean_deviation(x: Array, n: int) -> Array:
    """Return the mean absolute deviation of the last n bars from their mean."""
    if n > len(x):
        return np.full(x.shape, np.nan)
    out = mean(x, n)
    for part in tiles(n - 1, x):
        center = out[part].copy()
        deviation, sum_ = np.empty_like(center), np.zeros_like(center)
        for k in range(n):
            np.subtract(x[part.start - k : part.stop - k], center, out=deviation)
            np.abs(deviation, out=deviation)
            sum_ += deviation
        np.divide(sum_, n, out=out[part])
    return out


def median(x: Array, n: int) -> Array:
    """Return the median of the last n bars."""
    n_bars, n_assets = x.shape
    if n > n_bars:
        return np.full(x.shape, np.nan)
    # one long series, asset after asset; windows over two assets are overwritten with NaN below
    unknown = np.isnan(x)
    series = np.where(unknown, 0.0, x).T.ravel()
    upper = rank_filter(series, n // 2, size=n, mode="nearest", origin=(n - 1) // 2)
    if n % 2 == 0:
        lower = rank_filter(series, n // 2 - 1, size=n, mode="nearest", origin=(n - 1) // 2)
        upper = (lower + upper) / 2
    out = np.ascontiguousarray(upper.reshape(n_assets, n_bars).T)
    out[: n - 1] = np.nan
    if unknown.any():
        out[count(x, n) < n] = np.nan
    return out


def weighted(x: Array, weights: NDArray[np.float64]) -> Array:
    """Return the weighted sum of the last len(weights) bars; the last weight is for the latest."""
    n = len(weights)
    if n > len(x):
        return np.full(x.shape, np.nan)
    rows = len(x) - n + 1
    out = weights[0] * x[:rows]
    for k in range(1, n):
        out += weights[k] * x[k : k + rows]
    return pad(out, len(x))


def mean_linear(x: Array, n: int) -> Array:
    """Return the mean of the last n bars with weights 1, 2, ..., n (n for the latest)."""
    steps = np.arange(1.0, n + 1)
    return weighted(x, steps / steps.sum())


def slope(x: Array, n: int) -> Array:
    """Return the least-squares slope of the last n bars on 1, 2, ..., n."""
    # relative to the latest bar: on a level of 1e8, small moves would be lost in rounding
    steps = np.arange(n) - (n - 1) / 2
    weights = steps / (steps @ steps)
    if n > len(x):
        return np.full(x.shape, np.nan)
    rows = len(x) - n + 1
    latest = x[n - 1 :]
    out = np.zeros_like(latest)
    for k in range(n - 1):
        out += weights[k] * (x[k : k + rows] - latest)
    return pad(out, len(x))
