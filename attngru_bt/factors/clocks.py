"""The two clocks of factors, as views of bars for a block of assets.

On the traded clock the bars of an asset are the days on which it traded, moved together: row i is
its i-th bar, whatever the date, and a suspension leaves no hole. On the calendar clock a row is a
session; on days without a trade the close is carried forward and other lines are NaN.

A view has only the rows that determine the values at the requested days.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from attngru_bt.data.bars import Bars
from attngru_bt.factors.ops import Array

Days = NDArray[np.intp]
Columns = slice | NDArray[np.intp]
Mask = NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)


class View(ABC):
    """Lines of a block of assets on one clock, (rows, assets).

    Parameters
    ----------
    bars : Bars
    columns : slice or ndarray of int
        Block of assets.
    days : ndarray of shape (n_days,)
        Requested rows of `bars`, in increasing order.
    lookback : int or None
        Number of bars that determine a value, the current one included; None: all.
    """

    _ages: _Ages

    @abstractmethod
    def __init__(self, bars: Bars, columns: Columns, days: Days, lookback: int | None) -> None: ...

    @abstractmethod
    def line(self, name: str) -> Array:
        """Return the values of a line."""

    @abstractmethod
    def at_days(self, values: Array) -> Array:
        """Return values at the requested days, (days, assets); undefined where `unknown`."""

    def unknown(self, history: int) -> Mask | slice:
        """Index the days on which an asset has no trade or fewer than `history` bars."""
        return self._ages.below(history)


def has_line(bars: Bars, name: str) -> bool:
    """Whether bars have a line, those of the benchmark included."""
    if name in ("traded", "wanted"):
        return True
    if name in ("benchmark", "benchmark_open"):
        return name in bars.lines or getattr(bars, name, None) is not None
    return name in bars.lines


def _block(line: NDArray[Scalar], columns: Columns) -> NDArray[Scalar]:
    """Return a line of a block of assets: a view for a slice, else a copy in C order."""
    return line[:, columns] if isinstance(columns, slice) else line.take(columns, axis=1)


def _benchmark(bars: Bars, name: str) -> Array | None:
    """Return a line of the benchmark, (days, 1); None if `name` is not one."""
    values = getattr(bars, name, None) if name.startswith("benchmark") else None
    return None if values is None else np.asarray(values)[:, None]


class _Ages:
    """Number of bars of each asset so far, (days, assets): at least 1, and 0 without a trade."""

    def __init__(self, ages: NDArray[np.integer], traded: Mask) -> None:
        self._ages = np.where(traded, np.maximum(ages, 1), 0)
        first = self._ages[:, 0]
        # if all assets are of one age, which grows, the young ones are the first days: a slice
        even = bool((self._ages == first[:, None]).all() and (np.diff(first) >= 0).all())
        self._even = first if even else None

    def below(self, history: int) -> Mask | slice:
        """Index the days and assets with fewer than `history` bars."""
        history = max(history, 1)
        if self._even is not None:
            return slice(0, int(np.searchsorted(self._even, history)))
        return self._ages < history


class Traded(View):
    """View on the traded clock."""

    def __init__(self, bars: Bars, columns: Columns, days: Days, lookback: int | None) -> None:
        self._bars, self._columns = bars, columns
        first, end = int(days[0]), int(days[-1]) + 1
        ages = bars.ages  # bars so far, (days, assets)
        last = ages[end - 1, columns]
        before = ages[first - 1, columns] if first else 0 * last
        # oldest bars of each asset that no requested value looks back on
        skip = np.maximum(before - (lookback - 1), 0) if lookback is not None else 0 * before
        length = last - skip
        n_rows, n_assets = int(length.max(initial=0)), len(skip)
        self._n_rows = n_rows
        start = end - n_rows
        top = min(start, first)  # the first row that is looked at: no asset needs one before
        while top > 0 and (ages[top - 1, columns] > skip).any():
            top = max(2 * top - end, 0)
        age = np.ascontiguousarray(_block(ages[top:end], columns))
        traded = ~np.isnan(_block(bars["close"][top:end], columns))
        asked = days - top
        self._traded = traded[asked]
        self._ages = _Ages(age[asked], self._traded)
        self._row = np.maximum(age[asked] - 1 - skip, 0)
        # without holes the view is a slice of the bars; otherwise each asset's bars are gathered
        whole = traded[start - top :].all() and (length == n_rows).all()
        self._slice = slice(start, end) if whole else None
        if self._slice is not None:
            # the requested rows may be a slice of the view as well
            every = first >= start and len(days) == end - first
            self._days: slice | None = slice(first - start, end - start) if every else None
            self._flat = self._row * n_assets + np.arange(n_assets)
            return
        used = age > skip
        begin = int(used.argmax(axis=0)[length > 0].min()) if n_rows else end - top
        day, asset = np.nonzero(traded[begin:] & used[begin:])
        self._day = np.zeros((n_rows, n_assets), dtype=np.intp)
        self._day[age[begin:][day, asset] - 1 - skip[asset], asset] = day
        self._begin = top + begin  # first row that any asset needs
        self._padding = np.arange(n_rows)[:, None] >= length
        self._place: NDArray[np.intp] | None = None  # of the bars in a line, counted row by row
        self._days = None
        self._flat = self._row.astype(np.intp) * n_assets + np.arange(n_assets)

    def line(self, name: str) -> Array:
        """Return the values of a line, one row per bar of the asset, NaN after its last."""
        if name == "traded":
            return np.where(np.isnan(self.line("close")), np.nan, 1.0)
        if name == "wanted":
            wanted = np.zeros((self._n_rows, self._flat.shape[1]))
            wanted.reshape(-1)[self._flat[self._traded]] = 1.0
            return wanted
        values = _benchmark(self._bars, name)
        n_assets = self._flat.shape[1]
        # no suspensions: bars and sessions are the same rows, and a slice does
        if self._slice is not None:
            if values is not None:
                return np.repeat(values[self._slice], n_assets, axis=1)
            return np.ascontiguousarray(_block(self._bars[name][self._slice], self._columns))
        if values is not None:
            out = values[self._begin :, 0].take(self._day)
        else:
            out = self._gathered(self._bars[name][self._begin :])
        out[self._padding] = np.nan
        return out

    def _gathered(self, line: Array) -> Array:
        """Return the bars of each asset, moved together."""
        if not line.flags.c_contiguous:
            return np.take_along_axis(_block(line, self._columns), self._day, axis=0)
        if self._place is None:
            columns = np.arange(line.shape[1])[self._columns]
            self._place = self._day * line.shape[1] + columns
        return line.reshape(-1).take(self._place)

    def at_days(self, values: Array) -> Array:
        """Return values at the requested days, (days, assets); undefined where `unknown`."""
        if self._days is not None:
            return values[self._days]
        if not self._n_rows:
            return np.full(self._flat.shape, np.nan)
        return values.reshape(-1).take(self._flat)


class Calendar(View):
    """View on the calendar clock."""

    def __init__(self, bars: Bars, columns: Columns, days: Days, lookback: int | None) -> None:
        self._bars, self._columns, self._days = bars, columns, days
        first, end = int(days[0]), int(days[-1]) + 1
        start = 0 if lookback is None else max(first - lookback + 1, 0)
        self._rows = slice(start, end)
        self._latest = _block(bars.latest[start:end], columns)
        self._traded = self._latest == np.arange(start, end)[:, None]
        begun = (_block(bars.ages[:end], columns) == 0).sum(axis=0)  # sessions before the first bar
        self._ages = _Ages(days[:, None] + 1 - begun, self._traded[days - start])

    def line(self, name: str) -> Array:
        """Return the values of a line, one row per session."""
        asked = self._days - self._rows.start
        if name == "traded":
            return np.where(self._traded, 1.0, np.nan)
        if name == "wanted":
            wanted = np.zeros(self._latest.shape)
            wanted[asked] = self._traded[asked]
            return wanted
        values = _benchmark(self._bars, name)
        if values is not None:
            return values[self._rows]
        if name != "close":
            return np.ascontiguousarray(_block(self._bars[name][self._rows], self._columns))
        oldest = int(np.where(self._latest < 0, self._rows.stop, self._latest).min())
        block = _block(self._bars[name][oldest : self._rows.stop], self._columns)
        if not len(block):  # none of them has begun
            return np.full(self._latest.shape, np.nan)
        filled = np.take_along_axis(block, np.maximum(self._latest - oldest, 0), axis=0)
        filled[self._latest < 0] = np.nan
        return filled

    def at_days(self, values: Array) -> Array:
        """Return values at the requested days, (days, assets); undefined where `unknown`."""
        return values[self._days - self._rows.start]
