"""Walk many models and seeds through the months: panels once, then one task per fit."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.base import clone

from attngru_bt.data.bars import DataError
from attngru_bt.data.interval import check_daily
from attngru_bt.data.lock import sole_use
from attngru_bt.data.market import Market
from attngru_bt.features.cross_section import month_ends
from attngru_bt.features.panel import Panel
from attngru_bt.walkforward.calls import Call, WorkersLost
from attngru_bt.walkforward.checkpoint import Checkpoints
from attngru_bt.walkforward.cluster import connected
from attngru_bt.walkforward.crew import n_workers, work
from attngru_bt.walkforward.generator import SignalGenerator
from attngru_bt.walkforward.panels import panel_key
from attngru_bt.walkforward.panels import panels as take_panels
from attngru_bt.walkforward.record import MonthRecord
from attngru_bt.walkforward.tasks import (
    Task,
    bundles,
    finished,
    keep,
    perform,
    schedule,
)
from attngru_bt.walkforward.unscored import why_no_month, why_no_scores
from attngru_bt.walkforward.walk import Walk

logger = logging.getLogger(__name__)

Plan = list[tuple[Task, Panel]]
Records = dict[int, list[MonthRecord]]  # by number of the task
Progress = Callable[[int, int, Task, list[MonthRecord]], None]


def walk_forward(
    market: Market,
    models: Mapping[str, Any] | Sequence[str],
    *,
    seeds: int | Mapping[str, int] = 1,
    start: Any = None,
    end: Any = None,
    jobs: int = 1,
    folder: str | os.PathLike[str] | None = None,
    client: Any = None,
    tls: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> list[Walk]:
    """Fit and score every model with every seed, month by month, on the same cross-sections.

    Parameters
    ----------
    market : Market
        Its membership is the universe of every model that names none.
    models : sequence of str, or mapping of str to model
        Names of `attngru_bt.models`; or a name and a `SignalGenerator`, a scikit-learn classifier,
        regressor or pipeline, or anything with ``scores(bars)``.
    seeds : int or mapping of str to int
        How often each model is walked, with other random states; per model if a mapping.
    start : date, default None
        First session to trade on: the month-end before it is the first to be scored. Earlier months
        are trained on. None: as soon as there are enough months.
    end : date, default None
        Bars after it are not touched.
    jobs : int, default 1
        Processes on this machine; -1 is one per core.
    folder : path, default None
        Keeps each finished (model, seed, month). A run that was stopped, whatever way, and is
        started again repeats nothing that was finished and ends with the same bits. One run at a
        time: a second one into the same folder is refused.
    client : dask.distributed.Client or address, default None
        A cluster to work on instead. Whoever rules the scheduler can run code here: connect to
        none that you do not trust.
    tls : mapping, default None
        Files of an encrypted connection to the address ``tls://host:8786``: ``ca``, ``cert`` and
        ``key`` (PEM). None: as dask's own configuration says.
    progress : callable, default None
        Called as ``progress(done, total, task, records)`` after each task, those found in `folder`
        included.
    **settings
        Parameters of `SignalGenerator` for the models given by name or as estimators, such as
        `topk`, `refit`, `min_months`, `window`, `random_state`.

    Returns
    -------
    list of Walk
        Models in the order given, seeds within; the same bits whatever `jobs` or `client`.

    Raises
    ------
    DataError
        If the bars are not daily, or no month can be scored.
    BlockingIOError
        If another run works in `folder`.
    WorkersLost
        An OSError: the processes or the cluster lost worker after worker; the message says how to
        go on.
    KeyboardInterrupt
        On Ctrl-C, after the tasks at hand are finished and stored; the message says how to go on.
    """
    if end is not None:
        market = market.until(end)
    check_daily(market.bars.dates, market.name)
    signals = _signals(market, models, settings)
    counts = {name: _count(name, seeds) for name in signals}
    asked = _asked(market.bars.dates, start)
    if not asked:
        dates = market.bars.dates
        begins = [dates[end + 1].date() for end in month_ends(dates)[:-1]]
        day = None if start is None else pd.Timestamp(start).date()
        raise DataError(why_no_month(dates[0].date(), dates[-1].date(), begins, day))
    kept = None if folder is None else Checkpoints(Path(folder))
    done: Records = {}
    alone = nullcontext() if kept is None else sole_use(kept.folder)
    with alone, connected(client, tls) as cluster:
        panels = take_panels(market, signals, jobs=jobs, client=cluster)
        plan = _plan(market, signals, counts, panels, asked)

        def store(number: int, records: list[MonthRecord]) -> None:
            done[number] = records
            if progress is not None:
                progress(len(done), len(plan), plan[number][0], done[number])

        if kept is not None:
            for number, (task, panel) in enumerate(plan):
                found = finished(task, panel.sections, panel.digests(), kept)
                if found is not None:
                    store(number, found)
        if done:
            logger.info("%d of %d fits are there from an earlier run.", len(done), len(plan))
        calls, numbers = _calls(plan, done, n_workers(jobs, cluster))

        def store_all(call: int, results: list[list[MonthRecord]]) -> None:
            for number, result in zip(numbers[call], results, strict=True):
                task, panel = plan[number]
                if kept is not None:
                    keep(task, result, panel.sections, panel.digests(), kept)
                store(number, result)

        def stopped() -> str:
            where = (
                f"they are kept in {kept.folder}: the same call goes on from there."
                if kept is not None
                else "they are lost, since no `folder` was given."
            )
            return f"Stopped after {len(done)} of {len(plan)} fits; {where}"

        try:
            if not work(calls, store_all, jobs=jobs, client=cluster):
                raise KeyboardInterrupt(stopped())
        except WorkersLost as lost:
            raise WorkersLost(f"{lost} {stopped()}") from lost

    walks = []
    sections = next(iter(panels.values())).sections
    for name, signal in signals.items():
        for seed in range(counts[name]):
            if isinstance(signal, SignalGenerator):
                mine = [i for i, (t, _) in enumerate(plan) if (t.model, t.seed) == (name, seed)]
                records = [record for i in mine for record in done[i]]
                own_sections, topk = panels[panel_key(signal)].sections, signal.topk
            else:
                records = _ask(signal, seed, market, [sections[i].date for i in asked])
                own_sections, topk = sections, settings.get("topk", 10)
            walks.append(Walk(name, seed, topk, records, own_sections))
    return walks


def _plan(
    market: Market,
    signals: Mapping[str, Any],
    counts: Mapping[str, int],
    panels: Mapping[str, Panel],
    asked: Sequence[int],
) -> Plan:
    """Return the tasks of all models and seeds, each with its panel."""
    plan: Plan = []
    for name, signal in signals.items():
        if not isinstance(signal, SignalGenerator):
            continue
        panel = panels[panel_key(signal)]
        for seed in range(counts[name]):
            own = clone(signal).set_params(random_state=signal.random_state + seed)
            groups = schedule(own, panel.sections, asked)
            if not groups:
                raise DataError(f"{name}: {why_no_scores(own, panel.sections[: asked[-1] + 1])}")
            plan += [(Task(name, seed, own, months), panel) for months in groups]
    return plan


def _calls(plan: Plan, done: Records, workers: int) -> tuple[dict[int, Call], list[list[int]]]:
    """Return what is left to do, call by call, and the numbers of the tasks in each."""
    left: dict[int, tuple[Panel, dict[int, Task]]] = {}
    for number, (task, panel) in enumerate(plan):
        if number not in done:
            left.setdefault(id(panel), (panel, {}))[1][number] = task
    calls: dict[int, Call] = {}
    numbers: list[list[int]] = []
    for panel, tasks in left.values():
        for bundle in bundles(tasks, panel.sections, workers):
            calls[len(numbers)] = perform, ([tasks[n] for n in bundle], panel.sections)
            numbers.append(bundle)
    return calls, numbers


def _signals(
    market: Market, models: Mapping[str, Any] | Sequence[str], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a generator per model, or what else gives scores."""
    if isinstance(models, str):
        raise TypeError(
            f"`models` must be a list of names or a mapping; got the string {models!r}."
        )
    found: dict[str, Any] = {}
    items = models.items() if isinstance(models, Mapping) else ((name, name) for name in models)
    for name, model in items:
        if isinstance(model, str):
            from attngru_bt.walkforward.by_name import generator

            signal = generator(model, **settings)
        elif hasattr(model, "scores"):
            signal = clone(model)
        else:
            signal = SignalGenerator(model, **settings)
        if market.membership is not None and getattr(signal, "universe", market) is None:
            signal.set_params(universe=market.membership)
        if isinstance(signal, SignalGenerator):
            signal.check()
        found[name] = signal
    return found


def _count(name: str, seeds: int | Mapping[str, int]) -> int:
    count = seeds.get(name, 1) if isinstance(seeds, Mapping) else seeds
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"`seeds` must be a whole number of at least 1; got {count!r} for {name}.")
    return count


def _asked(dates: pd.DatetimeIndex, start: Any) -> list[int]:
    """Numbers of the month-ends with a session on or after `start` to trade on."""
    ends = month_ends(dates)
    first = dates[0] if start is None else pd.Timestamp(start)
    return [i for i, end in enumerate(ends[:-1]) if dates[end + 1] >= first]


def _ask(signal: Any, seed: int, market: Market, month_ends: Sequence[Any]) -> list[MonthRecord]:
    """Scores of something that is not fitted, month by month."""
    signal = clone(signal)
    if "random_state" in signal.get_params():
        signal.set_params(random_state=signal.random_state + seed)
    return [
        MonthRecord(month_end=date, scores=signal.scores(market.bars.until(date)))
        for date in month_ends
    ]
