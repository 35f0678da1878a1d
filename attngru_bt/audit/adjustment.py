"""Check: prices are adjusted for splits, but not for splits that came later.

A price that was divided by next year's split was never quoted: what it says about level, lots and
volume was not known on its day. A harmless adjustment multiplies the *later* prices by a cumulative
factor that starts at 1, so that no price ever changes again. Unadjusted prices know nothing of the
future, but each split looks like a loss.
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
STRETCH = 60  # bars at either end of a stock whose median is its ratio there
SAME, OTHER = 0.01, 0.03  # relative differences that count as no adjustment, and as one
ADVICE = "use raw prices with a cumulative backward adjfactor (1 at the listing, growing later)"

Floats = NDArray[np.float64]


def check(bars: Bars, against: Bars | None = None) -> Check:
    """Look for prices that know later splits, and for splits that are not adjusted.

    Another data set of the same stocks makes the check exact: closes that differ by one constant
    per stock up to a date, and agree after it, were adjusted by an event on that date. In a single
    data set these are the signs of a later adjustment, as far as the data have the lines:

    - an ``adjfactor`` that is below 1 first and ends at 1, for every stock that ever had a split;
    - closes that agree with amount / volume, the mean price paid, at the end of a stock's bars but
      not at their beginning;
    - closes in whole cents (or sixty-fourths) at the end of a stock's bars but not at their
      beginning.

    Parameters
    ----------
    bars : Bars
    against : Bars, optional
        The same market from another file, whether older or newer.
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
    checks = [check for check in (_by_factor(bars), _by_amount(bars), _by_grid(bars)) if check]
    for status in ("fail", "pass"):  # one sign that fails outweighs others that pass
        for result in checks:
            if result.status == status:
                return result
    if against is not None:
        return passed(NAME, "no close differs from the other data set by a constant per stock.")
    return skipped(
        NAME,
        "no adjfactor, no amount and volume, and no prices in cents: whether later splits went "
        "into the prices cannot be seen in one file; give another one (--against).",
    )


def _ends(values: Floats) -> tuple[float, float]:
    """Return the medians of the first and of the last stretch of known values."""
    known = values[~np.isnan(values)]
    return float(np.median(known[:STRETCH])), float(np.median(known[-STRETCH:]))


def _judge(
    bars: Bars, forward: list[int], backward: list[int], sign: str, moved: list[int], why: str
) -> Check:
    """Judge stocks that are adjusted at their beginning (forward) or at their end (backward).

    Parameters
    ----------
    bars : Bars
    forward, backward : list of int
        Columns of the stocks.
    sign : str
        What the judgment is based on.
    moved : list of int
        Row of each stock's last adjustment.
    why : str
        What is wrong with the first close of a forward-adjusted stock.
    """
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
            f"{sign}: {len(forward)} stocks are adjusted at their beginning and not at their end, "
            f"so by what came later; {ADVICE}.",
            findings,
        )
    if not backward:
        return passed(NAME, f"{sign}: no stock is adjusted.")
    return passed(
        NAME,
        f"{sign}: {len(backward)} of {len(bars.assets)} stocks are adjusted from a split or "
        "dividend on, which changes no earlier price.",
    )


def _by_factor(bars: Bars) -> Check | None:
    """Judge by the ``adjfactor``: one that moves and ends at 1 is a forward adjustment."""
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
        # a price adjusted forward has factor 1 on the last day and another one before it
        changes = np.flatnonzero(np.abs(np.diff(factor)) > 1e-6 * factor[:-1])
        moved[j] = int(days[changes[-1] + 1])
        ends_at_1 = abs(factor[-1] - 1) < 1e-6 and factor[0] < 1 - 1e-6
        (forward if ends_at_1 else backward).append(j)
    return _judge(bars, forward, backward, "adjfactor", moved, "its adjfactor is below 1")


def _by_amount(bars: Bars) -> Check | None:
    """Judge by the ratio of closes to the mean price paid, which no adjustment changes."""
    if "amount" not in bars or "volume" not in bars:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        # An adjfactor cancels out: closes were multiplied by it when they were read, and volumes
        # divided.
        ratio = bars["close"] * bars["volume"] / bars["amount"]
    ratio[~np.isfinite(ratio) | (ratio <= 0)] = np.nan
    stocks = [j for j in range(len(bars.assets)) if (~np.isnan(ratio[:, j])).sum() >= 2 * STRETCH]
    if not stocks:
        return None
    ends = {j: _ends(ratio[:, j]) for j in stocks}
    # Volume may be in lots and amount in thousands: one power of ten, the same for all stocks. Of
    # the two ends of a stock, the one nearer to a power of ten is the unadjusted one.
    exponents = [min(np.log10(pair), key=lambda r: abs(r - round(r))) for pair in ends.values()]
    unit = 10.0 ** round(float(np.median(exponents)))
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
    """Judge by whether closes can have been quoted: whole cents, or sixty-fourths."""
    close = bars["close"] / bars["adjfactor"] if "adjfactor" in bars else bars["close"]
    quoted = np.zeros(close.shape, dtype=bool)
    for unit, slack in ((100.0, 1e-6), (64.0, 0.04)):  # files round sixty-fourths to a thousandth
        with np.errstate(invalid="ignore"):
            quoted |= np.abs(close * unit - np.round(close * unit)) < slack
    forward, backward, raw, moved = [], [], [], [0] * len(bars.assets)
    n_stocks = 0
    for j in range(len(bars.assets)):
        days = np.flatnonzero(bars.traded[:, j])
        if len(days) < 2 * STRETCH:
            continue
        n_stocks += 1
        begin, end = quoted[days[:STRETCH], j].mean(), quoted[days[-STRETCH:], j].mean()
        if end > 0.99 and begin < 0.5:
            forward.append(j)
            moved[j] = int(days[np.flatnonzero(~quoted[days, j])[-1]])
        elif begin > 0.99 and end < 0.5:
            backward.append(j)
        elif begin > 0.99 and end > 0.99:
            raw.append(j)
    if not forward and 2 * (len(backward) + len(raw)) <= n_stocks:
        return None  # most never are: adjusted from end to end, or a market that quotes otherwise
    why = "its close is no whole number of cents, though it is one at the end"
    return _judge(bars, forward, backward, "closes in cents", moved, why)


def _between(bars: Bars, against: Bars) -> Iterator[Finding]:
    """Yield the stocks whose closes differ by one constant up to a date and agree after it."""
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
        # Closes must differ from the first one on, for at least 5 days, and never again after.
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
