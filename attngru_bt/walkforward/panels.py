"""The panels of a walk-forward: factors are computed per month-end and joined in order of time."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.data.bars import Bars
from attngru_bt.data.beside import Beside
from attngru_bt.data.market import Market
from attngru_bt.data.membership import Universe
from attngru_bt.data.schedule import Schedule
from attngru_bt.factors import Registry, registry
from attngru_bt.factors.engine import values_at
from attngru_bt.factors.plan import plan
from attngru_bt.features.panel import Panel
from attngru_bt.walkforward.calls import Call, WorkersLost
from attngru_bt.walkforward.crew import n_workers, work
from attngru_bt.walkforward.recipe import Recipe
from attngru_bt.walkforward.scored_months import ScoredMonths

logger = logging.getLogger(__name__)

CHUNKS = 4  # least number of chunks per worker
MONTH_ENDS = 12  # most month-ends per chunk

# the parameters that decide the cross-sections: recipes that agree on them share a panel
_PANEL = (
    "factors", "raw", "lookback", "step", "standardize", "within", "row_weights", "view", "sample",
)  # fmt: skip

Order = tuple[NDArray[np.intp], NDArray[np.intp]]  # positions of sessions and of assets
Values = NDArray[np.float64]


def panel_key(recipe: Recipe) -> str:
    """Return the key of a recipe's cross-sections: recipes with the same key share a panel."""
    parts = {name: getattr(recipe, name) for name in _PANEL}
    parts["standardize"] = recipe.standardize == "date"  # anything else is fitted later
    parts["schedule"] = str(recipe.schedule)
    parts["universe"] = id(recipe.universe)
    parts["train_on"] = _place(recipe)
    return repr(parts)


def _place(recipe: Recipe) -> object:
    """Return a value that differs between the markets or universes of `train_on`."""
    return recipe.train_on if isinstance(recipe.train_on, (str, Path)) else id(recipe.train_on)


def without_factors(universe: Universe | None, schedule: Any = "month") -> Recipe:
    """Return the recipe of a panel without factors, by whose outcomes baselines are judged."""
    return Recipe(factors=(), lookback=1, universe=universe, schedule=schedule)


def make_panels(recipes: Iterable[Recipe], exposures: Iterable[str] = ()) -> dict[str, Panel]:
    """Return an empty panel for each `panel_key`; those on one market beside the feeds share it.

    Parameters
    ----------
    recipes : iterable of Recipe
    exposures : iterable of str, default ()
        Exposures to measure besides those that the recipes ask for.
    """
    panels: dict[str, Panel] = {}
    besides: dict[object, Beside | None] = {}
    for recipe in recipes:
        beside_key, key = _place(recipe), panel_key(recipe)
        if beside_key not in besides:
            besides[beside_key] = recipe.make_beside()
        if key not in panels:
            panels[key] = recipe.make_panel(besides[beside_key])
        panels[key].exposures |= {*exposures, *(recipe.neutralize or ())}
    return panels


def take_panels(
    market: Market,
    recipes: Iterable[Recipe],
    *,
    exposures: Iterable[str] = (),
    first: pd.Timestamp | None = None,
    complete: bool = False,
    jobs: int = 1,
    client: Any = None,
) -> dict[str, Panel]:
    """Compute the cross-sections of all month-ends, each from the bars up to it and nothing else.

    Parameters
    ----------
    market : Market
    recipes : iterable of Recipe
    exposures : iterable of str, default ()
        Exposures to measure besides those that the recipes ask for.
    first : Timestamp, default None
        The first month-end that is scored; lines that nobody has a value of by then are left out.
    complete : bool, default False
        Whether the last month of the bars is known to be complete.
    jobs, client
        Where the factors are computed; see `crew.work`.

    Returns
    -------
    dict of `panel_key` to Panel

    Raises
    ------
    KeyboardInterrupt
        On Ctrl-C, after the chunks that are running.
    WorkersLost
        See `crew.work`.
    """
    panels = make_panels(recipes, exposures)
    joined = {id(panel): panel.join(market.bars, first) for panel in panels.values()}
    for panel in panels.values():
        panel.expect(joined[id(panel)])
    schedule = common_schedule(panels.values())

    # where to compute, and how many month-ends in one call
    if all(panel.history.names == () for panel in panels.values()):
        jobs, client = 1, None  # nothing to compute
    workers = n_workers(jobs, client)
    apart = client is not None or jobs != 1
    source = _packed(registry) if apart else registry
    months = {
        key: _ends(joined[id(panel)], schedule, complete=complete) for key, panel in panels.items()
    }
    n_months = sum(map(len, months.values()))
    # a few calls per worker, so that none of them is idle at the end
    size = math.ceil(n_months / (CHUNKS * workers)) if apart else 1
    size = min(max(size, 1), MONTH_ENDS)
    todo: dict[int, Call] = {}
    chunks: dict[int, tuple[Panel, list[Order]]] = {}  # what each call computes
    for key, panel in panels.items():
        bars = joined[id(panel)]
        orders = _orders(panel, bars, months[key])
        for start in range(0, len(orders), size):
            chunk = orders[start : start + size]
            chunks[len(todo)] = panel, chunk
            history = panel.history
            todo[len(todo)] = (
                factors_at,
                (bars, history.names, history.raw, history.partial, source, chunk),
            )

    waiting: dict[int, list[Values]] = {}  # calls that have ended before an earlier one
    next_chunk = 0

    def store(number: int, values: list[Values]) -> None:
        nonlocal next_chunk
        waiting[number] = values
        # in order of time, since each cross-section sets the outcome of the one before
        while next_chunk in waiting:
            panel, chunk = chunks[next_chunk]
            bars = joined[id(panel)]
            for (days, assets), factors in zip(chunk, waiting.pop(next_chunk), strict=True):
                past = bars.rows(0, int(days[-1]) + 1)
                names = [bars.assets[i] for i in assets]
                panel.history.put(past, bars.dates[days], names, factors)
                panel.take(past)
            next_chunk += 1

    def stopped() -> str:
        n_done = sum(len(panel.sections) for panel in panels.values())
        return (
            f"Stopped after {n_done} of {n_months} cross-sections, before the first "
            f"fit. Cross-sections are not kept: the same call computes them again."
        )

    try:
        if not work(todo, store, jobs=jobs, client=client):
            raise KeyboardInterrupt(stopped())
    except WorkersLost as lost:
        raise WorkersLost(f"{lost} {stopped()}") from lost
    return panels


def common_schedule(scheduled: Iterable[Panel | ScoredMonths]) -> Schedule:
    """Return the schedule of all: models that are walked together share their sessions."""
    schedules = {walked.schedule for walked in scheduled}
    if len(schedules) > 1:
        names = " and ".join(sorted(repr(str(schedule)) for schedule in schedules))
        raise ValueError(
            f"`schedule` must be the same for all models of a walk-forward; got {names}: walk them "
            f"apart."
        )
    return schedules.pop()


def _ends(bars: Bars, schedule: Schedule, *, complete: bool) -> NDArray[np.intp]:
    """Return the positions of the month-ends; the last only if its month is known to be over."""
    ends = schedule.ends(bars.dates)
    return ends if complete or schedule.complete(bars.dates) else ends[:-1]


def _orders(panel: Panel, bars: Bars, ends: NDArray[np.intp]) -> list[Order]:
    """Return what to compute for each month-end: its new sessions, and who may be held then.

    Assets that join the universe later are left out, since that was not known yet. The panel
    computes their earlier steps when they join.
    """
    orders = []
    newest = -1
    for end in map(int, ends):
        past = bars.rows(0, end + 1)
        parts = [panel.asks(past, day) for day in panel.due(past.dates, newest + 1)]
        steps = np.unique(np.concatenate([days for days, _ in parts]))
        # in the order of memory
        candidates = np.unique(np.concatenate([columns for _, columns in parts]))
        orders.append((steps[steps > newest], candidates))
        newest = end
    return orders


def factors_at(
    bars: Bars,
    names: Sequence[str] | None,
    raw: bool,
    partial: bool,
    source: Registry | bytes,
    orders: Sequence[Order],
) -> list[Values]:
    """Return the factors at some month-ends, each from the bars up to it and nothing later.

    Parameters
    ----------
    bars : Bars
    names, raw, partial
        See `FactorHistory`.
    source : Registry or bytes
        Factor registry; for a worker, that of the parent process, pickled, since a worker only
        has the built-in factors.
    orders : sequence of (days, assets)
        Positions of the sessions, the last one the month-end, and of the assets.

    Returns
    -------
    list of ndarray of shape (factors, days, assets)
    """
    if isinstance(source, bytes):
        import cloudpickle

        source = cloudpickle.loads(source)
        assert isinstance(source, Registry)
    values = []
    for days, assets in orders:
        past = bars.rows(0, int(days[-1]) + 1)
        planned = plan(past, names, partial=partial, source=source)
        values.append(values_at(past, days, planned, raw=raw, source=source, assets=assets))
    return values


def _packed(source: Registry) -> bytes:
    """Return the factor registry as bytes, with the code that a worker could not import."""
    import cloudpickle

    names = {str(getattr(node.function, "__module__", None)) for node in source.nodes.values()}
    # scripts that were run by path cannot be imported by name, nor may the modules beside them
    scripts = [m for name in names if (m := sys.modules.get(name)) and m.__spec__ is None]
    folders = {folder for m in scripts if m.__name__ != "__main__" and (folder := _folder(m))}
    modules = [
        m for m in list(sys.modules.values()) if _folder(m) in folders and m.__name__ != "__main__"
    ]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        packed: bytes = cloudpickle.dumps(source)
        return packed
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def _folder(module: ModuleType) -> Path | None:
    """Return the folder of the file that a module was read from."""
    file = getattr(module, "__file__", None)
    return Path(file).parent if isinstance(file, str) else None
