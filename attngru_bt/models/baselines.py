"""Signals without a model, which any model has to beat: equal scores, random scores, momentum.

Like a `SignalGenerator` each has ``scores(bars)``, and scores the members of the universe with a
bar at the month-end. It keeps no state and looks at nothing but the bars it is given.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from attngru_bt import checks
from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.membership import Universe, names_at
from attngru_bt.data.schedule import schedule_of
from attngru_bt.features.cross_section import month_ends


class EqualScores(BaseEstimator):  # type: ignore[misc]
    """The same score for every stock: no opinion.

    Held in equal weight, the whole universe is the benchmark of choosing at all; that backtest is
    `attngru_bt.backtest.equal_weight`.

    Parameters
    ----------
    universe : object with ``at(date)``, default None
        The stocks that may be held, per date. None: every asset with a bar at the month-end.

    Examples
    --------
    >>> from attngru_bt import make_market
    >>> bars = make_market(n_assets=3, n_days=30, late=0, gaps=0, delisted=0).bars
    >>> EqualScores().scores(bars).tolist()
    [1.0, 1.0, 1.0]
    """

    title = "Equal weight"

    def __init__(self, universe: Universe | None = None) -> None:
        self.universe = universe

    def scores(self, bars: Bars) -> pd.Series:
        """Return 1 for every stock that could be held at the month-end on which `bars` end."""
        names, _ = candidates(bars, self.universe)
        return _series(names, np.ones(len(names)))


class RandomScores(BaseEstimator):  # type: ignore[misc]
    """Scores drawn at random, anew at each month-end: what luck earns.

    Parameters
    ----------
    random_state : int, default 0
        Each month-end draws from a seed made of it and the month, so that a run started later, or
        feeds in another order, draw the same.
    universe : object with ``at(date)``, default None
        The stocks that may be held, per date. None: every asset with a bar at the month-end.
    schedule : str or Schedule, default "month"
        As in `Recipe`. By "week" each week draws anew.

    Examples
    --------
    >>> from attngru_bt import make_market
    >>> bars = make_market(n_assets=3, n_days=30, late=0, gaps=0, delisted=0).bars
    >>> RandomScores(random_state=1).scores(bars).equals(RandomScores(1).scores(bars))
    True
    """

    title = "Random"

    def __init__(
        self, random_state: int = 0, universe: Universe | None = None, schedule: Any = "month"
    ) -> None:
        self.random_state = random_state
        self.universe = universe
        self.schedule = schedule

    def scores(self, bars: Bars) -> pd.Series:
        """Return independent numbers in [0, 1) at the month-end on which `bars` end.

        Raises
        ------
        ValueError
            If `random_state` is no whole number of at least 0.
        """
        checks.whole_number("random_state", self.random_state, at_least=0)
        names, _ = candidates(bars, self.universe)
        end = bars.dates[-1]
        period = end.year * 12 + end.month
        if schedule_of(self.schedule).unit == "week":
            period = end.toordinal()
        generator = np.random.default_rng([int(self.random_state), period])
        return _series(names, generator.random(len(names)))


class MomentumScores(BaseEstimator):  # type: ignore[misc]
    """Return over the past year without its last month, a fraction.

    At month-end t the score is the close of month-end ``t - skip`` over that of ``t - months``,
    minus 1. The last month is left out because short-term returns tend to reverse.

    Parameters
    ----------
    months : int, default 12
        How far back the return begins.
    skip : int, default 1
        Latest months left out; fewer than `months`.
    universe : object with ``at(date)``, default None
        The stocks that may be held, per date. None: every asset with a bar at the month-end.

    Notes
    -----
    Closes are carried over suspensions. A stock without a close yet at ``t - months`` is not
    scored, and nobody is before there are that many months.

    References
    ----------
    Jegadeesh and Titman (1993), Returns to buying winners and selling losers, Journal of Finance
        48.

    Examples
    --------
    >>> from attngru_bt import make_market
    >>> bars = make_market(n_assets=3, n_days=300, delisted=0).bars
    >>> len(MomentumScores().scores(bars)), len(MomentumScores(months=36).scores(bars))
    (3, 0)
    """

    def __init__(self, months: int = 12, skip: int = 1, universe: Universe | None = None) -> None:
        self.months = months
        self.skip = skip
        self.universe = universe

    @property
    def title(self) -> str:
        """Title in tables and charts."""
        return f"Momentum {self.months}-{self.skip}"

    def scores(self, bars: Bars) -> pd.Series:
        """Return the momentum of every stock known long enough, at the month-end of `bars`.

        Raises
        ------
        ValueError
            If `months` or `skip` is no whole number, or not 0 <= skip < months.
        """
        checks.whole_number("months", self.months, unit="months")
        checks.whole_number("skip", self.skip, at_least=0, unit="months")
        if self.skip >= self.months:
            raise ValueError(
                f"`skip` must be below `months`; got skip={self.skip}, months={self.months}."
            )
        names, columns = candidates(bars, self.universe)
        ends = month_ends(bars.dates)
        if len(ends) <= self.months:
            return _series((), np.empty(0))
        close = bars["close"][:, columns]
        # from `months` month-ends ago to `skip` month-ends ago
        then, now = (_last_known(close, ends[-1 - n]) for n in (self.months, self.skip))
        scores = now / then - 1.0
        known = np.isfinite(scores)
        return _series([names[i] for i in np.flatnonzero(known)], scores[known])

    def why_no_scores(self, bars: Bars) -> str:
        """Say why the month-end on which `bars` end has none, as the rest of a sentence."""
        n_months = len(month_ends(bars.dates))
        if n_months > self.months:
            return f"no stock to hold has a close {self.months} month-ends before the last."
        return (
            f"momentum over {self.months} months needs {self.months + 1} month-ends, and the data "
            f"have {n_months} up to {bars.dates[-1].date()}: bring {self.months + 1 - n_months} "
            f"more months of data."
        )


def candidates(bars: Bars, universe: Universe | None) -> tuple[list[str], NDArray[np.intp]]:
    """Return the names that could be held on the last day of `bars`, sorted, and their columns."""
    if not len(bars):
        raise DataError("No bars yet: a month-end needs at least one session to look back on.")
    members = None if universe is None else names_at(universe, bars.dates[-1])
    traded = ~np.isnan(bars["close"][-1])
    # sorted by name, so that the order of the feeds changes nothing
    places = sorted(
        (asset, i)
        for i, asset in enumerate(bars.assets)
        if traded[i] and (members is None or asset in members)
    )
    return [name for name, _ in places], np.array([i for _, i in places], dtype=np.intp)


def _last_known(close: NDArray[np.float64], day: int) -> NDArray[np.float64]:
    """Return the last close of each column up to `day`; NaN where there is none."""
    known = ~np.isnan(close[: day + 1])
    back = known[::-1].argmax(axis=0)  # 0 too where nothing is known: that close is NaN
    return np.asarray(close[day - back, np.arange(close.shape[1])])


def _series(names: object, values: NDArray[np.float64]) -> pd.Series:
    """Return scores by name."""
    index = pd.Index(names, name="asset", dtype=object)  # type: ignore[call-overload]
    return pd.Series(values, index=index, name="score", dtype=float)
