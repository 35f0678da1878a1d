"""The picks as tables and sentences, for the page and for the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from attngru_bt.data.schedule import Schedule, schedule_of
from attngru_bt.picks.amounts import shares, signed
from attngru_bt.picks.picks import Picks
from attngru_bt.reports.tables import DASH, Table, date, decimals, number, per_cent, whole

REASONS = 2  # families named beside a pick
_SUM = "Together"
SMALL = 0.05  # deviations; a smaller part is not named


def pick_table(picks: Picks) -> Table:
    """List the names that are held or wanted, best first."""
    ranks = {} if picks.changes is None else picks.changes.ranks
    rows = []
    concerned: Any = picks.concerned.itertuples()
    for row in concerned:
        scored = not pd.isna(row.rank)
        rows.append(
            [
                str(row.symbol),
                str(row.action),
                str(row.rank) if scored else DASH,
                str(ranks.get(str(row.symbol), DASH)),
                str(row.decile) if scored else DASH,
                shares(row.held) if row.held else DASH,
                per_cent(picks.proposal.gains.get(str(row.symbol))),
                str(row.reason),
            ]
        )
    headings = ["Symbol", "Action", "Rank", "Before", "Decile", "Held", "Gain", "Why"]
    return Table.of(headings, rows)


def order_table(picks: Picks) -> Table:
    """List the orders; the reasons stand in `pick_table`."""
    headings = [
        "Symbol", "Side", "Shares", "Price", "Value", "Limits", "Fees", "Cash after",
    ]  # fmt: skip
    orders: Any = picks.orders.itertuples()
    rows = (
        [
            str(row.symbol),
            str(row.side),
            shares(row.shares),
            number(row.price),
            whole(row.value),
            _band(row.limit_down, row.limit_up),
            number(row.fees),
            whole(row.cash_after),
        ]
        for row in orders
    )
    return Table.of(headings, rows)


def contribution_table(picks: Picks) -> Table | None:
    """Show what each family of factors adds to each score; None without a fitted model.

    A blend also has a column per member with its ranks, a linear model one with the sum of the
    parts.
    """
    if picks.contributions is None or not len(picks.contributions.table):
        return None
    table, ranks = picks.contributions.table, picks.contributions.ranks
    places = pd.DataFrame(index=table.index) if ranks is None else ranks.reindex(table.index)
    shown = places.map(lambda rank: DASH if pd.isna(rank) else whole(rank))
    if not len(table.columns) + len(shown.columns):
        return None
    if picks.contributions.exact:
        table = table.assign(**{_SUM: table.sum(axis=1)})
    parts = table.map(signed)
    rows = ([str(n), *shown.loc[n], *parts.loc[n]] for n in table.index)
    return Table.of(
        ["Symbol", *(f"Rank by {name}" for name in shown.columns), *map(str, table.columns)], rows
    )


def family_table(picks: Picks) -> Table | None:
    """Show how unusual the features of each family are, and the attention on it."""
    if picks.drift is None:
        return None
    rows = []
    attention = None if picks.attention is None else picks.attention.reindex(picks.drift.index)
    drift: Any = picks.drift.itertuples()
    for number_of_row, row in enumerate(drift):
        shown = [
            str(row.Index),
            str(row.factors),
            per_cent(row.far),
            per_cent(row.far_training),
            number(row.psi),
            number(row.psi_usual),
            number(row.psi_most),
        ]
        if attention is not None:
            shown += [per_cent(v) for v in attention.iloc[number_of_row][["share", "even"]]]
        rows.append(shown)
    headings = [
        "Family", "Factors", "Beyond ±3", "In training", "PSI", "Usual PSI", "Highest PSI",
    ]  # fmt: skip
    if picks.attention is not None:
        headings += ["Attention", "Even"]
    return Table.of(headings, rows)


def sentences(picks: Picks) -> list[str]:
    """Return the sentences about these picks."""
    return list(_sentences(picks))


def _sentences(picks: Picks) -> Iterator[str]:
    month = picks.month
    schedule = schedule_of(picks.settings.get("schedule", "month"))
    title = schedule.title(month.end)
    complete = "" if schedule.offset else f"{title[0].upper()}{title[1:]} is complete: "
    yield f"{complete}{month.why}."
    if month.by_weekdays:
        yield (
            f"{date(month.session)} is the next weekday. If it is a holiday, trade in the first "
            f"session after it; a trading calendar (calendar=, --calendar) would know."
        )
    if month.begun:
        yield (
            f"The picks are late: they are for {_which(schedule)} {month.end.date()}, and the data "
            f"reach {month.last.date()}, whose closes the orders refer to."
        )
    if picks.n_scored:
        yield (
            f"{schedule.counted(picks.n_scored)} are scored; an earlier run had finished "
            f"{picks.n_found or 'none'} of them."
        )
    if picks.changes is not None:
        yield _change(picks)
    if picks.band is not None:
        yield picks.band.sentence
    if picks.drift is not None:
        yield _drift(picks.drift, schedule.unit)
    if picks.proposal.uncounted:
        names = ", ".join(sorted(picks.proposal.uncounted))
        yield f"Cannot be counted on to be sold: {names}. Their cash is in no other order."


def _which(schedule: Schedule) -> str:
    """Return which picks these are: the month's (week's, …), or those of a day of your own."""
    return "those after" if schedule.offset else f"the {schedule.end_called}"


def _change(picks: Picks) -> str:
    """Say who entered and left the best since the picks before."""
    changes = picks.changes
    assert changes is not None
    text = f"Since {changes.before.date()}"
    entered, left = ", ".join(changes.entered), ", ".join(changes.left)
    text += (
        f" {entered} entered the best {picks.topk} and {left} left them"
        if entered and left
        else f" the best {picks.topk} are the same"
    )
    if math.isnan(changes.agreement):
        return text + "."
    agreement = decimals(changes.agreement, 2)
    return f"{text}; the rank correlation of the scores at both is {agreement}."


def _drift(drift: pd.DataFrame, unit: str) -> str:
    """Say which families of factors are unusually far from their training rows."""
    unusual: Any = drift[drift["psi"] > drift["psi_most"]].itertuples()
    names = ", ".join(
        f"{row.Index} (PSI {number(row.psi)}, at most {number(row.psi_most)} before)"
        for row in unusual
    )
    if not names:
        return f"No family of factors is further from its training rows than in the last {unit}s."
    return f"Further from their training rows than in any of the last {unit}s: {names}."


def with_families(picks: Picks) -> pd.DataFrame:
    """Return the table of picks; reasons name the families that move a score most."""
    table = picks.picks.copy()
    if picks.contributions is None:
        return table
    reasons = []
    for name, reason in zip(table["symbol"], table["reason"], strict=True):
        named = _largest(picks.contributions.table, str(name))
        reasons.append(f"{reason}; {named}" if named else str(reason))
    table["reason"] = reasons
    return table


def _largest(parts: pd.DataFrame, name: str) -> str:
    """Name the families that move a score most, and by how much."""
    if name not in parts.index:
        return ""
    of_name: Any = parts.loc[name]
    largest = of_name.abs().sort_values(ascending=False, kind="stable").index[:REASONS]
    return ", ".join(f"{f} {of_name[f]:+.1f}" for f in largest if abs(of_name[f]) >= SMALL)


def heading(picks: Picks) -> str:
    """Return the title of page and tables."""
    return f"Picks of {date(picks.month.end)}, to trade from {date(picks.month.session)} on"


def _band(low: float, high: float) -> str:
    if math.isnan(low) and math.isnan(high):
        return DASH
    return f"{number(low)}\u2013{number(high)}"
