"""The picks as one HTML page: the values and pictures that its template shows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from attngru_bt.picks.band import WIDTH, Band
from attngru_bt.picks.picks import Picks
from attngru_bt.picks.tables import (
    contribution_table,
    family_table,
    heading,
    order_table,
    pick_table,
    sentences,
)
from attngru_bt.reports import html
from attngru_bt.reports.drawing import BAR, GAIN, INK, LOSS, STRATEGY, date_axis
from attngru_bt.reports.html import picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MONTHS = 60  # of the picture, at most


def render(picks: Picks) -> str:
    """Build the page.

    Parameters
    ----------
    picks : Picks
    """
    band = picks.band
    return html.fill(
        "picks.html",
        heading(picks),
        picks=picks,
        actions=pick_table(picks).known(),
        orders=order_table(picks).known(),
        contributions=contribution_table(picks),
        exact=picks.contributions is not None and picks.contributions.exact,
        families=family_table(picks),
        sentences=sentences(picks),
        traded=float(picks.orders["value"].sum()),
        fees=float(picks.orders["fees"].sum()),
        cash_after=float(
            picks.orders["cash_after"].iloc[-1] if len(picks.orders) else picks.proposal.cash
        ),
        quality=None
        if band is None or band.monthly.empty
        else picture("Rank IC per month", partial(rank_ic_months, band), wide=True),
        banded=band is not None and bool(np.isfinite(band.error)),
        width=WIDTH,
        asked=list(html.settings(picks.settings)),
    )


def rank_ic_months(band: Band, ax: Axes) -> None:
    """Draw the rank IC of each month, and the band that the mean of the last ones should be in."""
    monthly = band.monthly.iloc[-MONTHS:]
    values = monthly.to_numpy(dtype=float)
    days = monthly.index.to_numpy()
    ax.bar(days, values, width=BAR, color=np.where(values >= 0, GAIN, LOSS), alpha=0.55)
    ax.axhline(0.0, color=INK, linewidth=0.8)
    recent = days[-band.months :]
    if np.isfinite(band.error):
        low, high = (band.expected + side * WIDTH * band.error for side in (-1, 1))
        ax.fill_between(
            [recent[0], recent[-1]], low, high, color=STRATEGY, alpha=0.15, label="expected mean"
        )
    label = f"mean of the last {band.months}"
    ax.plot([recent[0], recent[-1]], [band.seen] * 2, color=STRATEGY, linewidth=2, label=label)
    ax.legend(loc="upper left", ncols=2)
    date_axis(ax)
