"""Charts of returns: growth, losses, and how risk and return moved over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from attngru_bt.evaluation import statistics
from attngru_bt.reports.chart import Chart
from attngru_bt.reports.scales import NUMBER, PER_CENT, Dates, Linear, Log

if TYPE_CHECKING:
    from attngru_bt.reports.sheet import TearSheet

ROLLING_SESSIONS = 252


def anchored(returns: pd.Series, base: pd.Timestamp | None) -> pd.Series:
    """Put a return of 0 in front, so that the curve begins at 1.

    It is dated with the session before the first, or the business day before if there is none.
    """
    first = base if base is not None else returns.index[0] - pd.offsets.BDay(1)
    index = pd.DatetimeIndex([first, *returns.index])
    return pd.Series([0.0, *returns], index=index, name=returns.name)


def cumulative(sheet: TearSheet) -> dict[str, Chart]:
    """Growth of 1 in the strategy, the baseline and the benchmark, on two scales.

    A line is flat where its returns are not known; the page says where that is.
    """
    base = sheet.performance.base_date
    curves = [
        (name, color, np.cumprod(1.0 + anchored(returns.fillna(0.0), base).to_numpy()))
        for name, color, returns in sheet.curves
    ]
    dates = Dates(anchored(sheet.returns, base).index)
    values = np.concatenate([value for _, _, value in curves])
    charts = {}
    for scale in (Log(values, NUMBER), Linear(values, NUMBER)):
        chart = Chart(dates, scale, height=300, label="Growth of 1").level(1.0)
        for name, color, value in reversed(curves):
            chart.line(value, name, color)
        charts[scale.kind] = chart.first_last()
    return charts


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
        chart.line(loss, name, color, kind="" if color == "strategy" else "thin")
    return chart.first_last()


def rolling_sharpe(sheet: TearSheet) -> Chart:
    """Sharpe ratio of the last year, with the table's sessions a year and risk-free rate."""
    metrics = sheet.metrics
    # where the analyzer could not annualize with `periods`, neither can this chart
    periods = float("nan") if np.isnan(metrics["volatility"]) else metrics["periods"]
    return _over_time(
        sheet,
        [
            (name, color, _rolling_sharpe(returns, metrics["riskfree"], periods))
            for name, color, returns in sheet.curves
        ],
        "Sharpe ratio",
    )


def _over_time(
    sheet: TearSheet, curves: list[tuple[str, str, pd.Series]], label: str, level: float = 0.0
) -> Chart:
    """Draw curves from the first session on which one of them is known."""
    table = pd.DataFrame({i: series for i, (_, _, series) in enumerate(curves)})
    table = table.loc[table.first_valid_index() :]
    values = np.append(table.to_numpy().ravel(), level)
    chart = Chart(Dates(table.index), Linear(values), label=label).level(level)
    for i, (name, color, _) in reversed(list(enumerate(curves))):
        chart.line(table[i], name, color, kind="" if color == "strategy" else "thin")
    return chart.first_last()


def _rolling_sharpe(returns: pd.Series, riskfree: float, periods: float) -> pd.Series:
    excess = returns - statistics.per_period(riskfree, periods)
    window = excess.rolling(ROLLING_SESSIONS)
    # equal returns have no ratio; rolling sums leave more rounding than `spread` allows for
    deviation = window.std().where(lambda value: value > 1e-9)
    ratio: pd.Series = window.mean() / deviation * np.sqrt(periods)
    return ratio
