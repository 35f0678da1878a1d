"""Rolling least squares for all bars and assets at once.

The sums of products over all windows come first, then one elimination for many systems at a time.
As in `ops`, the sum of a window is computed from the bars of that window only.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from attngru_bt.factors.ops import Array, total

Mask = NDArray[np.bool_]

_TILE = 16  # assets at a time: fewer cost calls, more cost cache misses
_FEW = 0.01  # share of the bars that windows end at, up to which they are summed one by one


def regression(
    y: Array,
    x: list[Array],
    n: int,
    least: int,
    wanted: Mask | None = None,
    n_slopes: int | None = None,
    *,
    residual: bool = True,
) -> tuple[list[Array], Array]:
    """Regress y on x and a constant over the last n bars, without bars that have a gap.

    Parameters
    ----------
    y : ndarray of shape (bars, assets)
    x : list of p ndarrays of shape (bars, assets) or (bars, 1)
    n : int
        Window, in bars.
    least : int
        Number of complete bars that a window needs; with fewer the result is NaN.
    wanted : ndarray of bool, optional
        Bars at which a result is needed; it is NaN at the others. Default: all.
    n_slopes : int, optional
        Number of coefficients that are needed, for the first columns of x. Default: all.
    residual : bool, default=True
        Whether the residual variance is needed; it is NaN otherwise.

    Returns
    -------
    coefficients : list of n_slopes ndarrays of shape (bars, assets)
        Without the constant.
    residual_variance : ndarray of shape (bars, assets)
        Sum of squared residuals / (bars - p - 1).
    """
    n_assets = y.shape[1]
    if wanted is None:
        wanted = np.ones(y.shape, dtype=bool)
    slopes = np.full((len(x) if n_slopes is None else n_slopes, *y.shape), np.nan)
    variance = np.full(y.shape, np.nan)
    # few days wanted: each window by itself; many: running sums, tile by tile to stay in the cache
    at = np.flatnonzero(wanted.any(axis=1))
    few = len(at) <= _FEW * len(y)
    size = n_assets if few else _TILE
    ends = np.linspace(0, n_assets, max(round(n_assets / size), 1) + 1).astype(int)
    for start, end in pairwise(ends):
        tile = np.s_[:, start:end]
        regressors = [column if column.shape[1] < n_assets else column[tile] for column in x]
        _regress(
            y[tile], regressors, n, least, wanted[tile], slopes[:, *tile],
            variance[tile] if residual else None, few,
        )  # fmt: skip
    return list(slopes), variance


def _regress(
    y: Array,
    x: list[Array],
    n: int,
    least: int,
    wanted: Mask,
    slopes: Array,
    variance: Array | None,
    few: bool,
) -> None:
    """Compute coefficients and residual variance of some assets, into `slopes` and `variance`."""
    p = len(x)
    at = np.flatnonzero(wanted.any(axis=1))
    at = at[at >= max(least, p + 2) - 1]
    if not len(at):
        return
    complete = np.isfinite(y)
    for column in x:
        complete &= np.isfinite(column)
    columns = np.zeros((p + 2, *y.shape))  # 0 where incomplete
    # in reverse order, because back substitution gives the last coefficient first, and only the
    # first ones of x may be needed
    for column, values in zip(columns, [np.ones((1, 1)), *reversed(x), y], strict=True):
        np.copyto(column, values, where=complete)
    windows = (_FewWindows if few else _AllWindows)(columns, n, at)
    size = windows.sums(0, 0)
    answer = (size >= max(least, p + 2)) & windows.arrange(wanted)
    # if most windows have a result, solving all of them is cheaper than picking these
    every = 2 * np.count_nonzero(answer) > answer.size
    picked = slice(None) if every else np.flatnonzero(answer)
    size = size.reshape(-1)[picked]
    cross = np.empty((p + 2, p + 2, len(size)))  # sums of products, upper triangle
    for i in range(p + 2):
        for j in range(i, p + 2):
            if every:
                windows.sums(i, j, out=cross[i, j].reshape(answer.shape))
            else:
                cross[i, j] = windows.sums(i, j).reshape(-1)[picked]
    solution = np.empty((len(slopes), len(size)))
    outputs = list(zip(solution, slopes, strict=True))
    residual = _solve(cross, solution, residual=variance is not None)
    if residual is not None and variance is not None:
        outputs.append((residual / (size - p - 1), variance))
    for values, out in outputs:
        result = np.full(answer.shape, np.nan)
        result.reshape(-1)[picked] = values
        result[~answer] = np.nan
        windows.restore(result, out)


class _FewWindows:
    """Sums of products over the windows that end at a few bars, window by window."""

    def __init__(self, columns: Array, n: int, at: NDArray[np.intp]) -> None:
        self._at = at
        self._products = np.empty((len(at), columns.shape[2], len(columns), len(columns)))
        for products, row in zip(self._products, at, strict=True):
            window = columns[:, max(row - n + 1, 0) : row + 1].transpose(2, 0, 1)
            np.matmul(window, window.transpose(0, 2, 1), out=products)

    def sums(self, i: int, j: int, out: Array | None = None) -> Array:
        """Return the sums of column i times column j."""
        return np.positive(self._products[..., i, j], out=out)

    def arrange(self, values: Mask) -> Mask:
        """Return the values at the ends of the windows."""
        return values[self._at]

    def restore(self, values: Array, out: Array) -> None:
        """Write values at the ends of the windows into an array of all bars."""
        out[self._at] = values


class _AllWindows:
    """Sums of products over the windows that end at every bar from the first of `at` on.

    The bars are cut into chunks whose length divides that of the window. A window is then the end
    of one chunk, some whole chunks, and the beginning of another chunk, so that running sums from
    both sides of each chunk are enough: four passes over the data, whatever the window. Arrays are
    laid out (place in the chunk, chunk, asset), so that every pass reads contiguous memory.
    """

    def __init__(self, columns: Array, n: int, at: NDArray[np.intp]) -> None:
        n_columns, self._n_bars, n_assets = columns.shape
        sizes = [k for k in range(1, n + 1) if n % k == 0]
        self._places = min(sizes, key=lambda k: abs(k - math.sqrt(n) / 4))
        self._whole = n // self._places  # chunks in a window
        self._first = int(at[0]) // self._places  # chunk
        n_chunks = -(-self._n_bars // self._places)
        self._columns = np.zeros((n_columns, self._places, n_chunks, n_assets))
        for k in range(self._places):
            values = columns[:, k :: self._places]
            self._columns[:, k, : values.shape[1]] = values
        self._product, self._ended = np.empty((2, self._places, n_chunks, n_assets))
        self._chunks = np.zeros((self._whole - 1 + n_chunks, n_assets))

    def sums(self, i: int, j: int, out: Array | None = None) -> Array:
        """Return the sums of column i times column j."""
        first, whole, product, ended = self._first, self._whole, self._product, self._ended
        np.multiply(self._columns[i], self._columns[j], out=product)
        ended[-1] = product[-1]
        for k in reversed(range(self._places - 1)):
            np.add(ended[k + 1], product[k], out=ended[k])  # from place k to the chunk's end
        if out is None:
            out = np.empty((self._places, product.shape[1] - first, product.shape[2]))
        out[0] = product[0, first:]
        if whole > 1:  # chunks between the one a window begins in and the one it ends in
            self._chunks[whole - 1 :] = ended[0]
            out[0] += total(self._chunks[first:], whole - 1)[whole - 2 : -1]
        for k in range(1, self._places):
            np.add(out[k - 1], product[k, first:], out=out[k])
        older = ended[1:, max(first - whole, 0) : max(ended.shape[1] - whole, 0)]
        out[:-1, out.shape[1] - older.shape[1] :] += older
        return out

    def arrange(self, values: Mask) -> Mask:
        """Return the values of all bars in the order of the sums."""
        _, n_chunks, n_assets = self._product.shape
        padded = np.zeros((n_chunks * self._places, n_assets), dtype=values.dtype)
        padded[: self._n_bars] = values
        return padded.reshape(n_chunks, -1, n_assets).transpose(1, 0, 2)[:, self._first :]

    def restore(self, values: Array, out: Array) -> None:
        """Write values in the order of the sums into an array of all bars."""
        start = self._first * self._places
        in_order = values.transpose(1, 0, 2).reshape(-1, values.shape[2])
        out[start:] = in_order[: self._n_bars - start]


def _solve(cross: Array, slopes: Array, *, residual: bool) -> Array | None:
    """Solve many normal equations at once by Cholesky decomposition.

    Parameters
    ----------
    cross : ndarray of shape (p + 2, p + 2, systems)
        Sums of products of ones, p regressors and y, upper triangle; overwritten.
    slopes : ndarray of shape (m, systems)
        Filled with the coefficients of the last m regressors, the last one's first.
    residual : bool
        Whether the sums of squared residuals are wanted.

    Returns
    -------
    ndarray of shape (systems,) or None
        Sums of squared residuals.
    """
    last = len(cross) - 1
    for i in range(last + residual):
        row = cross[i, i:]
        pivot = row[0]
        if i:
            # a pivot below this is rounding: the other regressors explain this one, whose sum of
            # squares around its mean is `noise` before it is scaled
            noise = cross[0, i] ** 2
            np.subtract(pivot, noise, out=noise)
            noise *= 1e-10
            row -= np.einsum("ks,kjs->js", cross[:i, i], cross[:i, i:])
            if i < last:
                pivot[pivot <= noise] = np.nan
        else:
            pivot[pivot <= 0] = np.nan
        if i < last:
            row *= 1 / np.sqrt(pivot)
    for k, slope in enumerate(slopes):
        i = last - 1 - k
        slope[...] = cross[i, last]
        for j in range(i + 1, last):
            slope -= cross[i, j] * slopes[last - 1 - j]
        slope /= cross[i, i]
    return np.maximum(cross[last, last], 0.0) if residual else None
