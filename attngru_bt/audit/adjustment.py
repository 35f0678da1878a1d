"""Check: prices are adjusted for splits, and not for those that came later.

A price that was divided by a split of next year is no price of today: what it says about level,
lots and volume was not known. Harmless adjustment multiplies the *later* prices (a cumulative
factor that starts at 1), so that no price ever changes again. Prices that are not adjusted at all
know nothing of the future, but take each split for a loss.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.audit.report import Check, Finding, failed, passed, skipped
from attngru_bt.data.bars import Bars
from attngru_bt.data.splits import find_splits

NAME = "adjustment"
STRETCH = 60  # bars at either end of a stock whose median tells its factor there
SAME, OTHER = 0.01, 0.03  # relative: what counts as no adjustment, and as one
ADVICE = "use raw prices with a cumulative backward adjfactor (1 at the listing, growing later)"

Floats = NDArray[np.float64]


def check(bars: Bars, against: Bars | None = None) -> Check:
    """Look for prices that know later splits, and for splits that they were not adjusted for.

    With another data set of the same stocks it is exact: closes that differ by one constant per
    stock up to a date, and agree after it, were adjusted by what happened then. On one data set
    the marks are, of those that the data have:

    - an ``adjfactor`` that ends at 1 for every stock that ever had a split, and is below 1 before;
    - amount / volume, the mean price paid: closes that agree with it at the end of a stock's bars
      but not at their beginning;
    - closes on the grid of cents (or of sixty-fourths) at the end of a stock's bars but not at the
      beginning.

    Parameters
    ----------
    bars : Bars
    against : Bars, optional
        The same market from another file, older or newer.
    """
    if against is not None:
        findings = list(_between(bars, against))
        if findings:
            return failed(
                NAME,
                f"{len(findings)} stocks have closes that differ from the other data set by one "
                f"constant up to a date: adjusted by a later split or dividend; {ADVICE}.",
                findings,
            )
    splits = find_splits(bars)
    if splits:
        return failed(
            NAME,
            f"on {len(splits)} days prices look split and are not adjusted, so that a loss or gain "
            "is traded which nobody made; bring a cumulative backward adjfactor.",
            [Finding(split.sentence, split.asset, split.date, "close") for split in splits],
        )
    found = [mark for mark in (_by_factor(bars), _by_amount(bars), _by_grid(bars)) if mark]
    for status in ("fail", "pass"):
        for mark in found:
            if mark.status == status:
                return mark
    if against is not None:
        return passed(NAME, "no close differs from the other data set by a constant per stock.")
    return skipped(
        NAME,
        "no adjfactor, no amount and volume, and no prices in cents: whether later splits went "
        "into the prices cannot be seen in one file; give another one (--against).",
    )


def _ends(values: Floats) -> tuple[float, float]:
    """Medians of the first and last stretch of known values."""
    known = values[~np.isnan(values)]
    return float(np.median(known[:STRETCH])), float(np.median(known[-STRETCH:]))


def _judge(
    bars: Bars, forward: list[int], backward: list[int], seen: str, moved: list[int], why: str
) -> Check:
    """Judge stocks that are adjusted at their beginning, or at their end."""
    if forward and len(forward) > len(backward):
        findings = []
        for j in forward:
            date = pd.Timestamp(bars.dates[int(bars.traded[:, j].argmax())])
            text = (
                f"{bars.assets[j]} on {date.date()}: {why}, by a split or dividend of "
                f"{bars.dates[moved[j]].date()} or later."
            )
            findings.append(Finding(text, bars.assets[j], date, "close"))
        return failed(
            NAME,
            f"{seen}: {len(forward)} stocks are adjusted at their beginning and not at their end, "
            f"so by what came later; {ADVICE}.",
            findings,
        )
    if not backward:
        return passed(NAME, f"{seen}: no stock is adjusted.")
    return passed(
        NAME,
        f"{seen}: {len(backward)} of {len(bars.assets)} stocks are adjusted from a split or "
        "dividend on, which changes no earlier price.",
    )


def _by_factor(bars: Bars) -> Check | None:
    """Judge by the factor in the data: forward if it ends at 1 wherever it moves."""
    if "adjfactor" not in bars:
        return None
    forward: list[int] = []
    backward: list[int] = []
    moved = [0] * len(bars.assets)
    for j in range(len(bars.assets)):
        days = np.flatnonzero(~np.isnan(bars["adjfactor"][:, j]))
        factor = bars["adjfactor"][days, j]
        if not len(days) or factor.max() <= factor.min() * (1 + 1e-6):
            continue
        changes = np.flatnonzero(np.abs(np.diff(factor)) > 1e-6 * factor[:-1])
        moved[j] = int(days[changes[-1] + 1])
        ends_at_1 = abs(factor[-1] - 1) < 1e-6 and factor[0] < 1 - 1e-6
        (forward if ends_at_1 else backward).append(j)
    return _judge(bars, forward, backward, "adjfactor", moved, "its adjfactor is below 1")


def _by_amount(bars: Bars) -> Check | None:
    """Judge by closes over the mean price paid, which no adjustment touches."""
    if "amount" not in bars or "volume" not in bars:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        # an adjfactor that the prices were read with cancels out: volume was divided by it
        ratio = bars["close"] * bars["volume"] / bars["amount"]
    ratio[~np.isfinite(ratio) | (ratio <= 0)] = np.nan
    stocks = [j for j in range(len(bars.assets)) if (~np.isnan(ratio[:, j])).sum() >= 2 * STRETCH]
    if not stocks:
        return None
    ends = {j: _ends(ratio[:, j]) for j in stocks}
    # volume in lots of a hundred, amount in thousands: the same power of ten for all stocks
    near = [min(np.log10(pair), key=lambda r: abs(r - round(r))) for pair in ends.values()]
    unit = 10.0 ** round(float(np.median(near)))
    forward, backward, moved = [], [], [0] * len(bars.assets)
    for j, (begin, end) in ends.items():
        begin, end = begin / unit, end / unit
        if abs(end - 1) < SAME and abs(begin - 1) > OTHER:
            forward.append(j)
            off = np.abs(pd.Series(ratio[:, j] / unit).rolling(21, 11).median() - 1) > OTHER
            moved[j] = int(np.flatnonzero(off)[-1]) if off.any() else 0
        elif abs(begin - 1) < SAME and abs(end - 1) > OTHER:
            backward.append(j)
    why = "its close is not near the mean price paid, though it is at the end"
    return _judge(bars, forward, backward, "close beside amount / volume", moved, why)


def _by_grid(bars: Bars) -> Check | None:
    """Judge by whether closes are prices that were ever quoted: whole cents, or sixty-fourths."""
    close = bars["close"] / bars["adjfactor"] if "adjfactor" in bars else bars["close"]
    on = np.zeros(close.shape, dtype=bool)
    for unit, slack in ((100.0, 1e-6), (64.0, 0.04)):
        with np.errstate(invalid="ignore"):
            on |= np.abs(close * unit - np.round(close * unit)) < slack
    forward, backward, raw, moved = [], [], [], [0] * len(bars.assets)
    n_stocks = 0
    for j in range(len(bars.assets)):
        days = np.flatnonzero(bars.traded[:, j])
        if len(days) < 2 * STRETCH:
            continue
        n_stocks += 1
        begin, end = on[days[:STRETCH], j].mean(), on[days[-STRETCH:], j].mean()
        if end > 0.99 and begin < 0.5:
            forward.append(j)
            moved[j] = int(days[np.flatnonzero(~on[days, j])[-1]])
        elif begin > 0.99 and end < 0.5:
            backward.append(j)
        elif begin > 0.99 and end > 0.99:
            raw.append(j)
    if not forward and 2 * (len(backward) + len(raw)) <= n_stocks:
        return None  # most are never on the grid: adjusted throughout, or no market with one
    why = "its close is no whole number of cents, though it is one at the end"
    return _judge(bars, forward, backward, "closes in cents", moved, why)


def _between(bars: Bars, against: Bars) -> Iterator[Finding]:
    """Yield the stocks whose closes differ by one constant up to a date, and agree after it."""
    dates = bars.dates.intersection(against.dates)
    rows, others = bars.dates.get_indexer(dates), against.dates.get_indexer(dates)
    column = {asset: j for j, asset in enumerate(against.assets)}
    for i, asset in enumerate(bars.assets):
        if asset not in column:
            continue
        mine, theirs = bars["close"][rows, i], against["close"][others, column[asset]]
        known = np.flatnonzero(~np.isnan(mine) & ~np.isnan(theirs))
        if len(known) < 5:
            continue
        ratio = mine[known] / theirs[known]
        slack = np.maximum(1e-3, 0.011 / np.minimum(mine[known], theirs[known]))
        apart = np.abs(ratio - 1) > slack
        # the longest stretch from the beginning that is apart, then nothing that is
        n = len(apart) if apart.all() else int(np.argmin(apart))
        if n < 5 or apart[n:].any():
            continue
        constant = float(np.median(ratio[:n]))
        if (np.abs(ratio[:n] / constant - 1) > slack[:n]).any():
            continue
        first, last = dates[known[0]], dates[known[n - 1]]
        text = (
            f"{asset} on {first.date()}: close {mine[known[0]]:.6g} here and "
            f"{theirs[known[0]]:.6g} in the other data set, {constant:.6g} times as much on every "
            f"day up to {last.date()}."
        )
        yield Finding(text, asset, pd.Timestamp(first), "close")
