"""A reconciliation as tables and sentences, for the terminal."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from attngru_bt.picks.amounts import shares, signed
from attngru_bt.picks.book.difference import CAUSES
from attngru_bt.picks.book.reconcile import Reconciliation
from attngru_bt.picks.book.reconciled import Reconciled
from attngru_bt.reports.tables import DASH, Table, date, number, per_cent, whole

_AGAINST = {
    "backtest": "the backtest of the same session",
    "open": "the orders at the open of the session",
    "proposal": "the proposal at its reference prices",
}


def month_table(found: Reconciliation) -> Table:
    """Show the difference of each month by cause, in currency."""
    headings = [
        "Month-end",
        "Orders",
        "Done",
        *map(str.capitalize, CAUSES),
        "Together",
        "Of account",
    ]
    rows = []
    for month in found.months:
        orders = month.orders
        proposed = orders["proposed"] > 0
        done = (orders["traded"] >= orders["proposed"]) & proposed
        rows.append(
            [
                date(month.month_end),
                whole(proposed.sum()),
                whole(done.sum()),
                *(signed(month.parts[cause]) if month.parts[cause] else DASH for cause in CAUSES),
                signed(month.whole),
                per_cent(month.whole / month.value if month.value else math.nan, 2),
            ]
        )
    return Table.of(headings, rows)


def order_table(month: Reconciled) -> Table:
    """Show the orders of a month: shares and prices, and the largest cause of each difference."""
    orders: Any = month.orders.itertuples()
    rows = []
    for position, row in enumerate(orders):
        rows.append(
            [
                str(row.symbol),
                str(row.side),
                shares(row.proposed),
                shares(row.backtest),
                number(row.backtest_price),
                shares(row.traded),
                number(row.traded_price),
                signed(row.whole),
                _cause(month.orders.iloc[position]),
            ]
        )
    headings = [
        "Symbol", "Side", "Proposed", "Backtest", "at", "Traded", "at", "Difference", "Mostly",
    ]  # fmt: skip
    return Table.of(headings, rows)


def sentences(found: Reconciliation) -> list[str]:
    """Say what is compared with what, and add the notes."""
    lines = []
    for month in found.months:
        marked = "" if month.marked is None else f", valued at the closes of {date(month.marked)}"
        lines.append(
            f"{date(month.month_end)}, {month.model}: against {_AGAINST[month.against]}{marked}."
        )
        lines += [f"{date(month.month_end)}: {note}" for note in month.notes]
    return [*lines, *found.notes]


def _cause(row: pd.Series) -> str:
    parts = row[list(CAUSES)].astype(float).abs()
    return str(parts.idxmax()) if parts.max() >= 0.005 else DASH
