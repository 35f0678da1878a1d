"""From bars to the values of factors.

Assets are computed in blocks: the intermediate results of a block stay in the processor's cache,
and memory does not grow with the market. Factors are computed in groups of similar look-back, so
that a factor that needs twenty bars is not computed over the thousand bars that another one needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

import numpy as np
import pandas as pd

from attngru_bt.data.bars import Bars
from attngru_bt.factors.clocks import Calendar, Columns, Days, Mask, Traded, View
from attngru_bt.factors.declaration import Factor
from attngru_bt.factors.ops import Array
from attngru_bt.factors.order import Order, latest_needed, order_of
from attngru_bt.factors.plan import Plan, known_lines, plan, report_missing
from attngru_bt.factors.registry import Registry, registry

BLOCK = 80_000
"""Most values of a line that are computed together: those of 56 assets of 1,400 bars, 640 kB."""

GROUPS = (40, 130, 320, 640, 1300)
"""Limits of the groups of factors, by look-back in bars; longer ones get the whole history."""


def _latest(values: Array, n: int | None) -> Array:
    """Return the latest n bars of (bars, assets), or of several such arrays; None: all bars."""
    return values if n is None or n >= values.shape[-2] else values[..., -n:, :]


def _evaluate(
    wanted: Sequence[Factor],
    have: set[str],
    view: View,
    raw: bool,
    order: Order,
    latest: Mapping[str, int | None],
) -> Iterator[tuple[Factor, Array, list[Array]]]:
    """Compute factors on one view and yield each with the lines that it is to be divided by.

    An intermediate result is dropped as soon as nothing reads it any more. Only the `latest` bars
    of its inputs are handed to a factor or step, if it has a number there.
    """
    nodes, uses = order[0], order[1].copy()
    names = {factor.name for factor in wanted}
    held: dict[str, Array] = {}  # results that are still to be read

    def read(name: str) -> Array:
        values = held[name] if name in held else _read_only(view.line(name))
        uses[name] -= 1
        if uses[name]:
            held[name] = values
        else:
            held.pop(name, None)
        return values

    for node in nodes:
        arguments = {name: read(name) for name in node.inputs}
        arguments |= {name: read(name) for name in node.optional if name in have or name in held}
        n_latest = latest.get(node.name)
        if n_latest is not None:
            arguments = {name: _latest(values, n_latest) for name, values in arguments.items()}
        try:
            values = np.asarray(node.function(**arguments, **node.windows), dtype=np.float64)
        except ValueError as error:
            if "read-only" in str(error):
                error.args = (
                    f"Factor {node.name} changes an input in place, which other factors read, too "
                    f"({error}): take a copy first, as in close.copy().",
                )
            raise
        if node.name in names:
            _check_shape(node, values, arguments)
        held[node.stands_for or node.name] = _read_only(values)
        if node.name in names:
            values = read(node.name)
            yield node, values, [read(name) for name, _ in (() if raw else node.scales)]


def _read_only(values: Array) -> Array:
    """Return values that a function cannot change: others read them, too."""
    view = values.view()
    view.flags.writeable = False
    return view


def _check_shape(node: Factor, values: Array, arguments: dict[str, Array]) -> None:
    """Refuse a result that is not one number per bar and asset; a step may be of another shape."""
    bars = {len(argument) for argument in arguments.values() if argument.ndim == 2}
    if values.ndim != 2 or (bars and len(values) not in bars):
        raise ValueError(
            f"Factor {node.name}: the function must return an array of the shape of its inputs, "
            f"(bars, assets); got shape {values.shape}."
        )


def _groups(
    factors: Iterable[Factor], raw: bool, days: Days, source: Registry
) -> list[tuple[str, int | None, list[Factor]]]:
    """Group the factors by clock and look-back (None: the whole history)."""
    n_bars, n_new = int(days[-1]) + 1, int(days[-1] - days[0]) + 1
    groups: dict[tuple[str, int | None], list[Factor]] = {}
    for factor in factors:
        lookback = total_lookback(factor, raw, source)
        limit = next((g for g in GROUPS if lookback is not None and lookback <= g), None)
        if limit is not None and limit + n_new > 0.8 * n_bars:
            limit = None  # hardly shorter than the whole history: not worth a pass of its own
        groups.setdefault((factor.clock, limit), []).append(factor)
    return [(clock, limit, members) for (clock, limit), members in groups.items()]


def _blocks(assets: Days, n_bars: int) -> Iterator[Days]:
    """Yield blocks of assets, in multiples of eight: rows of 64 bytes are read fastest."""
    size = max(BLOCK // n_bars // 8 * 8, 8)
    for start in range(0, len(assets), size):
        block = assets[start : start + size]
        # numpy adds up the products of a single column in another order, which would change bits:
        # an asset by itself is computed twice, as two columns
        yield block if len(block) > 1 else block.repeat(2)


def _span(positions: Days) -> Columns:
    """Return neighboring positions as a slice, because indexing with a slice gives a view."""
    if (np.diff(positions) != 1).any():
        return positions
    return slice(int(positions[0]), int(positions[-1]) + 1)


def total_lookback(factor: Factor, raw: bool = False, source: Registry = registry) -> int | None:
    """Return the number of bars that determine a factor's value, its units included."""
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
    """Return values of the planned columns at some rows of the bars: (columns, days, assets).

    They are NaN where the asset did not trade, has too little history, or the value is not finite.
    Only the `assets` at these positions are computed; which ones does not change the bits of any.
    The values are written into `out` if it is given.
    """
    if assets is None:
        assets = np.arange(len(bars.assets))
    if out is None:
        out = np.empty((len(planned.columns), len(days), len(assets)))
    if not len(days) or not len(assets):
        return out
    traded = ~np.isnan(bars["close"][days][:, assets])
    present = traded.any(axis=0)  # assets that traded on one of the days; the others have no value
    out[:, :, ~present] = np.nan
    position = {name: i for i, name in enumerate(planned.columns)}
    have = known_lines(bars)
    clocks: dict[str, type[View]] = {"traded": Traded, "calendar": Calendar}
    groups = _groups(planned.factors.values(), raw, days, source)
    with np.errstate(all="ignore"):  # a division by zero gives NaN, which is meant
        for clock, lookback, members in groups:
            order = order_of(members, have, not raw, source)
            n_bars = int(days[-1]) + 1 if lookback is None else lookback + int(days[-1] - days[0])
            # the last bar of these is in the last row of a view, so that the rows can be cut short
            level = present & (len(days) == 1 and lookback is not None)
            if clock == "traded" and lookback is not None:
                level &= bars.ages[days[-1], assets] >= lookback
            latest = latest_needed(members, order) if level.any() else {}
            for block in chain(
                _blocks(np.flatnonzero(level), n_bars),
                _blocks(np.flatnonzero(present & ~level), n_bars),
            ):
                view = clocks[clock](bars, _span(assets[block]), days, lookback)
                columns = _span(block)
                short = bool(level[block[0]])
                at_days = _last if short else view.at_days
                unknown: dict[int, Mask | slice] = {}  # by history
                units: dict[object, Array] = {}  # by scales
                for factor, values, scales in _evaluate(
                    members, have, view, raw, order, latest if short else {}
                ):
                    if factor.history not in unknown:
                        unknown[factor.history] = view.unknown(factor.history)
                    values = at_days(values)
                    plane = out[position[factor.name]]  # (days, assets)
                    target = plane[:, columns]  # a view if the columns are a slice, else a copy
                    if scales:
                        if factor.scales not in units:
                            units[factor.scales] = _unit(factor, list(map(at_days, scales)))
                        np.divide(values, units[factor.scales], out=target)
                    else:
                        target[...] = values
                    target[unknown[factor.history]] = np.nan
                    infinite = np.isinf(target)
                    if infinite.any():
                        target[infinite] = np.nan
                    if not isinstance(columns, slice):
                        plane[:, columns] = target
    for name in planned.columns:
        if name not in planned.factors:
            line = bars[name][days][:, assets]
            out[position[name]] = np.where(traded & np.isfinite(line), line, np.nan)
    return out


def _last(values: Array) -> Array:
    return values[-1:]


def _unit(factor: Factor, scales: list[Array]) -> Array:
    """Return the product of powers that a factor is divided by to be free of scale."""
    powers = [
        scale if degree == 1 else scale**degree
        for scale, (_, degree) in zip(scales, factor.scales, strict=True)
    ]
    return math.prod(powers[1:], start=powers[0])


def rows_of(bars: Bars, at: pd.DatetimeIndex) -> Days:
    """Return the rows of the bars at some dates, in increasing order.

    Raises
    ------
    ValueError
        If a date is not a session of these bars.
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
        Factors, and further lines of the bars. Default: every factor that is on by default and that
        the bars allow, and the user's own lines.
    at : DatetimeIndex, optional
        Dates to compute, each a session of the bars. Default: all. The result is sorted by date.
    raw : bool, default=False
        Return factors as Uqer defines them, price levels and volumes included. By default these are
        divided by the close, the usual volume or the usual amount.

    Returns
    -------
    values : ndarray of shape (dates, assets, factors)
        NaN where the asset did not trade or has too little history.
    names : tuple of str

    Raises
    ------
    ValueError
        If a name is unknown, a named factor needs a line that is missing, or a date is not a
        session of the bars.
    """
    planned = plan(bars, names, source=source)
    report_missing(planned.missing)
    days = np.arange(len(bars)) if at is None else rows_of(bars, pd.DatetimeIndex(at))
    values = values_at(bars, days, planned, raw=raw, source=source)
    return np.moveaxis(values, 0, -1), planned.columns
