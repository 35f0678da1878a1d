"""Whether names picked at random would have done as well.

Random portfolios hold the same number of names of the same universe in the same months, change as
many of them and pay the same costs as the strategy; only which names they hold is chance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from attngru_bt.evaluation.bootstrap import DRAWS


def portfolio_returns(
    held: NDArray[np.bool_],
    returns: pd.DataFrame,
    k: int,
    cost: float = 0.0,
    weights: pd.DataFrame | None = None,
) -> NDArray[np.float64]:
    """Monthly returns after costs of holding given names by the strategy's own rule.

    Names that leave are sold, names that enter share the free cash, the others are left alone and
    drift. Places left empty are cash, which earns nothing. Lots, limits and the days
    between are left out.

    Parameters
    ----------
    held : bool array of shape (n_months, n_assets)
        Who is held over the month.
    returns : DataFrame of shape (n_months, n_assets)
        From one rebalance to the next, fractions; NaN = could not be held, counts as 0.
    k : int
        Places.
    cost : float, default=0.0
        Fraction of the traded value.
    weights : DataFrame of shape (n_months, n_assets), default None
        Names that enter share the free cash in proportion to these; NaN counts as the smallest of
        the month. None: equally.

    Returns
    -------
    array of shape (n_months,)
    """
    filled = np.nan_to_num(returns.to_numpy(dtype=np.float64))
    portfolio = _Portfolios(1, filled.shape[1], k, cost)
    months = zip(held, filled, _by_month(weights, returns), strict=True)
    return np.array([portfolio.hold(n[None, :], earned, weight)[0] for n, earned, weight in months])


def _by_month(
    weights: pd.DataFrame | None, returns: pd.DataFrame
) -> list[NDArray[np.float64] | None]:
    """Return the weights of each month, none of them missing."""
    if weights is None:
        return [None] * len(returns)
    table = weights.reindex(index=returns.index, columns=returns.columns).to_numpy(dtype=float)
    least = [row[~np.isnan(row)].min(initial=np.inf) for row in table]
    return [
        np.where(np.isnan(row), low, row) if np.isfinite(low) else np.ones(len(row))
        for row, low in zip(table, least, strict=True)
    ]


class _Portfolios:
    """Many portfolios side by side, each a row: the value of every name held, and the cash."""

    def __init__(self, n_portfolios: int, n_assets: int, places: int, cost: float) -> None:
        self.value = np.zeros((n_portfolios, n_assets))
        self.cash = np.ones(n_portfolios)
        self.held = np.zeros((n_portfolios, n_assets), dtype=bool)
        self.places, self.cost = places, cost

    def hold(
        self,
        held: NDArray[np.bool_],
        earned: NDArray[np.float64],
        weight: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Trade to the given names, hold them for a month and return what each portfolio earned.

        `held` is of shape (n_portfolios, n_assets), `earned` of shape (n_assets,): the month's
        return of each name; `weight` of shape (n_assets,), or None where entrants share equally.
        """
        before = self.cash + self.value.sum(axis=1)
        # sell first: what leaves pays for what enters
        self.cash += np.where(held, 0.0, self.value).sum(axis=1) * (1.0 - self.cost)
        enters = held & ~self.held
        stays = held & self.held
        per_place = self.cash / np.maximum(self.places - stays.sum(axis=1), 1)
        share = per_place[:, None]
        if weight is not None:  # 1 on average of the entrants
            all_of_them = np.where(enters, weight, 0.0).sum(axis=1)
            each = enters.sum(axis=1) / np.where(all_of_them > 0, all_of_them, 1.0)
            share = share * weight * each[:, None]
        # the cost is paid out of each place's share
        bought = np.where(enters, share / (1.0 + self.cost), 0.0)
        self.cash -= per_place * enters.sum(axis=1)
        self.value = (np.where(held, self.value, 0.0) + bought) * (1.0 + earned)
        self.held = held
        after = self.cash + self.value.sum(axis=1)
        # a portfolio that has lost everything stays at 0: a return of 0, not 0 / 0
        growth = np.divide(after, before, out=np.ones_like(after), where=before > 0)
        return np.asarray(growth - 1.0)


def random_portfolios(
    returns: pd.DataFrame,
    k: int,
    *,
    entrants: ArrayLike | None = None,
    cost: float = 0.0,
    weights: pd.DataFrame | None = None,
    groups: pd.DataFrame | None = None,
    max_per_group: int | None = None,
    draws: int = DRAWS,
    random_state: int = 0,
) -> NDArray[np.float64]:
    """Monthly returns after costs of portfolios of k names picked at random.

    They have the strategy's constraints (months, members, number of names, changes per month,
    costs), in an account simple enough to be drawn a thousand times. Each month the names that can
    no longer be held leave, and then random ones until at least `entrants` places are free. Random
    members fill the places and share the free cash. Names that stay are left alone, as in the
    strategy.

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
    weights : DataFrame, default None
        As in `portfolio_returns`.
    groups : DataFrame of shape (n_months, n_assets), default None
        Number of each name's group.
    max_per_group : int, default None
        Largest number of names of one group; places that this leaves empty are cash.
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
    changes = np.full(n_months, k) if entrants is None else np.asarray(entrants, dtype=np.intp)
    if len(changes) != n_months:
        raise ValueError(
            f"`entrants` must have one number per month, {n_months}; got {len(changes)}."
        )
    rng = np.random.default_rng(random_state)
    portfolios = _Portfolios(draws, n_assets, k, cost)
    monthly = np.empty((draws, n_months))
    shares = _by_month(weights, returns)
    group_of = None
    if groups is not None:
        group_of = groups.reindex(index=returns.index, columns=returns.columns).to_numpy()
    for month, (earned, n_changes) in enumerate(zip(table, changes, strict=True)):
        member = ~np.isnan(earned)
        # as many names stay as in the portfolio compared with; which ones is random
        stays = _pick(portfolios.held & member, max(k - int(n_changes), 0), rng)
        group = None if group_of is None else group_of[month]
        held = _fill(stays, member, portfolios.held, k, rng, group, max_per_group or k)
        monthly[:, month] = portfolios.hold(held, np.nan_to_num(earned), shares[month])
    return monthly


def as_good_by_chance(own: float, drawn: ArrayLike) -> float:
    """Probability that chance does at least as well as `own`.

    `own` counts as one of the draws, which keeps the answer above 0: a thousand draws can show
    0.1%, not "never" (Phipson & Smyth 2010). NaN if `own` or a draw is.
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
    stays: NDArray[np.bool_],
    member: NDArray[np.bool_],
    before: NDArray[np.bool_],
    places: int,
    rng: np.random.Generator,
    group: NDArray[Any] | None = None,
    max_per_group: int = 0,
) -> NDArray[np.bool_]:
    """Fill the free places of each row with random members.

    A name that was sold just now is taken only if there is no other, and of a group at most
    `max_per_group` names are taken.
    """
    # the largest keys win: 2 to 3 for names that stay, 1 to 2 for new ones, 0 to 1 for sold ones
    keys = rng.random(stays.shape) + np.where(stays, 2.0, np.where(before, 0.0, 1.0))
    keys = np.where(member, keys, -1.0)
    if group is not None:
        for number in np.unique(group[member]):
            columns = np.flatnonzero(member & (group == number))
            if len(columns) > max_per_group:
                some = keys[:, columns]
                keys[:, columns] = np.where(_best(some, max_per_group), some, -1.0)
    return _best(keys, places)


def _best(keys: NDArray[np.float64], count: int) -> NDArray[np.bool_]:
    """Mark the `count` largest keys of each row; negative ones never."""
    chosen = np.zeros(keys.shape, dtype=bool)
    count = min(count, keys.shape[1])
    if count:
        columns = np.argpartition(-keys, count - 1, axis=1)[:, :count]
        np.put_along_axis(chosen, columns, values=True, axis=1)
    return chosen & (keys >= 0.0)
