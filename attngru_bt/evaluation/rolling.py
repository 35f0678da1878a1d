"""Risk and return over a moving window of sessions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from attngru_bt import checks
from attngru_bt.evaluation import statistics

SESSIONS = 252
# rolling sums leave more rounding than `spread` allows for
_ROUNDING = 1e-9


def rolling_sharpe(
    returns: pd.Series,
    riskfree: float = 0.0,
    periods: float = statistics.SESSIONS_PER_YEAR,
    window: int = SESSIONS,
) -> pd.Series:
    """Annualized Sharpe ratio of the last sessions.

    Parameters
    ----------
    returns : Series of shape (n_sessions,)
        Fractions; NaN = not known.
    riskfree : float, default=0.0
        Annual rate as a fraction.
    periods : float, default=252
        Sessions per year.
    window : int, default=252

    Returns
    -------
    Series of shape (n_sessions,)
        NaN until there are `window` sessions, with an unknown return among them, and where they
        differ by rounding only.
    """
    checks.whole_number("window", window, at_least=2)
    excess = (returns - statistics.per_period(riskfree, periods)).rolling(window)
    deviation = excess.std().where(lambda value: value > _ROUNDING)
    ratio: pd.Series = excess.mean() / deviation * np.sqrt(periods)
    return ratio


def rolling_volatility(
    returns: pd.Series, periods: float = statistics.SESSIONS_PER_YEAR, window: int = SESSIONS
) -> pd.Series:
    """Volatility of the last sessions, a fraction a year; NaN until there are `window` of them."""
    checks.whole_number("window", window, at_least=2)
    risk: pd.Series = returns.rolling(window).std() * np.sqrt(periods)
    return risk


def rolling_beta(returns: pd.Series, benchmark: pd.Series, window: int = SESSIONS) -> pd.Series:
    """Slope of the returns on the benchmark's over the last sessions.

    Returns
    -------
    Series of shape (n_sessions,)
        NaN as in `rolling_sharpe`, where the benchmark differs by rounding only.
    """
    checks.whole_number("window", window, at_least=2)
    variance = benchmark.rolling(window).var().where(lambda value: value > _ROUNDING**2)
    beta: pd.Series = returns.rolling(window).cov(benchmark) / variance
    return beta


def active_risk(
    returns: pd.Series,
    benchmark: pd.Series,
    periods: float = statistics.SESSIONS_PER_YEAR,
    window: int = SESSIONS,
) -> pd.Series:
    """Tracking error of the last sessions, a fraction a year; NaN as in `rolling_sharpe`."""
    checks.whole_number("window", window, at_least=2)
    risk: pd.Series = (returns - benchmark).rolling(window).std() * np.sqrt(periods)
    return risk
