"""The driver that goes along with a backtest: it is asked month-end by month-end."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import pandas as pd
from sklearn.base import BaseEstimator

from attngru_bt.data.bars import Bars
from attngru_bt.walkforward.record import MonthRecord
from attngru_bt.walkforward.walk import Walk


class Driver(BaseEstimator):  # type: ignore[misc]
    """A signal that takes a step of its walk whenever it is asked for scores.

    Attributes
    ----------
    walk_ : Walk
        Made when the first month-end is asked for.
    records_ : list of MonthRecord
    progress : callable or None
        Called with the `MonthRecord` of each month-end.
    """

    progress: Callable[[MonthRecord], None] | None
    walk_: Walk

    @abstractmethod
    def make_walk(self) -> Walk:
        """Return a walk that has taken no step; raise ValueError for a parameter out of range."""

    def scores(self, bars: Bars) -> pd.Series:
        """Return the scores of the universe at the month-end on which `bars` end.

        Parameters
        ----------
        bars : Bars
            Everything known at the month-end, and nothing later. Bars of earlier calls must not
            have changed.

        Returns
        -------
        Series, index asset
            Higher is better; empty where there are none yet.

        Raises
        ------
        DataError
            If the bars do not continue those of the call before.
        ValueError
            If a parameter is out of range.
        """
        if not hasattr(self, "walk_"):
            self.walk_ = self.make_walk()
        record = self.walk_.step(bars)
        if self.progress is not None:
            self.progress(record)
        return record.scores

    def labels(self) -> pd.DataFrame:
        """Return the scores beside what came of them; see `Walk.labels`."""
        return self.walk_.labels()

    def why_no_scores(self, bars: Bars) -> str:
        """Say why the month-ends asked so far have no scores, as the rest of a sentence."""
        if not hasattr(self, "walk_"):
            return "no month has ended in the data."
        return self.walk_.why_no_scores()

    @property
    def records_(self) -> list[MonthRecord]:
        """The record of each month-end so far."""
        return self.walk_.records
