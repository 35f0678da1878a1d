"""Scales of a chart: where on an axis a value lies, from 0 to 1, and what is written beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from attngru_bt.reports.tables import decimals, per_cent

_NARROW = 18  # characters for which a chart beside names has room on a phone
_WIDE = {"%Y": 1.0, "%m-%d": 1.2, "%Y-%m": 1.55}  # room of a label, that of a year being 1
_ROUND = (
    (1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9),
    (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8),
    (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8),
    (1, 1.5, 2, 3, 5, 7),
    (1, 2, 5),
    (1,),
)
_SIDE_BY_SIDE = 6  # names for which a phone has room
_FEW = 5  # years for whose labels a narrow chart has room
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Tick:
    """A labeled place on an axis: `place` from 0 to 1; a `minor` one is left out on a phone."""

    place: float
    text: str
    minor: bool = False


@dataclass(frozen=True)
class Form:
    """How values are written, by the page and by its script.

    Attributes
    ----------
    places : int
        Decimals.
    share : bool
        Whether values are fractions that are shown in per cent.
    """

    places: int = 2
    share: bool = False

    def __call__(self, value: float) -> str:
        """Write a value."""
        return (per_cent if self.share else decimals)(value, self.places)

    def __str__(self) -> str:
        return f"{'%' if self.share else ''}{self.places}"


NUMBER, THREE, PER_CENT = Form(2), Form(3), Form(1, share=True)


class Linear:
    """Values between round numbers.

    Parameters
    ----------
    values : array-like
        What has a place on it; NaN are left out.
    form : Form
    zero : bool, default False
        Whether 0 is on it whatever the values.
    most : int, default 5
        Largest number of labels.
    tight : bool, default False
        End at the values rather than at the next round numbers.
    """

    kind = "linear"

    def __init__(
        self,
        values: ArrayLike,
        form: Form = NUMBER,
        *,
        zero: bool = False,
        most: int = 5,
        tight: bool = False,
    ) -> None:
        known = np.asarray(values, dtype=np.float64).ravel()
        known = known[np.isfinite(known)]
        low, high = (known.min(), known.max()) if len(known) else (0.0, 1.0)
        if zero:
            low, high = min(low, 0.0), max(high, 0.0)
        if not high - low > 1e-12 * max(abs(low), abs(high), 1.0):
            low, high = low - max(abs(low), 1.0) * 0.05, high + max(abs(high), 1.0) * 0.05
        self.form = form
        self._step = _round_step((high - low) / most)
        if tight:
            self.low, self.high = float(low), float(high)
        else:
            part = self._step / 4.0
            self.low = float(math.floor(low / part + 1e-9) * part)
            self.high = float(math.ceil(high / part - 1e-9) * part)

    def place(self, values: ArrayLike) -> NDArray[np.float64]:
        """Place values on the axis, 0 at its beginning and 1 at its end."""
        return (np.asarray(values, dtype=np.float64) - self.low) / (self.high - self.low)

    def ticks(self, room: float = _NARROW) -> list[Tick]:
        """Return the labels, at round numbers.

        Parameters
        ----------
        room : float
            Characters for which the axis has room on a phone.
        """
        first = math.ceil(self.low / self._step - 1e-9)
        last = math.floor(self.high / self._step + 1e-9)
        values = self._step * np.arange(first, last + 1)
        # as many decimals as tell the labels apart
        unit = self._step * (100.0 if self.form.share else 1.0)
        places = next(n for n in range(12) if abs(unit * 10**n - round(unit * 10**n)) < 1e-6)
        write = partial(per_cent if self.form.share else decimals, places=places)
        texts = [write(value) for value in values]
        # where labels lie side by side on a phone, every second one stays, 0 among them
        room_of_one = room * self._step / (self.high - self.low)
        crowded = max(map(len, texts), default=0) + 1 > room_of_one
        return [
            Tick(float(self.place(value)), text, minor=crowded and step % 2 == 1)
            for step, value, text in zip(range(first, last + 1), values, texts, strict=True)
        ]


class Log:
    """Values above 0, on which equal growth takes equal room."""

    kind = "log"

    def __init__(self, values: ArrayLike, form: Form = NUMBER) -> None:
        known = np.asarray(values, dtype=np.float64).ravel()
        known = known[np.isfinite(known) & (known > 0)]
        low, high = (known.min(), known.max()) if len(known) else (0.5, 2.0)
        self.form = form
        self.low, self.high = float(low) / 1.03, float(high) * 1.03

    def place(self, values: ArrayLike) -> NDArray[np.float64]:
        """Place values on the axis; NaN at 0 and below."""
        array = np.asarray(values, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(array > 0, np.log(array), np.nan)
        return (logs - math.log(self.low)) / math.log(self.high / self.low)

    def ticks(self) -> list[Tick]:
        """Return the labels: the densest of some series that gives no more than six."""
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for series in _ROUND:
            values = [m * 10.0**d for d in decades for m in series]
            values = [v for v in values if self.low <= v <= self.high]
            if len(values) <= 6:
                break
        return [Tick(float(self.place(value)), f"{value:,.10g}") for value in values]


class Places:
    """Equal room for each of a row of things, such as sessions, months or names.

    Parameters
    ----------
    names : sequence of str
        What each is called.
    most : int, default 12
        Largest number of labels.
    ends : bool, default False
        Label the first and the last on a phone, too.
    """

    kind = "places"

    def __init__(self, names: Sequence[str], most: int = 12, *, ends: bool = False) -> None:
        self.names = list(names)
        self._most = most
        self._ends = ends

    def __len__(self) -> int:
        return len(self.names)

    def place(self, positions: ArrayLike) -> NDArray[np.float64]:
        """Place positions (0, 1, 2, …) in the middle of their room."""
        return (np.asarray(positions, dtype=np.float64) + 0.5) / len(self)

    def ticks(self) -> list[Tick]:
        """Return the labels, every second or third one where there are many."""
        step = max(1, math.ceil(len(self) / self._most))
        labeled = range(0, len(self), step)
        minor = [len(self) > _SIDE_BY_SIDE and i % 2 == 1 for i in range(len(labeled))]
        if self._ends and minor and minor[-1]:
            minor[-2:] = True, False
        return [
            Tick(float(self.place(i)), self.names[i], less)
            for i, less in zip(labeled, minor, strict=True)
        ]


class Dates(Places):
    """Equal room for each session or month, labeled with years, months or days."""

    kind = "dates"

    def __init__(self, dates: Any, most: int = 11) -> None:
        super().__init__((), most)
        self.dates = pd.DatetimeIndex(dates)

    def __len__(self) -> int:
        return len(self.dates)

    def ticks(self) -> list[Tick]:
        """Return the labels, each at the first session of its period."""
        starts, form = self._periods()
        # on a phone every second label stays: of half-years those of January
        january = form == "%Y-%m" and len(starts) > 1 and self.dates[starts[1]].month == 1
        return [
            Tick(
                float(self.place(at)),
                f"{self.dates[at]:{form}}",
                minor=len(starts) * _WIDE[form] > _FEW and i % 2 == (0 if january else 1),
            )
            for i, at in enumerate(starts)
        ]

    def _periods(self) -> tuple[NDArray[Any], str]:
        """Return where the finest periods with room for their labels begin, and their form."""
        starts, chosen = np.arange(len(self)), "%m-%d"
        for unit, form in self._units():
            chosen, wide = form, _WIDE[form]
            number = unit(self.dates)
            starts = np.flatnonzero(np.diff(number, prepend=number[0] - 1))
            # a period that had begun before the data is labeled only if there is room for it
            if len(starts) > 1 and starts[1] < 0.12 * wide * len(self):
                starts = starts[1:]
            if len(starts) * wide <= self._most:
                break
        return starts, chosen

    def _units(self) -> list[tuple[Callable[[pd.DatetimeIndex], NDArray[Any]], str]]:
        """From the finest to the coarsest: a number per period, and how its label is written."""
        units: list[tuple[Callable[[pd.DatetimeIndex], NDArray[Any]], str]] = [
            (lambda d: np.arange(len(d)), "%m-%d"),
            (lambda d: d.to_numpy().astype("datetime64[W]").astype(int), "%m-%d"),
        ]
        for months in (1, 3, 6):
            units.append((partial(_months, count=months), "%Y-%m"))
        for years in (1, 2, 5, 10, 20, 50, 100):
            units.append((partial(_months, count=12 * years), "%Y"))
        return units


def _months(dates: pd.DatetimeIndex, count: int) -> NDArray[Any]:
    return np.asarray((dates.year * 12 + dates.month - 1) // count)


def _round_step(least: float) -> float:
    """Return the smallest round number that is not below `least`."""
    size = 10.0 ** math.floor(math.log10(least))
    return float(next(step * size for step in _STEPS if step * size >= least * (1 - 1e-9)))
