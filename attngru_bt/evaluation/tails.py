"""How the returns of sessions are distributed: their losses, asymmetry and tails.

As in `statistics`: simple returns as fractions, NaN is passed on, too few returns give NaN. Losses
are positive fractions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from attngru_bt.evaluation.spread import NOISE, spread
from attngru_bt.evaluation.statistics import SESSIONS_PER_YEAR, as_returns, drawdowns, per_period

TAIL = 0.05
"""Share of the sessions that count as the worst."""


def sortino_ratio(
    returns: ArrayLike, riskfree: float = 0.0, periods: float = SESSIONS_PER_YEAR
) -> float:
    """Annualized mean return above the risk-free rate per unit of downside deviation.

    Parameters
    ----------
    returns : array-like of shape (n_sessions,)
    riskfree : float, default=0.0
        *Annual* risk-free rate as a fraction.
    periods : float, default=252
        Sessions per year.

    Returns
    -------
    float
        NaN below two returns, and where no return is below the risk-free rate.
    """
    excess = as_returns(returns) - per_period(riskfree, periods)
    if len(excess) < 2:
        return float("nan")
    # the root of the mean square of what is below 0, over all sessions
    downside = float(np.sqrt(np.mean(np.minimum(excess, 0.0) ** 2)))
    if not downside > NOISE:
        return float("nan")
    return float(np.mean(excess) / downside * np.sqrt(periods))


def skewness(returns: ArrayLike) -> float:
    """Third standardized moment: below 0 where large losses are more frequent than large gains."""
    return _standardized_moment(returns, 3)


def excess_kurtosis(returns: ArrayLike) -> float:
    """Fourth standardized moment less 3: above 0 where the tails are fatter than the normal's."""
    return _standardized_moment(returns, 4) - 3.0


def value_at_risk(returns: ArrayLike) -> float:
    """Loss of a session that 5% of them exceed, a positive fraction; NaN without returns."""
    array = as_returns(returns)
    return float(-np.quantile(array, TAIL)) if len(array) else float("nan")


def expected_shortfall(returns: ArrayLike) -> float:
    """Mean loss of the worst 5% of sessions, a positive fraction; NaN without returns."""
    array = as_returns(returns)
    if not len(array) or np.isnan(array).any():
        return float("nan")
    worst = int((len(array) - 1) * TAIL) + 1
    return float(-np.mean(np.sort(array)[:worst]))


def longest_drawdown(returns: ArrayLike) -> float:
    """Largest number of sessions from a peak until its value was there again, or to the end."""
    depth = drawdowns(returns)
    if not len(depth) or np.isnan(depth).any():
        return float("nan")
    below = np.concatenate([[0], depth > 0.0, [0]]).astype(int)
    begin, end = (np.flatnonzero(np.diff(below) == step) for step in (1, -1))
    # the session of the recovery counts, where there is one
    sessions = np.minimum(end + 1, len(depth)) - begin
    return float(sessions.max(initial=0))


def _standardized_moment(returns: ArrayLike, order: int) -> float:
    array = as_returns(returns)
    if np.isnan(spread(array)):
        return float("nan")
    centered = array - array.mean()
    return float(np.mean(centered**order) / np.mean(centered**2) ** (order / 2.0))
