"""Charts of returns: growth and losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from attngru_bt.evaluation import statistics
from attngru_bt.evaluation.spread import spread
from attngru_bt.reports.chart import Chart
from attngru_bt.reports.scales import NUMBER, PER_CENT, Dates, Linear, Log

if TYPE_CHECKING:
    from attngru_bt.reports.sheet import TearSheet

Curve = tuple[str, str, pd.Series]
"""Name, color and returns."""


def anchored(returns: pd.Series, base: pd.Timestamp | None) -> pd.Series:
    """Put a return of 0 in front, so that the curve begins at 1.

    It is dated with the session before the first, or the business day before if there is none.
    """
    first = base if base is not None else returns.index[0] - pd.offsets.BDay(1)
    index = pd.DatetimeIndex([first, *returns.index])
    return pd.Series([0.0, *returns], index=index, name=returns.name)


def cumulative(sheet: TearSheet) -> dict[str, Chart]:
    """Growth of 1 in the strategy, the baseline and the benchmark, on two scales.

    A third chart has the others at the strategy's volatility, where there are others. A line is
    flat where its returns are not known; the page says where that is.
    """
    charts = {scale.kind: _growth(sheet, sheet.curves, scale) for scale in (Log, Linear)}
    alike = at_equal_volatility(sheet.curves)
    if len(alike) > 1:
        charts["equal volatility"] = _growth(sheet, alike, Log)
    return charts


def at_equal_volatility(curves: list[Curve]) -> list[Curve]:
    """Multiply the returns of each curve so that they vary as much as the first one's.

    A curve without deviation is left out.
    """
    own = spread(curves[0][2].dropna())
    scaled = [
        (name, color, returns * (own / spread(returns.dropna()))) for name, color, returns in curves
    ]
    return [curve for curve in scaled if curve[2].notna().any()]


def _growth(sheet: TearSheet, curves: list[Curve], scale: type[Log] | type[Linear]) -> Chart:
    base = sheet.performance.base_date
    grown = [
        (name, color, np.cumprod(1.0 + anchored(returns.fillna(0.0), base).to_numpy()))
        for name, color, returns in curves
    ]
    dates = Dates(anchored(sheet.returns, base).index)
    values = scale(np.concatenate([value for _, _, value in grown]), NUMBER)
    chart = Chart(dates, values, height=300, label="Growth of 1").level(1.0)
    for name, color, value in reversed(grown):
        chart.line(value, name, color)
    return chart.first_last()


def underwater(sheet: TearSheet) -> Chart:
    """Loss from the running peak."""
    curves = [
        (name, color, -statistics.drawdowns(returns.fillna(0.0)))
        for name, color, returns in sheet.curves
    ]
    values = np.concatenate([loss for _, _, loss in curves])
    chart = Chart(Dates(sheet.returns.index), Linear(values, PER_CENT, zero=True), label="Drawdown")
    chart.area(curves[0][2], curves[0][1])
    for name, color, loss in reversed(curves):
        chart.line(loss, name, color, kind="thin")
    return chart.first_last()
