"""Charts of the account: what was held, and how much was traded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from attngru_bt.reports.chart import Chart
from attngru_bt.reports.scales import PER_CENT, Dates, Form, Linear, Places

if TYPE_CHECKING:
    from attngru_bt.reports.sheet import TearSheet

MOST_NAMES = 30


def holdings(sheet: TearSheet) -> Chart:
    """Count the names held at each close."""
    held = sheet.performance.holdings().groupby("date").size()
    daily = held.reindex(sheet.returns.index, fill_value=0)
    scale = Linear(daily, Form(0), zero=True)
    return Chart(Dates(daily.index), scale, label="Names held").line(
        daily, "names held", "strategy", kind="thin"
    )


def turnover(sheet: TearSheet) -> Chart:
    """Half of buying and selling per month over the account's mean value, as in the table."""
    share = monthly_turnover(sheet)
    chart = Chart(Dates(share.index), Linear(share, PER_CENT, zero=True), label="Turnover")
    return chart.bars(share, "turnover in the month", "strategy")


def monthly_turnover(sheet: TearSheet) -> pd.Series:
    """Half of buying and selling per month over the account's mean value in it, a fraction."""
    performance = sheet.performance
    fills = performance.fills()
    traded = (fills["size"] * fills["price"]).abs().groupby(fills["date"].dt.to_period("M")).sum()
    value = pd.Series(
        performance.values[performance.first : performance.end], index=sheet.returns.index
    )
    mean = value.groupby(value.index.to_period("M")).mean()  # type: ignore[attr-defined]
    share = (traded / 2.0).reindex(mean.index, fill_value=0.0) / mean
    return share.set_axis(pd.PeriodIndex(share.index).to_timestamp())


def weights(sheet: TearSheet) -> Chart:
    """Weight at each month's last close of the names held longest, the earliest held on top."""
    share = month_end_weights(sheet)
    short = bool((share < 0).to_numpy().any())
    chart = Chart(
        Dates(share.index),
        Places(list(share.columns), most=MOST_NAMES),
        height=22 + 19 * share.shape[1],
        label="Weight in the account",
    )
    table = share.to_numpy().T
    most = float(np.abs(table).max())
    chart.cells(table, "strategy", most)
    return chart.cells(-table, "loss", most) if short else chart


def month_end_weights(sheet: TearSheet) -> pd.DataFrame:
    """Weight of the names held longest at the last close of each month, 0 = not held."""
    positions = sheet.performance.positions()
    share = positions.drop(columns="cash").div(positions.sum(axis=1), axis=0)
    dates = pd.DatetimeIndex(share.index)
    last = np.append(np.diff(dates.year * 12 + dates.month) != 0, True)
    share = share.loc[last, longest_held(sheet)]
    first_held = (share != 0).idxmax()
    return share[first_held.sort_values(kind="stable").index]


def longest_held(sheet: TearSheet, most: int = MOST_NAMES) -> list[str]:
    """Names of the feeds held on the most sessions, at most `most` of them."""
    held = sheet.performance.holdings()
    days = held.groupby("symbol", sort=False).size()
    return [str(name) for name in days.sort_values(ascending=False, kind="stable").index[:most]]
