"""The audit of a single factor, for the tests of a user who writes factors."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt import checks
from attngru_bt.audit.altered import cut_dates
from attngru_bt.audit.fresh import CannotTravel, Fresh, is_ours
from attngru_bt.audit.leaks import Compute, Values, differs, find, find_between, measured
from attngru_bt.audit.memory import remembers
from attngru_bt.data.bars import Bars
from attngru_bt.data.synthetic import make_market
from attngru_bt.factors import Factor, Registry, compute, registry
from attngru_bt.factors import factor as register
from attngru_bt.factors.registry import LINES

logger = logging.getLogger(__name__)

ASSETS = 8
DAYS = 520


def assert_causal(
    factor: str | Factor | Callable[..., Any],
    bars: Bars | None = None,
    cuts: int = 8,
    seed: int = 0,
) -> None:
    """Assert that a factor does not know later days than its own.

    The factor is computed on all bars, on bars that end at some dates, and on bars that go on with
    other numbers after these dates. Up to each date all values must be equal to the bit. The same
    must hold if the future of each stock is changed after a date of its own. A function that can
    keep something from one call to the next is also called, in a process of its own, on the bars
    that end.

    Parameters
    ----------
    factor : str, Factor or callable
        The name of a registered factor; a function with or without ``@factor`` whose parameters
        are lines and factors; or a function that takes `Bars` and returns a DataFrame (dates ×
        assets), one with rows (date, asset), or an array (days, assets[, columns]).
    bars : Bars, optional
        Default: a made-up market of 8 stocks with all lines, late listings, gaps and a delisting,
        long enough for the factor.
    cuts : int, default 8
        Number of dates; single stocks are changed at about eight times as many.
    seed : int, default 0
        Random state of the dates, the made-up market and the changed numbers.

    Raises
    ------
    AssertionError
        If a value changes. The message has the first one: factor, asset, date, both values, and how
        many sessions ahead it looks.
    TypeError, ValueError
        If the factor cannot be computed, or has no value on these bars.

    Examples
    --------
    >>> import numpy as np
    >>> from attngru_bt.audit import assert_causal
    >>> assert_causal("BIAS5")
    >>> def centered(close):
    ...     return np.vstack([close[2:], close[-2:]])
    >>> assert_causal(centered)
    Traceback (most recent call last):
        ...
    AssertionError: centered of S000 on 2015-02-26 is ...: it looks 2 sessions ahead.
    """
    checks.whole_number("cuts", cuts)
    function, names, nodes = _computer(factor)
    if bars is None:
        bars = _made_up(nodes, seed)
    process = _process(function, factor, nodes)  # begun before anything is computed
    values = function(bars)  # (days, assets, columns)
    if len(names) != values.shape[2]:
        label = names[0]
        names = tuple(f"{label}[{j}]" for j in range(values.shape[2]))
    if not np.isfinite(values).any():
        raise ValueError(
            f"{names[0]} has no value on these {len(bars)} bars, so nothing can be compared; give "
            "longer bars, or bars with the lines it needs."
        )
    unstable = differs(function(bars), values)
    if unstable.any():
        day, i, j = (int(k) for k in np.argwhere(unstable)[0])
        raise AssertionError(
            f"{names[j]} of {bars.assets[i]} on {bars.dates[day].date()} is another value when it "
            "is computed again from the same bars, so nothing can be compared; remove the chance "
            "in it."
        )
    known = np.isfinite(values).any(axis=(1, 2))
    dates = cut_dates(bars.dates, cuts, min(int(known.argmax()) + 1, len(bars) - 2), seed)
    if not dates:
        raise ValueError(f"{len(bars)} bars are too few to be cut; give at least 3.")
    if process is None:
        leaks = find(function, bars, names, dates, seed, values)
    else:
        with process:
            leaks = find(function, bars, names, dates, seed, values, process.call)
    early = -(-len(dates) // 4)
    between, _ = find_between(function, bars, names, len(dates), seed, values, early)
    leaks = between | leaks
    if leaks:
        leak = min(leaks.values(), key=lambda leak: (leak.date, leak.asset))
        if not leak.kept:
            leak = measured(leak, function, bars, names.index(leak.name))
        raise AssertionError(leak.sentence)


def _process(function: Compute, factor: Any, nodes: Sequence[Factor]) -> Fresh | None:
    """Begin a process for a factor that can keep something from one call to the next."""
    functions = [node.function for node in _with_inputs(nodes)] or [factor]
    if not any(remembers(one, is_ours) for one in functions):
        return None
    try:
        return Fresh(function)
    except CannotTravel as error:
        logger.warning(
            "%s cannot be computed in a process of its own (%s): what it keeps from one call to "
            "the next could hide a leak.",
            getattr(factor, "__name__", factor),
            error,
        )
        return None


def _computer(
    factor: str | Factor | Callable[..., Any],
) -> tuple[Compute, tuple[str, ...], Sequence[Factor]]:
    """Return a function that computes a factor, the names of its columns, and its registered nodes.

    There are no nodes if `factor` is a function of `Bars`.
    """
    nodes: tuple[Factor, ...]
    source = registry
    if isinstance(factor, str):
        if factor not in registry:
            hint = checks.nearest(factor, registry.names())
            raise ValueError(f"No factor is called {factor!r}{hint}")
        nodes = (registry[factor],)
    elif isinstance(factor, Factor):
        source, nodes = _with(factor), (factor,)
    elif callable(factor):
        nodes = tuple(node for node in registry if node.function is factor)
        if not nodes:
            if _takes_bars(factor):
                name = getattr(factor, "__name__", type(factor).__name__)
                return _of_bars(factor, name), (name,), ()
            source = registry.snapshot()
            register("audited", into=source, replace=True)(factor)
            nodes = (source[factor.__name__],)
    else:
        raise TypeError(
            "`factor` must be a factor's name, a function of lines, or a function of Bars; got "
            f"{type(factor).__name__}."
        )
    names = tuple(node.name for node in nodes)

    def values(bars: Bars) -> Values:
        # A line of the same name has priority over a factor, so it is left out.
        lines = {name: line for name, line in bars.lines.items() if name not in names}
        bars = Bars(bars.dates, bars.assets, lines, bars.benchmark, bars.benchmark_open)
        return compute(bars, names, source=source)[0]

    return values, names, nodes


def _with(factor: Factor) -> Registry:
    """Return a copy of the registry that has this factor."""
    source = registry.snapshot()
    source.add(factor, replace=True)
    return source


def _takes_bars(function: Callable[..., Any]) -> bool:
    """Whether a function has one required parameter, which is neither a line nor a factor."""
    required = [
        name
        for name, p in inspect.signature(function).parameters.items()
        if p.default is inspect.Parameter.empty and p.kind is not p.VAR_KEYWORD
    ]
    return len(required) == 1 and required[0] not in LINES and registry.node(required[0]) is None


def _of_bars(function: Callable[[Bars], Any], name: str) -> Compute:
    """Return a function of bars as one that returns arrays."""

    def values(bars: Bars) -> Values:
        return _array(function(bars), bars, name)

    return values


def _array(answer: Any, bars: Bars, name: str) -> Values:
    """Return values of shape (days, assets, columns), NaN where there is no row."""
    if isinstance(answer, pd.Series) and answer.index.nlevels == 2:
        answer = answer.to_frame()
    if isinstance(answer, pd.DataFrame):
        columns: Iterable[pd.DataFrame] = (answer,)
        if answer.index.nlevels == 2:
            columns = (answer[column].unstack() for column in answer.columns)  # dates × assets
        answer = np.stack(
            [c.reindex(index=bars.dates, columns=list(bars.assets)).to_numpy() for c in columns], -1
        )
    array = np.asarray(answer, dtype=np.float64)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[:2] != (len(bars), len(bars.assets)):
        raise TypeError(
            f"{name} must answer a DataFrame (dates × assets), one with rows (date, asset), or an "
            f"array of shape {(len(bars), len(bars.assets))}; got {type(answer).__name__} of shape "
            f"{np.shape(answer)}."
        )
    return array


def _made_up(nodes: Sequence[Factor], seed: int) -> Bars:
    """Return made-up bars with all lines that the factors need, and long enough for values."""
    longest = max((node.history for node in nodes), default=1)
    n_days = max(DAYS, 2 * longest + 100)
    market = make_market(ASSETS, n_days, seed, signal=0.1)
    bars, rng = market.bars, np.random.default_rng(seed)
    shape = bars["close"].shape
    own_lines = {name for node in _with_inputs(nodes) for name in node.extra_lines}
    # lines of the user's own, and what a made-up market has no movement in
    lines = dict(bars.lines)
    further_lines = {
        name: rng.lognormal(0, 0.5, shape) for name in sorted(own_lines) if name not in lines
    }
    further_lines["adjfactor"] = np.cumprod(1 + 0.02 * (rng.random(shape) < 0.01), axis=0)
    further_lines["dividend_yield"] = rng.uniform(0, 0.05, shape)
    lines |= {name: np.where(bars.traded, line, np.nan) for name, line in further_lines.items()}
    return Bars(bars.dates, bars.assets, lines, bars.benchmark, bars.benchmark_open)


def _with_inputs(nodes: Sequence[Factor]) -> list[Factor]:
    """Return factors and all factors that they are computed from."""
    visited: dict[str, Factor] = {}
    to_visit = list(nodes)
    while to_visit:
        node = to_visit.pop()
        if node.name not in visited:
            visited[node.name] = node
            to_visit += [inner for inner in map(registry.node, node.needs) if inner is not None]
    return list(visited.values())
