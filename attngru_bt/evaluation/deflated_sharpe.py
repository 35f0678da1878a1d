"""Whether the best Sharpe ratio of many tries is more than the best of as many without skill."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from attngru_bt import checks
from attngru_bt.evaluation import statistics
from attngru_bt.evaluation.spread import spread


def probabilistic_sharpe_ratio(
    sharpe: float, benchmark: float, observations: int, skew: float = 0.0, kurtosis: float = 3.0
) -> float:
    """Probability that the true Sharpe ratio is above `benchmark`, given the measured one.

    Parameters
    ----------
    sharpe, benchmark : float
        Per observation, not annualized.
    observations : int
    skew, kurtosis : float, default=0, 3
        Of the returns; the kurtosis of a normal distribution is 3.

    References
    ----------
    Bailey & López de Prado (2012), The Sharpe ratio efficient frontier.
    """
    if observations < 2:
        return float("nan")
    # variance of the ratio's estimate, times observations - 1
    variance = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    if not variance > 0.0:  # also NaN
        return float("nan")
    distance = (sharpe - benchmark) * np.sqrt(observations - 1) / np.sqrt(variance)
    return float(stats.norm.cdf(distance))


def effective_trials(returns: ArrayLike) -> float:
    """Return the number of independent tries that correlated ones amount to.

    With M tries of mean correlation r it is r + (1 - r) M: one if all are the same, M if they are
    uncorrelated.

    Parameters
    ----------
    returns : array-like of shape (n_periods, n_tries)
        Returns of each try, fractions; for a comparison with a baseline the excess over it. A mean
        correlation below 0 counts as 0, and a try that does not vary as independent.

    Returns
    -------
    float
        From 1 to M. NaN if a return is not known or there are fewer than three periods.

    References
    ----------
    Bailey & López de Prado (2014), The deflated Sharpe ratio, appendix 3.
    """
    table = np.asarray(returns, dtype=np.float64)
    n_periods, n_tries = table.shape
    if n_tries == 1:
        return 1.0
    if n_periods < 3 or not np.isfinite(table).all():
        return float("nan")
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.nan_to_num(np.corrcoef(table.T))
    mean = (correlation.sum() - np.trace(correlation)) / (n_tries * (n_tries - 1))
    mean = min(max(float(mean), 0.0), 1.0)
    return mean + (1.0 - mean) * n_tries


def expected_best_sharpe(trials: float, variance: float) -> float:
    """Sharpe ratio that the best of `trials` tries without skill is expected to show.

    Parameters
    ----------
    trials : float
        Independent tries, at least 1; `effective_trials` need not be whole. One: 0.
    variance : float
        Variance of the tries' Sharpe ratios, per observation, not annualized; the result is in the
        same unit.

    References
    ----------
    Bailey & López de Prado (2014), The deflated Sharpe ratio, equation 1.
    """
    checks.number("trials", trials, at_least=1)
    if trials == 1:
        return 0.0
    # expected maximum of `trials` standard normal values
    best = (1.0 - np.euler_gamma) * stats.norm.ppf(1.0 - 1.0 / trials)
    best += np.euler_gamma * stats.norm.ppf(1.0 - 1.0 / (trials * math.e))
    return float(np.sqrt(variance) * max(best, 0.0))


def deflated_sharpe_ratio(
    returns: ArrayLike,
    sharpes: ArrayLike,
    *,
    trials: float | None = None,
    riskfree: float = 0.0,
    periods: float = statistics.SESSIONS_PER_YEAR,
) -> float:
    """Probability that a Sharpe ratio beats the best of many tries without skill.

    Parameters
    ----------
    returns : array-like of shape (n_sessions,)
        Returns of the strategy chosen.
    sharpes : array-like of shape (n_tries,)
        Annualized Sharpe ratios of all that were tried, the chosen one included; NaN are left out.
    trials : float, default None
        How many independent tries there were; None: as many as `sharpes`. Give a larger number if
        more was tried than `sharpes` holds.
    riskfree : float, default=0.0
        Annual risk-free rate as a fraction.
    periods : float, default=252
        Sessions per year.

    Returns
    -------
    float
        NaN below two returns or without spread. With one try, the probability that the true Sharpe
        ratio is above 0.

    References
    ----------
    Bailey & López de Prado (2014), The deflated Sharpe ratio: correcting for selection bias,
    backtest overfitting and non-normality. Journal of Portfolio Management 40(5).
    """
    excess = statistics.as_returns(returns) - statistics.per_period(riskfree, periods)
    deviation = spread(excess)
    if np.isnan(deviation):
        return float("nan")
    tried = np.asarray(sharpes, dtype=np.float64)
    tried = tried[np.isfinite(tried)] / np.sqrt(periods)  # per period, as all figures below
    count = len(tried) if trials is None else trials
    variance = float(tried.var(ddof=1)) if len(tried) > 1 else 0.0
    return probabilistic_sharpe_ratio(
        float(excess.mean() / deviation),
        expected_best_sharpe(max(count, 1), variance),
        len(excess),
        float(stats.skew(excess)),
        float(stats.kurtosis(excess, fisher=False)),
    )
