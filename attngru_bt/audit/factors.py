"""Check: no factor changes in the past when the future does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from attngru_bt.audit.fresh import own_factors
from attngru_bt.audit.leaks import Compute, Leak, Values, find, find_between, measured
from attngru_bt.audit.report import Check, Finding, failed, passed, skipped
from attngru_bt.data.bars import Bars
from attngru_bt.factors import compute
from attngru_bt.factors.plan import plan

NAME = "factors"
AT_ONCE = 16_000_000
"""Values held at a time, an eighth of a gigabyte."""
WIDE = 60  # dates per cut at which factors of the user's own are looked at stock by stock, at least
MEASURED = 5  # leaks of which it is found out how far ahead they look


def check(
    bars: Bars,
    cuts: Sequence[pd.Timestamp],
    *,
    factors: Sequence[str] | None = None,
    seed: int = 0,
    past: Callable[[Bars, Sequence[str]], Values] | None = None,
    beside: str = "",
) -> Check:
    """Compute the factors on bars cut at some dates, and scrambled after them; compare to the bit.

    All values up to each date are compared, not only those at month-ends. A line of the data that
    is a factor as it is cannot be checked so: what is in the file is in the file.

    Parameters
    ----------
    bars : Bars
    cuts : sequence of Timestamp
    factors : sequence of str, optional
        Default: those a model is given.
    seed : int
    past : callable, optional
        Computes factors of the user's own on bars that end in a process that has seen no later
        ones, see `Fresh.compute`.
    beside : str
        What there is to say about the processes, for the summary.
    """
    planned = plan(bars, factors)
    names = list(planned.factors)
    if not names or not cuts:
        why = "no factor is computed" if not names else "the data are too short to be cut"
        return skipped(NAME, f"{why}, so there is nothing to compare.")
    found: dict[str, Leak] = {}
    own = set(own_factors(names))
    between = 0
    for part in _parts(bars, len(names)):
        for group in (sorted(own), [name for name in names if name not in own]):
            if not group:
                continue
            compute_them, whole = _compute(group), _compute(group)(part)
            ended, passes, early = None, len(cuts), 0
            if group[0] in own:
                ended = None if past is None else _apart(past, group)
                passes *= max(1, WIDE // len(part.assets))
                early = -(-passes // 4)
            leaks = [find(compute_them, part, group, cuts, seed, whole, ended)]
            more, n = find_between(compute_them, part, group, passes, seed, whole, early)
            between = max(between, n)
            leaks.append(more)
            for name, leak in (pair for one in leaks for pair in one.items()):
                now = found.get(name)
                if now is None or (leak.date, leak.asset) < (now.date, now.asset):
                    found[name] = leak
    as_they_are = len(planned.columns) - len(names)
    told = (
        f"{len(names)} factors of {len(bars.assets)} stocks, cut and scrambled at {len(cuts)} "
        f"dates, and stock by stock at {between}{beside}"
    )
    if not found:
        beside = f"; {as_they_are} lines of the data are taken as they are" if as_they_are else ""
        return passed(NAME, f"{told}: no value changed by a bit{beside}.")
    order = sorted(found.values(), key=lambda leak: (leak.date, leak.asset, leak.name))
    findings = []
    for i, leak in enumerate(order):
        text = leak.sentence
        if i < MEASURED and not leak.kept:
            text = _not_alone(leak, bars) or measured(leak, _compute([leak.name]), bars).sentence
        findings.append(Finding(text, leak.asset, leak.date, leak.name))
    return failed(
        NAME,
        f"{told}: {len(found)} changed in the past ({', '.join(sorted(found))}).",
        findings,
    )


def _not_alone(leak: Leak, bars: Bars) -> str:
    """Say so if a value depends on the stocks computed beside it: then bars cannot tell more."""
    row = int(bars.dates.searchsorted(leak.date))
    together = compute(bars, [leak.name])[0][row, bars.assets.index(leak.asset), 0]
    alone = compute(bars.select([leak.asset]), [leak.name])[0][row, 0, 0]
    if np.isclose(together, alone, rtol=1e-9, atol=0, equal_nan=True):
        return ""
    return (
        f"{leak.name} of {leak.asset} on {leak.date.date()} is {together:.10g} among all stocks "
        f"and {alone:.10g} alone: a factor is computed stock by stock, in blocks of stocks that "
        "change with the length of the data."
    )


def _apart(past: Callable[[Bars, Sequence[str]], Values], names: Sequence[str]) -> Compute:
    def values(bars: Bars) -> Values:
        return past(bars, names)

    return values


def _compute(names: Sequence[str]) -> Compute:
    def values(bars: Bars) -> Values:
        return compute(bars, names)[0]

    return values


def _parts(bars: Bars, n_factors: int) -> Iterator[Bars]:
    """Blocks of assets, so that memory does not grow with the market."""
    n = max(1, AT_ONCE // max(1, len(bars) * n_factors))
    if n >= len(bars.assets):
        yield bars
        return
    for k in range(0, len(bars.assets), n):
        yield bars.select(bars.assets[k : k + n])
