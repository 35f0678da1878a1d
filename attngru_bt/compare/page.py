"""A comparison as one HTML page: the values and pictures that its template shows."""

from __future__ import annotations

from functools import partial
from typing import Any

from attngru_bt.compare import charts
from attngru_bt.compare.attention import Attention
from attngru_bt.compare.comparison import Comparison
from attngru_bt.compare.notes import notes2, notes3, notes_on_choice, notes_on_days, subject
from attngru_bt.compare.tables import table2, table3, table_of_days
from attngru_bt.data.schedule import schedule_of
from attngru_bt.reports import html
from attngru_bt.reports.html import Picture, picture
from attngru_bt.reports.tables import Table, per_cent


def render(comparison: Comparison, title: str | None = None) -> str:
    """Build the page.

    Parameters
    ----------
    comparison : Comparison
    title : str, default=None
        Heading of the page.
    """
    schedule = schedule_of(comparison.about.get("schedule", "month"))
    return html.fill(
        "compare.html",
        title or "Models compared",
        about=comparison.about,
        unit=schedule.unit,
        end=schedule.end_called,
        subject=subject(comparison),
        scores=table2(comparison).known(),
        earned=table3(comparison).known(),
        notes_on_scores=notes2(comparison),
        notes_on_earned=notes3(comparison),
        notes_on_choice=notes_on_choice(comparison),
        days=table_of_days(comparison),
        notes_on_days=[] if comparison.offsets is None else notes_on_days(comparison),
        pictures=_pictures(comparison),
        buckets=charts.buckets(comparison),
        attention=[
            _attention(comparison.titles[name], seen) for name, seen in comparison.attention.items()
        ],
        made_with=list(html.settings(comparison.about)),
    )


def _pictures(comparison: Comparison) -> dict[str, Picture]:
    """Return the charts of the page; intervals of the ratio only if there are any."""
    pictures = {
        "growth": picture("Cumulative return", partial(charts.growth, comparison), wide=True),
        "chance": picture("Chosen names and random names", partial(charts.chance, comparison)),
    }
    if comparison.table3["ir_low"].notna().any():
        draw = partial(charts.ratios, comparison)
        pictures["ratios"] = picture("Information ratio, 95% interval", draw)
    return pictures


def _attention(title: str, seen: Attention) -> dict[str, Any]:
    """Show the attention of a model: a chart and a table, or only a sentence where it is even."""
    rows = (
        [charts.called(seen, factor), per_cent(row["share"], 2), per_cent(row["even"], 2)]
        for factor, row in seen.factors.iterrows()
    )
    draw = partial(charts.attention, seen)
    first = "Line" if seen.of_lines else "Factor"
    what = "line" if seen.of_lines else "family of factors"
    return {
        "title": title,
        "shares": picture(f"Attention per {what}: {title}", draw),
        "departure": charts.departure(seen),
        "almost_even": charts.attention_is_even(seen),
        "factors": Table.of([first, "Share of attention", "Even weights"], rows),
        "of_lines": seen.of_lines,
    }
