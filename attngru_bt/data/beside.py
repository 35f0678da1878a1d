"""A market beside the feeds: its bars joined to theirs, never beyond the last day of theirs."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.codes import other_spellings
from attngru_bt.data.interval import check_daily
from attngru_bt.data.market import Market
from attngru_bt.data.prices import check_prices

logger = logging.getLogger(__name__)

SPARE = 1.5  # capacity over rows at hand: so the rows are copied rarely and not at each month-end


class Beside:
    """The bars of a market beside those that are traded, for models to be trained on.

    A stock of the market that is fed as well, in whatever spelling, has the name and the bars of
    its feed. The sessions before the first bar of the feeds are those of the market; from then on
    they are those of the feeds, and a warning says once if the market has others. The lines are
    those that both have. The benchmark is that of the feeds, and before their first bar that of the
    market, scaled to meet it.

    Parameters
    ----------
    market : Market
        Prices and units as those of the feeds. Its members are trained on; without a membership all
        of its stocks.

    Raises
    ------
    DataError
        If a price of the market is not positive and finite, or its bars are not daily.

    Attributes
    ----------
    fed : frozenset of str
        Names of the feeds, as of the last call.
    """

    def __init__(self, market: Market) -> None:
        source = f"`train_on`: {market.name}"
        check_prices(market.bars, source)
        check_daily(market.bars.dates, source)
        self.market = market
        self.fed: frozenset[str] = frozenset()
        self._kind: tuple[object, ...] = ()  # first day, names and lines of the rows that are kept
        self._lines: dict[str, NDArray[np.float64]] = {}  # with spare rows
        self._n = 0  # rows that are filled
        self._assets = market.bars.assets  # spelled as the feeds are
        self._spelled: dict[str, str] = {}  # names of the market that the feeds spell otherwise
        self._feeds: tuple[str, ...] = ()
        self._warned = False

    def join(self, bars: Bars) -> Bars:
        """Return the bars of the feeds and of the market, up to the last day of the feeds.

        Parameters
        ----------
        bars : Bars
            At least one session. They continue those of the call before, whose rows are not read
            again.
        """
        market = self.market.bars
        n_before = int(market.dates.searchsorted(bars.dates[0]))
        dates = pd.DatetimeIndex(market.dates[:n_before].append(bars.dates))
        if bars.assets != self._feeds:
            self._spell(bars.assets)
        known = set(self._assets)
        # appended, so that a feed that comes later moves no column
        names = (*self._assets, *(name for name in bars.assets if name not in known))
        lines = tuple(line for line in bars.lines if line in market.lines)
        kind = bars.dates[0], names, lines, frozenset(bars.assets)
        if kind != self._kind:
            self._log_join(bars, lines, names)
            self._kind, self._n, self._lines = kind, 0, {}
            self.fed = frozenset(bars.assets)
        if len(dates) > self._n:
            self._fill(bars, dates, names, lines, n_before)
        benchmark, benchmark_open = self._benchmark(bars, n_before)
        values = {line: self._lines[line][: len(dates)] for line in lines}
        return Bars(dates, names, values, benchmark, benchmark_open)

    def at(self, date: pd.Timestamp) -> frozenset[str]:
        """Return the members of the market at a date, spelled as the feeds are."""
        assert self.market.membership is not None
        return frozenset(self._spelled.get(name, name) for name in self.market.membership.at(date))

    def _spell(self, feeds: tuple[str, ...]) -> None:
        """Note how the feeds spell the stocks of the market.

        Raises
        ------
        DataError
            If two stocks of the market are one of the feeds, or one is two of them.
        """
        symbols = self.market.bars.assets
        self._spelled = other_spellings(symbols, feeds, f"`train_on`: {self.market.name}")
        taken = {name: name for name in symbols if name not in self._spelled}
        for theirs, name in self._spelled.items():
            if name in taken:
                raise DataError(
                    f"`train_on`: {self.market.name}: {taken[name]} and {theirs} are two spellings "
                    f"of {name}; keep one of them."
                )
            taken[name] = theirs
        self._assets = tuple(self._spelled.get(name, name) for name in symbols)
        self._feeds = feeds

    def _warn_of_sessions(self, dates: pd.DatetimeIndex, start: int, n_before: int) -> None:
        """Warn once if the market has sessions, from row `start` on, that the feeds lack."""
        begin = max(start, n_before)
        if self._warned or begin >= len(dates):
            return
        sessions = self.market.bars.dates
        after = dates[begin - 1] if begin > n_before else dates[begin] - pd.Timedelta(days=1)
        theirs = sessions[(sessions > after) & (sessions <= dates[-1])]
        left = theirs[~theirs.isin(dates)]
        if len(left):
            self._warned = True
            logger.warning(
                "%s beside the feeds: it has sessions that the feeds lack (the first is %s), whose "
                "bars are left out. Give data of the same exchange.",
                self.market.name,
                left[0].date(),
            )

    def _fill(
        self,
        bars: Bars,
        dates: pd.DatetimeIndex,
        names: tuple[str, ...],
        lines: tuple[str, ...],
        n_before: int,
    ) -> None:
        """Add the rows that are not there yet."""
        market, start, stop = self.market.bars, self._n, len(dates)
        self._warn_of_sessions(dates, start, n_before)
        column = {name: i for i, name in enumerate(names)}
        fed = np.array([column[name] for name in bars.assets], dtype=np.intp)
        rows = market.dates.get_indexer(dates[start:])
        shared = np.flatnonzero(rows >= 0)
        of_feeds = max(start, n_before)  # the first row that the feeds have
        for line in lines:
            values = self._lines.get(line, np.empty((0, len(names))))
            if len(values) < stop:
                room = stop if not start else int(stop * SPARE)
                values, old = np.empty((room, len(names))), values
                values[:start] = old[:start]
            new = values[start:stop]
            new[...] = np.nan
            new[shared, : len(market.assets)] = market[line][rows[shared]]
            new[:, fed] = np.nan
            values[of_feeds:stop, fed] = bars[line][of_feeds - n_before :]
            self._lines[line] = values
        self._n = stop

    def _benchmark(
        self, bars: Bars, n_before: int
    ) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
        """Return closes and opens of the benchmark; None where the feeds have none."""
        market = self.market.bars
        if bars.benchmark is None:
            return None, None
        # earlier values of the market's index, scaled to that of the feeds on its first day
        scale = np.nan
        if (
            market.benchmark is not None
            and n_before < len(market)
            and market.dates[n_before] == bars.dates[0]
        ):
            scale = bars.benchmark[0] / market.benchmark[n_before]
        joined: list[NDArray[np.float64] | None] = []
        for name in ("benchmark", "benchmark_open"):
            later, earlier = getattr(bars, name), getattr(market, name)
            if later is None:
                joined.append(None)
                continue
            earlier = market.benchmark if earlier is None else earlier
            before = np.full(n_before, np.nan) if earlier is None else earlier[:n_before] * scale
            joined.append(np.concatenate([before, later]))
        return joined[0], joined[1]

    def _log_join(self, bars: Bars, lines: tuple[str, ...], names: tuple[str, ...]) -> None:
        """Log how many stocks and which lines come of the join."""
        market = self.market.bars
        left = sorted(set(bars.lines) ^ set(market.lines))
        logger.info(
            "%s beside the feeds: %d stocks from %s on, %d of them fed; lines %s%s",
            self.market.name,
            len(market.assets),
            market.dates[0].date() if len(market) else "no day",
            len(bars.assets) + len(market.assets) - len(names),
            ", ".join(lines),
            f", without {', '.join(left)}, which only one of the two has" if left else "",
        )
