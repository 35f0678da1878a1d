"""Check: no past value of a factor changes when the future does."""

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
"""Values that are computed at a time, an eighth of a gigabyte."""
WIDE = 60  # fewest dates per cut at which the user's own factors are checked stock by stock
MEASURED = 5  # leaks for which it is measured how far ahead they look


def check(
    bars: Bars,
    cuts: Sequence[pd.Timestamp],
    *,
    factors: Sequence[str] | None = None,
    seed: int = 0,
    past: Callable[[Bars, Sequence[str]], Values] | None = None,
    beside: str = "",
) -> Check:
    """Compare factors on all bars with those on bars that are cut, or scrambled, after some dates.

    All values up to each date must be the same to the bit, not only those at month-ends. A line of
    the data that is a factor as it is cannot be checked in this way; see `foresight`.

    Parameters
    ----------
    bars : Bars
    cuts : sequence of Timestamp
    factors : sequence of str, optional
        Default: those that a model is given.
    seed : int
    past : callable, optional
        Computes the user's own factors on bars that end, in a process that has seen no later bars;
        see `Fresh.compute`.
    beside : str
        What the summary adds about the processes.
    """
    planned = plan(bars, factors)
    names = list(planned.factors)
    if not names or not cuts:
        why = "no factor is computed" if not names else "the data are too short to be cut"
        return skipped(NAME, f"{why}, so there is nothing to compare.")
    first_leaks: dict[str, Leak] = {}
    of_user = set(own_factors(names))
    n_dates = 0
    for block in blocks(bars, len(names)):
        # The user's own factors are checked more closely than those of the package.
        for group in (sorted(of_user), [name for name in names if name not in of_user]):
            if not group:
                continue
            compute_group = _computer(group)
            values = compute_group(block)
            past_values, passes, early = None, len(cuts), 0
            if group[0] in of_user:
                past_values = None if past is None else _past_computer(past, group)
                passes *= max(1, WIDE // len(block.assets))
                early = -(-passes // 4)
            leaks = find(compute_group, block, group, cuts, seed, values, past_values)
            more, n = find_between(compute_group, block, group, passes, seed, values, early)
            n_dates = max(n_dates, n)
            for leak in (*leaks.values(), *more.values()):
                first = first_leaks.get(leak.name)
                if first is None or (leak.date, leak.asset) < (first.date, first.asset):
                    first_leaks[leak.name] = leak
    n_lines = len(planned.columns) - len(names)
    text = (
        f"{len(names)} factors of {len(bars.assets)} stocks, cut and scrambled at {len(cuts)} "
        f"dates, and stock by stock at {n_dates}{beside}"
    )
    if not first_leaks:
        lines = f"; {n_lines} lines of the data are taken as they are" if n_lines else ""
        return passed(NAME, f"{text}: no value changed by a bit{lines}.")
    order = sorted(first_leaks.values(), key=lambda leak: (leak.date, leak.asset, leak.name))
    findings = []
    for i, leak in enumerate(order):
        sentence = leak.sentence
        if i < MEASURED and not leak.kept:
            sentence = (
                _needs_others(leak, bars) or measured(leak, _computer([leak.name]), bars).sentence
            )
        findings.append(Finding(sentence, leak.asset, leak.date, leak.name))
    return failed(
        NAME,
        f"{text}: {len(first_leaks)} changed in the past ({', '.join(sorted(first_leaks))}).",
        findings,
    )


def _needs_others(leak: Leak, bars: Bars) -> str:
    """Say that a value depends on the stocks that are computed with it; empty if it does not."""
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


def _past_computer(past: Callable[[Bars, Sequence[str]], Values], names: Sequence[str]) -> Compute:
    return lambda bars: past(bars, names)


def _computer(names: Sequence[str]) -> Compute:
    return lambda bars: compute(bars, names)[0]


def blocks(bars: Bars, n_factors: int) -> Iterator[Bars]:
    """Yield blocks of assets, so that memory does not grow with the market."""
    n = max(1, AT_ONCE // max(1, len(bars) * n_factors))
    if n >= len(bars.assets):
        yield bars
        return
    for k in range(0, len(bars.assets), n):
        yield bars.select(bars.assets[k : k + n])
