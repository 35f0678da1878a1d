"""A comparison as one HTML page: the values and pictures that its template shows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from attngru_bt.compare import charts
from attngru_bt.compare.attention import Attention
from attngru_bt.compare.comparison import Comparison
from attngru_bt.compare.tables import (
    notes2,
    notes3,
    notes_on_days,
    subject,
    table2,
    table3,
    table_of_days,
)
from attngru_bt.reports import html
from attngru_bt.reports.drawing import HALF, WIDE
from attngru_bt.reports.html import Picture, picture
from attngru_bt.reports.tables import Table, per_cent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FAMILIES = {"network": "networks", "classic": "classic models", "own": "own models"}
_BROAD = WIDE[0] + 1.6  # inches; leaves room for a legend or names beside the axes


def render(comparison: Comparison, title: str | None = None) -> str:
    """Build the page.

    Parameters
    ----------
    comparison : Comparison
    title : str, default=None
        Heading of the page.
    """
    return html.fill(
        "compare.html",
        title or "Models compared",
        about=comparison.about,
        subject=subject(comparison),
        scores=table2(comparison).known(),
        earned=table3(comparison).known(),
        notes_on_scores=notes2(comparison),
        notes_on_earned=notes3(comparison),
        days=table_of_days(comparison),
        notes_on_days=[] if comparison.offsets is None else notes_on_days(comparison),
        pictures=_pictures(comparison),
        growth=_growth(comparison),
        attention=[
            _attention(comparison.titles[name], seen) for name, seen in comparison.attention.items()
        ],
        made_with=list(html.settings(comparison.about)),
    )


def _pictures(comparison: Comparison) -> dict[str, Picture]:
    pictures: dict[str, Picture] = {}

    def add(name: str, title: str, draw: Callable[[Comparison, Axes], None], **form: Any) -> None:
        pictures[name] = picture(title, partial(draw, comparison), **form)

    size = _BROAD, 0.9 + 0.27 * len(comparison.buckets)
    add("buckets", "Return of the next month by score", charts.buckets, size=size, wide=True)
    size = HALF[0], 1.3 + 0.27 * len(comparison.table3)
    if comparison.table3["ir_low"].notna().any():
        add("ratios", "Information ratio, 95% interval", charts.ratios, size=size)
    add("chance", "Chosen names and random names", charts.chance, size=size)
    return pictures


def _growth(comparison: Comparison) -> list[Picture]:
    """Draw the growth of the models, one picture per family."""
    pictures = []
    for family, text in _FAMILIES.items():
        names = [n for n in comparison.table3.index if comparison.families[n] == family]
        if names:
            draw = partial(charts.growth, comparison, names=names)
            title = f"Cumulative return, {text}"
            pictures.append(picture(title, draw, wide=True, size=(_BROAD, 4.4)))
    return pictures


def _attention(title: str, seen: Attention) -> dict[str, Any]:
    """Show what one model looked at: two pictures and a table."""
    size = HALF[0], 1.0 + 0.45 * seen.families.shape[1]
    departure = charts.departure(seen)
    rows = (
        [str(factor), per_cent(row["share"], 2), per_cent(row["even"], 2)]
        for factor, row in seen.factors.iterrows()
    )
    return {
        "title": title,
        "shares": picture(
            f"Attention per family of factors: {title}", partial(charts.attention, seen), size=size
        ),
        "beyond_even": picture(
            "More or less than even", partial(charts.beyond_even, seen), size=size
        ),
        "departure": departure,
        "almost_even": departure < charts.ALMOST_EVEN,
        "factors": Table.of(["Factor", "Share of attention", "Even weights"], rows),
    }
