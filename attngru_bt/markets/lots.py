"""Lots: how many real shares an order may be for.

A feed of adjusted prices (price × adjfactor) trades in units of its own: what costs one raw share
times the factor is one share's worth of adjusted price, so one unit is ``1 / adjfactor`` shares at
purchase and a lot of 100 real shares is ``100 / adjfactor`` units. A position keeps its units while
the factor grows by dividends and splits, that is: dividends are reinvested on the ex-day. The real
shares held, units × adjfactor, are then no longer whole lots; such a rest is an odd lot, and odd
lots may be sold, in one go. On a feed without the factor a unit is a share.
"""

from __future__ import annotations

import math

EPSILON = 1e-6  # of a share: what units × adjfactor may lose in rounding


def whole(shares: float, step: float) -> float:
    """Return the most shares, in multiples of `step`, that are not more than `shares`."""
    return math.floor(shares / step + EPSILON) * step


def buyable(shares: float, minimum: float, step: float) -> float:
    """Return the most real shares up to `shares` that a buy may be for; 0 below the minimum."""
    allowed = whole(shares, step)
    return allowed if allowed >= minimum else 0.0


def sellable(shares: float, held: float, minimum: float, step: float) -> float:
    """Return the most real shares up to `shares` that a sale out of `held` may be for.

    Whole steps, with or without the whole odd rest; fewer than the minimum only if that is all.

    Examples
    --------
    >>> sellable(249, 250.5, 100, 100), sellable(250.5, 250.5, 100, 100)
    (200, 250.5)
    """
    if shares >= held - EPSILON:
        return held
    rest = held - whole(held, step)
    allowed = whole(shares, step)
    if shares >= rest - EPSILON:
        allowed = max(allowed, whole(shares - rest, step) + rest)
    if allowed >= minimum - EPSILON:
        return allowed
    # less than a lot is the odd rest, which goes alone; STAR's minimum has no such exception
    return rest if step == minimum and rest > EPSILON and shares >= rest - EPSILON else 0.0
