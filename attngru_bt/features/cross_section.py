"""The cross-section: what is known of the stocks at one month-end.

The factors of the stocks that could be held then, over the last
few steps, and (once the next month has ended) their forward returns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from attngru_bt.data.schedule import MONTH, Schedule
from attngru_bt.features.labels import (
    FloatArray,
    rank_targets,
    ranks_among,
    top_labels,
    top_share,
)

if TYPE_CHECKING:
    from attngru_bt.features.covariance import RunningCovariance

LEAST_WEIGHT = 0.05  # rows that weigh less are left out: many, and of little consequence


def month_ends(dates: pd.DatetimeIndex) -> NDArray[np.intp]:
    """Positions of the last session of each month; the last date counts as one.

    Parameters
    ----------
    dates : DatetimeIndex of shape (days,)
        Sessions in increasing order. The caller vouches that the last one ends a month.
    """
    return MONTH.ends(dates)


def step_positions(
    dates: pd.DatetimeIndex,
    month_end: int,
    lookback: int,
    step: str,
    schedule: Schedule = MONTH,
) -> NDArray[np.intp]:
    """Positions of the `lookback` steps up to a month-end, oldest first; -1 = before the data.

    Parameters
    ----------
    dates : DatetimeIndex of shape (days,)
    month_end : int
        Position of the month-end in `dates`.
    lookback : int
        Number of steps, at least 1.
    step : {"day", "month"}
        Consecutive sessions, or consecutive month-ends.
    schedule : Schedule, default month-ends
        Whose sessions stand for month-ends.
    """
    known = dates[: month_end + 1]
    ends = schedule.ends(known) if step == "month" else np.arange(len(known))
    steps = np.full(lookback, -1, dtype=np.intp)
    latest = ends[-lookback:]
    steps[lookback - len(latest) :] = latest
    return steps


@dataclass
class CrossSection:
    """Factors of the stocks that could be held at one month-end, and later their labels.

    Attributes
    ----------
    date : Timestamp
        The month-end.
    assets : tuple of str, length n
        Stocks with a bar at the month-end and at least one known factor: members of the universe,
        and those that are only trained on.
    columns : tuple of str, length n_factors
    values : float32 array of shape (n, n_steps, n_factors)
        Oldest step first; the last step is the month-end. NaN = not known. A step on which a stock
        had no bar is NaN throughout. Raw lines are `Windows`, which have no NaN.
    close : array of shape (n,)
        Close at the month-end, in the feed's currency (adjusted when the bars are).
    returns : array of shape (n,) or None
        Return to the next month-end, as a fraction; None until that month has ended.
    moments : RunningCovariance or None
        Of the month-end's factors, where they are the same in every training window.
    member : bool array of shape (n,) or None
        Which stocks may be held; None: all of them. The others are trained on and never scored.
    within : array of shape (n,) or None
        The line whose deciles the returns are ranked within; None: they are ranked among all.
    among_members : bool
        Whether all returns are placed among those of the members instead.
    size : array of shape (n,) or None
        Market value, where rows are weighted by it.
    weights : array of shape (n,) or None
        What a function of the user's weighs the rows by.
    samples : list of CrossSection
        Cross-sections of days between month-ends whose outcome has become known since the month-end
        before this one: what a fit at this month-end may newly learn from, where rows are taken
        more often than once a month.
    exposures : dict of str to array of shape (n,)
        What scores may be made neutral to; see `attngru_bt.features.exposures`.
    """

    date: pd.Timestamp
    assets: tuple[str, ...]
    columns: tuple[str, ...]
    values: Any
    close: FloatArray
    returns: FloatArray | None = None
    moments: RunningCovariance | None = None
    member: NDArray[np.bool_] | None = None
    within: FloatArray | None = None
    among_members: bool = False
    size: FloatArray | None = None
    weights: FloatArray | None = None
    samples: list[CrossSection] = field(default_factory=list)
    exposures: dict[str, FloatArray] = field(default_factory=dict)
    # returns and their ranks, which each fit that trains on the month asks for
    _ranked: tuple[FloatArray, FloatArray] | None = field(default=None, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.assets)

    @property
    def n_members(self) -> int:
        """How many stocks may be held."""
        return len(self) if self.member is None else int(self.member.sum())

    def members(self) -> CrossSection:
        """Return the cross-section of those that may be held."""
        if self.member is None or self.member.all():
            return self
        kept = self.member
        return CrossSection(
            date=self.date,
            assets=tuple(a for a, held in zip(self.assets, kept, strict=True) if held),
            columns=self.columns,
            values=self.values[kept],
            close=self.close[kept],
            returns=None if self.returns is None else self.returns[kept],
            within=None if self.within is None else self.within[kept],
            size=None if self.size is None else self.size[kept],
            exposures={name: values[kept] for name, values in self.exposures.items()},
        )

    def labels(self, topk: int) -> FloatArray:
        """Labels of shape (n,): 1 = among the `topk` best members of the next month.

        NaN while that month has not ended, and for stocks that may not be held.
        """
        labels = np.full(len(self), np.nan)
        if self.returns is not None:
            member = slice(None) if self.member is None else self.member
            labels[member] = top_labels(self.returns[member], topk)
        return labels

    def top_targets(self, topk: int, n_members: int = 1) -> FloatArray:
        """Targets of shape (n,) for a classifier: the labels, carried over to all trained stocks.

        The same share of all stocks, or of each decile of `within`, is called best as `topk` is of
        the members; of `n_members` if it has none, being from before there were any. Where returns
        are placed among those of the members, what is as good as the best of these is.
        """
        if self.returns is None or (self.member is None and self.within is None):
            return self.labels(topk)
        if self._has_members_to_rank_among():
            best = self.returns[self.labels(topk) == 1].min()
            return np.where(np.isnan(self.returns), np.nan, (self.returns >= best).astype(float))
        n_known = int((~np.isnan(self.labels(topk))).sum()) or max(n_members, 1)
        return top_share(self.returns, min(1.0, topk / n_known), self.within)

    def ranks(self) -> FloatArray:
        """Rank of the next month's return, of shape (n,): -1 worst .. 1 best; NaN while unknown.

        Among all stocks, those of the same decile of `within`, or the members.
        """
        if self.returns is None:
            return np.full(len(self), np.nan)
        if self._ranked is None or self._ranked[0] is not self.returns:
            if self._has_members_to_rank_among():
                ranks = ranks_among(self.returns, np.asarray(self.member))
            else:
                ranks = rank_targets(self.returns, self.within)
            ranks.flags.writeable = False
            self._ranked = self.returns, ranks
        return self._ranked[1]

    def _has_members_to_rank_among(self) -> bool:
        if not self.among_members or self.member is None or self.returns is None:
            return False
        return bool((~np.isnan(self.returns[self.member])).any())

    def row_weights(self, n_members: int = 1) -> FloatArray:
        """Weight of each row in training, of shape (n,): `weights`, or by likeness in size.

        With n members a stock that is the r-th largest weighs exp(-(r - n) / (4/3 n)), and nothing
        where that is below `LEAST_WEIGHT`; stocks of unknown size count as the smallest. All weigh
        1 where `size` is None. `n_members` as in `top_targets`.
        """
        if self.weights is not None:
            return self.weights
        if self.size is None:
            return np.ones(len(self))
        rank = rankdata(np.where(np.isnan(self.size), np.inf, -self.size))
        n_members = self.n_members or max(n_members, 1)
        weights = np.exp(-(rank - n_members) / (4 / 3 * n_members))
        return np.where(weights < LEAST_WEIGHT, 0.0, weights)
