"""Another future: markets that end at a date, or go on with numbers that never were."""

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

LOST = 0.1  # share of the bars after the date that go missing
MOVED = 1.3  # times what it was, where there is no other number
AT_OPEN = ("open", "preclose", "adjfactor", "st", "traded")
"""Lines of a session that are known when it opens."""
BEYOND = 63  # sessions that a scrambled market goes on for, where only the near future matters


@dataclass(frozen=True)
class MembersKnown:
    """Members as they were known at a date: later entries and exits have not happened.

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
    """Return bars whose every number after a date is another one, some of them gone.

    Up to the date, and on it, they are the same to the bit.
    """
    start = int(bars.dates.searchsorted(date, side="right"))
    shape = bars["close"][start:].shape
    # one move for all prices of a day: the high stays above the low
    move = np.exp(rng.normal(0, 0.5, shape))
    gone = rng.random(shape) < LOST
    lines = {}
    for name, line in bars.lines.items():
        factor = move if name in PRICE_LINES else np.exp(rng.normal(0, 1.0, shape))
        lines[name] = np.vstack([line[:start], np.where(gone, np.nan, line[start:] * factor)])
    jump = np.exp(rng.normal(0, 0.3, len(shape) and shape[0]))
    index = [
        None if values is None else np.r_[values[:start], values[start:] * jump]
        for values in (bars.benchmark, bars.benchmark_open)
    ]
    return Bars(bars.dates, bars.assets, lines, *index)


def staggered_bars(bars: Bars, rows: NDArray[np.intp], rng: np.random.Generator) -> Bars:
    """Return bars of which each asset has another future after a row of its own.

    Parameters
    ----------
    bars : Bars
    rows : array of int of shape (assets,)
        Last row of each asset that stays as it is.
    rng : Generator
    """
    late = np.arange(len(bars))[:, None] > rows
    other = scrambled_bars(bars, bars.dates[0] - pd.Timedelta(days=1), rng)
    lines = {name: np.where(late, other[name], line) for name, line in bars.lines.items()}
    return Bars(bars.dates, bars.assets, lines, bars.benchmark, bars.benchmark_open)


def reopened(changed: Bars, bars: Bars, date: pd.Timestamp) -> Bars:
    """Return scrambled bars whose next session opens as it really did.

    What is known at that open (who has a bar, its open, the close before, adjustment factor and
    marks) is as in `bars`; high, low, close, volume and all else stay other numbers.
    """
    row = int(bars.dates.searchsorted(date, side="right"))
    if row >= min(len(bars), len(changed)) or "open" not in bars:
        return changed
    lines = {}
    for name, line in changed.lines.items():
        real, other = bars[name][row], line[row]
        lines[name] = line.copy()
        # a bar that was lost is there at the open
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
    """Return a market whose every number after a date is another one.

    Parameters
    ----------
    market : Market
    date : Timestamp
        The last day that stays as it is.
    rng : Generator
    beyond : int, optional
        Sessions it goes on for after `date`; None: as many as before.
    keep_open : bool, default False
        The session after `date` opens as it really did, see `reopened`.
    """
    if beyond is not None:
        last = int(market.bars.dates.searchsorted(date, side="right")) - 1 + beyond
        market = market.until(market.bars.dates[min(last, len(market.bars) - 1)])
    index = market.benchmark
    if index is not None:
        numbers = index.select_dtypes("number").columns
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
    """Choose sessions at which the future is taken away.

    They are spread over the sessions from `first` on, moved by chance, and in turn a month-end,
    the session after one, and any session: mistakes sit at the edges of months.

    Parameters
    ----------
    dates : DatetimeIndex of shape (days,)
    n : int
        How many, at most.
    first : int
        Position of the earliest.
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
    edges = np.linspace(first, last + 1, n + 1)
    ends = month_ends(dates)[:-1]
    found = set()
    for turn, (low, high) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        at = int(rng.uniform(low, high))
        if turn % 3 < 2:
            near = _nearest(ends, at) + turn % 3
            at = near if first <= near <= last else at
        found.add(min(max(at, first), last))
    return [pd.Timestamp(dates[at]) for at in sorted(found)]


def _nearest(ends: NDArray[np.intp], at: int) -> int:
    return int(ends[np.argmin(np.abs(ends - at))]) if len(ends) else -1


def generators(seed: int, n: int) -> Iterator[np.random.Generator]:
    """Yield one generator per cut, so that a cut does not depend on those before it."""
    return (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(n))
