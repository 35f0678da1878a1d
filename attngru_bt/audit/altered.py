"""Another future: markets that end at a date, or go on with made-up numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.data.bars import PRICE_LINES, Bars
from attngru_bt.data.market import Market
from attngru_bt.data.membership import Universe
from attngru_bt.features.cross_section import month_ends

LOST = 0.1  # share of the later bars that are removed
MOVED = 1.3  # factor by which a number is changed where its scrambled one is missing
AT_OPEN = ("open", "preclose", "adjfactor", "st", "traded")
"""Lines of a session that are known at its open."""
BEYOND = 63  # sessions that a scrambled market goes on for, where only the near future matters


@dataclass(frozen=True)
class MembersKnown:
    """Members as they were known at a date, without later entries and exits.

    Parameters
    ----------
    universe : object with ``at(date)``
    date : Timestamp
    """

    universe: Universe
    date: pd.Timestamp

    def at(self, date: Any) -> frozenset[str]:
        """Return the members at `date`, or the last ones known."""
        return self.universe.at(min(pd.Timestamp(date), self.date))


def scrambled_bars(bars: Bars, date: pd.Timestamp, rng: np.random.Generator) -> Bars:
    """Return bars with other numbers after a date, some of them missing.

    Up to and including the date they are the same to the bit.
    """
    start = int(bars.dates.searchsorted(date, side="right"))
    shape = bars["close"][start:].shape
    # All prices of a bar move by the same factor, so that the high stays above the low.
    move = np.exp(rng.normal(0, 0.5, shape))
    gone = rng.random(shape) < LOST
    lines = {}
    for name, line in bars.lines.items():
        factor = move if name in PRICE_LINES else np.exp(rng.normal(0, 1.0, shape))
        lines[name] = np.vstack([line[:start], np.where(gone, np.nan, line[start:] * factor)])
    jump = np.exp(rng.normal(0, 0.3, len(shape) and shape[0]))
    benchmark, benchmark_open = (
        None if values is None else np.r_[values[:start], values[start:] * jump]
        for values in (bars.benchmark, bars.benchmark_open)
    )
    return Bars(bars.dates, bars.assets, lines, benchmark, benchmark_open)


def staggered_bars(bars: Bars, rows: NDArray[np.intp], rng: np.random.Generator) -> Bars:
    """Return bars in which the future of each asset changes after a row of its own.

    Parameters
    ----------
    bars : Bars
    rows : array of int of shape (assets,)
        The last row of each asset that is left unchanged.
    rng : Generator
    """
    late = np.arange(len(bars))[:, None] > rows  # (days, assets)
    other = scrambled_bars(bars, bars.dates[0] - pd.Timedelta(days=1), rng)
    lines = {name: np.where(late, other[name], line) for name, line in bars.lines.items()}
    return Bars(bars.dates, bars.assets, lines, bars.benchmark, bars.benchmark_open)


def reopened(changed: Bars, bars: Bars, date: pd.Timestamp) -> Bars:
    """Return scrambled bars whose first session after a date opens as it really did.

    What is known at that open (which assets have a bar, the open, the close before, the adjustment
    factor, special treatment) is as in `bars`. High, low, close, volume and all others are not.
    """
    row = int(bars.dates.searchsorted(date, side="right"))
    if row >= min(len(bars), len(changed)) or "open" not in bars:
        return changed
    lines = {}
    for name, line in changed.lines.items():
        real, other = bars[name][row], line[row]
        lines[name] = line.copy()
        # A bar that scrambling removed is there again, with other numbers than the real ones.
        lines[name][row] = (
            real if name in AT_OPEN else np.where(np.isnan(other), real * MOVED, other)
        )
    if "high" in lines and "low" in lines:
        opens = lines["open"][row]
        lines["high"][row] = np.fmax(lines["high"][row], opens)
        lines["low"][row] = np.fmin(lines["low"][row], opens)
    index_open = None if changed.benchmark_open is None else changed.benchmark_open.copy()
    if index_open is not None and bars.benchmark_open is not None:
        index_open[row] = bars.benchmark_open[row]
    return Bars(changed.dates, changed.assets, lines, changed.benchmark, index_open)


def scrambled(
    market: Market,
    date: pd.Timestamp,
    rng: np.random.Generator,
    beyond: int | None = None,
    *,
    keep_open: bool = False,
) -> Market:
    """Return a market with other numbers after a date.

    Parameters
    ----------
    market : Market
    date : Timestamp
        The last day that is left unchanged.
    rng : Generator
    beyond : int, optional
        Number of sessions after `date` that are kept; None: all.
    keep_open : bool, default False
        Whether the session after `date` opens as it really did, see `reopened`.
    """
    if beyond is not None:
        last = int(market.bars.dates.searchsorted(date, side="right")) - 1 + beyond
        market = market.until(market.bars.dates[min(last, len(market.bars) - 1)])
    index = market.benchmark
    if index is not None:
        numbers = index.select_dtypes("number").columns
        # one factor for a whole day, so that high stays the highest price
        late = np.asarray(index.index > date)
        index = index.astype(dict.fromkeys(numbers, np.float64))
        index.loc[late, numbers] *= np.exp(rng.normal(0, 0.3, (int(late.sum()), 1)))
        row = int(index.index.searchsorted(date, side="right"))
        if keep_open and "open" in index and market.benchmark is not None and row < len(index):
            index.loc[index.index[row], "open"] = market.benchmark["open"].iloc[row]
    bars = scrambled_bars(market.bars, date, rng)
    if keep_open:
        bars = reopened(bars, market.bars, date)
    return replace(market, bars=bars, benchmark=index)


def cut_dates(dates: pd.DatetimeIndex, n: int, first: int, seed: int) -> list[pd.Timestamp]:
    """Choose the sessions after which the future is taken away.

    They are spread at random over the sessions from `first` on. In turn they are a month-end, the
    session after a month-end, and any session, since mistakes are made at the edges of months.

    Parameters
    ----------
    dates : DatetimeIndex of shape (days,)
    n : int
        The largest number of sessions.
    first : int
        Row of the earliest session.
    seed : int

    Returns
    -------
    list of Timestamp
        Increasing; at least one session follows the last. Empty if there are no such sessions.
    """
    last = len(dates) - 2
    if last < first:
        return []
    rng = np.random.default_rng(seed)
    # one session from each of n equal spans; of three, two are a month-end and the session after it
    edges = np.linspace(first, last + 1, n + 1)
    ends = month_ends(dates)[:-1]
    rows = set()
    for turn, (low, high) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        at = int(rng.uniform(low, high))
        if turn % 3 < 2:
            near = _nearest(ends, at) + turn % 3
            at = near if first <= near <= last else at
        rows.add(min(max(at, first), last))
    return [pd.Timestamp(dates[row]) for row in sorted(rows)]


def _nearest(ends: NDArray[np.intp], at: int) -> int:
    """Return the month-end nearest to a session; -1 if there is none."""
    return int(ends[np.argmin(np.abs(ends - at))]) if len(ends) else -1


def generators(seed: int, n: int) -> Iterator[np.random.Generator]:
    """Yield one random generator per cut, so that a cut does not depend on earlier ones."""
    return (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(n))
