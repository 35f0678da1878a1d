"""Values that change with the future: how they are found, and how far ahead they look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.audit.altered import generators, scrambled_bars, staggered_bars
from attngru_bt.data.bars import Bars

Values = NDArray[np.float64]
PROCESSES = 1e-9  # relative difference that arithmetic may make between two processes
CONFIRMED = 3  # suspicious dates of a factor at which all stocks are cut to confirm a leak
Compute = Callable[[Bars], Values]
"""Bars -> values of shape (days, assets, columns), a row per day of the bars."""


@dataclass(frozen=True)
class Leak:
    """A value that depends on what came after its date.

    Attributes
    ----------
    name : str
        Column, such as the factor.
    asset : str
    date : Timestamp
        Date of the value; no earlier one changed.
    cut : Timestamp
        Last date whose bars were left unchanged; not before `date`.
    scrambled : bool
        Whether later bars were changed rather than removed.
    value, other : float
        The value with all bars, and the one without those after `cut` (or with others).
    ahead : int or None
        Number of sessions after `date` that the value depends on; None: not known.
    bars_ahead : int or None
        Number of these sessions in which the asset traded.
    to_the_end : bool
        Whether `ahead` reaches the end of the data.
    kept : bool
        Whether the leak only shows in a process that has never seen later bars.
    """

    name: str
    asset: str
    date: pd.Timestamp
    cut: pd.Timestamp
    scrambled: bool
    value: float
    other: float
    ahead: int | None = None
    bars_ahead: int | None = None
    to_the_end: bool = False
    kept: bool = False

    @property
    def sentence(self) -> str:
        """One sentence: which value, what it was and became, how far it looked ahead."""
        # If only the last digits differ, as of sums over another number of bars, show them all.
        digits = 10 if f"{self.value:.10g}" != f"{self.other:.10g}" else 17
        value, other = (_number(number, digits) for number in (self.value, self.other))
        if self.scrambled:
            change = f"{other} if the bars after {self.cut.date()} are others"
        else:
            change = f"{other} from the bars up to {self.cut.date()} alone"
        sight = ""
        if self.kept:
            sight = (
                ", in a process that had seen no others: something is kept from one call to the "
                "next"
            )
        if self.ahead is not None:
            sessions = f"{self.ahead} session{'' if self.ahead == 1 else 's'} ahead"
            if self.bars_ahead and self.bars_ahead != self.ahead and not self.to_the_end:
                # The next bars of a suspended stock may be many sessions away.
                bars = (
                    f"{self.bars_ahead} bar{'' if self.bars_ahead == 1 else 's'} of the stock ahead"
                )
                sessions = f"{bars} ({self.ahead} sessions)"
            sight = f": it looks {sessions}" + (", to the very last bar" * self.to_the_end)
        return (
            f"{self.name} of {self.asset} on {self.date.date()} is {value} with all bars, "
            f"but {change}{sight}."
        )


def _number(value: float, digits: int) -> str:
    return "not known" if np.isnan(value) else f"{value:.{digits}g}"


def differs(a: Values, b: Values) -> NDArray[np.bool_]:
    """Tell where two arrays are not equal to the bit; NaN equals NaN."""
    both_unknown: NDArray[np.bool_] = np.isnan(a) & np.isnan(b)
    return (a != b) & ~both_unknown


def find(
    compute: Compute,
    bars: Bars,
    names: Sequence[str],
    cuts: Sequence[pd.Timestamp],
    seed: int,
    values: Values | None = None,
    past: Compute | None = None,
) -> dict[str, Leak]:
    """Compare values up to each cut with those from bars that end there or are scrambled after it.

    Parameters
    ----------
    compute : callable
    bars : Bars
    names : sequence of str
        The columns of what `compute` returns.
    cuts : sequence of Timestamp
    seed : int
    values : array, optional
        `compute(bars)`, if it is known already.
    past : callable, optional
        Computes in a process that has seen no later bars, see `Fresh.compute`. It is called for the
        earliest cut first. Its values count as equal within 1e-9, since another process may add up
        in another order.

    Returns
    -------
    dict of str to Leak
        Column → the earliest of its values that changed; without `ahead`.
    """
    values = compute(bars) if values is None else values
    leaks: dict[str, Leak] = {}
    for cut, rng in zip(cuts, generators(seed, len(cuts)), strict=True):
        ended = bars.until(cut)
        for how in ("ended", "scrambled") if past is None else ("ended", "scrambled", "kept"):
            if how == "kept" and past is not None:
                other = past(ended)
            else:
                other = compute(scrambled_bars(bars, cut, rng) if how == "scrambled" else ended)
            # up to the cut nothing may differ; between processes arithmetic may, by rounding
            want = values[: len(ended)]
            other = other[: len(ended)]
            wrong = differs(other, want)
            if how == "kept":
                wrong &= ~np.isclose(other, want, rtol=PROCESSES, atol=0.0)
            for j in np.flatnonzero(wrong.any(axis=(0, 1))).tolist():
                day = int(wrong[:, :, j].any(axis=1).argmax())
                name, date = names[j], pd.Timestamp(bars.dates[day])
                if name in leaks and leaks[name].date <= date:
                    continue  # the earliest day of a factor is reported
                i = int(wrong[day, :, j].argmax())
                leaks[name] = Leak(
                    name,
                    bars.assets[i],
                    date,
                    cut,
                    how == "scrambled",
                    float(values[day, i, j]),
                    float(other[day, i, j]),
                    kept=how == "kept",
                )
    return leaks


def find_between(
    compute: Compute,
    bars: Bars,
    names: Sequence[str],
    passes: int,
    seed: int,
    values: Values | None = None,
    early: int = 0,
) -> tuple[dict[str, Leak], int]:
    """Look for leaks at many more dates, at the cost of a few.

    A factor is computed stock by stock, so the future of each stock is changed after a date of its
    own. Where a value changes, all stocks are cut at that date to confirm it: the value may have
    changed because it depends on other stocks, whose future began earlier.

    Parameters
    ----------
    compute, bars, names, seed, values
        See `find`.
    passes : int
        How often all stocks are computed, for dates after the first third of the bars.
    early : int, default 0
        How often they are for dates in the first third, where a factor warms up.

    Returns
    -------
    leaks : dict of str to Leak
    n : int
        Number of dates after which the future of some stock was changed.
    """
    first = len(bars) // 3
    rng = np.random.default_rng([seed, len(bars)])
    late, warming = (
        rng.permutation(np.arange(*span)) for span in ((first, len(bars) - 1), (1, first))
    )
    if not len(late):
        return {}, 0
    values = compute(bars) if values is None else values
    n = len(bars.assets)
    suspects: dict[str, set[int]] = {}
    turns = [(late, number) for number in range(passes)]
    turns += [(warming, number) for number in range(early if len(warming) else 0)]
    for dates, number in turns:
        rows = dates[np.arange(number * n, (number + 1) * n) % len(dates)]
        wrong = differs(compute(staggered_bars(bars, rows, rng)), values)
        wrong &= (np.arange(len(bars))[:, None] <= rows)[:, :, None]
        for j in np.flatnonzero(wrong.any(axis=(0, 1))).tolist():
            stocks = np.flatnonzero(wrong[:, :, j].any(axis=0))
            suspects.setdefault(names[j], set()).update(rows[stocks].tolist())
    leaks: dict[str, Leak] = {}
    for name, at in suspects.items():
        column = list(names).index(name)
        compute_one = partial(_column, compute, column)
        # Late dates come first: a function may not cope with a handful of bars.
        for row in sorted(at, key=lambda row: (row < first, row))[:CONFIRMED]:
            cut = [pd.Timestamp(bars.dates[row])]
            leaks |= find(compute_one, bars, [name], cut, seed, values[:, :, [column]])
            if name in leaks:
                break
    return leaks, min(passes * n, len(late)) + min(early * n, len(warming))


def _column(compute: Compute, column: int, bars: Bars) -> Values:
    return compute(bars)[:, :, [column]]


def measured(leak: Leak, compute: Compute, bars: Bars, column: int = 0) -> Leak:
    """Add to a leak how far ahead it looks: the fewest later bars that give its value.

    Parameters
    ----------
    leak : Leak
    compute : callable
    bars : Bars
        The bars in which the leak was found.
    column : int
        Its column in the values of `compute`.
    """
    day, asset = int(bars.dates.searchsorted(leak.date)), bars.assets.index(leak.asset)
    value = compute(bars)[day, asset, column]

    def settled(ahead: int) -> bool:
        other = compute(bars.rows(0, day + 1 + ahead))[day, asset, column]
        return not differs(np.array(other), np.array(value))

    least, most = -1, len(bars) - 1 - day  # bisection: not settled, settled
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if settled(middle) else (middle, most)
    if most == 0:
        return leak  # the value only changes with another future, not without one
    n_bars = int(bars.traded[day + 1 : day + 1 + most, asset].sum())
    return replace(leak, ahead=most, bars_ahead=n_bars, to_the_end=most == len(bars) - 1 - day)
