"""The picks as one HTML page: the values and pictures that its template shows."""

from __future__ import annotations

from functools import partial

import numpy as np

from attngru_bt.data.schedule import schedule_of
from attngru_bt.picks.band import WIDTH, Band
from attngru_bt.picks.drift import USUAL
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
from attngru_bt.reports.chart import Chart
from attngru_bt.reports.html import picture
from attngru_bt.reports.scales import THREE, Dates, Linear

MONTHS = 60  # of the picture, at most


def render(picks: Picks) -> str:
    """Build the page.

    Parameters
    ----------
    picks : Picks
    """
    band = picks.band
    schedule = schedule_of(picks.settings.get("schedule", "month"))
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
        else picture(f"Rank IC per {schedule.unit}", partial(rank_ic_months, band), wide=True),
        unit=schedule.unit,
        end=schedule.end_called,
        past=USUAL,
        banded=band is not None and bool(np.isfinite(band.error)),
        width=WIDTH,
        asked=list(html.settings(picks.settings)),
    )


def rank_ic_months(band: Band) -> Chart:
    """Draw the rank IC of each month, and the band that the mean of the last ones should be in."""
    monthly = band.monthly.iloc[-MONTHS:]
    values = monthly.to_numpy(dtype=float)
    last = len(values) - 1
    first = max(0, len(values) - band.months)
    low, high = (band.expected + side * WIDTH * band.error for side in (-1, 1))
    scale = Linear([*values, low, high], THREE, zero=True)
    chart = Chart(Dates(monthly.index), scale, label="Rank IC").level(0.0)
    if np.isfinite(band.error):
        chart.band(first, last, low, high, "strategy")
    chart.bars(values, "rank IC", ("gain", "loss"))
    mean = np.where(np.arange(len(values)) >= first, band.seen, np.nan)
    return chart.line(mean, f"mean of the last {band.months} {band.unit}s", "strategy")
