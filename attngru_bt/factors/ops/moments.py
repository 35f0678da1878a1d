"""Variance and skewness over the last n bars."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from attngru_bt.factors.ops.shifts import Array, pad


def _moments(x: Array, n: int, third: bool = False) -> tuple[Array, ...]:
    """Return mean and sums of squared (and cubed) deviations from it, of full windows only."""
    zero = x - x  # not zeros: NaN and infinities must become NaN
    power: tuple[Array, ...] = (x, zero, zero) if third else (x, zero)  # of the last `size` bars
    recent: tuple[Array, ...] = ()  # of the last `taken` bars
    size, bits, taken = 1, n, 0
    while True:
        if bits & 1:
            recent = _join(power, size, recent, taken) if recent else power
            taken += size
        bits >>= 1
        if not bits:
            return recent
        power = _join(power, size, power, size)
        size *= 2


def _join(
    old: tuple[Array, ...], n_old: int, new: tuple[Array, ...], n_new: int
) -> tuple[Array, ...]:
    """Return the moments of two neighboring windows together.

    Formulas of Chan, Golub and LeVeque (1979) and Pébay (2008): the deviations of each window are
    from its own mean, so that nothing cancels.
    """
    size = n_old + n_new
    new = tuple(moment[n_old:] for moment in new)
    old = tuple(moment[: len(new[0])] for moment in old)
    step = old[0] - new[0]
    mean = step * (n_old / size)
    mean += new[0]
    square = old[1] + new[1]
    more = step * step
    more *= n_old * n_new / size
    square += more
    if len(new) == 2:
        return mean, square
    cube = old[2] + new[2]
    if n_old != n_new:
        more *= step
        more *= (n_new - n_old) / size
        cube += more
    np.multiply(old[1], n_new, out=more)
    more -= n_old * new[1]
    more *= step
    more *= 3 / size
    cube += more
    return mean, square, cube


def var(x: Array, n: int, ddof: int = 1) -> Array:
    """Return the variance of the last n bars, divided by n - `ddof`."""
    return next(vars_doubling(x, n, ddof))


def vars_doubling(x: Array, n: int, ddof: int = 1) -> Iterator[Array]:
    """Yield the variances of the last n, 2n, 4n, ... bars, without end."""
    moments = _moments(x, n) if n <= len(x) else (x[:0], x[:0])
    while True:
        yield pad(moments[1] / (n - ddof), len(x))
        moments = _join(moments, n, moments, n)
        n *= 2


def std(x: Array, n: int, ddof: int = 1) -> Array:
    """Return the standard deviation of the last n bars, divided by n - `ddof`."""
    out = var(x, n, ddof)
    return np.sqrt(out, out=out)


def skewness(x: Array, n: int) -> Array:
    """Return the population skewness m3 / m2**1.5 of the last n bars; NaN if all are equal."""
    if n > len(x):
        return np.full(x.shape, np.nan)
    _, square, cube = _moments(x, n, third=True)
    spread = square / n
    return pad(cube / n / (spread * np.sqrt(spread)), len(x))
