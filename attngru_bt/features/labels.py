"""Labels and targets: what a model is to learn of the month after a month-end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

GROUPS = 10  # of size, within which returns are ranked
MIN_GROUP = 10  # stocks in a group; fewer stocks make fewer groups


def forward_returns(close: FloatArray, next_close: FloatArray) -> FloatArray:
    """Return from one month-end close to the next, as a fraction; NaN where either is not known."""
    with np.errstate(invalid="ignore", divide="ignore"):
        returns = np.asarray(next_close / close - 1.0, dtype=np.float64)
    returns[~np.isfinite(returns)] = np.nan
    return returns


def top_labels(returns: FloatArray, topk: int) -> FloatArray:
    """Label 1 for the `topk` best returns of a cross-section, 0 for the rest, NaN where not known.

    Ties go to the name listed first. With no more than `topk` known returns every label is 1.
    """
    labels = np.where(np.isnan(returns), np.nan, 0.0)
    known = np.flatnonzero(~np.isnan(returns))
    best = known[np.argsort(-returns[known], kind="stable")[:topk]]
    labels[best] = 1.0
    return labels


def rank_targets(returns: FloatArray, size: FloatArray | None = None) -> FloatArray:
    """Rank of each return within a cross-section, scaled to -1 (worst) .. 1 (best).

    Ties share their mean rank; NaN where the return is not known; a single known return is 0.

    Parameters
    ----------
    returns : array of shape (n,)
    size : array of shape (n,), default None
        Rank within deciles of it; see `size_groups`.
    """
    targets = np.full(len(returns), np.nan)
    for group in size_groups(returns, size):
        n = len(group)
        targets[group] = 2 * (mean_ranks(returns[group]) - 1) / max(n - 1, 1) - (n > 1)
    return targets


def ranks_among(returns: FloatArray, member: NDArray[np.bool_]) -> FloatArray:
    """Place each return among those of the members, from -1 (worst) to 1 (best).

    A member has its `rank_targets` among them; of any other stock it counts what share of the
    members is below it. NaN where the return is not known.
    """
    targets = np.full(len(returns), np.nan)
    targets[member] = rank_targets(returns[member])
    known = np.sort(returns[member & ~np.isnan(returns)])
    others = ~member & ~np.isnan(returns)
    below = sum(np.searchsorted(known, returns[others], side) for side in ("left", "right")) / 2
    targets[others] = 2 * below / len(known) - 1
    return targets


def mean_ranks(values: FloatArray) -> FloatArray:
    """Return ranks from 1, equal values sharing their mean rank; none of the values may be NaN.

    The same bits as ``scipy.stats.rankdata``, which needs five times as long for the 20 to
    300 stocks of a month; a walk asks for each month that it trains on, at each fit.
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))[: len(values)]
    counts = np.diff(np.append(begins, len(values)))
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(begins + (counts + 1) / 2, counts)
    return ranks


def top_share(returns: FloatArray, share: float, size: FloatArray | None = None) -> FloatArray:
    """Label 1 for the best `share` of returns within each group of size, 0 for the rest.

    NaN where the return is not known.
    """
    labels = np.full(len(returns), np.nan)
    # as many groups as have a best stock each
    n_best = int(share * (~np.isnan(returns)).sum())
    for group in size_groups(returns, size, at_most=n_best):
        labels[group] = top_labels(returns[group], round(share * len(group)))
    return labels


def size_groups(
    returns: FloatArray, size: FloatArray | None, at_most: int = GROUPS
) -> list[NDArray[np.intp]]:
    """Positions of the stocks whose return is known, in groups of equal number by size.

    There are up to `GROUPS` groups of at least `MIN_GROUP` stocks, or one if `size` is None. Stocks
    of unknown size are a group of their own.
    """
    known = np.flatnonzero(~np.isnan(returns))
    if size is None:
        return [known] if len(known) else []
    unsized = known[np.isnan(size[known])]
    sized = known[~np.isnan(size[known])]
    ordered = sized[np.argsort(size[sized], kind="stable")]
    n_groups = max(1, min(GROUPS, at_most, len(ordered) // MIN_GROUP))
    groups = [*np.array_split(ordered, n_groups), unsized]
    return [np.sort(group) for group in groups if len(group)]
