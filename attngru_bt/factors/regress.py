"""Rolling least squares for all bars and assets at once.

First the sums of products over the windows, then one elimination for many systems at a time. As
everywhere in `ops`, a window's sum is put together from the bars of that window only.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from attngru_bt.factors.ops import Array, total

Mask = NDArray[np.bool_]

_CACHED = 16384  # systems solved at a time: fewer cost calls, more cost cache misses


def regression(
    y: Array, x: list[Array], n: int, least: int, wanted: Mask | None = None
) -> tuple[list[Array], Array]:
    """Least squares of y on x and a constant over the last n bars, bars with a gap left out.

    Parameters
    ----------
    y : ndarray of shape (bars, assets)
    x : list of p ndarrays of shape (bars, assets) or (bars, 1)
    n : int
        Window, in bars.
    least : int
        Fewer complete bars than this in the window: NaN.
    wanted : ndarray of bool, optional
        Bars at which an answer is needed; NaN at the others. Default: all.

    Returns
    -------
    coefficients : list of p ndarrays of shape (bars, assets)
        Without the constant.
    residual_variance : ndarray of shape (bars, assets)
        Sum of squared residuals / (bars - p - 1).
    """
    p = len(x)
    complete = np.isfinite(y)
    for column in x:
        complete = complete & np.isfinite(column)
    columns = np.zeros((p + 2, *y.shape))  # x, y and ones; 0 where incomplete
    for k, column in enumerate([*x, y, np.ones((1, 1))]):
        np.copyto(columns[k], column, where=complete)
    if wanted is None:
        wanted = np.ones(y.shape, dtype=bool)
    few = 100 * wanted.any(axis=1).sum() <= len(y)
    windows = _FewWindows(columns, n, wanted) if few else _AllWindows(columns, n)
    size = windows.sums(p + 1)[0].copy()
    answer = (size >= max(least, p + 2)) & windows.arrange(wanted)
    at = np.flatnonzero(answer)
    # Where most have an answer, solving all is cheaper than picking those.
    picked = slice(None) if 2 * len(at) > answer.size else at
    size = size.reshape(-1)[picked]
    cross = np.empty((p + 1, p + 1, len(size)))  # sums of products, upper triangle, y last
    centre = np.empty((p + 1, len(size)))  # means
    for i in range(p + 1):
        found = windows.sums(i).reshape(p + 2 - i, -1)
        for j in range(i, p + 1):
            cross[i, j] = found[j - i][picked]
        np.divide(found[-1][picked], size, out=centre[i])
    slopes, residual = np.empty((p, len(size))), np.empty(len(size))
    for start in range(0, len(size), _CACHED):
        part = slice(start, start + _CACHED)
        slopes[:, part], residual[part] = _solve(cross[..., part], centre[:, part], size[part])

    def spread(values: Array) -> Array:
        out = np.full(answer.shape, np.nan)
        out.reshape(-1)[picked] = values
        out[~answer] = np.nan
        return windows.restore(out)

    return [spread(c) for c in slopes], spread(residual / (size - p - 1))


class _FewWindows:
    """Sums of products over the windows that end at a few bars, each window by itself."""

    def __init__(self, columns: Array, n: int, wanted: Mask) -> None:
        self._rows = np.flatnonzero(wanted.any(axis=1))
        self._n_bars = columns.shape[1]
        self.shape = (len(self._rows), columns.shape[2])
        self._products = np.zeros((*self.shape, len(columns), len(columns)))
        for k, row in enumerate(self._rows):
            window = columns[:, max(row - n + 1, 0) : row + 1].transpose(2, 0, 1)
            np.matmul(window, window.transpose(0, 2, 1), out=self._products[k])

    def sums(self, i: int) -> Array:
        """Give the sums of column i times columns i, i + 1, ...: (columns, *shape)."""
        return np.ascontiguousarray(np.moveaxis(self._products[..., i, i:], -1, 0))

    def arrange(self, values: Mask) -> Mask:
        """Values of all bars, those at the windows' ends."""
        return values[self._rows]

    def restore(self, values: Array) -> Array:
        """Values of all bars, NaN between the windows' ends."""
        out = np.full((self._n_bars, self.shape[1]), np.nan)
        out[self._rows] = values
        return out


class _AllWindows:
    """Sums of products over the windows that end at every bar.

    Bars are taken in chunks of a length that divides the window's. A window is then the end of one
    chunk, some whole chunks, and the beginning of another, so a running sum from either side of
    each chunk is enough: five passes over the data, whatever the window. Arrays are laid out
    (place in the chunk, chunk, asset), which makes every pass one over contiguous memory.
    """

    def __init__(self, columns: Array, n: int) -> None:
        n_columns, self._n_bars, n_assets = columns.shape
        places = [k for k in range(1, n + 1) if n % k == 0]
        self._places = min(places, key=lambda k: abs(k - math.sqrt(n)))
        self._whole = n // self._places  # chunks in a window
        n_chunks = -(-self._n_bars // self._places)
        self.shape = (self._places, n_chunks, n_assets)
        # an empty window's worth of chunks in front, for the windows that begin before the bars
        chunked = np.zeros((n_columns, self._whole + n_chunks, self._places, n_assets))
        flat = chunked[:, self._whole :].reshape(n_columns, -1, n_assets)
        flat[:, : self._n_bars] = columns
        chunked[:, self._whole :] = flat.reshape(n_columns, n_chunks, self._places, n_assets)
        self._columns = np.ascontiguousarray(chunked.transpose(0, 2, 1, 3))
        self._begun, self._ended = np.empty_like(self._columns), np.empty_like(self._columns)

    def sums(self, i: int) -> Array:
        """Give the sums of column i times columns i, i + 1, ...; the next call overwrites them."""
        whole = self._whole
        begun, ended = self._begun[i:], self._ended[i:]
        for column, one, other in zip(self._columns[i:], begun, ended, strict=True):
            np.multiply(self._columns[i], column, out=one)
            other[...] = one
            for k in range(1, self._places):
                one[k] += one[k - 1]  # from the chunk's beginning to place k
                other[-1 - k] += other[-k]  # from place -1 - k to the chunk's end
        out = begun[:, :, whole:]
        if whole > 1:  # whole chunks between the two parts
            chunks = np.ascontiguousarray(begun[:, -1].transpose(1, 0, 2))
            between = total(chunks, whole - 1)[whole - 1 : -1].transpose(1, 0, 2)
            out += between[:, None]
        out[:, :-1] += ended[:, 1:, :-whole]
        return out

    def arrange(self, values: Mask) -> Mask:
        """Values of all bars, in the order of the sums."""
        places, n_chunks, n_assets = self.shape
        padded = np.zeros((n_chunks * places, n_assets), dtype=values.dtype)
        padded[: self._n_bars] = values
        return padded.reshape(n_chunks, places, n_assets).transpose(1, 0, 2)

    def restore(self, values: Array) -> Array:
        """Values in the order of the bars."""
        return values.transpose(1, 0, 2).reshape(-1, self.shape[2])[: self._n_bars]


def _solve(cross: Array, centre: Array, size: Array) -> tuple[Array, Array]:
    """Solve many normal equations at once by elimination.

    Parameters
    ----------
    cross : ndarray of shape (p + 1, p + 1, systems)
        Sums of products, upper triangle, y last; overwritten.
    centre : ndarray of shape (p + 1, systems)
        Means.
    size : ndarray of shape (systems,)

    Returns
    -------
    slopes : ndarray of shape (p, systems)
    residual : ndarray of shape (systems,)
        Sum of squares.
    """
    p = len(cross) - 1
    for i in range(p + 1):
        cross[i, i:] -= size * centre[i] * centre[i:]
    rounding = [1e-10 * cross[i, i] for i in range(p)]  # left of what other regressors explain
    explained = np.empty_like(cross[0])
    for i in range(p):
        pivot = cross[i, i]
        pivot[pivot <= rounding[i]] = np.nan
        share = cross[i, i + 1 :] / pivot
        for k in range(i + 1, p + 1):
            np.multiply(share[k - i - 1], cross[i, k:], out=explained[k:])
            cross[k, k:] -= explained[k:]
    slopes = np.empty((p, len(size)))
    for i in reversed(range(p)):
        rest = cross[i, p].copy()
        for j in range(i + 1, p):
            rest -= cross[i, j] * slopes[j]
        slopes[i] = rest / cross[i, i]
    return slopes, np.maximum(cross[p, p], 0.0)
