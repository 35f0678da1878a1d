"""Fit, trade and measure models side by side: the whole job in one call."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from attngru_bt import backtest, checks
from attngru_bt.compare.choice import BASELINES, EQUAL_WEIGHT, check_can_move, chosen_names
from attngru_bt.compare.comparison import Comparison
from attngru_bt.compare.figures import check_tried
from attngru_bt.compare.files import find_place, insert, write
from attngru_bt.compare.measurement import measure
from attngru_bt.compare.offsets import later
from attngru_bt.data.lock import sole_use
from attngru_bt.data.market import Market, as_market
from attngru_bt.data.schedule import Schedule, schedule_of
from attngru_bt.evaluation.bootstrap import DRAWS

if TYPE_CHECKING:
    from attngru_bt.walkforward import Walk


def run(
    market: Market | pd.DataFrame | str | os.PathLike[str],
    models: str | Sequence[str] | Mapping[str, Any] = "all",
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
    models : "all", names, or mapping of str to model
        A sequence of names, or one text with commas; see `attngru_bt.models.names`. A mapping has
        models as `walk_forward` takes them, a `Blend` or an estimator, and "equal-weight".
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
        Numbers of sessions after month-ends (or the weeks, quarters of `schedule`). Every model is
        also walked with decisions on these days, and the spread is shown: the luck of the day.
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

    path = None if folder is None else Path(folder)
    if into is not None:
        if path is None:
            raise ValueError("`into` has no effect without `folder`, whose name marks the place.")
        find_place(into, path.name)  # raises now rather than after hours of fits

    own = models if isinstance(models, Mapping) else {}
    names = list(models) if isinstance(models, Mapping) else chosen_names(models, model_names())
    scored = {name: own.get(name, name) for name in names if name != EQUAL_WEIGHT}
    if not scored:
        raise ValueError(
            f"`models` must name at least one that makes scores; got {', '.join(names)}."
        )
    market = as_market(market)
    schedule = schedule_of(settings.get("schedule", "month"))
    days = later(schedule, offsets)
    if days:
        check_can_move(scored)
    market = market if end is None else market.until(end)
    backtest.check_account(market, {**(trading or {}), "topk": topk})
    checks.whole_number("draws", draws)
    checks.whole_number("tried", tried, or_none=True)
    check_tried(tried, [name for name in names if name not in BASELINES])
    with nullcontext() if path is None else sole_use(path):

        def walk(name: str, rule: Schedule) -> list[Walk]:
            return walk_forward(
                market, scored, seeds=seeds, start=start, end=end, jobs=jobs,
                folder=None if path is None else path / name,
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
        if path is None:
            return comparison
        files = write(comparison, path, title=title)
        if into is not None:
            files.append(insert(comparison, into, path.name))
        return replace(comparison, files=tuple(files))
