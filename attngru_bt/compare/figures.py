"""The figures of each walk, and their mean over the seeds of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attngru_bt.compare import paper
from attngru_bt.compare.account import Account, by_month
from attngru_bt.compare.choice import EQUAL_WEIGHT
from attngru_bt.compare.comparison import SPREAD
from attngru_bt.evaluation.bootstrap import information_ratio_interval
from attngru_bt.evaluation.deflated_sharpe import deflated_sharpe_ratio
from attngru_bt.evaluation.quality import summary

if TYPE_CHECKING:
    from attngru_bt.walkforward.scored_months import ScoredMonths

QUALITY = (
    "accuracy_in_sample", "accuracy_at_k_in_sample", "auc_in_sample",
    "accuracy", "accuracy_at_k", "all_no", "random_k",
    "auc", "auc_t", "precision", "base_rate", "precision_t", "rank_ic", "rank_ic_t",
    "rank_ic_t_hac", "refit_seconds", "total_seconds",
)  # fmt: skip
EARNED = (
    "annual_return", "excess", "excess_t", "volatility", "sharpe", "information_ratio",
    "ir_low", "ir_high", "max_drawdown", "turnover", "cost_rate", "chance", "deflated_sharpe",
)  # fmt: skip


def quality_figures(monthly: pd.DataFrame, walk: ScoredMonths) -> dict[str, float]:
    """Average the figures of `quality.monthly` over the months, and add up the training time."""
    seconds = [record.fit_seconds for record in walk.records if record.refit]
    figures = {
        "refit_seconds": float(np.mean(seconds)) if seconds else np.nan,
        "total_seconds": float(np.sum(seconds)) if seconds else np.nan,
    }
    for name in ("accuracy", "accuracy_at_k", "auc"):
        figures[f"{name}_in_sample"] = float(monthly[f"in_sample_{name}"].mean())
    for name in ("accuracy", "accuracy_at_k", "all_no", "random_k"):
        figures[name] = float(monthly[name].mean())
    means: dict[Any, Any] = summary(monthly).to_dict(orient="index")
    figures["base_rate"] = float(means["precision"]["chance"])
    for name in ("rank_ic", "auc", "precision"):
        figures[name] = float(means[name]["mean"])
        figures[f"{name}_t"] = float(means[name]["t"])
    figures["rank_ic_t_hac"] = float(means["rank_ic"]["t_hac"])
    return figures


def account_figures(account: Account, draws: int) -> dict[str, float]:
    """Return the figures of an account, with a bootstrap interval of its information ratio."""
    names = ("annual_return", "volatility", "sharpe", "max_drawdown", "turnover", "cost_rate")
    figures = {name: float(account.figures[name]) for name in names}
    figures["information_ratio"] = float(account.figures.get("information_ratio", np.nan))
    figures["ir_low"] = figures["ir_high"] = np.nan
    if account.benchmark is not None:
        known = account.benchmark.notna()
        figures["ir_low"], figures["ir_high"], _ = information_ratio_interval(
            account.returns[known], account.benchmark[known],
            periods=account.figures["periods"], draws=draws,
        )  # fmt: skip
    return figures


def check_tried(tried: int | None, tries: Sequence[str]) -> None:
    """Refuse a number of tries below that of the models shown."""
    if tried is not None and tried < len(tries):
        raise ValueError(
            f"`tried` must count all models tried, at least the {len(tries)} shown; got {tried}."
        )


def deflate(
    runs: pd.DataFrame,
    accounts: Mapping[tuple[str, int], Account],
    tries: Sequence[str],
    tried: int | None,
    trading: Mapping[str, Any],
) -> None:
    """Fill in the deflated Sharpe ratio of the models in `tries`, for `tried` trials.

    The trials' Sharpe ratios are those of the models, each the mean over its seeds.
    """
    check_tried(tried, tries)
    runs["deflated_sharpe"] = np.nan
    # seeds are no trials: nobody chooses among them
    sharpes = runs["sharpe"].groupby(level="model").mean().reindex(list(tries))
    for key, account in accounts.items():
        if key[0] in tries:
            runs.loc[key, "deflated_sharpe"] = deflated_sharpe_ratio(
                account.returns,
                sharpes,
                trials=tried,
                riskfree=trading.get("riskfree", 0.0),
                periods=account.figures["periods"],
            )


def plain_by_month(
    accounts: Mapping[tuple[str, int], Account], months: pd.DatetimeIndex
) -> pd.Series | None:
    """Return of equal weight, else of the index, month by month; None where there is neither."""
    plain = accounts.get((EQUAL_WEIGHT, 0))  # it has no seed
    if plain is not None:
        return by_month(plain, months)["return"]
    return by_month(next(iter(accounts.values())), months).get("benchmark_return")


def excess_by_month(
    accounts: Mapping[tuple[str, int], Account],
    names: Sequence[str],
    months: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Return of each model above equal weight, else above the index, month by month.

    Parameters
    ----------
    accounts : mapping of (model, seed) to Account
    names : sequence of str
        Models; the return of each is the mean over its seeds.
    months : DatetimeIndex of shape (n_months,)

    Returns
    -------
    DataFrame of shape (n_months, n_models)
        Fractions; plain returns where there is neither.
    """
    table = pd.DataFrame(
        {
            name: pd.DataFrame(
                [
                    by_month(account, months)["return"]
                    for key, account in accounts.items()
                    if key[0] == name
                ]
            ).mean()
            for name in names
        }
    )
    plain = plain_by_month(accounts, months)
    return table if plain is None else table.sub(plain, axis=0)


def over_seeds(runs: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """Return means over the seeds, and beside each the sample deviation (NaN with one seed)."""
    by_model = runs.groupby(level="model", sort=False)
    mean, spread = by_model.mean(), by_model.std(ddof=1)
    columns = {}
    for name in runs.columns:
        columns[name] = mean[name]
        columns[name + SPREAD] = spread[name]
    table = pd.DataFrame(columns)
    table.insert(0, "seeds", by_model.size())
    return table.reindex(list(order))


def add_claims(table: pd.DataFrame, claims: pd.DataFrame) -> pd.DataFrame:
    """Join the paper's own claims as columns paper_…; NaN for models of which it claims nothing.

    Parameters
    ----------
    table : DataFrame indexed by model
    claims : DataFrame indexed by the paper's models
    """
    names = [paper.PRESETS.get(str(name), str(name)) for name in table.index]
    return table.join(claims.reindex(names).add_prefix("paper_").set_axis(table.index))
