"""Charts of the account: years, months, risk over time, costs, and where the return came from."""

from __future__ import annotations

import numpy as np
import pandas as pd

from attngru_bt.evaluation.rolling import (
    active_risk,
    rolling_beta,
    rolling_sharpe,
    rolling_volatility,
)
from attngru_bt.reports.chart import Chart
from attngru_bt.reports.portfolio import PortfolioFigures
from attngru_bt.reports.scales import PER_CENT, Dates, Form, Linear, Log, Places
from attngru_bt.reports.sheet import TearSheet
from attngru_bt.reports.tables import per_cent, points

MOST_NAMES = 30
ROW = 21  # pixels per name
CONTRIBUTIONS = 10  # best and worst names
_SAME = 1e-6  # per cent


def years(figures: PortfolioFigures) -> Chart:
    """Return per calendar year, side by side."""
    table = figures.yearly()
    scale = Linear(table.to_numpy(), PER_CENT, zero=True)
    chart = Chart(Places([str(year) for year in table.index]), scale, label="Return of the year")
    for i, (name, color, _) in enumerate(figures.sheet.curves):
        chart.bars(table[name], name, color, part=i, parts=table.shape[1])
    return chart.level(0.0)


def distribution(figures: PortfolioFigures) -> Chart:
    """How many months had which return, of strategy and baseline (or benchmark)."""
    table = figures.months().iloc[:, :2]
    values = table.to_numpy()
    scale = Linear(values, PER_CENT, most=12)
    step = scale.ticks()[1].place - scale.ticks()[0].place
    width = step * (scale.high - scale.low)
    low, high = (f(values[~np.isnan(values)] / width) for f in (_floor, _ceil))
    edges = np.arange(low, high + 1) * width
    whole = all(abs(100.0 * e - round(100.0 * e)) < _SAME for e in edges)
    bins = Places([per_cent(e, 0 if whole else 1) for e in edges[:-1]], most=8)
    counts = [np.histogram(table[name].dropna(), edges)[0].astype(float) for name in table.columns]
    chart = Chart(bins, Linear(np.concatenate(counts), Form(0), zero=True), label="Months")
    for i, (name, color, _) in enumerate(figures.sheet.curves[: len(counts)]):
        chart.bars(counts[i], name, color, part=i, parts=len(counts))
    return chart


def rolling(sheet: TearSheet) -> dict[str, Chart]:
    """Sharpe ratio and volatility of the last year, with the table's sessions a year."""
    periods, riskfree = _periods(sheet), sheet.metrics["riskfree"]
    return {
        "Sharpe ratio": _over_time(
            [(n, color, rolling_sharpe(r, riskfree, periods)) for n, color, r in sheet.curves],
            Form(2),
            "Sharpe ratio",
        ),
        "volatility": _over_time(
            [(n, color, rolling_volatility(r, periods)) for n, color, r in sheet.curves],
            PER_CENT,
            "Volatility a year",
        ),
    }


def against_benchmark(sheet: TearSheet) -> dict[str, Chart]:
    """Beta and active risk of the last year against the benchmark, of strategy and baseline."""
    assert sheet.benchmark_returns is not None
    index = sheet.benchmark_returns
    curves = [curve for curve in sheet.curves if curve[1] != "benchmark"]
    return {
        "beta": _over_time(
            [(name, color, rolling_beta(returns, index)) for name, color, returns in curves],
            Form(2),
            "Beta",
            level=1.0,
        ),
        "active risk": _over_time(
            [
                (name, color, active_risk(returns, index, _periods(sheet)))
                for name, color, returns in curves
            ],
            PER_CENT,
            "Active risk a year",
        ),
    }


def costs(figures: PortfolioFigures) -> Chart:
    """Growth of 1 before and after commission."""
    gross = np.cumprod(1.0 + figures.before_costs.to_numpy())
    net = np.cumprod(1.0 + figures.sheet.returns.to_numpy())
    dates = Dates(figures.sheet.returns.index)
    chart = Chart(dates, Log([*gross, *net]), label="Growth of 1").level(1.0)
    chart.line(gross, "before commission", "pale")
    return chart.line(net, "after commission", "strategy")


def turnover(figures: PortfolioFigures) -> Chart:
    """Half of buying and selling per month over the account's mean value in it."""
    share = monthly_turnover(figures)
    chart = Chart(Dates(share.index), Linear(share, Form(2), zero=True), label="Turnover")
    return chart.bars(share, "turnover in the month", "strategy")


def monthly_turnover(figures: PortfolioFigures) -> pd.Series:
    """Half of buying and selling per month over the account's mean value in it."""
    fills, performance = figures.fills, figures.sheet.performance
    traded = (fills["size"] * fills["price"]).abs().groupby(fills["date"].dt.to_period("M")).sum()
    value = pd.Series(
        performance.values[performance.first : performance.end], index=figures.sheet.returns.index
    )
    mean = value.groupby(value.index.to_period("M")).mean()  # type: ignore[attr-defined]
    share = (traded / 2.0).reindex(mean.index, fill_value=0.0) / mean
    return share.set_axis(pd.PeriodIndex(share.index).to_timestamp(how="end").normalize())


def varies(figures: PortfolioFigures) -> bool:
    """Say whether the number of names held changed beyond filling up and selling one."""
    daily = (figures.held != 0).sum(axis=1)
    return bool((daily.quantile([0.05, 0.95]) - daily.median()).abs().max() > 1)


def holdings(figures: PortfolioFigures) -> Chart:
    """Count the names held at each close."""
    daily = (figures.held != 0).sum(axis=1)
    scale = Linear(daily, Form(0), zero=True)
    chart = Chart(Dates(daily.index), scale, label="Names held")
    return chart.line(daily, "names held", "strategy", kind="thin")


def contributions(figures: PortfolioFigures) -> Chart:
    """Draw what the best and the worst ten names added to the return, in points of per cent."""
    each = figures.contributions
    if len(each) > 2 * CONTRIBUTIONS:
        each = pd.concat([each.iloc[:CONTRIBUTIONS], each.iloc[-CONTRIBUTIONS:]])
    # room for the figures beside the bars, on a phone too
    reach = 0.24 * float(np.ptp([0.0, *each]))
    scale = Linear([min(each.min(), 0.0) - reach, max(each.max(), 0.0) + reach], PER_CENT)
    names = Places([str(name) for name in each.index], most=len(each))
    chart = Chart(scale, names, height=ROW * len(each), label="Contribution")
    chart.bars(each, "", ("gain", "loss")).level(0.0)
    for row, value in enumerate(each):
        chart.text(value, row, points(value), "" if value >= 0 else "left")
    return chart


def weights(figures: PortfolioFigures) -> Chart:
    """Weight at each month's last close of the names held longest, the earliest held on top."""
    share = month_end_weights(figures)
    chart = Chart(
        Dates(share.index),
        Places([str(name) for name in share.columns], most=MOST_NAMES),
        height=ROW * share.shape[1],
        label="Weight in the account",
    )
    table, most = share.to_numpy().T, largest_weight(figures)
    chart.cells(table, "strategy", most)
    return chart.cells(-table, "loss", most) if (table < 0).any() else chart


def month_end_weights(figures: PortfolioFigures) -> pd.DataFrame:
    """Weight of the names held longest at the last close of each month, 0 = not held."""
    held, performance = figures.held, figures.sheet.performance
    dates = pd.DatetimeIndex(held.index)
    last = np.append(np.diff(dates.year * 12 + dates.month) != 0, True)
    values = performance.values[performance.first : performance.end]
    share = held.loc[last, longest_held(figures)].div(values[last], axis=0)
    first_held = (share != 0).idxmax()
    return share[first_held.sort_values(kind="stable").index]


def largest_weight(figures: PortfolioFigures) -> float:
    """Largest weight of those that are shown, long or short."""
    return float(month_end_weights(figures).abs().to_numpy().max())


def longest_held(figures: PortfolioFigures) -> list[str]:
    """Names held on the most sessions, at most `MOST_NAMES` of them."""
    days = (figures.held != 0).sum()
    return list(days.sort_values(ascending=False, kind="stable").index[:MOST_NAMES])


def _over_time(
    curves: list[tuple[str, str, pd.Series]], form: Form, label: str, level: float = 0.0
) -> Chart:
    """Draw curves from the first session on which one of them is known."""
    table = pd.DataFrame({i: series for i, (_, _, series) in enumerate(curves)})
    table = table.loc[table.first_valid_index() :]
    values = np.append(table.to_numpy().ravel(), level)
    chart = Chart(Dates(table.index), Linear(values, form), label=label).level(level)
    for i, (name, color, _) in reversed(list(enumerate(curves))):
        chart.line(table[i], name, color, kind="" if len(curves) == 1 else "thin")
    return chart.first_last()


def _periods(sheet: TearSheet) -> float:
    # where the analyzer could not annualize with `periods`, neither can a chart
    return float("nan") if np.isnan(sheet.metrics["volatility"]) else sheet.metrics["periods"]


def _floor(values: np.ndarray) -> int:
    return int(np.floor(values.min() - 1e-9))


def _ceil(values: np.ndarray) -> int:
    return int(np.ceil(values.max() + 1e-9))
