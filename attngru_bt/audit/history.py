"""The scores and orders of a run, by which two runs are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.trading.monthly import MonthlyTopK

Entry = tuple[Any, ...]


@dataclass(frozen=True)
class History:
    """Scores and orders of a finished run, without the strategy itself.

    Attributes
    ----------
    scores : mapping of Timestamp to Series
        Month-end → scores by asset.
    given : bool
        Whether the scores were given as a table, so that the run did not compute them.
    log : tuple of entries
        The trade log; each number is its exact text, so that NaN equals NaN.
    placed : tuple of entries
        Every order that the broker received, (date, asset, "order", side, size, price), also those
        that no log has.
    began : Timestamp or None
        Session of the first decision, or of the first order.
    """

    scores: Mapping[pd.Timestamp, pd.Series]
    given: bool
    log: tuple[Entry, ...]
    placed: tuple[Entry, ...]
    began: pd.Timestamp | None

    def until(self, cut: pd.Timestamp, what: str) -> list[Entry]:
        """Return the entries of `log` or `placed` up to a date."""
        return [row for row in getattr(self, what) if row[0] <= cut]

    def on(self, date: pd.Timestamp) -> list[Entry]:
        """Return the orders that were placed in one session."""
        return [row for row in self.placed if row[0] == date]


def history(strategy: MonthlyTopK) -> History:
    """Return the scores and orders of a finished strategy."""
    scores = dict(getattr(strategy, "scores_by_month", {}))
    signal = getattr(strategy, "signal", None)
    # A generator also has records of the month-ends at which nothing was traded.
    for record in getattr(signal, "records_", ()):
        scores[pd.Timestamp(record.month_end)] = record.scores
    log = strategy.trade_log.frame().drop(columns="ref")
    placed = _placed(getattr(strategy.broker, "orders", ()))
    began = strategy.trading_since
    if began is None and placed:
        began = placed[0][0]
    return History(
        scores,
        hasattr(signal, "at"),
        tuple(tuple(map(_exact, row)) for row in log.itertuples(index=False, name=None)),
        placed,
        began,
    )


def _placed(orders: Sequence[Any]) -> tuple[Entry, ...]:
    """Return the orders that the broker received, without those of the market itself."""
    rows = []
    for order in orders:
        if order.info.get("settlement"):
            continue  # placed by the market itself, when a stock is delisted
        side = "buy" if order.isbuy() else "sell"
        date = pd.Timestamp.fromordinal(int(order.created.dt))
        size = _exact(float(abs(order.created.size)))
        rows.append((date, order.data._name, "order", side, size, "market"))
    return tuple(rows)


def _exact(value: Any) -> Any:
    """Return a number as its exact text, so that NaN equals NaN."""
    return repr(value) if isinstance(value, float) else value


def first_score(
    want: History, got: History, cut: pd.Timestamp, slack: float = 0.0
) -> tuple[int, tuple[pd.Timestamp, str, float, float] | None]:
    """Compare scores of month-ends up to a date.

    Parameters
    ----------
    want, got : History
    cut : Timestamp
    slack : float, default 0
        Relative difference up to which scores count as the same.

    Returns
    -------
    n : int
        How many scores were compared.
    difference : (month_end, asset, wanted, got) or None
        The first scores that differ.
    """
    # If the data end at the cut, the scores of its own month may not have been asked for.
    expected = [d for d in want.scores if d <= cut and (d in got.scores or d < cut.replace(day=1))]
    expected += [d for d in got.scores if d not in want.scores and d < cut.replace(day=1)]
    n = 0
    nothing = pd.Series(dtype=np.float64)  # of a month-end that one of them has no scores of
    for month_end in sorted(expected):
        a, b = want.scores.get(month_end, nothing), got.scores.get(month_end, nothing)
        names = sorted(set(a.index) | set(b.index))
        n += len(names)
        a, b = a.reindex(names), b.reindex(names)
        same = np.isclose(a, b, rtol=slack, atol=0.0, equal_nan=True)
        wrong = np.flatnonzero(~same)
        if len(wrong):
            i = int(wrong[0])
            return n, (month_end, names[i], float(a.iloc[i]), float(b.iloc[i]))
    return n, None


def first_entry(
    want: Sequence[Entry], got: Sequence[Entry]
) -> tuple[int, tuple[Entry | None, Entry | None] | None]:
    """Compare entries in order; return how many, and the first pair that differs."""
    for i in range(max(len(want), len(got))):
        a = want[i] if i < len(want) else None
        b = got[i] if i < len(got) else None
        if a != b:
            return i + 1, (a, b)
    return len(want), None


def worded(entry: Entry | None) -> str:
    """Describe an entry in words."""
    if entry is None:
        return "no such entry"
    _, asset, event, side, size, price = entry[:6]
    return f"'{event} {side} {size} {asset} at {price}'".replace("  ", " ")
