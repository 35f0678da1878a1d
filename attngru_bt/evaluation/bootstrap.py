"""How far an information ratio could be off: a stationary block bootstrap."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attngru_bt.evaluation import statistics
from attngru_bt.evaluation.spread import spread

DRAWS = 1000
_LEAST_RETURNS = 20  # a block bootstrap of fewer says nothing


class Interval(NamedTuple):
    """A bootstrap interval.

    Attributes
    ----------
    low, high : float
        NaN where the interval is not defined.
    block : float
        Mean length of the blocks drawn, in sessions.
    """

    low: float
    high: float
    block: float


def information_ratio_interval(
    returns: ArrayLike,
    benchmark: ArrayLike,
    *,
    periods: float = statistics.SESSIONS_PER_YEAR,
    level: float = 0.95,
    draws: int = DRAWS,
    random_state: int = 0,
) -> Interval:
    """Bootstrap the annualized information ratio over blocks of sessions.

    The sessions' active returns are drawn in blocks of random (geometric) length, so that whatever
    lasts for days, such as volatility, does so in the draws too. The mean length is at least 1 and
    chosen from the returns by the method of Politis & White. The interval lies between two
    percentiles of the draws.

    Parameters
    ----------
    returns, benchmark : array-like of shape (n_sessions,)
        Returns of the same sessions. Leave out those on which one of the two is NaN.
    periods : float, default=252
        Sessions per year.
    level : float, default=0.95
        Share of the draws inside the interval.
    draws : int, default=1000
    random_state : int, default=0

    Returns
    -------
    Interval
        NaN below 20 sessions, with an unknown return, or where the difference of the two varies
        by rounding only.

    References
    ----------
    Politis & Romano (1994), The stationary bootstrap. Politis & White (2004), Automatic
    block-length selection for the dependent bootstrap. Both as in the library arch.
    """
    if not 0 < level < 1:
        raise ValueError(f"`level` must be a share between 0 and 1; got {level!r}.")
    active = statistics.active_returns(returns, benchmark)
    if len(active) < _LEAST_RETURNS or np.isnan(spread(active)):
        return Interval(np.nan, np.nan, np.nan)
    from arch.bootstrap import StationaryBootstrap, optimal_block_length

    block = max(1.0, float(optimal_block_length(active)["stationary"].iloc[0]))
    year = np.sqrt(periods)

    def ratio(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.atleast_1d(drawn.mean() / spread(drawn) * year)

    # arch annotates whole block lengths but takes the mean length of a stationary bootstrap
    bootstrap = StationaryBootstrap(block, active, seed=np.random.default_rng(random_state))  # type: ignore[arg-type]
    low, high = bootstrap.conf_int(ratio, reps=draws, method="percentile", size=level)[:, 0]
    return Interval(float(low), float(high), block)
