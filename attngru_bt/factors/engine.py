"""From bars to factors: which can be computed, in which order, and the values.

Assets are taken in blocks, so that the intermediate results of a block stay in the processor's
cache and memory does not grow with the market. Factors are taken in groups of like look-back, so
that one that needs twenty bars is not computed over the thousand that another needs.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from attngru_bt.data.bars import Bars
from attngru_bt.factors.clocks import Calendar, Columns, Days, Mask, Traded, View, has_line
from attngru_bt.factors.ops import Array
from attngru_bt.factors.registry import LINES, Factor, Registry, nearest, registry

logger = logging.getLogger(__name__)

BLOCK = 80_000
"""Values of a line computed at a time, at most: 56 assets of 1,400 bars, 640 kB."""

_GROUPS = (40, 130, 320, 640, 1300)  # look-backs, in bars, up to which factors are put together


@dataclass(frozen=True)
class Plan:
    """Which columns bars can give.

    Attributes
    ----------
    columns : tuple of str
        Factors and the user's own lines, in the order of the output.
    factors : dict of str to Factor
        Those that are computed; the other columns are lines of the bars as they are.
    missing : dict of str to tuple of str
        Line the bars lack -> factors left out because of it.
    """

    columns: tuple[str, ...]
    factors: dict[str, Factor]
    missing: dict[str, tuple[str, ...]]


def own_lines(bars: Bars) -> tuple[str, ...]:
    """Lines of the bars that are factors as they are: all but the known market lines."""
    return tuple(name for name in bars.lines if name not in LINES)


def plan(bars: Bars, names: Sequence[str] | None = None, *, source: Registry = registry) -> Plan:
    """Decide which factors the bars allow.

    Parameters
    ----------
    bars : Bars
    names : sequence of str, optional
        Default: every factor that is on by default and whose lines are there, and the user's own
        lines. A line of the bars goes before the factor of the same name.

    Raises
    ------
    ValueError
        If a factor asked for by name is unknown (with the nearest name), asked for twice, or lacks
        a line.
    """
    own = own_lines(bars)
    have = {name for name in (*LINES, *own) if has_line(bars, name)}
    missing: dict[str, list[str]] = {}
    if names is None:
        chosen = [f.name for f in source if f.default and f.name not in own]
    else:
        chosen = list(names)
        twice = [name for name, n in Counter(chosen).items() if n > 1]
        if twice:
            raise ValueError(f"Factor {twice[0]!r} is asked for twice; leave one out.")
    columns, factors = [], {}
    for name in chosen:
        if name in own:
            columns.append(name)
            continue
        if name not in source:
            hint = nearest(name, [*source.names(), *own])
            raise ValueError(
                f"{name!r} is neither a factor nor a further line of these bars{hint}."
            )
        lacking = source.missing(source[name], have)
        if lacking and names is not None:
            raise ValueError(
                f"Factor {name!r} needs the line {lacking[0]!r}, which these bars do not have; "
                "add the line or leave the factor out."
            )
        for line in lacking:
            missing.setdefault(line, []).append(name)
        if not lacking:
            columns.append(name)
            factors[name] = source[name]
    if names is None:
        columns.extend(own)
    if not columns:
        raise ValueError("No factor can be computed from these bars; they need at least a close.")
    return Plan(tuple(columns), factors, {k: tuple(v) for k, v in missing.items()})


def cost_of(missing: dict[str, tuple[str, ...]]) -> str:
    """How many factors the missing lines cost, in words; empty if none."""
    if not missing:
        return ""
    n_factors = len({name for names in missing.values() for name in names})
    lines = ", ".join(f"{line} ({len(names)})" for line, names in missing.items())
    return f"{n_factors} factors left out, for want of the lines {lines}"


def report_missing(missing: dict[str, tuple[str, ...]]) -> None:
    """Log once, in one line, which lines were missing and how many factors that cost."""
    if missing:
        logger.info(cost_of(missing))


def _order(
    factors: Iterable[Factor], have: set[str], scaled: bool, source: Registry
) -> tuple[list[Factor], Counter[str]]:
    """Everything to be computed, inputs first, and how often each name is read."""
    order: list[Factor] = []
    uses: Counter[str] = Counter()
    seen: set[str] = set()

    def visit(name: str) -> None:
        uses[name] += 1
        node = None if name in have else source.node(name)
        if node is None or name in seen:
            return
        seen.add(name)
        inputs(node)

    def inputs(node: Factor) -> None:
        for name in node.inputs:
            visit(name)
        for name in node.optional:
            other = None if name in have else source.node(name)
            if name in have or (other is not None and not source.missing(other, have)):
                visit(name)
        order.append(node)

    factors = list(factors)
    if scaled:  # units first: a factor is handed on as soon as it is computed
        for factor in factors:
            for name, _ in factor.scales:
                visit(name)
    for factor in factors:
        if factor.name not in seen:
            seen.add(factor.name)
            inputs(factor)
        uses[factor.name] += 1
    return order, uses


def _evaluate(
    wanted: Sequence[Factor],
    have: set[str],
    view: View,
    raw: bool,
    order: tuple[list[Factor], Counter[str]],
) -> Iterator[tuple[Factor, Array, list[Array]]]:
    """Compute factors on one view; each is handed on at once and nothing is kept longer.

    With every factor comes what it is free of scale in units of, in the order of its scales.
    """
    nodes, uses = order[0], order[1].copy()
    names = {factor.name for factor in wanted}
    held: dict[str, Array] = {}

    def read(name: str) -> Array:
        values = held[name] if name in held else view.line(name)
        uses[name] -= 1
        if uses[name]:
            held[name] = values
        else:
            held.pop(name, None)
        return values

    for node in nodes:
        arguments = {name: read(name) for name in node.inputs}
        arguments |= {name: read(name) for name in node.optional if name in have or name in held}
        values = np.asarray(node.function(**arguments, **node.windows), dtype=np.float64)
        if node.name in names:
            _check_shape(node, values, arguments)
        held[node.stands_for or node.name] = values
        if node.name in names:
            values = read(node.name)
            yield node, values, [read(name) for name, _ in (() if raw else node.scales)]


def _check_shape(node: Factor, values: Array, arguments: dict[str, Array]) -> None:
    """Refuse what is not one number per bar and asset; a step may carry more."""
    bars = {len(argument) for argument in arguments.values() if argument.ndim == 2}
    if values.ndim != 2 or (bars and len(values) not in bars):
        raise ValueError(
            f"Factor {node.name}: the function must return an array of the shape of its inputs, "
            f"(bars, assets); got shape {values.shape}."
        )


def _groups(
    factors: Iterable[Factor], raw: bool, days: Days, source: Registry
) -> list[tuple[str, int | None, list[Factor]]]:
    """Factors by clock and look-back (None: the whole history)."""
    n_bars, n_new = int(days[-1]) + 1, int(days[-1] - days[0]) + 1
    groups: dict[tuple[str, int | None], list[Factor]] = {}
    for factor in factors:
        lookback = total_lookback(factor, raw, source)
        limit = next((g for g in _GROUPS if lookback is not None and lookback <= g), None)
        if limit is not None and limit + n_new > 0.8 * n_bars:
            limit = None  # not worth a pass of its own
        groups.setdefault((factor.clock, limit), []).append(factor)
    return [(clock, limit, members) for (clock, limit), members in groups.items()]


def _blocks(assets: Days, n_bars: int) -> Iterator[Days]:
    """Blocks of assets, multiples of eight of them: rows of 64 bytes are read fastest."""
    size = max(BLOCK // n_bars // 8 * 8, 8)
    for start in range(0, len(assets), size):
        block = assets[start : start + size]
        # products of a single column add up in another order: an asset by itself is taken twice
        yield block if len(block) > 1 else block.repeat(2)


def _span(places: Days) -> Columns:
    """Return a slice where the places are neighbors: what it picks is a view."""
    if (np.diff(places) != 1).any():
        return places
    return slice(int(places[0]), int(places[-1]) + 1)


def total_lookback(factor: Factor, raw: bool = False, source: Registry = registry) -> int | None:
    """Bars that fix a factor's value, those included by which it is made free of scale."""
    if factor.lookback is None or raw:
        return factor.lookback
    nodes = [source.node(name) for name, _ in factor.scales]
    return max([factor.lookback, *(node.lookback or 1 for node in nodes if node is not None)])


def values_at(
    bars: Bars,
    days: Days,
    planned: Plan,
    *,
    raw: bool = False,
    source: Registry = registry,
    assets: Days | None = None,
    out: Array | None = None,
) -> Array:
    """Values of planned columns at some rows of the bars: (columns, days, assets).

    NaN where the asset did not trade, has too little history, or the value is not finite. Only the
    `assets` at these positions are computed, each by itself: whichever they are changes no bit. The
    values are written into `out` if it is given.
    """
    if assets is None:
        assets = np.arange(len(bars.assets))
    if out is None:
        out = np.empty((len(planned.columns), len(days), len(assets)))
    if not len(days) or not len(assets):
        return out
    traded = ~np.isnan(bars["close"][days][:, assets])
    there = traded.any(axis=0)  # at least once: the others have no value
    out[:, :, ~there] = np.nan
    place = {name: i for i, name in enumerate(planned.columns)}
    have = {name for name in (*LINES, *own_lines(bars)) if has_line(bars, name)}
    clocks: dict[str, type[Traded] | type[Calendar]] = {"traded": Traded, "calendar": Calendar}
    groups = _groups(planned.factors.values(), raw, days, source)
    with np.errstate(all="ignore"):  # a division by zero is NaN here, not a mistake
        for clock, lookback, members in groups:
            order = _order(members, have, not raw, source)
            n_bars = int(days[-1]) + 1 if lookback is None else lookback + int(days[-1] - days[0])
            for block in _blocks(np.flatnonzero(there), n_bars):
                view = clocks[clock](bars, _span(assets[block]), days, lookback)
                places = _span(block)
                unknown: dict[int, Mask | slice] = {}
                units: dict[object, Array] = {}
                for factor, values, scales in _evaluate(members, have, view, raw, order):
                    if factor.history not in unknown:
                        unknown[factor.history] = view.unknown(factor.history)
                    values = view.at_days(values)
                    plane = out[place[factor.name]]
                    target = plane[:, places]  # a copy where places are picked
                    if scales:
                        if factor.scales not in units:
                            units[factor.scales] = view.at_days(_unit(factor, scales))
                        np.divide(values, units[factor.scales], out=target)
                    else:
                        target[...] = values
                    target[unknown[factor.history]] = np.nan
                    infinite = np.isinf(target)
                    if infinite.any():
                        target[infinite] = np.nan
                    if not isinstance(places, slice):
                        plane[:, places] = target
    for name in planned.columns:
        if name not in planned.factors:
            line = bars[name][days][:, assets]
            out[place[name]] = np.where(traded & np.isfinite(line), line, np.nan)
    return out


def _unit(factor: Factor, scales: list[Array]) -> Array:
    """Multiply out what a factor's value is divided by to be free of scale."""
    powers = [
        scale if degree == 1 else scale**degree
        for scale, (_, degree) in zip(scales, factor.scales, strict=True)
    ]
    return math.prod(powers[1:], start=powers[0])


def rows_of(bars: Bars, at: pd.DatetimeIndex) -> Days:
    """Rows of the bars at some dates, in increasing order.

    Raises
    ------
    ValueError
        If a date is no session of these bars.
    """
    days = bars.dates.get_indexer(at)
    if (days < 0).any():
        date = at[[int(np.argmin(days))]][0]
        near = int(bars.dates.searchsorted(date)) - 1
        hint = f"; the session before it is {bars.dates[near].date()}" if near >= 0 else ""
        raise ValueError(f"{date.date()} is not a session of these bars{hint}.")
    return np.unique(days)


def compute(
    bars: Bars,
    names: Sequence[str] | None = None,
    *,
    at: pd.DatetimeIndex | None = None,
    raw: bool = False,
    source: Registry = registry,
) -> tuple[Array, tuple[str, ...]]:
    """Compute factors.

    Parameters
    ----------
    bars : Bars
    names : sequence of str, optional
        Factors, and further lines of the bars. Default: all that the bars allow and that are on by
        default, and the user's own lines.
    at : DatetimeIndex, optional
        Dates wanted, each a session of the bars. Default: all. The result is in order of date.
    raw : bool, default=False
        As Uqer defines them, price levels and volumes included. By default these are divided by the
        close, the usual volume or the usual amount.

    Returns
    -------
    values : ndarray of shape (dates, assets, factors)
        NaN where the asset did not trade or has too little history.
    names : tuple of str

    Raises
    ------
    ValueError
        If a name is unknown, a line is lacking for a factor asked for by name, or a date is no
        session of the bars.
    """
    planned = plan(bars, names, source=source)
    report_missing(planned.missing)
    days = np.arange(len(bars)) if at is None else rows_of(bars, pd.DatetimeIndex(at))
    values = values_at(bars, days, planned, raw=raw, source=source)
    return np.moveaxis(values, 0, -1), planned.columns
