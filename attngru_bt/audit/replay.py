"""Checks: no score and no order of the past changes when the future does.

The whole chain runs: feeds, reader, factors, preprocessing, model, decisions, fills.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.audit.altered import BEYOND, MembersKnown, generators, scrambled
from attngru_bt.audit.report import Check, Finding, failed, passed, skipped
from attngru_bt.datasets import Market

SCORES, ORDERS = "scores", "orders"
Run = Callable[[Market, Any], Any]
"""Market and members -> finished strategy."""


def check(
    market: Market, whole: Any, run: Run, cuts: Sequence[pd.Timestamp], *, seed: int = 0
) -> tuple[Check, Check]:
    """Run again without the future, and with another one; compare scores and orders to the bit.

    Members that enter or leave after the date are taken away too.

    Parameters
    ----------
    market : Market
    whole : Strategy
        The finished run on the whole market.
    run : callable
        Makes that run on any market, ``run(market, members)``.
    cuts : sequence of Timestamp
    seed : int

    Returns
    -------
    scores, orders : Check
    """
    wrong: dict[str, list[Finding]] = {SCORES: [], ORDERS: []}
    compared = {SCORES: 0, ORDERS: 0}
    for cut, rng in zip(cuts, generators(seed, len(cuts)), strict=True):
        members = None if market.membership is None else MembersKnown(market.membership, cut)
        for other_market, how in (
            (market.until(cut), f"without the bars after {cut.date()}"),
            (scrambled(market, cut, rng, BEYOND), f"with other bars after {cut.date()}"),
        ):
            other = run(other_market, members)
            for name, compare in ((SCORES, _scores), (ORDERS, _orders)):
                n, finding = compare(whole, other, cut, how)
                compared[name] += n
                wrong[name] += finding
    checks = []
    for name, unit in ((SCORES, "scores"), (ORDERS, "entries of the trade log")):
        told = f"{compared[name]} {unit} of {2 * len(cuts)} runs cut or scrambled at a date"
        if wrong[name]:
            text = f"{told}: {len(wrong[name])} runs differ from the uncut one."
            checks.append(failed(name, text, wrong[name]))
        elif not compared[name]:
            checks.append(skipped(name, f"no {unit} before any of {len(cuts)} dates to compare."))
        else:
            checks.append(passed(name, f"{told}: equal to the bit with those of the uncut run."))
    return checks[0], checks[1]


def _scores(whole: Any, other: Any, cut: pd.Timestamp, how: str) -> tuple[int, list[Finding]]:
    """Compare scores of month-ends up to the cut: how many, and the first that differs."""
    want, got = _records(whole), _records(other)
    # the month of the cut itself may not have been asked about before the data ended
    known = [d for d in want if d <= cut and (d in got or d < cut.replace(day=1))]
    known += [d for d in got if d not in want and d < cut.replace(day=1)]
    n = 0
    nothing = pd.Series(dtype=np.float64)
    for month_end in sorted(known):
        a, b = want.get(month_end, nothing), got.get(month_end, nothing)
        names = sorted(set(a.index) | set(b.index))
        n += len(names)
        a, b = a.reindex(names), b.reindex(names)
        wrong = np.flatnonzero((a != b) & ~(a.isna() & b.isna()))
        if len(wrong):
            i = int(wrong[0])
            text = (
                f"the score of {names[i]} at the month-end {month_end.date()} is "
                f"{_number(a.iloc[i])}, but {_number(b.iloc[i])} {how}."
            )
            return n, [Finding(text, names[i], month_end, "score")]
    return n, []


def _records(strategy: Any) -> dict[pd.Timestamp, pd.Series]:
    records = getattr(getattr(strategy, "signal", None), "records_", [])
    return {pd.Timestamp(record.month_end): record.scores for record in records}


def _orders(whole: Any, other: Any, cut: pd.Timestamp, how: str) -> tuple[int, list[Finding]]:
    """Compare the trade logs up to the cut: how many entries, and the first that differs."""
    want, got = _log(whole, cut), _log(other, cut)
    for i in range(max(len(want), len(got))):
        a = want[i] if i < len(want) else None
        b = got[i] if i < len(got) else None
        if a != b:
            row = a or b
            assert row is not None
            date, asset = pd.Timestamp(row[0]), str(row[1])
            text = (
                f"{asset} on {date.date()}: the trade log has {_entry(a)}, but {_entry(b)} {how}."
            )
            return i + 1, [Finding(text, asset, date, "order")]
    return len(want), []


def _log(strategy: Any, cut: pd.Timestamp) -> list[tuple[Any, ...]]:
    """Entries up to a date, each number as its exact text so that NaN equals NaN."""
    log = strategy.trade_log.frame()
    log = log[log["date"] <= cut].drop(columns="ref")
    return [tuple(repr(v) if isinstance(v, float) else v for v in row) for row in _rows(log)]


def _rows(log: pd.DataFrame) -> Any:
    return log.itertuples(index=False, name=None)


def _entry(row: tuple[Any, ...] | None) -> str:
    if row is None:
        return "no such entry"
    _, asset, event, side, size, price = row[:6]
    return f"'{event} {side} {size} {asset} at {price}'".replace("  ", " ")


def _number(value: float) -> str:
    return "none" if np.isnan(value) else f"{value:.10g}"
