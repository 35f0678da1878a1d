"""Rolling operations on bars: arrays of shape (bars, assets), the oldest bar first.

Three rules hold for every operation here:

- A value at bar t is computed from bars up to t only.
- It is computed from the bars of its own window and nothing else. Windows are put together from
  halves (the sum of 20 = 16 + 4, 16 = 8 + 8, ...), never by adding the new bar to a running total
  and taking the old one away. So a price of 1e8 leaves no rounding error behind once it is out of
  the window, a NaN leaves with its bar, and no result depends on where the history begins.
- NaN in a window makes the result NaN (except where an operation says that it counts known bars),
  and so does a window that begins before the history.

`ema` and `smooth` are the exception to the second rule by their nature: they look back for ever,
with a weight that fades. `settle` says after how many bars less than 1e-12 of the start is left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import rank_filter

Array = NDArray[np.float64]  # (bars, assets), NaN = not known

FORGOTTEN = 1e-12
"""Share of an exponential mean's start that counts as forgotten (see `settle`)."""

_CHUNK = 8  # bars

_TILE = 12_288  # values, 96 kB


def lag(x: Array, n: int) -> Array:
    """Value n bars ago."""
    out = np.empty_like(x)
    out[:n] = np.nan
    out[n:] = x[: max(len(x) - n, 0)]
    return out


def diff(x: Array, n: int = 1) -> Array:
    """Change over n bars."""
    out = np.empty_like(x)
    out[:n] = np.nan
    np.subtract(x[n:], x[: max(len(x) - n, 0)], out=out[n:])
    return out


def ratio(x: Array, y: Array) -> Array:
    """Quotient x / y, NaN where y is 0: for values that go on into an exponential mean."""
    out = x / y
    out[y == 0] = np.nan
    return out


def keep(x: Array, where: NDArray[np.bool_]) -> Array:
    """Values where the condition holds, 0 elsewhere; NaN stays NaN everywhere."""
    return x * where  # five times faster than np.where on conditions that flip from bar to bar


def _pad(part: Array, n_bars: int) -> Array:
    """Put NaN in front of the results of the full windows."""
    out = np.empty((n_bars, *part.shape[1:]))
    head = n_bars - len(part)
    out[:head] = np.nan
    out[head:] = part
    return out


def tiles(start: int, x: Array) -> Iterator[slice]:
    """Bars of x from `start` on, in pieces small enough to stay in the cache for many passes."""
    size = max(_TILE // max(x.shape[1], 1), 1)
    return (slice(k, min(k + size, len(x))) for k in range(start, len(x), size))


def total(x: Array, n: int) -> Array:
    """Sum over the last n bars."""
    if n > len(x):
        return np.full(x.shape, np.nan)
    out = np.empty(x.shape)
    out[: n - 1] = np.nan
    power, size = x, 1  # power[i]: sum of the size bars that end at bar i + size - 1
    parts = x[:0]
    taken = 0  # bars of the window's recent end that parts holds already
    while True:
        # parts[i] ends at bar i + taken - 1 and the older piece ends right before it begins
        older = power[: len(power) - taken]
        if taken + size == n:
            if taken:
                np.add(parts[size:], older, out=out[n - 1 :])
            else:
                out[n - 1 :] = older
            return out
        if n & size:
            parts = parts[size:] + older if taken else older
            taken += size
        power = power[size:] + power[:-size]
        size *= 2


def mean(x: Array, n: int) -> Array:
    """Mean over the last n bars."""
    out = total(x, n)
    out /= n
    return out


def count(x: Array, n: int) -> Array:
    """Bars with a known value among the last n, fewer than n at the start of the history."""
    return total_known(np.isfinite(x).astype(float), n)


def total_known(x: Array, n: int) -> Array:
    """Sum of the known values among the last n bars, of as many bars as there are."""
    padded = np.zeros((n - 1 + len(x), *x.shape[1:]))
    np.copyto(padded[n - 1 :], x, where=~np.isnan(x))
    return total(padded, n)[n - 1 :]


def mean_known(x: Array, n: int, least: int) -> Array:
    """Mean of the known values among the last n bars, NaN when fewer than `least` are known."""
    known = count(x, n)
    out = total_known(x, n) / known
    out[known < least] = np.nan
    return out


def _extreme(x: Array, n: int, every: int, pick: Callable[..., Array]) -> Array:
    n_bars = len(x)
    if (n - 1) * every >= n_bars:
        return np.full(x.shape, np.nan)
    size = 1
    while 2 * size <= n:
        x = pick(x[size * every :], x[: -size * every])
        size *= 2
    if size < n:  # two overlapping pieces cover the window: no harm to an extreme
        rest = (n - size) * every
        x = pick(x[rest:], x[: len(x) - rest])
    return _pad(x, n_bars)


def highest(x: Array, n: int, every: int = 1) -> Array:
    """Highest of n values: those of the last n bars, or of each `every`-th bar back from today."""
    return _extreme(x, n, every, np.maximum)


def lowest(x: Array, n: int, every: int = 1) -> Array:
    """Lowest of n values: those of the last n bars, or of each `every`-th bar back from today."""
    return _extreme(x, n, every, np.minimum)


def since_highest(x: Array, n: int) -> Array:
    """Bars since the highest value of the last n bars, 0 to n - 1; of equal ones the latest."""
    n_bars = len(x)
    if n > n_bars:
        return np.full(x.shape, np.nan)
    top = np.where(np.isnan(x), np.inf, x)  # not known wins over any number
    since = np.zeros(x.shape, dtype=np.int32)

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
    return _pad(np.where(top == np.inf, np.nan, since), n_bars)


def since_lowest(x: Array, n: int) -> Array:
    """Bars since the lowest value of the last n bars, 0 to n - 1; of equal ones the latest."""
    return since_highest(-x, n)


def _moments(x: Array, n: int, third: bool = False) -> tuple[Array, ...]:
    """Mean, sums of squared (and cubed) deviations from it, last n bars (only the full windows)."""
    zero = x - x  # NaN and infinities stay not known
    power: tuple[Array, ...] = (x, zero, zero) if third else (x, zero)
    parts: tuple[Array, ...] = ()
    size, rest, taken = 1, n, 0
    while True:
        if rest & 1:
            parts = _join(power, size, parts, taken) if parts else power
            taken += size
        rest >>= 1
        if not rest:
            return parts
        power = _join(power, size, power, size)
        size *= 2


def _join(
    old: tuple[Array, ...], n_old: int, new: tuple[Array, ...], n_new: int
) -> tuple[Array, ...]:
    """Moments of neighboring windows put together.

    By the formulas of Chan, Golub and LeVeque (1979) and Pébay (2008): each window's deviations are
    from its own mean, so nothing cancels.
    """
    size = n_old + n_new
    new = tuple(part[n_old:] for part in new)
    old = tuple(part[: len(new[0])] for part in old)
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
    """Variance of the last n bars, by default the sample's (divided by n - 1)."""
    return next(vars_doubling(x, n, ddof))


def vars_doubling(x: Array, n: int, ddof: int = 1) -> Iterator[Array]:
    """Variances of the last n, 2n, 4n, ... bars, without end."""
    moments = _moments(x, n) if n <= len(x) else (x[:0], x[:0])
    while True:
        yield _pad(moments[1] / (n - ddof), len(x))
        moments = _join(moments, n, moments, n)
        n *= 2


def std(x: Array, n: int, ddof: int = 1) -> Array:
    """Sample standard deviation of the last n bars (divided by n - `ddof`)."""
    out = var(x, n, ddof)
    return np.sqrt(out, out=out)


def skewness(x: Array, n: int) -> Array:
    """Skewness of the last n bars, of the population: m3 / m2**1.5; NaN if they are all equal."""
    if n > len(x):
        return np.full(x.shape, np.nan)
    _, square, cube = _moments(x, n, third=True)
    spread = square / n
    return _pad(cube / n / (spread * np.sqrt(spread)), len(x))


def mean_deviation(x: Array, n: int) -> Array:
    """Mean absolute deviation of the last n bars from their mean."""
    if n > len(x):
        return np.full(x.shape, np.nan)
    out = mean(x, n)
    for part in tiles(n - 1, x):
        middle = out[part].copy()
        away, sum_ = np.empty_like(middle), np.zeros_like(middle)
        for k in range(n):
            np.subtract(x[part.start - k : part.stop - k], middle, out=away)
            np.abs(away, out=away)
            sum_ += away
        np.divide(sum_, n, out=out[part])
    return out


def median(x: Array, n: int) -> Array:
    """Median of the last n bars."""
    n_bars, n_assets = x.shape
    if n > n_bars:
        return np.full(x.shape, np.nan)
    # One long series, asset after asset: a window across the seam is cut off again below.
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
    """Weighted sum of the last len(weights) bars; the last weight is the latest bar's."""
    n = len(weights)
    if n > len(x):
        return np.full(x.shape, np.nan)
    rows = len(x) - n + 1
    out = weights[0] * x[:rows]
    for k in range(1, n):
        out += weights[k] * x[k : k + rows]
    return _pad(out, len(x))


def mean_linear(x: Array, n: int) -> Array:
    """Mean of the last n bars with weights 1, 2, ..., n (n for the latest)."""
    steps = np.arange(1.0, n + 1)
    return weighted(x, steps / steps.sum())


def slope(x: Array, n: int) -> Array:
    """Least-squares slope of the last n bars on 1, 2, ..., n."""
    # The level is taken off first: the slope of 1e8 + small moves would lose them in rounding.
    steps = np.arange(n) - (n - 1) / 2
    weights = steps / (steps @ steps)
    if n > len(x):
        return np.full(x.shape, np.nan)
    rows = len(x) - n + 1
    latest = x[n - 1 :]
    out = np.zeros_like(latest)
    for k in range(n - 1):
        out += weights[k] * (x[k : k + rows] - latest)
    return _pad(out, len(x))


def _recursion(x: Array, alpha: float, seed: float | None) -> Array:
    """Exponential mean along axis 0 of a series without gaps.

    Bar by bar in chunks, all chunks at once; then what each chunk hands on to the next, put
    together from ever more chunks at a time; then what it was handed is added to each.
    """
    n_bars, rest = len(x), 1 - alpha
    n_chunks = -(-n_bars // _CHUNK)
    out = np.empty((n_chunks, _CHUNK, *x.shape[1:]))
    bars = out.reshape(-1, *x.shape[1:])
    np.multiply(x, alpha, out=bars[:n_bars])
    bars[n_bars:] = 0.0
    handed = np.empty((n_chunks, *x.shape[1:]))
    for k in range(1, _CHUNK):
        np.multiply(out[:, k - 1], rest, out=handed)
        out[:, k] += handed
    handed[:1] = x[:1] if seed is None else seed
    handed[1:] = out[:-1, -1]
    reach, weight = 1, rest**_CHUNK
    while reach < n_chunks:
        handed[reach:] += weight * handed[:-reach]
        reach, weight = 2 * reach, weight * weight
    for k in range(_CHUNK):
        handed *= rest
        out[:, k] += handed
    return bars[:n_bars]


def ema(x: Array, n: float = 0, *, alpha: float | None = None, seed: float | None = None) -> Array:
    """Exponential mean: y = y before + alpha * (x - y before), alpha = 2 / (n + 1).

    Bars without a value are passed over: NaN there, and the mean goes on with the next known one.

    Parameters
    ----------
    x : ndarray of shape (bars, assets)
    n : float
        Span; not used when `alpha` is given.
    alpha : float, optional
        Weight of the latest bar.
    seed : float, optional
        Mean before the first known bar; by default the first known value itself.
    """
    if alpha is None:
        alpha = 2 / (n + 1)
    known = np.isfinite(x)
    lead = int(known.argmax()) // x.shape[1] if known.size else 0  # bar of the first known value
    out = np.empty_like(x)
    out[:lead] = np.nan
    out[lead:] = _recursion(x[lead:], alpha, seed)
    if known[lead:].all():
        return out
    # That holds where an asset is known from that bar on, for good or until its last; the others:
    for j in np.flatnonzero((known[lead + 1 :] & ~known[lead:-1]).any(axis=0)):
        rows = known[:, j]
        out[:, j] = np.nan
        out[rows, j] = _recursion(x[rows, j][:, None], alpha, seed)[:, 0]
    return out


def smooth(x: Array, n: int) -> Array:
    """Wilder's mean: the plain mean of the first n known bars, then y += (x - y before) / n."""
    known = np.isfinite(x)
    # most often the first n known bars of all assets are soon over
    head = 2 * n if (np.count_nonzero(known[: 2 * n], axis=0) >= n).all() else len(x)
    rank = known[:head].cumsum(axis=0)
    begun = np.cumsum(np.where(known[:head] & (rank <= n), x[:head], 0.0), axis=0) / n
    x = x.copy()
    x[:head][rank == n] = begun[rank == n]
    x[:head][rank < n] = np.nan
    x[~known] = np.nan
    return ema(x, alpha=1 / n)


def settle(n: float = 0, *, alpha: float | None = None) -> int:
    """Bars after which less than `FORGOTTEN` of an exponential mean's start is left.

    13.8 (n + 1) bars; 6.9 (n + 1) would leave 1e-6.
    """
    if alpha is None:
        alpha = 2 / (n + 1)
    return math.ceil(math.log(FORGOTTEN) / math.log1p(-alpha)) + 1
