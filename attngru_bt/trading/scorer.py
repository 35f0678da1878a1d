"""The scorer: asks a strategy's signal for the scores of a month-end."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any

import pandas as pd

from attngru_bt.data.bars import Bars
from attngru_bt.data.membership import Universe, names_at
from attngru_bt.models.given import GivenScores, check_scores
from attngru_bt.trading.view import FeedView

logger = logging.getLogger(__name__)

OLD = pd.Timedelta(days=31)  # more than this is not the age of a month-end's scores


class Scorer:
    """Asks a signal for scores, on bars older than the session that is traded.

    Parameters
    ----------
    signal : Signal or finished scores
        As `checked_signal` returns it.
    view : FeedView
    universe : Universe or None
        The stocks that may be held, to which all scores are cut: a signal need not know them.
    """

    def __init__(self, signal: Any, view: FeedView, universe: Universe | None) -> None:
        self._signal = signal
        self._view = view
        self._universe = universe
        self._warned_of_strangers = False
        self._old: list[tuple[dt.date, dt.date]] = []  # month-end → date of its given scores

    def scores(self, month_end: dt.date, before: dt.date, bars: Callable[[], Bars]) -> pd.Series:
        """Return a score per name, higher is better; empty if there are none.

        Parameters
        ----------
        month_end : date
        before : date
            Scores and bars dated on it or later are not read.
        bars : callable
            Returns the bars before it; not called where the scores are finished.
        """
        day = pd.Timestamp(month_end)
        scores: pd.Series
        if hasattr(self._signal, "at"):
            self._view.check(before)  # no signal reads these bars, but orders are made of them
            scores = self._signal.at(day, before=pd.Timestamp(before))
            self._note_age(day)
        else:
            scores = check_scores(self._signal.scores(bars()), self._signal)
            self._warn_of_strangers(month_end, scores)
            self._view.warn_of_index(bars(), set(scores.index))
        if self._universe is None:
            return scores
        return scores[scores.index.isin(names_at(self._universe, day))]

    def report_old_scores(self, n_decisions: int) -> None:
        """Warn of decisions on given scores that were more than a month old."""
        if self._old:
            month_end, given = self._old[0]
            logger.warning(
                "At %d of %d decisions, the first after %s, the given scores were more than a "
                "month old (those of %s): bring scores of each month-end.",
                len(self._old),
                n_decisions,
                month_end,
                given,
            )

    def _note_age(self, month_end: pd.Timestamp) -> None:
        """Note given scores that are old; a table with one row is meant to last."""
        if isinstance(self._signal, GivenScores) and self._signal.n_dates > 1:
            given = self._signal.date_of(month_end)
            if given is not None and month_end - given > OLD:
                self._old.append((month_end.date(), given.date()))

    def _warn_of_strangers(self, month_end: dt.date, scores: pd.Series) -> None:
        """Warn once of scored names that are no feeds."""
        strangers = sorted({str(name) for name in scores.index} - set(self._view.feeds))
        if strangers and not self._warned_of_strangers:
            self._warned_of_strangers = True
            logger.warning(
                "%s: %d of %d names that the signal scored are no feeds (%s, …) and are left out.",
                month_end,
                len(strangers),
                len(scores),
                strangers[0],
            )
