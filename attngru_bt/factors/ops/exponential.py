"""Exponential means, which look back for ever with a weight that fades."""

from __future__ import annotations

import math

import numpy as np

from attngru_bt.factors.ops.shifts import Array

FORGOTTEN = 1e-12
"""Share of an exponential mean's start that counts as forgotten (see `settle`)."""

_CHUNK = 8  # bars


def _recursion(x: Array, alpha: float, seed: float | None) -> Array:
    """Return the exponential mean along axis 0 of a series without gaps.

    Python loops over bars are slow, so the bars are cut into chunks. The recursion runs within all
    chunks at once, as if each began at 0; then the value that enters each chunk is put together by
    doubling; then its fading share is added to the bars of the chunk.
    """
    n_bars, fade = len(x), 1 - alpha
    n_chunks = -(-n_bars // _CHUNK)
    out = np.empty((n_chunks, _CHUNK, *x.shape[1:]))
    bars = out.reshape(-1, *x.shape[1:])
    np.multiply(x, alpha, out=bars[:n_bars])
    bars[n_bars:] = 0.0
    entering = np.empty((n_chunks, *x.shape[1:]))  # first used as a buffer
    for k in range(1, _CHUNK):
        np.multiply(out[:, k - 1], fade, out=entering)
        out[:, k] += entering
    entering[:1] = x[:1] if seed is None else seed
    entering[1:] = out[:-1, -1]
    reach, weight = 1, fade**_CHUNK
    while reach < n_chunks:  # add what came from 1, 2, 4, ... chunks before
        entering[reach:] += weight * entering[:-reach]
        reach, weight = 2 * reach, weight * weight
    for k in range(_CHUNK):
        entering *= fade
        out[:, k] += entering
    return bars[:n_bars]


def ema(x: Array, n: float = 0, *, alpha: float | None = None, seed: float | None = None) -> Array:
    """Return the exponential mean y[t] = y[t-1] + alpha (x[t] - y[t-1]), alpha = 2 / (n + 1).

    Bars without a value are passed over: the mean is NaN there and goes on at the next known value.

    Parameters
    ----------
    x : ndarray of shape (bars, assets)
    n : float
        Span; not used if `alpha` is given.
    alpha : float, optional
        Weight of the latest bar.
    seed : float, optional
        Mean before the first known bar; default: the first known value.
    """
    if alpha is None:
        alpha = 2 / (n + 1)
    known = np.isfinite(x)
    begin = int(known.argmax()) // x.shape[1] if known.size else 0  # bar of the first known value
    out = np.empty_like(x)
    out[:begin] = np.nan
    out[begin:] = _recursion(x[begin:], alpha, seed)
    if known[begin:].all():
        return out
    # right for assets known from that bar on, even if they end early; the others have gaps or begin
    # later, and their known bars are moved together
    gaps = np.flatnonzero((known[begin + 1 :] & ~known[begin:-1]).any(axis=0))
    if len(gaps):
        rows = known[:, gaps].T  # (assets, bars)
        n_known = rows.sum(axis=1)
        moved = np.arange(n_known.max()) < n_known[:, None]
        together = np.zeros(moved.shape)
        together[moved] = x[:, gaps].T[rows]
        means = np.full(rows.shape, np.nan)
        means[rows] = _recursion(np.ascontiguousarray(together.T), alpha, seed).T[moved]
        out[:, gaps] = means.T
    return out


def smooth(x: Array, n: int) -> Array:
    """Return Wilder's mean: the mean of the first n known bars, then y += (x - y) / n."""
    known = np.isfinite(x)
    # usually 2 n bars are enough to find the first n known ones of every asset
    head = 2 * n if (np.count_nonzero(known[: 2 * n], axis=0) >= n).all() else len(x)
    rank = known[:head].cumsum(axis=0)
    begun = np.cumsum(np.where(known[:head] & (rank <= n), x[:head], 0.0), axis=0) / n
    x = x.copy()
    x[:head][rank == n] = begun[rank == n]
    x[:head][rank < n] = np.nan
    x[~known] = np.nan
    return ema(x, alpha=1 / n)


def settle(n: float = 0, *, alpha: float | None = None) -> int:
    """Return after how many bars less than `FORGOTTEN` of an exponential mean's start is left.

    These are 13.8 (n + 1) bars; 6.9 (n + 1) would leave 1e-6.
    """
    if alpha is None:
        alpha = 2 / (n + 1)
    return math.ceil(math.log(FORGOTTEN) / math.log1p(-alpha)) + 1
