"""The cross-sections of a walk: factors handed out by month-ends, put together in their order."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.data.bars import Bars
from attngru_bt.data.market import Market
from attngru_bt.factors import Registry, registry
from attngru_bt.factors.engine import plan, values_at
from attngru_bt.features.cross_section import month_ends
from attngru_bt.features.panel import Panel
from attngru_bt.walkforward.calls import Call, WorkersLost
from attngru_bt.walkforward.crew import n_workers, work
from attngru_bt.walkforward.generator import SignalGenerator

logger = logging.getLogger(__name__)

CHUNKS = 4  # per worker, at least
MONTH_ENDS = 12  # per chunk, at most

# parameters that decide the cross-sections; models that agree on them share a panel
_PANEL = ("factors", "raw", "lookback", "step", "standardize", "universe")

Order = tuple[NDArray[np.intp], NDArray[np.intp]]  # sessions up to a month-end, assets
Values = NDArray[np.float64]


def panel_key(signal: SignalGenerator) -> str:
    """Key of a signal's cross-sections: signals with the same key share a panel."""
    parts = {name: getattr(signal, name) for name in _PANEL}
    parts["standardize"] = signal.standardize == "date"  # the rest is the preprocessing's
    parts["universe"] = id(signal.universe)
    return repr(parts)


def panels(
    market: Market, signals: Mapping[str, Any], *, jobs: int = 1, client: Any = None
) -> dict[str, Panel]:
    """Take the cross-sections of all month-ends, each from the bars up to it and nothing else.

    Parameters
    ----------
    market : Market
    signals : mapping of str to signal
        Those that are no `SignalGenerator` have no cross-sections; if none is, the default ones are
        taken.
    jobs, client
        Who computes the factors, see `crew.work`.

    Returns
    -------
    dict of `panel_key` to Panel

    Raises
    ------
    KeyboardInterrupt
        On Ctrl-C, after the month-ends at hand.
    WorkersLost
        See `crew.work`.
    """
    generators = [s for s in signals.values() if isinstance(s, SignalGenerator)]
    found: dict[str, Panel] = {}
    for signal in generators or [SignalGenerator(universe=market.membership)]:
        found.setdefault(panel_key(signal), signal.panel())
    bars = market.bars
    ends = month_ends(bars.dates)
    if not ends_a_month(bars.dates[-1]):
        ends = ends[:-1]

    workers = n_workers(jobs, client)
    apart = client is not None or jobs != 1
    source = _packed(registry) if apart else registry
    size = math.ceil(len(ends) * len(found) / (CHUNKS * workers)) if apart else 1
    size = min(max(size, 1), MONTH_ENDS)
    todo: dict[int, Call] = {}
    of: dict[int, tuple[Panel, list[Order]]] = {}
    for panel in found.values():
        orders = _orders(panel, bars, ends)
        for start in range(0, len(orders), size):
            chunk = orders[start : start + size]
            of[len(todo)] = panel, chunk
            history = panel.history
            todo[len(todo)] = factors_at, (bars, history.names, history.raw, source, chunk)

    arrived: dict[int, list[Values]] = {}
    taken = 0

    def store(number: int, values: list[Values]) -> None:
        nonlocal taken
        arrived[number] = values
        while taken in arrived:  # in order: each cross-section says what came of the one before
            panel, chunk = of[taken]
            for (days, assets), factors in zip(chunk, arrived.pop(taken), strict=True):
                known = bars.rows(0, int(days[-1]) + 1)
                names = [bars.assets[i] for i in assets]
                panel.history.put(known, bars.dates[days], names, factors)
                panel.extend(known)
            taken += 1

    def stopped() -> str:
        done = sum(len(panel.sections) for panel in found.values())
        return (
            f"Stopped after {done} of {len(ends) * len(found)} cross-sections, before the first "
            f"fit; cross-sections are not kept: the same call begins with them."
        )

    try:
        if not work(todo, store, jobs=jobs, client=client):
            raise KeyboardInterrupt(stopped())
    except WorkersLost as lost:
        raise WorkersLost(f"{lost} {stopped()}") from lost
    return found


def ends_a_month(date: pd.Timestamp) -> bool:
    """Whether no weekday of the month is left: only then is the last session surely a month-end."""
    return (date + pd.offsets.BDay(1)).month != date.month


def _orders(panel: Panel, bars: Bars, ends: NDArray[np.intp]) -> list[Order]:
    """Say what each month-end adds: sessions since the one before, who may be held then.

    Whoever joins later is not among them, since that was not known; the panel computes the earlier
    steps of those when they join.
    """
    orders = []
    before = -1
    for end in map(int, ends):
        steps, candidates = panel.asks(bars.rows(0, end + 1), end)
        orders.append((steps[steps > before], np.sort(candidates)))  # in the order of memory
        before = end
    return orders


def factors_at(
    bars: Bars,
    names: Sequence[str] | None,
    raw: bool,
    source: Registry | bytes,
    orders: Sequence[Order],
) -> list[Values]:
    """Factors at month-ends, of each from the bars up to it and nothing later.

    Parameters
    ----------
    bars : Bars
    names, raw
        See `FactorHistory`.
    source : Registry or bytes
        The factors; of the process that hands out, for a worker has but the library's.
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
    found = []
    for days, assets in orders:
        known = bars.rows(0, int(days[-1]) + 1)
        planned = plan(known, names, source=source)
        found.append(values_at(known, days, planned, raw=raw, source=source, assets=assets))
    return found


def _packed(source: Registry) -> bytes:
    """Factors as bytes. Functions of files that a worker would not find are packed themselves."""
    import cloudpickle

    names = {str(getattr(node.function, "__module__", None)) for node in source.nodes.values()}
    # run as a file, not imported by name; what stands beside it may not be found either
    run = [m for name in names if (m := sys.modules.get(name)) and m.__spec__ is None]
    folders = {
        folder for module in run if module.__name__ != "__main__" and (folder := _folder(module))
    }
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
    """Folder of the file a module was read from."""
    file = getattr(module, "__file__", None)
    return Path(file).parent if isinstance(file, str) else None
