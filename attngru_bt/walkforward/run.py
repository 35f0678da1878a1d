"""Walk many models and seeds through the months: panels once, then one task per fit."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.base import clone

from attngru_bt import checks
from attngru_bt.data.bars import DataError
from attngru_bt.data.interval import check_daily
from attngru_bt.data.lock import sole_use
from attngru_bt.data.market import Market, as_market
from attngru_bt.data.prices import check_prices
from attngru_bt.data.schedule import Schedule, schedule_of
from attngru_bt.features.cross_section import CrossSection
from attngru_bt.models.given import check_scores
from attngru_bt.walkforward.blend_walk import BlendWalk
from attngru_bt.walkforward.calls import Call, WorkersLost
from attngru_bt.walkforward.cluster import connected
from attngru_bt.walkforward.crew import n_workers, work
from attngru_bt.walkforward.lineup import make_walks, neutral_to, recipes_among, signals_of
from attngru_bt.walkforward.panels import take_panels, without_factors
from attngru_bt.walkforward.record import MonthRecord
from attngru_bt.walkforward.tasks import Task, bundles, perform
from attngru_bt.walkforward.unscored import why_no_month
from attngru_bt.walkforward.walk import Walk

logger = logging.getLogger(__name__)

Tell = Callable[[int, int, Task, list[MonthRecord]], None]


def walk_forward(
    market: Market | pd.DataFrame | str | os.PathLike[str],
    models: Mapping[str, Any] | Sequence[str],
    *,
    seeds: int | Mapping[str, int] = 1,
    start: Any = None,
    end: Any = None,
    complete: bool = False,
    jobs: int = 1,
    folder: str | os.PathLike[str] | None = None,
    client: Any = None,
    tls: Mapping[str, Any] | None = None,
    progress: Tell | None = None,
    **settings: Any,
) -> list[Walk]:
    """Fit and score every model with every seed, month by month, on the same cross-sections.

    Parameters
    ----------
    market : Market, DataFrame or path
        Its membership is the universe of every model that names none; or what `attngru_bt.load`
        makes a market of.
    models : sequence of str, or mapping of str to model
        Names of `attngru_bt.models`; or a name and a `SignalGenerator`, a scikit-learn classifier,
        regressor or pipeline, a `Blend`, or anything with ``scores(bars)``. A member of blends
        is fitted once, also where it is one of the models as well.
    seeds : int or mapping of str to int
        How often each model is walked, with other random states; per model if a mapping.
    start : date, default None
        First session to trade on: the month-end before it is the first to be scored. Earlier months
        are trained on. None: as soon as there are enough months.
    end : date, default None
        Bars after it are not touched.
    complete : bool, default False
        Whether the last month of the bars is known to be complete. Its month-end is then scored as
        well, although no later session is there to trade on.
    jobs : int, default 1
        Processes on this machine; -1 is one per core.
    folder : path, default None
        Keeps each finished (model, seed, month). A run that was stopped, whatever way, and is
        started again repeats nothing that was finished and ends with the same bits. One run at a
        time: a second one into the same folder is refused.
    client : dask.distributed.Client or address, default None
        A cluster to work on instead. Whoever controls the scheduler can run code here: connect to
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
        On Ctrl-C, after the running tasks are finished and stored; the message says how to go on.
    """
    market = as_market(market)
    if end is not None:
        market = market.until(end)
    check_daily(market.bars.dates, market.name)
    check_prices(market.bars, market.name)
    signals = signals_of(market, models, settings)
    counts = {name: _count(name, seeds) for name in signals}
    recipes = recipes_among(signals.values())
    # baselines have no cross-sections of their own: they are judged on those of the others
    given = settings.get("schedule", "month")
    recipes = recipes or [without_factors(market.membership, given)]
    schedule = schedule_of(recipes[0].schedule)
    month_ends = _asked(market.bars.dates, start, complete, schedule)
    if not month_ends:
        dates = market.bars.dates
        begins = [dates[end + 1].date() for end in schedule.ends(dates)[:-1]]
        day = None if start is None else checks.date("start", start).date()
        raise DataError(why_no_month(dates[0].date(), dates[-1].date(), begins, day, schedule.unit))
    alone = nullcontext() if folder is None else sole_use(Path(folder))
    with alone, connected(client, tls) as cluster:
        panels = take_panels(
            market,
            recipes,
            exposures=[name for signal in signals.values() for name in neutral_to(signal)],
            first=month_ends[0],
            complete=complete,
            jobs=jobs,
            client=cluster,
        )
        walks, parts = make_walks(signals, counts, panels, settings.get("topk", 10), folder)
        for walk in parts:
            if walk.recipe is None:
                _ask(walk, market, month_ends)
        _train(parts, month_ends, jobs, cluster, folder, progress)
        for walk in walks:
            if isinstance(walk, BlendWalk):
                walk.finish()
    return walks


def _train(
    walks: Sequence[Walk],
    asked: Sequence[pd.Timestamp],
    jobs: int,
    cluster: Any,
    folder: str | os.PathLike[str] | None,
    progress: Tell | None,
) -> None:
    """Score the months of all walks; a fit is a task, unless an earlier run has kept its months."""
    left, finished = _tasks(walks, asked)
    n_fits, n_done = len(left) + len(finished), 0

    def report(task: Task, records: list[MonthRecord]) -> None:
        nonlocal n_done
        n_done += 1
        if progress is not None:
            progress(n_done, n_fits, task, records)

    def stopped() -> str:
        where = (
            f"they are kept in {folder}: the same call goes on from there."
            if folder is not None
            else "they are lost, since no `folder` was given."
        )
        return f"Stopped after {n_done} of {n_fits} fits; {where}"

    if finished:
        logger.info("%d of %d fits are there from an earlier run.", len(finished), n_fits)
    for task, records in finished:
        report(task, records)
    calls, numbers = _calls(left, n_workers(jobs, cluster))

    def store(call: int, results: list[list[MonthRecord]]) -> None:
        for number, records in zip(numbers[call], results, strict=True):
            walk, task = left[number]
            for now, record in zip(task.months, records, strict=True):
                walk.keep(now, record)
            report(task, records)

    try:
        if not work(calls, store, jobs=jobs, client=cluster):
            raise KeyboardInterrupt(stopped())
    except WorkersLost as lost:
        raise WorkersLost(f"{lost} {stopped()}") from lost


def _tasks(
    walks: Sequence[Walk], asked: Sequence[pd.Timestamp]
) -> tuple[list[tuple[Walk, Task]], list[tuple[Task, list[MonthRecord]]]]:
    """Return the fits that are left to do, and those whose months an earlier run has all kept.

    The walks take the months that were kept.
    """
    n_seeds = Counter(walk.model for walk in walks)
    left: list[tuple[Walk, Task]] = []
    found: list[tuple[Task, list[MonthRecord]]] = []
    for walk in walks:
        if walk.recipe is None:
            continue
        positions = walk.positions(asked)
        fits = walk.fits_for(positions)
        if not fits:
            raise DataError(f"{walk.model}: {walk.why_no_scores()}")
        recipe = walk.recipe
        if recipe.trains_beside:  # workers need the cross-sections alone, not the market beside
            recipe = clone(recipe).set_params(train_on="all")
        kept: dict[int, MonthRecord] = {}
        for now in positions:
            if (record := walk.look_up(now)) is not None:
                kept[now] = record
                walk.keep(now, record)
        for fit_at, months in fits.items():
            missing = tuple(now for now in months if now not in kept)
            of_model = len(fits) * n_seeds[walk.model]
            task = Task(walk.model, walk.seed, recipe, fit_at, missing or tuple(months), of_model)
            if missing:
                left.append((walk, task))
            else:
                found.append((task, [kept[now] for now in months]))
    return left, found


def _calls(
    left: Sequence[tuple[Walk, Task]], workers: int
) -> tuple[dict[int, Call], list[list[int]]]:
    """Return what is left to do, call by call, and the numbers of the tasks in each.

    Calls are in the order of time. The last fits of a network, which have the most rows, then run
    beside the last ones of other models, and not by themselves while other workers wait.
    """
    by_panel: dict[int, tuple[list[CrossSection], dict[int, Task]]] = {}
    for number, (walk, task) in enumerate(left):
        by_panel.setdefault(id(walk.panel), (walk.sections, {}))[1][number] = task
    found = [
        (sections[tasks[bundle[0]].fit_at].date, bundle, [tasks[n] for n in bundle], sections)
        for sections, tasks in by_panel.values()
        for bundle in bundles(tasks, sections, workers)
    ]
    found.sort(key=itemgetter(0))
    calls = {i: (perform, (tasks, sections)) for i, (_, _, tasks, sections) in enumerate(found)}
    return calls, [bundle for _, bundle, _, _ in found]


def _count(name: str, seeds: int | Mapping[str, int]) -> int:
    """Return how many seeds a model is walked with."""
    count = seeds.get(name, 1) if isinstance(seeds, Mapping) else seeds
    checks.whole_number(f"seeds of {name}" if isinstance(seeds, Mapping) else "seeds", count)
    return int(count)


def _asked(
    dates: pd.DatetimeIndex, start: Any, complete: bool, schedule: Schedule
) -> list[pd.Timestamp]:
    """Return the month-ends with a session on or after `start` to trade on.

    The last month-end has that session still to come, and counts only if its month is `complete`.
    """
    ends = schedule.ends(dates)
    first = dates[0] if start is None else checks.date("start", start)
    asked = [dates[end] for end in ends[:-1] if dates[end + 1] >= first]
    return [*asked, dates[-1]] if complete else asked


def _ask(walk: Walk, market: Market, asked: Sequence[pd.Timestamp]) -> None:
    """Ask something that is not fitted for its scores, month by month."""
    for now, date in zip(walk.positions(asked), asked, strict=True):
        scores = check_scores(walk.signal.scores(market.bars.until(date)), walk.signal)
        walk.keep(now, MonthRecord(month_end=date, scores=scores))
