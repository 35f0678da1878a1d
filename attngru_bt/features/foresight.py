"""Which lines know the future: their rank correlation with what comes next is beyond belief.

No honest number orders stocks by their next month, or their next session, with a mean rank
correlation of .15: the best public models reach .11 at a month. A line that does (a target left in
the file, a return dated a day early) is a leak until shown otherwise. A price level tells nothing
of this kind by itself, so each line is also looked at divided by the close: tomorrow's close is a
perfect forecast only beside today's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.data.bars import Bars
from attngru_bt.data.columns import how_to_ignore
from attngru_bt.factors.plan import own_lines
from attngru_bt.features.cross_section import month_ends

logger = logging.getLogger(__name__)

BELIEVABLE = 0.15  # mean rank IC
SURE = 3.09  # standard errors above it: reached by chance once in a thousand times
EVERY = 5  # sessions: what is measured from one session to the next is measured at each fifth
LEAST = {"month": 12, "session": 20}  # outcomes that it takes to tell
ENOUGH = 120  # cross-sections after which a line is not measured any further as bars come
STOCKS = 5  # of a cross-section; fewer have no order to speak of

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Foresight:
    """A line that knows the future.

    Attributes
    ----------
    name : str
    horizon : {"month", "session"}
        What it knows: the next month-end to month-end return, or that to the next session.
    divided : bool
        Whether it does so divided by the close.
    ic : float
        Mean rank correlation over the cross-sections.
    limit : float
        What honest numbers stay below.
    count : int
        Cross-sections measured.
    """

    name: str
    horizon: str
    divided: bool
    ic: float
    limit: float
    count: int

    @property
    def sentence(self) -> str:
        """One sentence: which line, with what it goes, how far beyond belief."""
        what = f"{self.name} divided by the close" if self.divided else self.name
        return (
            f"{what} has a mean rank IC of {self.ic:.3f} with the return to the next "
            f"{self.horizon}{'-end' if self.horizon == 'month' else ''} ({self.count} "
            f"cross-sections), where honest values stay within {self.limit:.3f}"
        )


@dataclass
class _Tally:
    """Rank correlations measured so far, and of how many stocks each."""

    ics: list[float] = field(default_factory=list)
    stocks: list[int] = field(default_factory=list)

    @property
    def limit(self) -> float:
        return ic_limit(self.ics, self.stocks)


def ic_limit(ics: Sequence[float], stocks: Sequence[int]) -> float:
    """Upper limit of the mean of rank ICs of honest numbers.

    Parameters
    ----------
    ics : sequence of float
        Rank IC of each cross-section; at least one.
    stocks : sequence of int
        How many stocks each was measured on.

    Returns
    -------
    float
        `BELIEVABLE` plus 3.09 standard errors of the mean. A standard error is that of the
        cross-sections given, and at least what pure chance makes of so few of them and so few
        stocks.
    """
    if not len(ics):
        raise ValueError("`ics` must hold at least one rank IC; got none.")
    n = len(ics)
    chance = float(np.sqrt(sum(1 / max(s - 1, 1) for s in stocks))) / n
    measured = float(np.std(ics, ddof=1)) / np.sqrt(n) if n > 1 else 0.0
    return float(BELIEVABLE + SURE * max(chance, measured))


class Watch:
    """Measures lines against what came next, as it becomes known; each is reported once.

    Parameters
    ----------
    names : iterable of str, optional
        Names of lines, those that the bars have not left aside; default: the lines that are factors
        as they are.
    """

    def __init__(self, names: Iterable[str] | None = None) -> None:
        self.names = None if names is None else list(names)
        self._measured = dict.fromkeys(LEAST, -1)  # row of the last outcome taken
        self._tallies: dict[tuple[str, str, bool], _Tally] = {}
        self._reported: set[str] = set()

    def extend(self, bars: Bars) -> list[Foresight]:
        """Take the bars that are known by now; return the lines that turn out to know the future.

        Parameters
        ----------
        bars : Bars
            They begin with those of the call before. The last month is not taken to have ended.
        """
        names = own_lines(bars) if self.names is None else self.names
        names = [name for name in names if name in bars and name not in self._reported]
        for horizon, (rows, after) in spans(bars).items():
            new = after > self._measured[horizon]
            if names and new.any():
                self._measure(horizon, bars, names, rows[new], after[new])
            self._measured[horizon] = int(after[-1]) if len(after) else -1
        return self.found()

    def take(self, name: str, horizon: str, divided: bool, values: Floats, returns: Floats) -> None:
        """Measure some cross-sections of one number per stock.

        Parameters
        ----------
        name, horizon, divided
            See `Foresight`.
        values, returns : arrays of shape (rows, assets)
        """
        ics, stocks = rank_correlations(values, returns)
        tally = self._tallies.setdefault((name, horizon, divided), _Tally())
        tally.ics.extend(ics.tolist())
        tally.stocks.extend(stocks.tolist())

    def found(self) -> list[Foresight]:
        """Return what turns out to know the future and was not reported before."""
        found = []
        for (name, horizon, divided), tally in self._tallies.items():
            if name in self._reported or len(tally.ics) < LEAST[horizon]:
                continue
            ic, limit = float(np.mean(tally.ics)), tally.limit
            if abs(ic) > limit:
                self._reported.add(name)
                found.append(Foresight(name, horizon, divided, ic, limit, len(tally.ics)))
        return found

    def _measure(
        self, horizon: str, bars: Bars, names: Iterable[str], rows: Rows, after: Rows
    ) -> None:
        returns, close = returns_between(bars, rows, after), bars["close"][rows]
        for name in names:
            tally = self._tallies.get((name, horizon, False))
            if horizon == "session" and tally is not None and len(tally.ics) >= ENOUGH:
                continue
            values = bars[name][rows]
            self.take(name, horizon, False, values, returns)
            self.take(name, horizon, True, values / close, returns)


def spans(bars: Bars) -> dict[str, tuple[Rows, Rows]]:
    """Return rows at which cross-sections are looked at, and those at which the outcome is known.

    Returns
    -------
    dict of horizon to (rows, rows)
        "month": from each month-end to the next, without the month the bars end in, which may not
        have ended; "session": from every fifth session to the one after it.
    """
    ends = month_ends(bars.dates)[:-1]
    rows = np.arange(0, len(bars) - 1, EVERY)
    return {"month": (ends[:-1], ends[1:]), "session": (rows, rows + 1)}


def returns_between(bars: Bars, rows: Rows, after: Rows) -> Floats:
    """Return of each asset from the close of some rows to that of others; NaN where not traded."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(bars["close"][after] / bars["close"][rows] - 1)


def rank_correlations(values: Floats, returns: Floats) -> tuple[Floats, Rows]:
    """Spearman correlation of each row of two tables, where five stocks and a spread are known.

    Parameters
    ----------
    values, returns : arrays of shape (rows, assets)

    Returns
    -------
    correlations : array of shape (rows known,)
    stocks : array of shape (rows known,)
    """
    known = np.isfinite(values) & np.isfinite(returns)
    a, b = (
        pd.DataFrame(np.where(known, table, np.nan)).rank(axis=1).to_numpy()
        for table in (values, returns)
    )
    n = known.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        a = np.where(known, a - (n[:, None] + 1) / 2, 0.0)  # ranks less their mean
        b = np.where(known, b - (n[:, None] + 1) / 2, 0.0)
        ics = (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    told = (n >= STOCKS) & np.isfinite(ics)
    return ics[told], n[told]


def warn(found: Iterable[Foresight]) -> None:
    """Warn of lines that know the future, one line each."""
    for foresight in found:
        logger.warning(
            "%s: it knows the future, and so does every figure that it enters. Leave it out with "
            "%s, or find out when its values were known.",
            foresight.sentence,
            how_to_ignore([foresight.name]),
        )
