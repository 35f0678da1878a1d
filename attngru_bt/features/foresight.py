"""Lines that know the future: their rank correlation with later returns is too high to be true.

No honest number ranks stocks by their return of the next month or session with a mean rank
correlation of .15: the best public models reach .11 for a month. A line that does (a target left in
the file, a return dated a day early) is a leak until shown otherwise. Each line is also examined
divided by the close, because a price level says nothing by itself: tomorrow's close is a perfect
forecast only in relation to today's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from attngru_bt.data.bars import Bars
from attngru_bt.data.columns import how_to_ignore
from attngru_bt.factors.plan import own_lines
from attngru_bt.features.cross_section import month_ends
from attngru_bt.features.labels import mean_ranks

logger = logging.getLogger(__name__)

BELIEVABLE = 0.15  # mean rank IC
SURE = 3.09  # standard errors above it, which chance exceeds once in a thousand times
EVERY = 5  # sessions between cross-sections for the return of the next session
LEAST = {"month": 12, "session": 20}  # cross-sections needed for a verdict
ENOUGH = 120  # cross-sections after which the next sessions of a line are not measured any more
STOCKS = 5  # smallest cross-section

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Foresight:
    """A line that knows the future.

    Attributes
    ----------
    name : str
    horizon : {"month", "session"}
        The return that it knows: from month-end to month-end, or to the next session.
    divided : bool
        Whether it was divided by the close.
    ic : float
        Mean rank correlation over the cross-sections.
    limit : float
        Limit that honest numbers do not exceed.
    count : int
        Number of cross-sections.
    """

    name: str
    horizon: str
    divided: bool
    ic: float
    limit: float
    count: int

    @property
    def sentence(self) -> str:
        """The finding in one sentence: line, mean rank IC, return, and limit."""
        what = f"{self.name} divided by the close" if self.divided else self.name
        return (
            f"{what} has a mean rank IC of {self.ic:.3f} with the return to the next "
            f"{self.horizon}{'-end' if self.horizon == 'month' else ''} ({self.count} "
            f"cross-sections), where honest values stay within {self.limit:.3f}"
        )


@dataclass
class _Tally:
    """Rank correlations measured so far, and the number of stocks of each."""

    ics: list[float] = field(default_factory=list)
    stocks: list[int] = field(default_factory=list)

    @property
    def limit(self) -> float:
        return ic_limit(self.ics, self.stocks)


def ic_limit(ics: Sequence[float], stocks: Sequence[int]) -> float:
    """Return the largest mean rank IC that an honest number can have.

    Parameters
    ----------
    ics : sequence of float
        Rank IC of each cross-section; at least one.
    stocks : sequence of int
        Number of stocks of each cross-section.

    Returns
    -------
    float
        `BELIEVABLE` plus 3.09 standard errors of the mean. The standard error is that of the given
        rank ICs, but at least that of random numbers on as many cross-sections and stocks.
    """
    if not len(ics):
        raise ValueError("`ics` must hold at least one rank IC; got none.")
    n = len(ics)
    chance = float(np.sqrt(sum(1 / max(s - 1, 1) for s in stocks))) / n
    measured = float(np.std(ics, ddof=1)) / np.sqrt(n) if n > 1 else 0.0
    return float(BELIEVABLE + SURE * max(chance, measured))


class Watch:
    """Measures lines against later returns as these become known; reports each line once.

    Parameters
    ----------
    names : iterable of str, optional
        Names of lines; lines that the bars do not have are ignored. Default: the lines that are
        factors as they are.
    """

    def __init__(self, names: Iterable[str] | None = None) -> None:
        self.names = None if names is None else list(names)
        self._measured = dict.fromkeys(LEAST, -1)  # row of the last return that was measured
        self._tallies: dict[tuple[str, str, bool], _Tally] = {}
        self._reported: set[str] = set()

    def extend(self, bars: Bars) -> list[Foresight]:
        """Measure the bars that are new; return the lines that turn out to know the future.

        Parameters
        ----------
        bars : Bars
            All bars known now; they begin with those of the call before. The last month counts as
            not ended.
        """
        names = own_lines(bars) if self.names is None else self.names
        names = [name for name in names if name in bars and name not in self._reported]
        for horizon, (rows, after) in spans(bars).items():
            new = after > self._measured[horizon]
            if names and new.any():
                self._measure(horizon, bars, names, rows[new], after[new])
            self._measured[horizon] = int(after[-1]) if len(after) else -1
        return self.new_findings()

    def take(self, name: str, horizon: str, divided: bool, values: Floats, returns: Floats) -> None:
        """Measure cross-sections of one number per stock.

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

    def new_findings(self) -> list[Foresight]:
        """Return the lines that turn out to know the future and were not reported before."""
        findings = []
        for (name, horizon, divided), tally in self._tallies.items():
            if name in self._reported or len(tally.ics) < LEAST[horizon]:
                continue
            ic, limit = float(np.mean(tally.ics)), tally.limit
            if abs(ic) > limit:
                self._reported.add(name)
                findings.append(Foresight(name, horizon, divided, ic, limit, len(tally.ics)))
        return findings

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
    """Return the rows of the cross-sections, and the rows at which their returns are known.

    Returns
    -------
    dict of horizon to (rows, rows)
        "month": from each month-end to the next, without the last month, which may not have ended;
        "session": from every fifth session to the one after it.
    """
    ends = month_ends(bars.dates)[:-1]
    rows = np.arange(0, len(bars) - 1, EVERY)
    return {"month": (ends[:-1], ends[1:]), "session": (rows, rows + 1)}


def returns_between(bars: Bars, rows: Rows, after: Rows) -> Floats:
    """Return the returns of all assets from some rows to others; NaN without a trade."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(bars["close"][after] / bars["close"][rows] - 1)


def rank_correlations(values: Floats, returns: Floats) -> tuple[Floats, Rows]:
    """Return the Spearman correlation of each row of two tables.

    Rows with fewer than five known stocks, or without any spread, are left out.

    Parameters
    ----------
    values, returns : arrays of shape (rows, assets)

    Returns
    -------
    correlations : array of shape (rows kept,)
    stocks : array of shape (rows kept,)
    """
    known = np.isfinite(values) & np.isfinite(returns)
    n = known.sum(axis=1)
    a, b = np.zeros((2, *known.shape))  # ranks minus their mean
    for row in np.flatnonzero(n >= STOCKS):
        of = known[row]
        a[row, of] = mean_ranks(values[row, of]) - (n[row] + 1) / 2
        b[row, of] = mean_ranks(returns[row, of]) - (n[row] + 1) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        ics = (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    kept = (n >= STOCKS) & np.isfinite(ics)
    return ics[kept], n[kept]


def warn(findings: Iterable[Foresight]) -> None:
    """Warn of each line that knows the future."""
    for foresight in findings:
        logger.warning(
            "%s: it knows the future, and so does every figure that it enters. Leave it out with "
            "%s, or find out when its values were known.",
            foresight.sentence,
            how_to_ignore([foresight.name]),
        )
