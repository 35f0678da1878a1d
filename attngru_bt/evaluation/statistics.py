"""Return statistics as pure functions of an array of simple returns per session.

Every function takes returns as fractions (0.01 = 1%), one per session, in time order, and answers a
fraction or a ratio. The number of sessions a year is never guessed: it is `periods`. NaN means "not
known" and is passed on: one unknown return makes the statistic NaN, so callers leave such days out
themselves and say so. Too few returns for a statistic give NaN, never an error.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from attngru_bt.evaluation.spread import NOISE, spread

SESSIONS_PER_YEAR = 252  # US markets; China has 242


class Drawdown(NamedTuple):
    """The deepest loss from a running peak.

    Attributes
    ----------
    depth : float
        Loss from peak to trough as a positive fraction of the peak; NaN without returns.
    peak, trough, recovery : int or None
        Positions in the returns array: the session whose close was the peak (-1 = the value before
        the first return), the session of the deepest point, and the first later session whose close
        was at or above the peak again. None where there was no loss, or no recovery yet.
    """

    depth: float
    peak: int | None
    trough: int | None
    recovery: int | None


def as_returns(returns: ArrayLike) -> np.ndarray:
    """Convert returns to a one-dimensional float64 array.

    Raises
    ------
    ValueError
        If there is more than one dimension.
    """
    array = np.asarray(returns, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(
            f"`returns` must have one dimension (one return per session); got shape {array.shape}."
        )
    return array


def active_returns(returns: ArrayLike, benchmark: ArrayLike) -> np.ndarray:
    """Return of the strategy less that of its benchmark, session by session.

    Raises
    ------
    ValueError
        If they do not have the same number of sessions.
    """
    strategy, market = as_returns(returns), as_returns(benchmark)
    if len(strategy) != len(market):
        raise ValueError(
            "`returns` and `benchmark` must cover the same sessions; "
            f"got {len(strategy)} and {len(market)} returns."
        )
    active: np.ndarray = strategy - market
    return active


def per_period(riskfree: float, periods: float = SESSIONS_PER_YEAR) -> float:
    """Turn an annual compounded rate into the rate per session.

    Parameters
    ----------
    riskfree : float
        Annual rate as a fraction, above -1.
    periods : float, default=252
        Sessions per year.
    """
    return float((1.0 + riskfree) ** (1.0 / periods) - 1.0)


def growth(returns: ArrayLike) -> np.ndarray:
    """Value of 1 invested before the first session, at the close of every session.

    Returns
    -------
    ndarray of shape (n_sessions,)
    """
    return np.cumprod(1.0 + as_returns(returns))


def total_return(returns: ArrayLike) -> float:
    """Compounded return over all sessions, as a fraction; NaN without returns."""
    array = as_returns(returns)
    return float(np.prod(1.0 + array) - 1.0) if len(array) else float("nan")


def annualized_return(returns: ArrayLike, periods: float = SESSIONS_PER_YEAR) -> float:
    """Compounded return per year, as a fraction.

    Parameters
    ----------
    returns : array-like of shape (n_sessions,)
    periods : float, default=252
        Sessions per year.

    Returns
    -------
    float
        NaN without returns, and where more than everything was lost (no growth rate exists).
    """
    array = as_returns(returns)
    if not len(array) or np.isnan(periods):
        return float("nan")
    final = float(np.prod(1.0 + array))
    if not final >= 0.0 or (array < -1.0).any():  # also NaN
        return float("nan")
    return float(final ** (periods / len(array)) - 1.0)


def volatility(returns: ArrayLike, periods: float = SESSIONS_PER_YEAR) -> float:
    """Sample standard deviation (ddof 1) per year, as a fraction; NaN below two returns."""
    array = as_returns(returns)
    if len(array) < 2:
        return float("nan")
    return float(np.std(array, ddof=1) * np.sqrt(periods))


def sharpe_ratio(
    returns: ArrayLike, riskfree: float = 0.0, periods: float = SESSIONS_PER_YEAR
) -> float:
    """Annualized mean return above the risk-free rate per unit of deviation (sample, ddof 1).

    Parameters
    ----------
    returns : array-like of shape (n_sessions,)
    riskfree : float, default=0.0
        *Annual* risk-free rate as a fraction; converted to a rate per session by `per_period`.
    periods : float, default=252
        Sessions per year.

    Returns
    -------
    float
        NaN below two returns, and where they differ by rounding only.
    """
    return _annualized_ratio(as_returns(returns) - per_period(riskfree, periods), periods)


def information_ratio(
    returns: ArrayLike, benchmark: ArrayLike, periods: float = SESSIONS_PER_YEAR
) -> float:
    """Annualized mean active return (strategy minus benchmark) per unit of tracking error.

    Parameters
    ----------
    returns, benchmark : array-like of shape (n_sessions,)
        Returns of the same sessions.
    periods : float, default=252
        Sessions per year.

    Returns
    -------
    float
        NaN below two returns, and where the differences vary by rounding only.
    """
    return _annualized_ratio(active_returns(returns, benchmark), periods)


def tracking_error(
    returns: ArrayLike, benchmark: ArrayLike, periods: float = SESSIONS_PER_YEAR
) -> float:
    """Annualized sample standard deviation of strategy minus benchmark; NaN below two returns."""
    return volatility(active_returns(returns, benchmark), periods)


def drawdowns(returns: ArrayLike) -> np.ndarray:
    """Loss from the running peak at every session's close, as a positive fraction.

    The value before the first session counts as a peak. What rounding alone can leave is no loss.

    Returns
    -------
    ndarray of shape (n_sessions,)
    """
    return _losses(np.concatenate([[1.0], growth(returns)]))[1:]


def _losses(value: np.ndarray) -> np.ndarray:
    """Loss of each value from the peak so far; 0 where it is only rounding."""
    peak = np.maximum.accumulate(value)
    loss = (peak - value) / peak
    # a value that is back at its peak may miss it by the rounding of the returns between
    return np.where(loss <= NOISE, 0.0, loss)


def max_drawdown(returns: ArrayLike) -> Drawdown:
    """Find the deepest loss from a running peak: depth, peak, trough and recovery.

    Of equally deep troughs it is the first; of sessions at the same peak, the last before it.
    """
    # position 0 is the value before the first return, so positions below are one too large
    value = np.concatenate([[1.0], growth(returns)])
    if len(value) == 1 or np.isnan(value).any():
        return Drawdown(float("nan"), None, None, None)
    depth = _losses(value)
    trough = int(np.argmax(depth))
    if depth[trough] == 0.0:
        return Drawdown(0.0, None, None, None)
    peak = int(np.flatnonzero(depth[:trough] == 0.0)[-1])  # the last such day
    later = np.flatnonzero(depth[trough:] == 0.0)
    recovery = trough + int(later[0]) if len(later) else None
    return Drawdown(
        float(depth[trough]), peak - 1, trough - 1, None if recovery is None else recovery - 1
    )


def worst_drawdowns(returns: ArrayLike, count: int = 5) -> list[Drawdown]:
    """Find the deepest losses, each from a running peak until the value is there again.

    Parameters
    ----------
    returns : array-like of shape (n_sessions,)
    count : int, default=5
        How many at most.

    Returns
    -------
    list of Drawdown
        The deepest first, no two of which overlap; none with an unknown return.
    """
    array = as_returns(returns)
    depth = drawdowns(array)
    if np.isnan(depth).any():
        return []
    below = np.concatenate([[0], depth > 0.0, [0]]).astype(int)
    begin, end = (np.flatnonzero(np.diff(below) == step) for step in (1, -1))
    losses = []
    for first, last in zip(begin, end, strict=True):
        trough = int(first + np.argmax(depth[first:last]))
        recovery = int(last) if last < len(array) else None
        losses.append(Drawdown(float(depth[trough]), int(first) - 1, trough, recovery))
    losses.sort(key=lambda drawdown: -drawdown.depth)
    return losses[:count]


def calmar_ratio(returns: ArrayLike, periods: float = SESSIONS_PER_YEAR) -> float:
    """Annualized return per unit of maximum drawdown; NaN without a loss beyond rounding."""
    depth = max_drawdown(returns).depth
    if not depth > NOISE:
        return float("nan")
    return annualized_return(returns, periods) / depth


def _annualized_ratio(excess: np.ndarray, periods: float) -> float:
    if len(excess) < 2:
        return float("nan")
    return float(np.mean(excess) / spread(excess) * np.sqrt(periods))
