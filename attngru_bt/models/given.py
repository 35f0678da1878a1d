"""Scores that are given rather than computed: a table of month-ends × assets."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.data.bars import DataError
from attngru_bt.data.codes import other_spellings
from attngru_bt.data.score_table import wide

logger = logging.getLogger(__name__)


class GivenScores:
    """A signal that reads its scores from a table.

    Parameters
    ----------
    table : DataFrame of shape (dates, assets), or long
        As `attngru_bt.data.score_table.wide` takes it. Higher is better; NaN = not scored. A row
        counts from its date on, so a row must hold nothing that was not known on that date.
    title : str, default None
        Title in tables and charts.

    Raises
    ------
    TypeError
        If the index is not dates, or a column not numbers.
    ValueError
        If a date or an asset appears twice.
    """

    def __init__(self, table: pd.DataFrame | pd.Series, title: str | None = None) -> None:
        self.title = title
        table = wide(table)
        if not isinstance(table.index, pd.DatetimeIndex):
            raise TypeError(
                f"Given scores must be indexed by date, one column per asset; "
                f"got an index of {table.index.dtype}. Convert it with pd.to_datetime."
            )
        assets = pd.Index(table.columns.astype(str), name="asset")
        for axis, labels in (("date", table.index), ("asset", assets)):
            if labels.has_duplicates:
                twice = labels[labels.duplicated()][0]
                raise ValueError(f"Given scores have the {axis} {twice} twice: keep one of them.")
        for position, kind in enumerate(table.dtypes):
            if not _is_real(kind):
                raise TypeError(
                    f"Given scores must be numbers; column {table.columns[position]!r} is of "
                    f"{kind}. Convert it with pd.to_numeric."
                )
        table = table.sort_index()
        self._dates = table.index.to_numpy()
        self._assets = assets
        self._values = table.to_numpy(dtype=float)
        self._told = False  # whether rows of no session were

    def spelled(self, names: Iterable[str]) -> GivenScores:
        """Return the scores with their assets spelled as `names` are.

        Names of the same stock are ``600000.SH``, ``sh.600000`` and the like, see
        `attngru_bt.data.codes.same_stock`. Assets that are among the names, or are no other
        spelling of one, stay as they are.

        Raises
        ------
        DataError
            If an asset is another spelling of two names, or two assets are the same one.
        """
        ours = other_spellings(self.assets, names, "The given scores")
        if not ours:
            return self
        taken = {name: name for name in self.assets if name not in ours}
        for theirs, name in ours.items():
            if name in taken:
                raise DataError(
                    f"The given scores: {taken[name]} and {theirs} are two spellings of {name}; "
                    f"keep one of them."
                )
            taken[name] = theirs
        table = pd.DataFrame(self._values, pd.DatetimeIndex(self._dates), self._assets)
        return GivenScores(table.rename(columns=ours), self.title)

    @property
    def assets(self) -> list[str]:
        """Names that the table has a column for."""
        return list(self._assets)

    @property
    def n_dates(self) -> int:
        """Number of dates with a row of scores."""
        return len(self._dates)

    def date_of(self, month_end: pd.Timestamp) -> pd.Timestamp | None:
        """Return the date of the scores that count at a month-end; None if they begin later."""
        row = int(np.searchsorted(self._dates, month_end.to_datetime64(), side="right")) - 1
        return None if row < 0 else pd.Timestamp(self._dates[row])

    def at(self, month_end: pd.Timestamp, before: pd.Timestamp | None = None) -> pd.Series:
        """Return the latest scores dated up to `month_end` and before a session, without NaN."""
        last = month_end if before is None else min(month_end, before - pd.Timedelta(1, "ns"))
        if before is not None and not self._told:
            self._tell_of_no_session(month_end, before)
        row = int(np.searchsorted(self._dates, last.to_datetime64(), side="right")) - 1
        if row < 0:
            return pd.Series(dtype=float, index=self._assets[:0], name="score")
        known = ~np.isnan(self._values[row])
        assets = self._assets if known.all() else self._assets[known]
        return pd.Series(self._values[row][known], index=assets, name="score")

    def _tell_of_no_session(self, month_end: pd.Timestamp, before: pd.Timestamp) -> None:
        """Warn of scores of a day between a month-end and the session at hand, which was none."""
        first = int(np.searchsorted(self._dates, month_end.to_datetime64(), side="right"))
        end = int(np.searchsorted(self._dates, before.to_datetime64(), side="left"))
        if first < end:
            self._told = True
            counts = "none" if first == 0 else f"those of {str(self._dates[first - 1])[:10]}"
            logger.warning(
                "Given scores of %s, which is no session, come after the month-end of %s, for "
                "which %s count: date scores by the last session that they know.",
                str(self._dates[first])[:10],
                month_end.date(),
                counts,
            )

    def why_no_scores(self, last: dt.date) -> str:
        """Say why there were none up to the month-end `last`, as the rest of a sentence."""
        known = self._dates[~np.isnan(self._values).all(axis=1)]
        if not len(known):
            return "the given scores are all missing."
        begin = pd.Timestamp(known[0]).date()
        return f"the given scores begin on {begin}, and the last month-end asked for is {last}."


def check_scores(scores: Any, signal: Any) -> pd.Series:
    """Return a copy of the answer of ``scores(bars)`` if it is one number per name.

    Raises
    ------
    TypeError
        If it is no Series of numbers.
    DataError
        If a name is scored twice, and so would be held twice.
    """
    who = f"`signal`: {type(signal).__name__}.scores(bars)"
    if not isinstance(scores, pd.Series):
        raise TypeError(
            f"{who} must return a Series of scores indexed by name; got {type(scores).__name__}."
        )
    if not (_is_real(scores.dtype) or scores.empty):
        raise TypeError(f"{who} must return real numbers; got a Series of {scores.dtype}.")
    if scores.index.has_duplicates:
        name = scores.index[scores.index.duplicated()][0]
        raise DataError(f"{who} scored {name} twice; give each name one score.")
    return scores.copy()  # the signal may go on to write into its own


def _is_real(dtype: Any) -> bool:
    return pd.api.types.is_numeric_dtype(dtype) and dtype.kind != "c"
