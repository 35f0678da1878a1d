"""Charts of the scores: rank IC over time and months ahead, returns by group, exposures."""

from __future__ import annotations

import pandas as pd

from attngru_bt.data.schedule import MONTH, Schedule
from attngru_bt.reports.chart import Chart
from attngru_bt.reports.model_charts import running_mean
from attngru_bt.reports.scales import NUMBER, PER_CENT, THREE, Dates, Form, Linear, Log, Places
from attngru_bt.reports.scores import ScoreFigures
from attngru_bt.reports.verdict import SELDOM_LUCK

ROW = 26  # pixels per characteristic


def rank_ic(figures: ScoreFigures) -> list[Chart]:
    """Rank IC month by month, above its sum so far."""
    return monthly_rank_ic(figures.rank_ic[figures.rank_ic.notna()], figures.sheet.schedule)


def monthly_rank_ic(values: pd.Series, schedule: Schedule = MONTH) -> list[Chart]:
    """Rank IC by month-end, none of it NaN, above its sum so far."""
    dates = Dates(values.index)
    bars = Chart(dates, Linear(values, THREE, zero=True), height=170, label="Rank IC")
    bars.bars(values, "rank IC", ("gain", "loss"))
    year = schedule.periods(12)
    if len(values) >= year:
        bars.line(running_mean(values, year), f"mean of {year} {schedule.unit}s", "ink")
    total = values.cumsum()
    line = Chart(dates, Linear(total, NUMBER, zero=True), height=110, label="Sum of the rank IC")
    return [bars.level(0.0), line.level(0.0).line(total, "sum so far", "strategy")]


def decay(figures: ScoreFigures) -> Chart:
    """Rank IC with the return of each month ahead; dark where it is seldom luck."""
    table = figures.decay
    mean, sure = table["mean"], table["t_hac"].abs() >= SELDOM_LUCK
    places = Places([str(ahead) for ahead in table.index])
    chart = Chart(places, Linear(mean, THREE, zero=True), label="Rank IC")
    chart.bars(mean.where(sure), "t (HAC) beyond 2", "strategy")
    return chart.bars(mean.where(~sure), "could be luck", "pale").level(0.0)


def group_means(figures: ScoreFigures) -> Chart:
    """Mean return a month of each group of scores, above the mean of all scored stocks."""
    mean = figures.deciles.mean()
    excess = mean - mean.mean()
    names = _names(len(mean))
    chart = Chart(
        Places(names, ends=True),
        Linear(excess, PER_CENT, zero=True),
        label=f"Return a {figures.sheet.schedule.unit}",
    )
    return chart.bars(excess, "above the mean", ("gain", "loss")).level(0.0)


def group_growth(figures: ScoreFigures) -> dict[str, Chart]:
    """Growth of 1 in each group of scores, and of the best less the worst."""
    table = figures.deciles.fillna(0.0)
    growth = (1.0 + table).cumprod().to_numpy()
    dates = Dates(table.index)
    chart = Chart(dates, Log(growth), label="Growth of 1").level(1.0)
    for column in range(1, table.shape[1] - 1):
        chart.line(growth[:, column], "", "benchmark", kind="faint")
    chart.line((1.0 + table.mean(axis=1)).cumprod(), "mean of all groups", "ink", kind="thin")
    chart.line(growth[:, 0], "lowest scores", "loss")
    chart.line(growth[:, -1], "highest scores", "strategy")
    spread = (table.iloc[:, -1] - table.iloc[:, 0]).cumsum()
    difference = Chart(dates, Linear(spread, PER_CENT, zero=True), label="Sum of the differences")
    difference.level(0.0).line(spread, "highest less lowest, summed", "strategy")
    return {"groups": chart.first_last(), "spread": difference}


def persistence(figures: ScoreFigures) -> Chart:
    """Rank autocorrelation, and the share of new names among the best, month by month."""
    like, new = figures.autocorrelation.iloc[1:], figures.top_turnover.iloc[1:]
    chart = Chart(Dates(like.index), Linear([*like, *new], Form(2), zero=True))
    chart.line(like, "rank autocorrelation", "strategy")
    return chart.line(new, f"new among the best {figures.sheet.topk}", "baseline", kind="thin")


def exposures(figures: ScoreFigures) -> Chart:
    """Mean rank correlation of the scores with each characteristic, and the months' middle 90%."""
    table = figures.exposures
    mean, low, high = table.mean(), table.quantile(0.05), table.quantile(0.95)
    names = Places([str(name) for name in table.columns], most=table.shape[1])
    scale = Linear([*low, *high], Form(2), zero=True)
    chart = Chart(scale, names, height=ROW * len(names), label="Rank correlation with the scores")
    chart.level(0.0).spans(
        low, high, f"middle 90% of the {figures.sheet.schedule.unit}s", "benchmark"
    )
    chart.dots(mean, "mean", "strategy")
    return chart


def _names(count: int) -> list[str]:
    return ["lowest", *map(str, range(2, count)), "highest"]
