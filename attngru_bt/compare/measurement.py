"""Measure walks side by side: trade their scores, and put together how good they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from attngru_bt import backtest
from attngru_bt.compare import chance, paper
from attngru_bt.compare.account import Account, by_month, growth, reduced, trade_all
from attngru_bt.compare.attention import attention_by_model
from attngru_bt.compare.choice import (
    BASELINES,
    EQUAL_WEIGHT,
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
    plain_by_month,
    quality_figures,
)
from attngru_bt.compare.offsets import over_days
from attngru_bt.compare.quality import by_bucket, monthly
from attngru_bt.data.market import Market
from attngru_bt.evaluation.bootstrap import DRAWS
from attngru_bt.evaluation.quality import t_statistic
from attngru_bt.evaluation.tries import judge
from attngru_bt.trading.groups import summarized

if TYPE_CHECKING:
    from attngru_bt.walkforward.scored_months import ScoredMonths


def measure(
    market: Market,
    walks: Iterable[ScoredMonths],
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
    offsets: Sequence[int] | Mapping[int, Sequence[ScoredMonths]] = (),
) -> Comparison:
    """Compare walks that are finished.

    Parameters are those of `attngru_bt.compare.run`, and:

    Parameters
    ----------
    market : Market
        As the walks saw it: accounts run to its last session.
    walks : iterable of Walk, or of walks that `Walk.load` has read
    models : sequence of str, default None
        Order of the rows, "equal-weight" included, which no walk has. None: the order of the walks,
        then equal weight.
    thresholds : mapping of model to number, default None
        Score above which a model itself predicts "among the best". None: that of its classifier.
    settings : mapping, default None
        Parameters that the walks were made with, to be shown.
    offsets : sequence of int, or mapping of int to walks, default ()
        Sessions after month-ends. The same scores are traded so many sessions later; a mapping has
        walks that score then instead.
    """
    from attngru_bt.walkforward.panels import common_schedule  # loads scikit-learn

    # what all models have in common: months, schedule, account
    walks = sorted(walks, key=lambda walk: walk.seed)
    trading = dict(trading or {})
    months = common_months(walks, market.bars.dates, start)
    order = ordered(walks, models)
    if thresholds is None:
        thresholds = {name: threshold(name) for name in {walk.model for walk in walks}}
    schedule = common_schedule(walks)
    account = {
        **trading,
        "start": months[0] + pd.Timedelta(days=1),  # the session after the first month-end
        "schedule": str(schedule),
    }

    # each walk: its account, the quality of its scores, and random names in its place
    scores = [walk.scores().reindex(months) for walk in walks]
    traded = trade_all(market, scores, topk, jobs, **account)
    scored = pd.concat([table.notna() for table in scores]).groupby(level=0).any()
    alike = chance.conditions(market, scored, trading)

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
                table, topk=topk, cost=own.cost, years=years, draws=draws, **alike
            ),
        }

    # equal weight has an account, but no scores, and so nothing to choose names by
    plain = None
    if EQUAL_WEIGHT in order:
        choosing = ("rebalance", "keep", "weights", "max_per_group", "groups")
        plain = {name: value for name, value in account.items() if name not in choosing}
        finished = backtest.equal_weight(market, **plain)
        key = EQUAL_WEIGHT, 0
        accounts[key] = reduced(finished, trading.get("slippage", 0.0))
        figures[key] = account_figures(accounts[key], draws)

    plain_months = plain_by_month(accounts, months)
    for key, table in by_walk.items():
        if plain_months is not None:
            excess = (table["return"] - plain_months).dropna()
            figures[key] |= {"excess": float(excess.mean()), "excess_t": t_statistic(excess)}

    # the same on other days of the month
    spread = None
    if offsets:
        spread = over_days(
            market, offsets, accounts, scores, months[0],
            topk=topk, jobs=jobs, account=account, plain=plain,
        ).loc[order]  # fmt: skip

    # the tables: a row per model and seed, and the mean of each model over its seeds
    runs = pd.DataFrame.from_dict(figures, orient="index")
    runs.index = pd.MultiIndex.from_tuples(list(figures), names=["model", "seed"])
    tries = [name for name in order if name not in BASELINES]
    deflate(runs, accounts, tries, tried, trading)
    columns = dict.fromkeys([*QUALITY, *EARNED, *chance.FIGURES])  # some are in two of them
    runs = runs.reindex(columns=list(columns))
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
            "trading": summarized(trading),
            **(dict(offsets=list(offsets), walked=isinstance(offsets, Mapping)) if offsets else {}),
            "settings": dict(settings or {}),
        },
    )
