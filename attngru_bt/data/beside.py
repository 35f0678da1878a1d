"""A market beside the feeds: its bars joined to theirs, never beyond the last day of theirs."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.data.bars import Bars
from attngru_bt.data.market import Market

logger = logging.getLogger(__name__)

SPARE = 1.5  # room for so many times the rows at hand, so that not every month copies all before it


class Beside:
    """The bars of a market beside those that are traded, for models to be trained on.

    A stock that is among the feeds, too, has the bars of its feed alone. From the first bar of the
    feeds on, the sessions are those of the feeds; before it those of the market. The lines are
    those that both have. The benchmark is that of the feeds; before their first bar that of the
    market, scaled to meet it.

    Parameters
    ----------
    market : Market
        Prices and units as those of the feeds. Its members are trained on; without a membership all
        of its stocks.

    Attributes
    ----------
    fed : frozenset of str
        Names of the feeds, as of the last call.
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self.fed: frozenset[str] = frozenset()
        self._kind: tuple[object, ...] = ()
        self._lines: dict[str, NDArray[np.float64]] = {}  # with spare rows
        self._n = 0  # rows that are filled

    def join(self, bars: Bars) -> Bars:
        """Return the bars of the feeds and of the market, up to the last day of the feeds.

        Parameters
        ----------
        bars : Bars
            At least one session. They continue those of the call before, whose rows are not read
            again.
        """
        own = self.market.bars
        n_before = int(own.dates.searchsorted(bars.dates[0]))
        dates = pd.DatetimeIndex(own.dates[:n_before].append(bars.dates))
        known = set(own.assets)
        # appended, so that a feed that comes later moves no column
        names = (*own.assets, *(name for name in bars.assets if name not in known))
        lines = tuple(line for line in bars.lines if line in own.lines)
        kind = bars.dates[0], names, lines, frozenset(bars.assets)
        if kind != self._kind:
            self._tell(bars, lines, names)
            self._kind, self._n, self._lines = kind, 0, {}
            self.fed = frozenset(bars.assets)
        if len(dates) > self._n:
            self._fill(bars, dates, names, lines, n_before)
        benchmark, benchmark_open = self._benchmark(bars, n_before)
        values = {line: self._lines[line][: len(dates)] for line in lines}
        return Bars(dates, names, values, benchmark, benchmark_open)

    def _fill(
        self,
        bars: Bars,
        dates: pd.DatetimeIndex,
        names: tuple[str, ...],
        lines: tuple[str, ...],
        n_before: int,
    ) -> None:
        """Add the rows that are not there yet."""
        own, start, stop = self.market.bars, self._n, len(dates)
        column = {name: i for i, name in enumerate(names)}
        fed = np.array([column[name] for name in bars.assets], dtype=np.intp)
        rows = own.dates.get_indexer(dates[start:])
        there = np.flatnonzero(rows >= 0)
        of_feeds = max(start, n_before)  # the first row that the feeds have
        for line in lines:
            values = self._lines.get(line, np.empty((0, len(names))))
            if len(values) < stop:
                room = stop if not start else int(stop * SPARE)
                values, old = np.empty((room, len(names))), values
                values[:start] = old[:start]
            new = values[start:stop]
            new[...] = np.nan
            new[there, : len(own.assets)] = own[line][rows[there]]
            new[:, fed] = np.nan
            values[of_feeds:stop, fed] = bars[line][of_feeds - n_before :]
            self._lines[line] = values
        self._n = stop

    def _benchmark(
        self, bars: Bars, n_before: int
    ) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
        """Return closes and opens of the benchmark; None where the feeds have none."""
        own = self.market.bars
        if bars.benchmark is None:
            return None, None
        scale = np.nan
        if (
            own.benchmark is not None
            and n_before < len(own)
            and own.dates[n_before] == bars.dates[0]
        ):
            scale = bars.benchmark[0] / own.benchmark[n_before]
        joined: list[NDArray[np.float64] | None] = []
        for name in ("benchmark", "benchmark_open"):
            later, earlier = getattr(bars, name), getattr(own, name)
            if later is None:
                joined.append(None)
                continue
            earlier = own.benchmark if earlier is None else earlier
            before = np.full(n_before, np.nan) if earlier is None else earlier[:n_before] * scale
            joined.append(np.concatenate([before, later]))
        return joined[0], joined[1]

    def _tell(self, bars: Bars, lines: tuple[str, ...], names: tuple[str, ...]) -> None:
        own = self.market.bars
        left = sorted(set(bars.lines) ^ set(own.lines))
        logger.info(
            "%s beside the feeds: %d stocks from %s on, %d of them fed; lines %s%s",
            self.market.name,
            len(own.assets),
            own.dates[0].date() if len(own) else "no day",
            len(bars.assets) + len(own.assets) - len(names),
            ", ".join(lines),
            f", without {', '.join(left)}, which not both have" if left else "",
        )
