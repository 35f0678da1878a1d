"""Lots: how many real shares an order may be for.

A feed of adjusted prices (price × adjfactor) trades in units of its own: a lot of 100 real shares
is ``100 / adjfactor`` units. A position keeps its units while the factor grows by dividends and
splits, as if dividends were reinvested on the ex-day. The real shares held, units × adjfactor, are
then no longer whole lots; the remainder is an odd lot, which may be sold in one order. On a feed
without the factor a unit is a share.
"""

from __future__ import annotations

import math

EPSILON = 1e-6  # shares that rounding may take from units × adjfactor


def whole(shares: float, step: float) -> float:
    """Return `shares` rounded down to a multiple of `step`."""
    return math.floor(shares / step + EPSILON) * step


def buyable(shares: float, minimum: float, step: float) -> float:
    """Return the largest buy of at most `shares` real shares; 0 below the minimum."""
    allowed = whole(shares, step)
    return allowed if allowed >= minimum else 0.0


def sellable(shares: float, held: float, minimum: float, step: float) -> float:
    """Return the largest sale of at most `shares` out of `held` real shares.

    A sale is of whole steps, with or without the whole odd lot, and of fewer shares than the
    minimum only if these are all.

    Examples
    --------
    >>> sellable(249, 250.5, 100, 100), sellable(250.5, 250.5, 100, 100)
    (200, 250.5)
    """
    if shares >= held - EPSILON:
        return held
    odd = held - whole(held, step)
    allowed = whole(shares, step)
    if shares >= odd - EPSILON:
        allowed = max(allowed, whole(shares - odd, step) + odd)
    if allowed >= minimum - EPSILON:
        return allowed
    # the odd lot may be sold alone, but not where the minimum is of several steps, as on STAR
    return odd if step == minimum and odd > EPSILON and shares >= odd - EPSILON else 0.0
