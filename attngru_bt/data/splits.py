"""Splits that prices were not adjusted for: a day of -90% on which nobody lost anything.

A split of n for 1 divides the price by n between a close and the next open and multiplies the
shares that change hands by n; what is paid for them in all, and how far the price moves within the
day, stay what they were. A crash to the same price does none of this: its volume and its range are
many times the usual. Where an exchange says that the previous close is worth less now
(``preclose``), nothing needs to be judged.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.data.bars import Bars

log = logging.getLogger(__name__)

LARGE = 0.6  # close over the close before, or its inverse, from which a day is looked at
STATED = 0.15  # log: a preclose so far from the close before is that of no dividend
NEAR = 0.05  # relative: how near the open must come to a whole number of times
VOLUME = 2.5  # factor within which the volume must have become n times as large
RANGE = 4.0  # times its usual range that the day may have
BEFORE, AFTER = 20, 5  # bars whose medians say what was usual, and what is since
GAP = 20  # sessions without a bar before the day: after more, anything can have happened
PRICE_ALONE = 4  # smallest n that is believed of closes without volumes
SHOWN = 3

ADVICE = (
    "Bring each stock's cumulative factor as 'adjfactor' (prices times adjfactor are adjusted), or "
    "leave the stock out: as it is, the change is taken for a gain or loss."
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Split:
    """A split that the prices were not adjusted for.

    Attributes
    ----------
    asset : str
    date : Timestamp
        First session at the new price.
    ratio : float
        Close over the close before.
    factor : float
        New shares for an old one: 10 for a split of 10 for 1, 0.1 for a reverse one of 1 for 10.
    volume : float
        Volume since over the volume before; NaN = not known.
    stated : bool
        Whether ``preclose`` says it.
    """

    asset: str
    date: pd.Timestamp
    ratio: float
    factor: float
    volume: float
    stated: bool

    @property
    def sentence(self) -> str:
        """One sentence: which asset, which date, what moved by how much, what it looks like."""
        kind = (
            f"a split of {self.factor:.4g} for 1"
            if self.factor > 1
            else f"a reverse split of 1 for {1 / self.factor:.4g}"
        )
        if self.stated:
            why = f"and its preclose is {1 / self.factor:.4g} of the close before"
        elif np.isnan(self.volume):
            why = "to a whole fraction" if self.factor > 1 else "to a whole multiple"
        else:
            why = f"while the volume becomes {self.volume:.3g} times as large"
        return (
            f"{self.asset} on {self.date.date()}: the close changes by {self.ratio - 1:+.1%} "
            f"{why}, which is {kind} that the prices are not adjusted for."
        )


def find_splits(bars: Bars, start: int = 0) -> list[Split]:
    """Look for splits and reverse splits that the prices were not adjusted for.

    Parameters
    ----------
    bars : Bars
    start : int, default 0
        First row that is looked at; earlier ones are only compared with.

    Returns
    -------
    list of Split
        In order of date.
    """
    found = []
    traded = bars.traded
    for j, asset in enumerate(bars.assets):
        days = np.flatnonzero(traded[:, j])
        if len(days) < 2 or days[-1] < start:
            continue
        close = bars["close"][days, j]
        ratio = close[1:] / close[:-1]
        suspect = (ratio < LARGE) | (ratio > 1 / LARGE)
        with np.errstate(invalid="ignore"):
            worth = _values(bars, "preclose", days, j)[1:] / close[:-1]
            stated = np.abs(np.log(worth)) > STATED
        suspect |= stated
        suspect &= days[1:] >= start
        for k in np.flatnonzero(suspect) + 1:
            split = _split(bars, j, asset, days, int(k), bool(stated[k - 1]))
            if split is not None:
                found.append(split)
    return sorted(found, key=lambda split: (split.date, split.asset))


def tell_splits(bars: Bars, source: str, start: int = 0) -> None:
    """Warn in one line of splits that the prices were not adjusted for."""
    splits = find_splits(bars, start)
    if splits:
        log.warning("%s: %s %s", source, listed(splits), ADVICE)


def listed(splits: Sequence[Split]) -> str:
    """Return the first of some splits as a sentence, and the next ones by name."""
    rest = [f"{split.asset} on {split.date.date()}" for split in splits[1 : SHOWN + 1]]
    more = len(splits) - 1 - len(rest)
    others = f" So with {', '.join(rest)}" + (f" and {more} more." if more else ".")
    return splits[0].sentence + (others if rest else "")


def _split(
    bars: Bars, j: int, asset: str, days: NDArray[np.intp], k: int, stated: bool
) -> Split | None:
    """Judge the k-th bar of an asset."""
    close = bars["close"][days, j]
    ratio = float(close[k] / close[k - 1])
    date = pd.Timestamp(bars.dates[days[k]])
    volume = _change(_values(bars, "volume", days, j), k)
    if stated:
        factor = float(close[k - 1] / bars["preclose"][days[k], j])
        return Split(asset, date, ratio, factor, volume, stated)
    opened = _values(bars, "open", days, j)[k]
    gap = ratio if np.isnan(opened) else float(opened / close[k - 1])
    n = round(max(gap, 1 / gap))
    factor = float(n) if gap < 1 else 1.0 / n
    far = days[k] - days[k - 1] > GAP
    if n < 2 or far or abs(gap * factor - 1) > NEAR or not _stays(close, k):
        return None
    if not _usual_range(bars, days, j, k):
        return None
    if np.isnan(volume):
        return Split(asset, date, ratio, factor, volume, stated) if n >= PRICE_ALONE else None
    if not 1 / VOLUME <= volume / factor <= VOLUME:
        return None
    return Split(asset, date, ratio, factor, volume, stated)


def _values(bars: Bars, line: str, days: NDArray[np.intp], j: int) -> Floats:
    return bars[line][days, j] if line in bars else np.full(len(days), np.nan)


def _change(volume: Floats, k: int) -> float:
    """Volume since the k-th bar over the volume before it, medians of what is known."""
    before, since = volume[max(k - BEFORE, 0) : k], volume[k : k + AFTER]
    before, since = before[before > 0], since[since > 0]
    if not len(before) or not len(since):
        return float("nan")
    return float(np.median(since) / np.median(before))


def _stays(close: Floats, k: int) -> bool:
    """Whether the price comes from one level and stays at another; a wrong price does not."""
    jump = np.abs(np.log(close[k] / close[k - 1]))
    before = np.median(close[max(k - AFTER, 0) : k]) / close[k - 1]
    since = np.median(close[k : k + AFTER]) / close[k]
    return bool(max(np.abs(np.log(before)), np.abs(np.log(since))) < jump / 2)


def _usual_range(bars: Bars, days: NDArray[np.intp], j: int, k: int) -> bool:
    """Whether the price moves within the k-th bar as it did on earlier ones."""
    moved = np.log(_values(bars, "high", days, j) / _values(bars, "low", days, j))
    usual = np.median(moved[max(k - BEFORE, 0) : k])
    return bool(np.isnan(moved[k]) or np.isnan(usual) or moved[k] <= max(RANGE * usual, 0.02))
