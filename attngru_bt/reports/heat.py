"""Tables whose cells are shaded by their value, such as returns by year and month."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from attngru_bt.reports.tables import Cell, Column, Row, Table

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def by_month(
    values: pd.Series,
    show: Callable[[float], str],
    *,
    full: float,
    years: pd.Series | None = None,
    heading: str = "Year",
) -> Table:
    """Lay monthly values out by year and month.

    Parameters
    ----------
    values : Series of shape (n_months,)
        Indexed by a date in each month; months outside it stay empty, those of no year are left
        out, and several of one month are averaged.
    show : callable
        Turns a value into text.
    full : float
        Value from which on a cell is shaded fully.
    years : Series or None
        A figure per year, in a last column; None: the mean of the months.
    heading : str
        Of the last column.
    """
    dates = pd.DatetimeIndex(values.index)
    table = values.groupby([dates.year.to_numpy(), dates.month.to_numpy()]).mean().unstack()
    table = table.sort_index(axis=1)
    whole = table.mean(axis=1) if years is None else years.reindex(table.index)
    rows = tuple(
        Row(str(year), (*(shaded(v, show, full) for v in row), Cell(show(whole[year]))))
        for year, row in zip(table.index, table.to_numpy(), strict=True)
    )
    names = (MONTHS[int(month) - 1] for month in table.columns)
    return Table("", tuple(map(Column, (*names, heading))), rows)


def shaded(value: float, show: Callable[[float], str], full: float) -> Cell:
    """Return a cell shaded by its value; empty where it is not known."""
    if np.isnan(value):
        return Cell("")
    return Cell(show(value), tone=float(np.clip(value / full, -1.0, 1.0)))
