"""Splits that prices are not adjusted for: a day of -90% on which nobody lost anything.

A split of n for 1 divides the price by n between a close and the next open, and multiplies the
volume by n; the traded amount and the range of the day stay as usual. In a crash to the same price,
amount and range are many times the usual ones. If the exchange states the new reference price
(``preclose``), no judgment is needed.
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

LARGE = 0.6  # close over the previous close, or its inverse, below which a day is examined
STATED = 0.15  # log distance of preclose from the previous close that no dividend explains
NEAR = 0.05  # relative distance of the price ratio from a whole number
VOLUME = 2.5  # factor by which the change of the volume may differ from n
RANGE = 4.0  # largest range of the day, as a multiple of the usual range
BEFORE, AFTER = 20, 5  # number of bars for medians before the day, and from the day on
GAP = 20  # largest number of sessions without a bar before the day
PRICE_ALONE = 4  # smallest n that is reported if there are no volumes
SHOWN = 3  # further splits in a message

ADVICE = (
    "Bring each stock's cumulative factor as 'adjfactor' (prices times adjfactor are adjusted), or "
    "leave the stock out: as it is, the change is taken for a gain or loss."
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Split:
    """A split that the prices are not adjusted for.

    Attributes
    ----------
    asset : str
    date : Timestamp
        First session at the new price.
    ratio : float
        Close over the previous close.
    factor : float
        New shares per old share: 10 for a split of 10 for 1, 0.1 for a reverse split of 1 for 10.
    volume : float
        Volume since over the volume before; NaN if unknown.
    stated : bool
        Whether ``preclose`` states the split.
    """

    asset: str
    date: pd.Timestamp
    ratio: float
    factor: float
    volume: float
    stated: bool

    @property
    def sentence(self) -> str:
        """The split in one sentence: asset, date, change of the close, and the evidence."""
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
    """Find splits and reverse splits that the prices are not adjusted for.

    Parameters
    ----------
    bars : Bars
    start : int, default 0
        First row to examine; earlier rows are only used for comparison.

    Returns
    -------
    list of Split
        Sorted by date.
    """
    splits = []
    traded = bars.traded
    for j, asset in enumerate(bars.assets):
        days = np.flatnonzero(traded[:, j])
        if len(days) < 2 or days[-1] < start:
            continue
        close = bars["close"][days, j]
        ratio = close[1:] / close[:-1]
        suspect = (ratio < LARGE) | (ratio > 1 / LARGE)
        with np.errstate(invalid="ignore"):
            reference = _values(bars, "preclose", days, j)[1:] / close[:-1]
            stated = np.abs(np.log(reference)) > STATED
        suspect |= stated
        suspect &= days[1:] >= start
        for k in np.flatnonzero(suspect) + 1:
            split = _split(bars, j, asset, days, int(k), bool(stated[k - 1]))
            if split is not None:
                splits.append(split)
    return sorted(splits, key=lambda split: (split.date, split.asset))


def tell_splits(bars: Bars, source: str, start: int = 0) -> None:
    """Warn in one line of splits that the prices are not adjusted for."""
    splits = find_splits(bars, start)
    if splits:
        log.warning("%s: %s %s", source, listed(splits), ADVICE)


def listed(splits: Sequence[Split]) -> str:
    """Describe the first split in a sentence, and name the next ones."""
    rest = [f"{split.asset} on {split.date.date()}" for split in splits[1 : SHOWN + 1]]
    more = len(splits) - 1 - len(rest)
    others = f" So with {', '.join(rest)}" + (f" and {more} more." if more else ".")
    return splits[0].sentence + (others if rest else "")


def _split(
    bars: Bars, j: int, asset: str, days: NDArray[np.intp], k: int, stated: bool
) -> Split | None:
    """Return the split at the k-th bar of an asset, if it looks like one."""
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
    if n < 2 or far or abs(gap * factor - 1) > NEAR:
        return None
    if np.isnan(volume):
        plausible = n >= PRICE_ALONE
    else:
        plausible = 1 / VOLUME <= volume / factor <= VOLUME
    if not (plausible and _stays(close, k) and _usual_range(bars, days, j, k)):
        return None
    return Split(asset, date, ratio, factor, volume, stated)


def _values(bars: Bars, line: str, days: NDArray[np.intp], j: int) -> Floats:
    """Return a line of the j-th asset on some days; NaN without such a line."""
    return bars[line][days, j] if line in bars else np.full(len(days), np.nan)


def _change(volume: Floats, k: int) -> float:
    """Return the median volume since the k-th bar over the median before it."""
    before, since = volume[max(k - BEFORE, 0) : k], volume[k : k + AFTER]
    before, since = before[before > 0], since[since > 0]
    if not len(before) or not len(since):
        return float("nan")
    return float(np.median(since) / np.median(before))


def _stays(close: Floats, k: int) -> bool:
    """Whether the price stays at the new level, unlike a single wrong price."""
    jump = np.abs(np.log(close[k] / close[k - 1]))
    before = np.median(close[max(k - AFTER, 0) : k]) / close[k - 1]
    since = np.median(close[k : k + AFTER]) / close[k]
    return bool(max(np.abs(np.log(before)), np.abs(np.log(since))) < jump / 2)


def _usual_range(bars: Bars, days: NDArray[np.intp], j: int, k: int) -> bool:
    """Whether the range of the k-th bar is that of earlier bars."""
    span = np.log(_values(bars, "high", days, j) / _values(bars, "low", days, j))
    usual = np.median(span[max(k - BEFORE, 0) : k])
    return bool(np.isnan(span[k]) or np.isnan(usual) or span[k] <= max(RANGE * usual, 0.02))
