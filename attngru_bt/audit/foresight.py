"""Check: no column of the data, and no factor of the user's own, knows the next month or session.

A column is a factor as it is, so it cannot be computed again without the future. What it knows
shows in its correlation with the returns that follow.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from attngru_bt.audit.report import Check, Finding, failed, passed, skipped
from attngru_bt.data.bars import Bars
from attngru_bt.data.columns import how_to_ignore
from attngru_bt.factors import compute
from attngru_bt.factors.plan import plan
from attngru_bt.features.foresight import (
    BELIEVABLE,
    LEAST,
    Floats,
    Foresight,
    Rows,
    Watch,
    rank_correlations,
    returns_between,
    spans,
)

NAME = "foresight"
SESSIONS = 120  # most sessions on which computed factors are measured


def check(bars: Bars, factors: Sequence[str] | None = None) -> Check:
    """Measure rank ICs with the returns of the next month and of the next session.

    Parameters
    ----------
    bars : Bars
        All lines are measured, both as they are and divided by the close.
    factors : sequence of str, optional
        Factors that a model is given, default all. Those of them that are not built in are measured
        as well.
    """
    outcomes = spans(bars)
    if all(len(outcomes[horizon][0]) < least for horizon, least in LEAST.items()):
        return skipped(NAME, f"{len(bars)} sessions are too few to tell.")
    # lines of the data as a backtest watches them; then factors that are not built in
    watch = Watch(bars.lines)
    foresights = watch.extend(bars)
    computed = [
        name
        for name, factor in plan(bars, factors).factors.items()
        if not str(getattr(factor.function, "__module__", "")).startswith("attngru_bt.")
    ]
    measured: dict[tuple[str, str], tuple[Rows, Floats, Floats]] = {}
    for horizon, (rows, after) in outcomes.items() if computed else ():
        rows, after = _some(rows), _some(after)
        if not len(rows):
            continue
        values = compute(bars, computed, at=bars.dates[rows])[0]
        returns = returns_between(bars, rows, after)
        for number, name in enumerate(computed):
            measured[name, horizon] = rows, values[:, :, number], returns
            watch.take(name, horizon, False, values[:, :, number], returns)
    foresights += watch.new_findings()
    also = f" and {len(computed)} factors of your own" if computed else ""
    text = (
        f"{len(bars.lines)} lines of {len(bars.assets)} stocks{also}, beside the return to "
        "the next month-end and to the next session"
    )
    if not foresights:
        return passed(NAME, f"{text}: no mean rank IC is beyond {BELIEVABLE} and its error.")
    names = [foresight.name for foresight in foresights]
    lines = [name for name in names if name in bars]
    advice = f"; leave columns out with {how_to_ignore(lines)}" if lines else ""
    return failed(
        NAME,
        f"{text}: {len(names)} know the future ({', '.join(names)}){advice}.",
        [
            _finding(
                f,
                bars,
                *(measured.get((f.name, f.horizon)) or _line(f, bars, *outcomes[f.horizon])),
            )
            for f in foresights
        ],
    )


def _line(foresight: Foresight, bars: Bars, rows: Rows, after: Rows) -> tuple[Rows, Floats, Floats]:
    """Return rows, values and returns of a line that knows the future."""
    values = bars[foresight.name][rows]
    if foresight.divided:
        values = values / bars["close"][rows]
    return rows, values, returns_between(bars, rows, after)


def _finding(
    foresight: Foresight, bars: Bars, rows: Rows, values: Floats, returns: Floats
) -> Finding:
    """Describe the first cross-section whose rank IC is beyond the limit, and its first stock."""
    for row, now, then in zip(rows, values, returns, strict=True):
        ics, _ = rank_correlations(now[None], then[None])
        if not len(ics) or ics[0] * np.sign(foresight.ic) <= foresight.limit:
            continue
        stock = int(np.nanargmax(np.where(np.isnan(then), np.nan, now) * np.sign(foresight.ic)))
        date, symbol = pd.Timestamp(bars.dates[row]), bars.assets[stock]
        text = (
            f"{foresight.sentence}; on {date.date()} it is {ics[0]:.3f}, and {symbol}, the "
            f"{'highest' if foresight.ic > 0 else 'lowest'}, then returned {then[stock]:+.1%}."
        )
        return Finding(text, symbol, date, foresight.name)
    return Finding(f"{foresight.sentence}.", subject=foresight.name)


def _some(rows: Rows) -> Rows:
    """Return at most `SESSIONS` rows, evenly spread over time."""
    if len(rows) <= SESSIONS:
        return rows
    return rows[np.linspace(0, len(rows) - 1, SESSIONS).astype(np.intp)]
