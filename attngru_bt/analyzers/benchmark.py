"""A benchmark's returns on the strategy's own sessions, from a feed or a Series of closes."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.analyzers.record import session_dates
from attngru_bt.checks import nearest
from attngru_bt.data.dates import moved_to_utc
from attngru_bt.feeds.sessions import FeedSessions

logger = logging.getLogger(__name__)


class Benchmark:
    """Closes to compare a strategy with, aligned to the strategy's sessions.

    Analyzers call `start`, `next` and `stop` from their own, and then `returns`.

    Parameters
    ----------
    source : str or Series
        Name of a feed in the same Cerebro, or closes (not returns) indexed by date. Closes that
        are NaN are not known and left out.

    Raises
    ------
    TypeError, ValueError
        If `source` is neither, or the Series has no dates, duplicate dates or closes not above 0.
    """

    def __init__(self, source: str | pd.Series) -> None:
        self._feed: Any = None
        self._lines: tuple[Any, Any] | None = None
        self._times: list[int] = []
        self._prices: list[float] = []
        self._closes: pd.Series | None = None
        if isinstance(source, str):
            self.name = source
        elif isinstance(source, pd.Series):
            self.name = str(source.name) if source.name is not None else "benchmark"
            self._closes = _checked(source)
        else:
            raise TypeError(
                "`benchmark` must be the name of a feed or a pandas Series of closes indexed by "
                f"date; got {type(source).__name__}."
            )

    def start(self, strategy: Any) -> None:
        """Find the feed of that name among the strategy's."""
        if self._closes is not None:
            return
        names = [feed._name for feed in strategy.datas]
        if self.name not in names:
            hint = nearest(self.name, names)
            raise ValueError(
                f"`benchmark` {self.name!r} is not the name of a feed{hint} "
                f"The feeds are {', '.join(names[:8])}."
            )
        self._feed = strategy.datas[names.index(self.name)]
        self._lines = FeedSessions(self._feed), self._feed.lines.close

    def next(self) -> None:
        """Record the feed's newest close."""
        # close[0] of a preloaded feed that has not begun is its last close, which is in the future
        if self._lines is not None and len(self._feed):
            sessions, close = self._lines
            self._times.append(sessions.day())
            self._prices.append(close[0])

    def stop(self) -> None:
        """Turn the recorded closes into a Series and drop the reference to the feed."""
        if self._lines is not None:
            closes = pd.Series(self._prices, index=session_dates(self._times), dtype=np.float64)
            self._closes = _checked(closes[~closes.index.duplicated(keep="last")])
        self._feed = self._lines = None
        self._times, self._prices = [], []

    def returns(self, sessions: pd.DatetimeIndex) -> pd.Series:
        """Return of the benchmark per session, as fractions; NaN = not known.

        On a session without a close of its own the benchmark stands at its last one (return 0).
        Before its first close and after its last nothing is known. The first session's return
        needs a close dated before it, which a Series may have and a feed never has.

        Parameters
        ----------
        sessions : DatetimeIndex of shape (n_sessions,)
            The strategy's sessions.

        Returns
        -------
        Series of shape (n_sessions,)
        """
        assert self._closes is not None, "stop() comes first"
        if not len(sessions):
            return pd.Series(np.empty(0), index=sessions, name=self.name)
        dates = pd.DatetimeIndex(self._closes.index)
        prices = np.concatenate([[np.nan], self._closes.to_numpy()])  # 0 = none known yet
        at = dates.searchsorted(sessions, side="right")
        now = prices[at]
        before_first = prices[dates.searchsorted(sessions[0], side="left")]
        change = now / np.concatenate([[before_first], now[:-1]]) - 1.0
        if len(dates):
            change[sessions > dates[-1]] = np.nan
        self._report(sessions, change)
        return pd.Series(change, index=sessions, name=self.name)

    def _report(self, sessions: pd.DatetimeIndex, change: np.ndarray) -> None:
        """Warn of sessions on which the benchmark has no close of its own."""
        assert self._closes is not None
        known = np.flatnonzero(~np.isnan(change))
        if not len(known):
            logger.warning(
                "Benchmark %s has no two closes on the strategy's sessions (%s to %s): "
                "nothing is compared with it.",
                self.name,
                sessions[0].date(),
                sessions[-1].date(),
            )
            return
        # the first session has no change, so that a full benchmark is known from the second on
        if known[0] > 1 or known[-1] < len(sessions) - 1:
            logger.warning(
                "Benchmark %s is known from %s to %s only; comparisons cover these sessions.",
                self.name,
                sessions[known[0]].date(),
                sessions[known[-1]].date(),
            )
        has_close = np.isin(sessions[known], self._closes.index)
        if (missing := int((~has_close).sum())) > 0.05 * len(known):
            logger.warning(
                "Benchmark %s has no close of its own on %d of %d sessions and stands still "
                "there; give daily closes.",
                self.name,
                missing,
                len(known),
            )


def _checked(closes: pd.Series) -> pd.Series:
    """Return the closes sorted by naive date, or raise an error that says what is wrong."""
    if not isinstance(closes.index, pd.DatetimeIndex):
        raise TypeError(
            "`benchmark` must be indexed by dates (a DatetimeIndex); "
            f"got an index of {closes.index.dtype}."
        )
    if not pd.api.types.is_numeric_dtype(closes.dtype):
        raise TypeError(f"`benchmark` must hold closes as numbers; got dtype {closes.dtype}.")
    stamps = closes.index.tz_localize(None)
    dates = stamps.normalize()
    for i in moved_to_utc(dates.to_numpy(), lambda i: stamps[i]):
        raise ValueError(
            f"`benchmark` has a close on {stamps[i]}, a Sunday, and none on Fridays: they seem to "
            "be the next days of an exchange east of UTC; give its own dates, such as with "
            "index.tz_convert('Asia/Shanghai')."
        )
    closes = pd.Series(closes.to_numpy(np.float64), index=dates).dropna().sort_index()
    twice = closes.index[closes.index.duplicated()]
    if len(twice):
        raise ValueError(f"`benchmark` has two closes on {twice[0].date()}; give one per session.")
    wrong = closes[~(closes > 0)]
    if len(wrong):
        raise ValueError(
            f"`benchmark` must hold closes above 0; got {wrong.iloc[0]:g} on "
            f"{wrong.index[0].date()}. If these are returns, pass (1 + returns).cumprod()."
        )
    return closes
