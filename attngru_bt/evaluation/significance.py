"""Could it have been luck? Three answers about a backtest's returns.

- How far could the information ratio be off: a stationary block bootstrap.
- Would picking names at random have done as well: random portfolios of the same universe, months,
  number of names, turnover and costs.
- Is the best of many tries more than the best of many tries: the deflated Sharpe ratio.

Returns are fractions, one per session or month, in time order; NaN = not known, and makes what
depends on it NaN.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from attngru_bt.evaluation import statistics
from attngru_bt.evaluation.spread import spread

DRAWS = 1000
_LEAST_RETURNS = 20  # a block bootstrap of fewer says nothing


class Interval(NamedTuple):
    """A bootstrap interval.

    Attributes
    ----------
    low, high : float
        NaN where the returns cannot tell.
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

    The sessions' active returns are drawn in blocks of random (geometric) length, so that what
    lasts for days, such as volatility, lasts in the draws too; the mean length is the one that
    Politis & White find for these returns, and at least 1. The interval is that of the draws'
    percentiles.

    Parameters
    ----------
    returns, benchmark : array-like of shape (n_sessions,)
        Of the same sessions; those on which one of the two is NaN are the caller's to leave out.
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
    own, other = statistics.as_returns(returns), statistics.as_returns(benchmark)
    if len(own) != len(other):
        raise ValueError(
            "`returns` and `benchmark` must cover the same sessions; "
            f"got {len(own)} and {len(other)} returns."
        )
    active = own - other
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


# -- the best of many tries ------------------------------------------------------------------------


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
        Of the returns; the normal distribution's kurtosis is 3.

    References
    ----------
    Bailey & López de Prado (2012), The Sharpe ratio efficient frontier.
    """
    if observations < 2:
        return float("nan")
    spread = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    if not spread > 0.0:  # also NaN
        return float("nan")
    distance = (sharpe - benchmark) * np.sqrt(observations - 1) / np.sqrt(spread)
    return float(stats.norm.cdf(distance))


def expected_best_sharpe(trials: int, variance: float) -> float:
    """Sharpe ratio that the best of so many tries without any skill is expected to show.

    Parameters
    ----------
    trials : int
        Independent tries. One: 0.
    variance : float
        Of the tries' Sharpe ratios, per observation, not annualized; the answer is in its unit.

    References
    ----------
    Bailey & López de Prado (2014), The deflated Sharpe ratio, equation 1.
    """
    if trials < 1:
        raise ValueError(f"`trials` must be a whole number of at least 1; got {trials!r}.")
    if trials == 1:
        return 0.0
    weight = np.euler_gamma
    best = (1.0 - weight) * stats.norm.ppf(1.0 - 1.0 / trials)
    best += weight * stats.norm.ppf(1.0 - 1.0 / (trials * math.e))
    return float(np.sqrt(variance) * best)


def deflated_sharpe_ratio(
    returns: ArrayLike,
    sharpes: ArrayLike,
    *,
    trials: int | None = None,
    riskfree: float = 0.0,
    periods: float = statistics.SESSIONS_PER_YEAR,
) -> float:
    """Probability that a Sharpe ratio is more than the best of many tries without skill.

    Parameters
    ----------
    returns : array-like of shape (n_sessions,)
        Of the one chosen.
    sharpes : array-like of shape (n_tries,)
        Annualized Sharpe ratios of all that were tried, the chosen one included; NaN are left out.
    trials : int, default None
        How many independent tries there were; None: as many as `sharpes`. Say more if more was
        tried than is shown.
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
    tried = tried[np.isfinite(tried)] / np.sqrt(periods)
    count = len(tried) if trials is None else trials
    variance = float(tried.var(ddof=1)) if len(tried) > 1 else 0.0
    return probabilistic_sharpe_ratio(
        float(excess.mean() / deviation),
        expected_best_sharpe(max(count, 1), variance),
        len(excess),
        float(stats.skew(excess)),
        float(stats.kurtosis(excess, fisher=False)),
    )


# -- random names ----------------------------------------------------------------------------------


def portfolio_returns(
    held: NDArray[np.bool_], returns: pd.DataFrame, k: int, cost: float = 0.0
) -> NDArray[np.float64]:
    """Monthly returns after costs of holding given names by the strategy's own rule.

    Names that leave are sold, names that enter share the free cash equally, the others are left
    alone and drift. Places left empty are cash, which earns nothing. Lots, limits and the days
    between are left out.

    Parameters
    ----------
    held : bool array of shape (n_months, n_assets)
        Who is held over the month.
    returns : DataFrame of shape (n_months, n_assets)
        From one rebalance to the next, fractions; NaN = could not be held, so it counts nothing.
    k : int
        Places.
    cost : float, default=0.0
        Fraction of the traded value.

    Returns
    -------
    array of shape (n_months,)
    """
    values = np.nan_to_num(returns.to_numpy(dtype=np.float64))
    purse = _Purse(1, values.shape[1], k, cost)
    return np.array(
        [purse.month(now[None, :], row)[0] for now, row in zip(held, values, strict=True)]
    )


class _Purse:
    """Value of each name held and of the cash, of many portfolios at once."""

    def __init__(self, draws: int, n_assets: int, k: int, cost: float) -> None:
        self.value = np.zeros((draws, n_assets))
        self.cash = np.ones(draws)
        self.held = np.zeros((draws, n_assets), dtype=bool)
        self.k, self.cost = k, cost

    def month(self, held: NDArray[np.bool_], row: NDArray[np.float64]) -> NDArray[np.float64]:
        """Trade to the names to hold, earn the month's returns, answer those of the portfolios."""
        before = self.cash + self.value.sum(axis=1)
        self.cash += np.where(held, 0.0, self.value).sum(axis=1) * (1.0 - self.cost)
        enter = held & ~self.held
        share = self.cash / np.maximum(self.k - (held & self.held).sum(axis=1), 1)
        bought = np.where(enter, share[:, None] / (1.0 + self.cost), 0.0)
        self.cash -= share * enter.sum(axis=1)
        self.value = (np.where(held, self.value, 0.0) + bought) * (1.0 + row)
        self.held = held
        after = self.cash + self.value.sum(axis=1)
        # who has lost all stays there
        return np.asarray(np.divide(after, before, out=np.ones_like(after), where=before > 0) - 1.0)


def random_portfolios(
    returns: pd.DataFrame,
    k: int,
    *,
    entrants: ArrayLike | None = None,
    cost: float = 0.0,
    draws: int = DRAWS,
    random_state: int = 0,
) -> NDArray[np.float64]:
    """Monthly returns after costs of portfolios of k names picked at random.

    A stand-in for the strategy with a blindfold, simple enough to be drawn a thousand times: the
    same months, members, number of names, changes per month and costs; only who is held is
    chance. Each month the names that can no longer be held leave, then random ones until
    `entrants` places are free (if so many are not free already), and random members fill them and
    share the free cash equally. Names that stay are left alone, as in the strategy.

    Parameters
    ----------
    returns : DataFrame of shape (n_months, n_assets)
        From one rebalance to the next, fractions; NaN = not a member, cannot be held.
    k : int
        Names to hold.
    entrants : array-like of shape (n_months,), default None
        How many names the strategy replaces at each rebalance (the first fills all k); None: a new
        choice every month, which pays more than a strategy that keeps names.
    cost : float, default=0.0
        Fraction of the traded value.
    draws : int, default=1000
    random_state : int, default=0

    Returns
    -------
    array of shape (draws, n_months)
    """
    if k < 1 or draws < 1:
        raise ValueError(f"`k` and `draws` must be at least 1; got k={k!r}, draws={draws!r}.")
    table = returns.to_numpy(dtype=np.float64)
    n_months, n_assets = table.shape
    change = np.full(n_months, k) if entrants is None else np.asarray(entrants, dtype=np.intp)
    if len(change) != n_months:
        raise ValueError(
            f"`entrants` must have one number per month, {n_months}; got {len(change)}."
        )
    rng = np.random.default_rng(random_state)
    purse = _Purse(draws, n_assets, k, cost)
    out = np.empty((draws, n_months))
    for month, row in enumerate(table):
        member = ~np.isnan(row)
        held = _pick(purse.held & member, max(k - int(change[month]), 0), rng)
        held = _fill(held, member, purse.held, k, rng)
        out[:, month] = purse.month(held, np.nan_to_num(row))
    return out


def as_good_by_chance(own: float, drawn: ArrayLike) -> float:
    """Probability that chance does at least as well as `own`, the one itself counted among them.

    Counting it keeps the answer above 0: a thousand draws can show 0.1%, not "never" (Phipson &
    Smyth 2010). NaN if `own` is.
    """
    others = np.asarray(drawn, dtype=np.float64)
    if np.isnan(own) or np.isnan(others).any() or not len(others):
        return float("nan")
    # rounding must not make two equal portfolios differ
    as_good = others >= own - 1e-12
    return float((1 + as_good.sum()) / (1 + len(others)))


def _pick(allowed: NDArray[np.bool_], count: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose at most `count` of the allowed ones per row, at random."""
    return _best(np.where(allowed, rng.random(allowed.shape), -1.0), count)


def _fill(
    held: NDArray[np.bool_],
    member: NDArray[np.bool_],
    before: NDArray[np.bool_],
    k: int,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Fill the free places of each row at random; who has just left only if nobody else is there.

    Keys: above 2 those that stay, above 1 new names, above 0 those that were held before.
    """
    keys = rng.random(held.shape) + np.where(held, 2.0, np.where(before, 0.0, 1.0))
    return _best(np.where(member, keys, -1.0), k)


def _best(keys: NDArray[np.float64], count: int) -> NDArray[np.bool_]:
    """Mark the `count` largest keys of each row; negative ones never."""
    chosen = np.zeros(keys.shape, dtype=bool)
    count = min(count, keys.shape[1])
    if count:
        at = np.argpartition(-keys, count - 1, axis=1)[:, :count]
        np.put_along_axis(chosen, at, values=True, axis=1)
    return chosen & (keys >= 0.0)
