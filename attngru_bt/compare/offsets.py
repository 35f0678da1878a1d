"""The luck of the day: the same models, decided some sessions after month-ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attngru_bt import backtest, checks
from attngru_bt.compare.account import Account, reduced, trade_all
from attngru_bt.compare.choice import EQUAL_WEIGHT, common_months
from attngru_bt.data.bars import DataError
from attngru_bt.data.market import Market
from attngru_bt.data.schedule import Schedule, schedule_of
from attngru_bt.evaluation import statistics

if TYPE_CHECKING:
    from attngru_bt.walkforward.scored_months import ScoredMonths

FIGURES = ("annual_return", "sharpe", "information_ratio", "max_drawdown")

Accounts = Mapping[tuple[str, int], Account]  # by model and seed


def later(schedule: Schedule, offsets: Sequence[int]) -> dict[int, Schedule]:
    """Return the schedules that decide some sessions after the end of a week, month or quarter.

    Raises
    ------
    ValueError
        If an offset is no whole number, too large, given twice, or that of the schedule itself.
    """
    checks.no_duplicates("`offsets`:", offsets, "keep one of them", ValueError)
    schedules = {}
    for offset in offsets:
        checks.whole_number("offsets", offset, unit="sessions")
        schedules[int(offset)] = schedule_of(f"{schedule.unit}+{int(offset)}")
    if schedule.offset in schedules:
        raise ValueError(
            f"`offsets` has {schedule.offset}, on which `schedule` {str(schedule)!r} decides "
            f"already: leave it out."
        )
    return schedules


def over_days(
    market: Market,
    offsets: Sequence[int] | Mapping[int, Sequence[ScoredMonths]],
    accounts: Accounts,
    scores: Sequence[pd.DataFrame],
    first: pd.Timestamp,
    *,
    topk: int,
    jobs: int,
    account: Mapping[str, Any],
    plain: Mapping[str, Any] | None,
) -> pd.DataFrame:
    """Trade on other days too, and measure all of them beside the accounts that there are.

    Parameters
    ----------
    market : Market
    offsets : sequence of int, or mapping of int to walks
        The same scores are traded so many sessions later; a mapping has the walks that score then.
    accounts : mapping of (model, seed) to Account
        Those of `scores` come first, in the same order.
    scores : sequence of DataFrame of shape (n_months, n_assets)
    first : Timestamp
        The first month-end that is traded.
    topk, jobs : int
    account : mapping
        Parameters of `backtest.run`.
    plain : mapping or None
        Those of the universe in equal weight; None: without it.

    Returns
    -------
    DataFrame
        See `by_offset`.
    """
    schedule = schedule_of(account["schedule"])
    by_day = {schedule.offset: accounts}
    for offset, rule in later(schedule, list(offsets)).items():
        # equal weight is the last of the accounts and has no scores
        tables = dict(zip(accounts, scores, strict=False))
        if isinstance(offsets, Mapping):
            walks = offsets[offset]
            days = common_months(walks, market.bars.dates)
            days = days[days >= first]
            tables = {(walk.model, walk.seed): walk.scores().reindex(days) for walk in walks}
        how = {**account, "schedule": str(rule)}
        traded = trade_all(market, list(tables.values()), topk, jobs, **how)
        by_day[offset] = dict(zip(tables, traded, strict=True))
        if plain is not None:
            finished = backtest.equal_weight(market, **{**plain, "schedule": str(rule)})
            reduced_account = reduced(finished, account.get("slippage", 0.0))
            by_day[offset] = {**by_day[offset], (EQUAL_WEIGHT, 0): reduced_account}
    return by_offset(by_day, account.get("riskfree", 0.0))


def by_offset(accounts: Mapping[int, Accounts], riskfree: float = 0.0) -> pd.DataFrame:
    """Measure all accounts on the sessions on which all of them are invested.

    Parameters
    ----------
    accounts : mapping of offset to (model, seed) to Account
    riskfree : float
        Annual rate, as a fraction.

    Returns
    -------
    DataFrame indexed (model, offset)
        Columns `FIGURES`: means over the seeds. `information_ratio` is NaN without an index.

    Raises
    ------
    DataError
        If there is no such session.
    """
    begin = max(own.returns.index[0] for some in accounts.values() for own in some.values())
    rows = []
    for offset, some in accounts.items():
        for (model, seed), own in some.items():
            figures = _figures(own, begin, riskfree)
            rows.append({"model": model, "offset": offset, "seed": seed, **figures})
    table = pd.DataFrame(rows).groupby(["model", "offset"], sort=False)[list(FIGURES)].mean()
    order = dict.fromkeys(table.index.get_level_values(0))
    return table.loc[[(m, o) for m in order for o in sorted(accounts) if (m, o) in table.index]]


def _figures(own: Account, begin: Any, riskfree: float) -> dict[str, float]:
    """Return the figures of an account from a session on."""
    returns, periods = own.returns[begin:], float(own.figures["periods"])
    if len(returns) < 2:
        raise DataError("`offsets`: there are no sessions on which all days are invested.")
    ratio = np.nan
    if own.benchmark is not None:
        index = own.benchmark[begin:]
        known = index.notna()
        ratio = statistics.information_ratio(returns[known], index[known], periods)
    return {
        "annual_return": statistics.annualized_return(returns, periods),
        "sharpe": statistics.sharpe_ratio(returns, riskfree, periods),
        "information_ratio": ratio,
        "max_drawdown": statistics.max_drawdown(returns).depth,
    }
