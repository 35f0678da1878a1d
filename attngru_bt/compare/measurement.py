"""Measure walks, side by side: scores, accounts, luck."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt import backtest
from attngru_bt.compare import paper
from attngru_bt.compare.account import Account, against_chance, month_returns, reduced, trade
from attngru_bt.compare.choice import (
    BASELINES,
    EQUAL_WEIGHT,
    chosen_names,
    common_months,
    described,
    ordered,
    threshold,
)
from attngru_bt.compare.comparison import SPREAD, Attention, Comparison
from attngru_bt.compare.quality import by_bucket, monthly
from attngru_bt.data.market import Market
from attngru_bt.evaluation.attribution import factor_shares, family_shares, top_factors
from attngru_bt.evaluation.quality import summary
from attngru_bt.evaluation.significance import (
    DRAWS,
    deflated_sharpe_ratio,
    information_ratio_interval,
)
from attngru_bt.evaluation.statistics import SESSIONS_PER_YEAR

QUALITY = (
    "accuracy_in_sample", "accuracy_at_k_in_sample", "auc_in_sample",
    "accuracy", "accuracy_at_k", "all_no", "random_k",
    "auc", "auc_t", "precision", "base_rate", "precision_t", "rank_ic", "rank_ic_t",
    "refit_seconds", "total_seconds",
)  # fmt: skip
EARNED = (
    "annual_return", "volatility", "sharpe", "information_ratio", "ir_low", "ir_high",
    "max_drawdown", "turnover", "cost_rate", "chance", "deflated_sharpe",
)  # fmt: skip
_SIMPLE = ("simple_return", "chance_median", "chance_low", "chance_high")


def run(
    market: Market,
    models: str | Sequence[str] = "all",
    *,
    seeds: int = 1,
    topk: int = 10,
    start: Any = None,
    end: Any = None,
    jobs: int = 1,
    folder: str | os.PathLike[str] | None = None,
    client: Any = None,
    tls: Mapping[str, Any] | None = None,
    progress: Any = None,
    trading: Mapping[str, Any] | None = None,
    tried: int | None = None,
    draws: int = DRAWS,
    **settings: Any,
) -> Comparison:
    """Fit every model walk-forward, trade its scores, and compare.

    Parameters
    ----------
    market : Market
    models : "all" or names
        A sequence, or one text with commas; see `attngru_bt.models.names`.
    seeds : int, default=1
        Walks per model, each with a seed of its own.
    topk : int, default=10
        Names to hold, and how many of a month's best are labeled 1.
    start, end : date, default None
        First day to trade and last day of the run. None for `start`: as soon as all models have
        scores. All are measured from the same month-end on.
    jobs : int, default=1
        Processes.
    folder : path, default None
        Where finished walks are kept, so that an interrupted run goes on where it stopped.
    client, tls, progress
        As `attngru_bt.walkforward.walk_forward`.
    trading : mapping, default None
        Of the account: cash, commission, slippage, periods, riskfree, rules, rebalance, as
        `attngru_bt.backtest.run`.
    tried : int, default None
        How many models and variants were tried before choosing what is shown, for the deflated
        Sharpe ratio; None: the models shown.
    draws : int, default=1000
        Of the bootstrap and of random portfolios.
    **settings
        Parameters of every model's `SignalGenerator`; unknown ones are errors.

    Returns
    -------
    Comparison
    """
    from attngru_bt.models import names as model_names
    from attngru_bt.walkforward import walk_forward

    names = chosen_names(models, model_names())
    scored = [name for name in names if name != EQUAL_WEIGHT]
    if not scored:
        raise ValueError(
            f"`models` must name at least one that makes scores; got {', '.join(names)}."
        )
    market = market if end is None else market.until(end)
    backtest.check_sessions(market, (trading or {}).get("periods", SESSIONS_PER_YEAR))
    walks = walk_forward(
        market, scored, seeds=seeds, start=start, end=end, jobs=jobs, folder=folder,
        client=client, tls=tls, progress=progress, topk=topk, **settings,
    )  # fmt: skip
    return measure(
        market,
        walks,
        topk=topk,
        start=start,
        models=names,
        trading=trading,
        tried=tried,
        draws=draws,
        jobs=jobs,
        settings=settings,
    )


def measure(
    market: Market,
    walks: Iterable[Any],
    *,
    topk: int = 10,
    start: Any = None,
    models: Sequence[str] | None = None,
    trading: Mapping[str, Any] | None = None,
    tried: int | None = None,
    draws: int = DRAWS,
    jobs: int = 1,
    thresholds: Mapping[str, float | None] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Comparison:
    """Compare walks that are finished.

    Parameters are those of `run`, and:

    Parameters
    ----------
    market : Market
        As the walks saw it: accounts run to its last session.
    walks : iterable of Walk
    models : sequence of str, default None
        Order of the rows; with "equal-weight", which no walk has. None: that of the walks, then
        equal weight.
    thresholds : mapping of model to number, default None
        Score above which a model says "among the best" itself. None: as its classifier tells.
    settings : mapping, default None
        What the walks were made with, to be shown.
    """
    walks = sorted(walks, key=lambda walk: walk.seed)
    trading = dict(trading or {})
    months = common_months(walks, market.bars.dates, start)
    order = ordered(walks, models)
    titles, families = described(order)
    account = {**trading, "start": months[0] + pd.Timedelta(days=1)}
    scores = [walk.scores().reindex(months) for walk in walks]
    accounts = _accounts(market, scores, topk, account, jobs)
    members = pd.concat([s.notna() for s in scores]).groupby(level=0).any()
    returns = month_returns(market, months, members)
    thresholds = {w.model: threshold(w.model) for w in walks} if thresholds is None else thresholds

    labels = [_from(walk.labels(), months) for walk in walks]

    runs: dict[tuple[str, int], dict[str, float]] = {}
    by_month: dict[tuple[str, int], pd.DataFrame] = {}
    for walk, own, table, outcome in zip(walks, accounts, scores, labels, strict=True):
        border = thresholds.get(walk.model)
        quality = monthly(outcome, walk.records, topk, border).reindex(months)
        by_month[walk.model, walk.seed] = quality.join(_month_by_month(own, months))
        runs[walk.model, walk.seed] = {
            **_quality(quality, walk),
            **_earned(own, draws),
            **against_chance(table, returns, topk, cost=own.cost, years=_years(own), draws=draws),
        }
    if EQUAL_WEIGHT in order:
        plain = {k: v for k, v in account.items() if k != "rebalance"}
        own = reduced(backtest.equal_weight(market, **plain), trading.get("slippage", 0.0))
        runs[EQUAL_WEIGHT, 0] = _earned(own, draws)
        accounts, walk_names = [*accounts, own], [*(w.model for w in walks), EQUAL_WEIGHT]
    else:
        walk_names = [w.model for w in walks]
    every = pd.DataFrame.from_dict(runs, orient="index")
    every.index = pd.MultiIndex.from_tuples(list(runs), names=["model", "seed"])
    tries = [name for name in order if name not in BASELINES]
    _deflate(every, dict(zip(runs, accounts, strict=True)), tries, tried, trading)
    every = every.reindex(columns=[*QUALITY, *EARNED, *_SIMPLE]).loc[
        [key for name in order for key in runs if key[0] == name]
    ]
    return Comparison(
        table2=_paper(_over_seeds(every[list(QUALITY)], order), 2).drop(
            index=EQUAL_WEIGHT, errors="ignore"
        ),
        table3=_paper(_over_seeds(every[list(EARNED)], order), 3),
        runs=every,
        monthly=pd.concat(by_month, names=["model", "seed", "month_end"]).sort_index(),
        growth=_growth(walk_names, accounts, order),
        buckets=pd.DataFrame(
            {
                name: by_bucket(
                    own for w, own in zip(walks, labels, strict=True) if w.model == name
                )
                for name in order
                if name != EQUAL_WEIGHT
            }
        ).T,
        attention=_attention(walks, months),
        titles=titles,
        families=families,
        benchmark=accounts[0].figures.get("benchmark"),
        about={
            "evidence": "out-of-sample",
            "data": market.name,
            "assets": len(market.bars.assets),
            "members": market.membership is not None,
            "start": accounts[0].figures["start"],
            "end": accounts[0].figures["end"],
            "sessions": accounts[0].figures["sessions"],
            "months": len(months),
            "seeds": len({walk.seed for walk in walks}),
            "topk": topk,
            "models": len(tries),
            "tried": len(tries) if tried is None else tried,
            "draws": draws,
            "trading": trading,
            "settings": dict(settings or {}),
        },
    )


def _accounts(
    market: Market, scores: Sequence[pd.DataFrame], topk: int, account: Mapping[str, Any], jobs: int
) -> list[Account]:
    from attngru_bt.walkforward.crew import work

    calls = {i: (partial(trade, **account), (market, s, topk)) for i, s in enumerate(scores)}
    found: dict[int, Account] = {}
    if not work(calls, found.__setitem__, jobs=jobs if len(calls) > 1 else 1):
        raise KeyboardInterrupt
    return [found[i] for i in range(len(scores))]


def _quality(quality: pd.DataFrame, walk: Any) -> dict[str, float]:
    """Average a walk's months."""
    found: dict[Any, Any] = summary(quality).to_dict(orient="index")
    seconds = [record.fit_seconds for record in walk.records if record.refit]
    figures = {
        "refit_seconds": float(np.mean(seconds)) if seconds else np.nan,
        "total_seconds": float(np.sum(seconds)) if seconds else np.nan,
        "base_rate": float(found["precision"]["chance"]),
    }
    for name in ("accuracy", "accuracy_at_k", "auc"):
        figures[f"{name}_in_sample"] = float(quality[f"in_sample_{name}"].mean())
    for name in ("accuracy", "accuracy_at_k", "all_no", "random_k"):
        figures[name] = float(quality[name].mean())
    for name in ("rank_ic", "auc", "precision"):
        figures[name] = float(found[name]["mean"])
        figures[f"{name}_t"] = float(found[name]["t"])
    return figures


def _years(own: Account) -> float:
    return float(own.figures["sessions"] / own.figures["periods"])


def _earned(own: Account, draws: int) -> dict[str, float]:
    names = ("annual_return", "volatility", "sharpe", "max_drawdown", "turnover", "cost_rate")
    figures = {name: float(own.figures[name]) for name in names}
    figures["information_ratio"] = float(own.figures.get("information_ratio", np.nan))
    figures["ir_low"] = figures["ir_high"] = np.nan
    if own.benchmark is not None:
        known = own.benchmark.notna()
        interval = information_ratio_interval(
            own.returns[known], own.benchmark[known], periods=own.figures["periods"], draws=draws
        )
        figures["ir_low"], figures["ir_high"] = interval.low, interval.high
    return figures


def _deflate(
    runs: pd.DataFrame,
    accounts: Mapping[tuple[str, int], Account],
    tries: Sequence[str],
    tried: int | None,
    trading: Mapping[str, Any],
) -> None:
    """Set against the best of so many tries; a model's Sharpe ratio is its seeds' mean."""
    if tried is not None and tried < len(tries):
        raise ValueError(
            f"`tried` must count all models tried, at least the {len(tries)} shown; got {tried}."
        )
    runs["deflated_sharpe"] = np.nan
    sharpes = runs["sharpe"].groupby(level="model").mean().reindex(list(tries))
    for key, own in accounts.items():
        if key[0] in tries:
            runs.loc[key, "deflated_sharpe"] = deflated_sharpe_ratio(
                own.returns,
                sharpes,
                trials=tried,
                riskfree=trading.get("riskfree", 0.0),
                periods=own.figures["periods"],
            )


def _over_seeds(runs: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """Mean over seeds, and beside it the sample deviation (NaN with one seed)."""
    by_model = runs.groupby(level="model", sort=False)
    mean, spread = by_model.mean(), by_model.std(ddof=1)
    columns = {}
    for name in runs.columns:
        columns[name] = mean[name]
        columns[name + SPREAD] = spread[name]
    table = pd.DataFrame(columns)
    table.insert(0, "seeds", by_model.size())
    return table.reindex(list(order))


def _paper(table: pd.DataFrame, number: int) -> pd.DataFrame:
    """Add the columns of the paper's own claims."""
    names = [paper.PRESETS.get(str(name), str(name)) for name in table.index]
    if number == 2:
        table["paper_accuracy"] = [paper.ACCURACY.get(name, np.nan) for name in names]
        table["paper_seconds"] = [paper.SECONDS.get(name, np.nan) for name in names]
        return table
    for figure in next(iter(paper.RETURNS.values())):
        claims = [paper.RETURNS.get(name, {}).get(figure, np.nan) for name in names]
        table[f"paper_{figure}"] = claims
    return table


def _month_by_month(own: Account, months: pd.DatetimeIndex) -> pd.DataFrame:
    """Return of account and benchmark from each month-end to the next."""
    curves = {"return": own.returns}
    if own.benchmark is not None:
        curves["benchmark_return"] = own.benchmark
    table = pd.DataFrame(curves)
    # a session belongs to the latest month-end before it
    at = months.searchsorted(pd.DatetimeIndex(table.index), side="left") - 1
    table = table[at >= 0]
    grouped = (1.0 + table).groupby(months[at[at >= 0]])
    # one unknown session makes a month unknown
    return grouped.agg("prod").where(grouped.agg("count").eq(grouped.size(), axis=0)) - 1.0


def _growth(
    names: Sequence[str], accounts: Sequence[Account], order: Sequence[str]
) -> pd.DataFrame:
    """Growth of 1 per session; of several seeds the mean, as if the money were split among them."""
    curves = {
        name: pd.concat(
            [
                (1.0 + a.returns).cumprod()
                for n, a in zip(names, accounts, strict=True)
                if n == name
            ],
            axis=1,
        ).mean(axis=1)
        for name in order
    }
    index = accounts[0].benchmark
    if index is not None and index.notna().any():
        curves["benchmark"] = (1.0 + index.fillna(0.0)).cumprod()
    return pd.DataFrame(curves).rename_axis("date")


def _from(labels: pd.DataFrame, months: pd.DatetimeIndex) -> pd.DataFrame:
    return labels[labels.index.get_level_values(0).isin(months)]


def _attention(walks: Sequence[Any], months: pd.DatetimeIndex) -> dict[str, Attention]:
    found: dict[str, Attention] = {}
    for name in dict.fromkeys(walk.model for walk in walks):
        records = [
            [r for r in w.records if r.month_end in months] for w in walks if w.model == name
        ]
        shares = [s for s in (factor_shares(own) for own in records) if len(s)]
        if not shares:
            continue
        even = [factor_shares(own, even=True) for own in records]
        mean, flat = _mean(shares), _mean([s for s in even if len(s)])
        found[name] = Attention(family_shares(mean), family_shares(flat), top_factors(mean, flat))
    return found


def _mean(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Mean over seeds, month by month; columns in the order of the first."""
    columns = list(dict.fromkeys(name for table in tables for name in table.columns))
    return pd.concat(list(tables)).groupby(level=0, sort=True).mean().reindex(columns=columns)
