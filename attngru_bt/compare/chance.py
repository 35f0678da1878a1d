"""Whether random names would have earned as much as the chosen ones, in a simple account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.data.market import Market
from attngru_bt.evaluation.random_portfolios import (
    as_good_by_chance,
    portfolio_returns,
    random_portfolios,
)
from attngru_bt.trading.groups import GroupCap, groups_at
from attngru_bt.trading.rebalance import decide, rank
from attngru_bt.trading.weights import inverse_volatility

FIGURES = ("simple_return", "chance", "chance_median", "chance_low", "chance_high")


def chosen(
    scores: pd.DataFrame,
    topk: int,
    keep: int | None = None,
    groups: pd.DataFrame | None = None,
    max_per_group: int | None = None,
) -> pd.DataFrame:
    """Mark the names that the strategy wants after each month-end: the best, and those it keeps."""
    marks = pd.DataFrame(False, index=scores.index, columns=scores.columns)
    held: set[str] = set()
    for month, row in scores.iterrows():
        ranked = rank(row)
        cap = None
        if groups is not None and max_per_group is not None:
            of_month = groups.loc[pd.Timestamp(str(month))].to_dict()
            cap = GroupCap(max_per_group, of_month.__getitem__)
        rebalance = decide(ranked, held, set(ranked) | held, topk, keep=keep, cap=cap)
        held = {*rebalance.stayers, *rebalance.entrants}
        marks.loc[month, list(held)] = True
    return marks


def month_returns(
    market: Market, month_ends: pd.DatetimeIndex, members: pd.DataFrame
) -> pd.DataFrame:
    """Return of each name from one rebalance to the next, at the prices that orders fill at.

    That is the open of the first session after the month-end; without an open (a close-only
    market, a suspension) the last close known then. The last month ends on the market's last
    close.

    Parameters
    ----------
    market : Market
    month_ends : DatetimeIndex of shape (n_months,)
    members : bool DataFrame of shape (n_months, n_assets)
        Who can be held.

    Returns
    -------
    DataFrame of shape (n_months, n_assets)
        Fractions; NaN where a name is not a member, or has no price yet. Months without a session
        after them are left out.
    """
    bars = market.bars
    close = pd.DataFrame(bars["close"], index=bars.dates, columns=list(bars.assets)).ffill()
    price = close
    if "open" in bars:
        opens = pd.DataFrame(bars["open"], index=bars.dates, columns=list(bars.assets))
        price = opens.where(opens.notna(), close)
    # the session that each month-end is traded in
    session = np.asarray(bars.dates.searchsorted(month_ends, side="right"))
    inside = session < len(bars.dates)
    session, months = session[inside], month_ends[inside]
    names = list(members.columns)
    begin = price[names].to_numpy()[session]
    # each month ends where the next begins, the last one on the last close
    end = np.vstack([begin[1:], close[names].to_numpy()[-1:]])
    change = end / begin - 1.0
    change[~members.loc[months].to_numpy(dtype=bool)] = np.nan
    return pd.DataFrame(change, index=months, columns=names)


def month_weights(
    market: Market, month_ends: pd.DatetimeIndex, names: Sequence[str], weights: Any
) -> pd.DataFrame | None:
    """Return the weights of all names at each month-end, as far as they have any without scores.

    By "inverse-volatility" every name has one. By other words and functions it depends on the
    scores, or on who else is held: random names have none, so chosen and random names are compared
    in equal weight, and None is returned.
    """
    if weights != "inverse-volatility":
        return None
    rows = [inverse_volatility(market.bars.until(day), names) for day in month_ends]
    return pd.DataFrame(rows, index=month_ends, columns=list(names))


def month_groups(market: Market, returns: pd.DataFrame, groups: Any) -> pd.DataFrame:
    """Return the number of each name's group at each month-end, -1 where it cannot be held.

    Parameters
    ----------
    market : Market
    returns : DataFrame
        As `month_returns` returns it.
    groups
        As `MonthlyTopK` takes it.
    """
    numbers: dict[Any, int] = {}
    table = pd.DataFrame(-1, index=returns.index, columns=returns.columns)
    for month, row in returns.iterrows():
        day = pd.Timestamp(str(month))
        group_of = groups_at(groups, day, partial(market.bars.until, day))
        for name in row.index[row.notna()]:
            table.loc[month, name] = numbers.setdefault(group_of(str(name)), len(numbers))
    return table


def conditions(market: Market, members: pd.DataFrame, trading: Mapping[str, Any]) -> dict[str, Any]:
    """Return what chosen and random names have in common, as `against_chance` takes it.

    Parameters
    ----------
    market : Market
    members : bool DataFrame of shape (n_months, n_assets)
        Who can be held, by month-end.
    trading : mapping
        Parameters of `MonthlyTopK`: `keep`, `weights`, `max_per_group` and `groups` count.
    """
    returns = month_returns(market, pd.DatetimeIndex(members.index), members)
    months, names = pd.DatetimeIndex(returns.index), list(returns.columns)
    at_most = trading.get("max_per_group")
    return {
        "returns": returns,
        "keep": trading.get("keep"),
        "weights": month_weights(market, months, names, trading.get("weights")),
        "max_per_group": at_most,
        "groups": None if at_most is None else month_groups(market, returns, trading.get("groups")),
    }


def against_chance(
    scores: pd.DataFrame,
    returns: pd.DataFrame,
    topk: int,
    *,
    cost: float,
    years: float,
    draws: int,
    random_state: int = 0,
    keep: int | None = None,
    weights: pd.DataFrame | None = None,
    groups: pd.DataFrame | None = None,
    max_per_group: int | None = None,
) -> dict[str, float]:
    """Compare the names chosen with random ones, both in the same simple monthly account.

    Parameters
    ----------
    scores : DataFrame of shape (n_months, n_assets)
        NaN = not scored.
    returns : DataFrame
        As `month_returns` returns it.
    topk : int
    cost : float
        Fraction of the traded value.
    years : float
        Length of all months together.
    draws, random_state : int
    keep : int or None
        As in `MonthlyTopK`. Random portfolios change as many names as the chosen ones do, and so
        have the same buffer.
    weights : DataFrame or None
        As `month_weights` returns it, for chosen and random names alike.
    groups : DataFrame or None
        As `month_groups` returns it.
    max_per_group : int or None
        As in `MonthlyTopK`, for chosen and random names alike.

    Returns
    -------
    dict
        simple_return: of the names chosen, a year, in that account; chance: probability that a
        random portfolio earns at least as much; chance_median, chance_low, chance_high: its return
        a year, median and the middle 90%.
    """
    table = scores.reindex(index=returns.index, columns=returns.columns)
    held = chosen(table, topk, keep, groups, max_per_group).to_numpy()
    # how many names enter each month: random portfolios trade as much
    before = np.vstack([np.zeros_like(held[:1]), held[:-1]])
    entrants = (held & ~before).sum(axis=1)
    by_month = portfolio_returns(held, returns, topk, cost, weights)
    chosen_return = float(_a_year(by_month[None, :], years)[0])
    random_returns = _a_year(
        random_portfolios(
            returns,
            topk,
            entrants=entrants,
            cost=cost,
            weights=weights,
            groups=groups,
            max_per_group=max_per_group,
            draws=draws,
            random_state=random_state,
        ),
        years,
    )
    low, median, high = np.quantile(random_returns, [0.05, 0.5, 0.95])
    return {
        "simple_return": chosen_return,
        "chance": as_good_by_chance(chosen_return, random_returns),
        "chance_median": float(median),
        "chance_low": float(low),
        "chance_high": float(high),
    }


def _a_year(monthly: np.ndarray, years: float) -> np.ndarray:
    """Compounded return a year of each row of monthly returns; -1 where all was lost."""
    if not monthly.shape[1]:
        return np.full(len(monthly), np.nan)
    final = np.maximum(np.prod(1.0 + monthly, axis=1), 0.0)
    return np.asarray(final ** (1.0 / years) - 1.0)
