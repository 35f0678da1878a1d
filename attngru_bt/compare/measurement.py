"""Fit, trade and measure models side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from attngru_bt import backtest
from attngru_bt.compare import chance, paper
from attngru_bt.compare.account import Account, by_month, growth, reduced, trade_all
from attngru_bt.compare.attention import attention_by_model
from attngru_bt.compare.choice import (
    BASELINES,
    EQUAL_WEIGHT,
    chosen_names,
    common_months,
    described,
    ordered,
    threshold,
)
from attngru_bt.compare.comparison import Comparison
from attngru_bt.compare.figures import (
    EARNED,
    QUALITY,
    account_figures,
    add_claims,
    deflate,
    excess_by_month,
    over_seeds,
    quality_figures,
)
from attngru_bt.compare.files import find_place, insert, write
from attngru_bt.compare.offsets import later, over_days
from attngru_bt.compare.quality import by_bucket, monthly
from attngru_bt.data.lock import sole_use
from attngru_bt.data.market import Market, as_market
from attngru_bt.data.schedule import Schedule, schedule_of
from attngru_bt.evaluation.bootstrap import DRAWS
from attngru_bt.evaluation.statistics import SESSIONS_PER_YEAR
from attngru_bt.evaluation.tries import judge
from attngru_bt.trading.groups import told

if TYPE_CHECKING:
    from attngru_bt.walkforward import Walk


def run(
    market: Market | pd.DataFrame | str | os.PathLike[str],
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
    progress: Callable[..., None] | None = None,
    trading: Mapping[str, Any] | None = None,
    tried: int | None = None,
    draws: int = DRAWS,
    title: str | None = None,
    into: str | os.PathLike[str] | None = None,
    offsets: Sequence[int] = (),
    **settings: Any,
) -> Comparison:
    """Fit every model walk-forward, trade its scores, and compare: all that the command does.

    Parameters
    ----------
    market : Market, DataFrame or path
    models : "all" or names
        A sequence of names, or one text with commas; see `attngru_bt.models.names`.
    seeds : int, default=1
        Walks per model, each with a seed of its own.
    topk : int, default=10
        Names to hold, and how many of a month's best are labeled 1.
    start, end : date, default None
        First day to trade, and last day of the run. Without `start`, trading begins as soon as all
        models have scores: all are measured from the same month-end on.
    jobs : int, default=1
        Processes.
    folder : path, default None
        Folder for the page and the tables, see `write`, and for finished fits, in ``walks``: an
        interrupted run goes on where it stopped. One run at a time.
    client, tls, progress
        As `attngru_bt.walkforward.walk_forward`.
    trading : mapping, default None
        Parameters of the account: cash, commission, slippage, periods, riskfree, rules, as in
        `attngru_bt.backtest.run`; and rebalance, keep, weights, max_per_group, groups, as in
        `MonthlyTopK`.
    tried : int, default None
        How many models and variants were tried before those shown were chosen, for the deflated
        Sharpe ratio; None: only those shown.
    draws : int, default=1000
        Number of draws of the bootstrap, and of random portfolios.
    title : str, default None
        Heading of the page in `folder`.
    into : path, default None
        Markdown file that gets the tables as well, under the name of `folder`; see `insert`.
    offsets : sequence of int, default ()
        Also walk every model with these decisions, so many sessions after month-ends (or the
        weeks, quarters of `schedule`), and show the spread: the luck of the day.
    **settings
        Parameters of every model's `SignalGenerator`; unknown ones are errors.

    Returns
    -------
    Comparison
        Its `files` are those that were written.

    Raises
    ------
    ValueError
        If no model makes scores, `into` has no place for the tables, or a parameter is out of
        range.
    KeyboardInterrupt
        On Ctrl-C, after what is being fitted; the message says how to go on.
    """
    from attngru_bt.models import names as model_names
    from attngru_bt.walkforward import walk_forward

    place = None if folder is None else Path(folder)
    if into is not None:
        if place is None:
            raise ValueError("`into` has no effect without `folder`, whose name marks the place.")
        find_place(into, place.name)  # hours later would be too late to say that there is none

    names = chosen_names(models, model_names())
    scored = [name for name in names if name != EQUAL_WEIGHT]
    if not scored:
        raise ValueError(
            f"`models` must name at least one that makes scores; got {', '.join(names)}."
        )
    market = as_market(market)
    schedule = schedule_of(settings.get("schedule", "month"))
    days = later(schedule, offsets)
    market = market if end is None else market.until(end)
    backtest.check_sessions(market, (trading or {}).get("periods", SESSIONS_PER_YEAR))
    with nullcontext() if place is None else sole_use(place):

        def walk(name: str, rule: Schedule) -> list[Walk]:
            return walk_forward(
                market, scored, seeds=seeds, start=start, end=end, jobs=jobs,
                folder=None if place is None else place / name,
                client=client, tls=tls, progress=progress, topk=topk,
                **{**settings, "schedule": str(rule)},
            )  # fmt: skip

        walks = walk("walks", schedule)
        comparison = measure(
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
            offsets={offset: walk(f"walks+{offset}", rule) for offset, rule in days.items()},
        )
        if place is None:
            return comparison
        files = write(comparison, place, title=title)
        if into is not None:
            files.append(insert(comparison, into, place.name))
        return replace(comparison, files=tuple(files))


def measure(
    market: Market,
    walks: Iterable[Walk],
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
    offsets: Sequence[int] | Mapping[int, Sequence[Walk]] = (),
) -> Comparison:
    """Compare walks that are finished.

    Parameters are those of `run`, and:

    Parameters
    ----------
    market : Market
        As the walks saw it: accounts run to its last session.
    walks : iterable of Walk
    models : sequence of str, default None
        Order of the rows, "equal-weight" included, which no walk has. None: the order of the walks,
        then equal weight.
    thresholds : mapping of model to number, default None
        Score above which a model itself predicts "among the best". None: that of its classifier.
    settings : mapping, default None
        Parameters that the walks were made with, to be shown.
    offsets : sequence of int, or mapping of int to walks, default ()
        Sessions after month-ends: the same scores are traded so much later, or, of a mapping, the
        walks that score then.
    """
    from attngru_bt.walkforward.panels import common_schedule  # loads scikit-learn

    walks = sorted(walks, key=lambda walk: walk.seed)
    trading = dict(trading or {})
    months = common_months(walks, market.bars.dates, start)
    order = ordered(walks, models)
    if thresholds is None:
        thresholds = {name: threshold(name) for name in {walk.model for walk in walks}}
    # all walks are traded from the session after the first month-end that they have in common
    schedule = common_schedule(walks)
    account = {
        **trading,
        "start": months[0] + pd.Timedelta(days=1),
        "schedule": str(schedule),
    }
    scores = [walk.scores().reindex(months) for walk in walks]
    traded = trade_all(market, scores, topk, jobs, **account)
    scored = pd.concat([table.notna() for table in scores]).groupby(level=0).any()
    returns = chance.month_returns(market, months, scored)
    weights = chance.month_weights(
        market, pd.DatetimeIndex(returns.index), list(returns.columns), trading.get("weights")
    )
    groups = None
    if trading.get("max_per_group") is not None:
        groups = chance.month_groups(market, returns, trading.get("groups"))

    accounts: dict[tuple[str, int], Account] = {}
    figures: dict[tuple[str, int], dict[str, float]] = {}
    by_walk: dict[tuple[str, int], pd.DataFrame] = {}
    labels: dict[str, list[pd.DataFrame]] = {}
    for walk, own, table in zip(walks, traded, scores, strict=True):
        outcome = walk.labels()
        outcome = outcome[outcome.index.get_level_values(0).isin(months)]
        labels.setdefault(walk.model, []).append(outcome)
        quality = monthly(outcome, walk.records, topk, thresholds.get(walk.model)).reindex(months)
        key = walk.model, walk.seed
        accounts[key] = own
        by_walk[key] = quality.join(by_month(own, months))
        years = own.figures["sessions"] / own.figures["periods"]
        figures[key] = {
            **quality_figures(quality, walk),
            **account_figures(own, draws),
            **chance.against_chance(
                table,
                returns,
                topk,
                cost=own.cost,
                years=years,
                draws=draws,
                keep=trading.get("keep"),
                weights=weights,
                groups=groups,
                max_per_group=trading.get("max_per_group"),
            ),
        }
    plain = None
    if EQUAL_WEIGHT in order:
        choosing = ("rebalance", "keep", "weights", "max_per_group", "groups")
        plain = {name: value for name, value in account.items() if name not in choosing}
        finished = backtest.equal_weight(market, **plain)
        key = EQUAL_WEIGHT, 0
        accounts[key] = reduced(finished, trading.get("slippage", 0.0))
        figures[key] = account_figures(accounts[key], draws)

    spread = None
    if offsets:
        spread = over_days(
            market, offsets, accounts, scores, months[0],
            topk=topk, jobs=jobs, account=account, plain=plain,
        ).loc[order]  # fmt: skip

    runs = pd.DataFrame.from_dict(figures, orient="index")
    runs.index = pd.MultiIndex.from_tuples(list(figures), names=["model", "seed"])
    tries = [name for name in order if name not in BASELINES]
    deflate(runs, accounts, tries, tried, trading)
    runs = runs.reindex(columns=list(dict.fromkeys([*QUALITY, *EARNED, *chance.FIGURES])))
    runs = runs.loc[[key for name in order for key in figures if key[0] == name]]
    walked = [name for name in order if name != EQUAL_WEIGHT]
    titles, families = described(order)
    first = next(iter(accounts.values())).figures
    return Comparison(
        table2=add_claims(over_seeds(runs[list(QUALITY)], walked), paper.scores()),
        table3=add_claims(over_seeds(runs[list(EARNED)], order), paper.returns()),
        runs=runs,
        monthly=pd.concat(by_walk, names=["model", "seed", "month_end"]).sort_index(),
        growth=growth(accounts, order),
        buckets=pd.DataFrame({name: by_bucket(labels[name]) for name in walked}).T,
        attention=attention_by_model(walks, months),
        offsets=spread,
        tries=judge(excess_by_month(accounts, tries, months), schedule.periods(12)),
        titles=titles,
        families=families,
        benchmark=first.get("benchmark"),
        about={
            "evidence": "out-of-sample",
            "data": market.name,
            "assets": len(market.bars.assets),
            "members": market.membership is not None,
            "start": first["start"],
            "end": first["end"],
            "sessions": first["sessions"],
            "months": len(months),
            "schedule": str(schedule),
            "seeds": len({walk.seed for walk in walks}),
            "topk": topk,
            "models": len(tries),
            "tried": len(tries) if tried is None else tried,
            "draws": draws,
            "trading": told(trading),
            **(
                {"offsets": list(offsets), "walked": isinstance(offsets, Mapping)}
                if offsets
                else {}
            ),
            "settings": dict(settings or {}),
        },
    )
