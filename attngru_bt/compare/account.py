"""The account of given scores: a backtest, reduced to what a comparison needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from attngru_bt import backtest
from attngru_bt.data.market import Market
from attngru_bt.trading.monthly import MonthlyTopK


@dataclass(frozen=True)
class Account:
    """The part of a finished backtest that a comparison needs; small, since processes pass it on.

    Attributes
    ----------
    returns, benchmark : Series
        Per session, fractions; benchmark None without one, NaN where not known.
    figures : dict
        As `Performance.get_analysis`.
    cost : float
        Share of the traded value: commission and fees as paid, and slippage.
    """

    returns: pd.Series
    benchmark: pd.Series | None
    figures: Mapping[str, Any]
    cost: float


def trade(market: Market, scores: pd.DataFrame, topk: int, **account: Any) -> Account:
    """Hold the `topk` best of given scores, month by month; parameters as `backtest.run`."""
    finished = backtest.run(market, MonthlyTopK, signal=scores, topk=topk, **account)
    return reduced(finished, account.get("slippage", 0.0))


def reduced(strategy: MonthlyTopK, slippage: float) -> Account:
    """Reduce a finished run to what a comparison needs."""
    performance = strategy.analyzers.performance
    fills = performance.fills()
    traded = float((fills["size"] * fills["price"]).abs().sum())
    paid = float(fills["commission"].sum()) / traded if traded else 0.0
    return Account(
        performance.returns,
        performance.benchmark_returns,
        dict(performance.get_analysis()),
        paid + slippage,
    )


def trade_all(
    market: Market, tables: Sequence[pd.DataFrame], topk: int, jobs: int, **account: Any
) -> list[Account]:
    """Trade each table of scores, in `jobs` processes; parameters as `backtest.run`."""
    from attngru_bt.walkforward.crew import work

    calls = {i: (partial(trade, **account), (market, t, topk)) for i, t in enumerate(tables)}
    accounts: dict[int, Account] = {}
    if not work(calls, accounts.__setitem__, jobs=jobs if len(calls) > 1 else 1):
        raise KeyboardInterrupt
    return [accounts[i] for i in range(len(tables))]


def by_month(account: Account, months: pd.DatetimeIndex) -> pd.DataFrame:
    """Return of account and benchmark from each month-end to the next.

    Returns
    -------
    DataFrame of shape (n_months, 1 or 2)
        Columns return and, if there is one, benchmark_return. One unknown session makes a month
        unknown.
    """
    curves = {"return": account.returns}
    if account.benchmark is not None:
        curves["benchmark_return"] = account.benchmark
    sessions = pd.DataFrame(curves)
    # a session belongs to the latest month-end before it
    month = months.searchsorted(pd.DatetimeIndex(sessions.index), side="left") - 1
    grouped = (1.0 + sessions[month >= 0]).groupby(months[month[month >= 0]])
    complete = grouped.agg("count").eq(grouped.size(), axis=0)
    return grouped.agg("prod").where(complete) - 1.0


def growth(accounts: Mapping[tuple[str, int], Account], order: Sequence[str]) -> pd.DataFrame:
    """Growth of 1 per session and model, as if the money were split among the model's seeds.

    Parameters
    ----------
    accounts : mapping of (model, seed) to Account
    order : sequence of str
        Models, in the order of the columns.

    Returns
    -------
    DataFrame of shape (n_sessions, n_models)
        With the column "benchmark" if there is one.
    """
    curves = {}
    for name in order:
        seeds = [
            (1.0 + account.returns).cumprod() for key, account in accounts.items() if key[0] == name
        ]
        curves[name] = pd.concat(seeds, axis=1).mean(axis=1)
    index = next(iter(accounts.values())).benchmark
    if index is not None and index.notna().any():
        curves["benchmark"] = (1.0 + index.fillna(0.0)).cumprod()
    return pd.DataFrame(curves).rename_axis("date")
