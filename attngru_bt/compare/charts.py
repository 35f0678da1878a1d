"""Charts of a comparison."""

from __future__ import annotations

import numpy as np
import pandas as pd

from attngru_bt.compare.attention import Attention
from attngru_bt.compare.comparison import Comparison
from attngru_bt.reports.chart import Chart
from attngru_bt.reports.heat import shaded
from attngru_bt.reports.model_charts import ALMOST_EVEN, line_name
from attngru_bt.reports.scales import NUMBER, PER_CENT, Dates, Linear, Log, Places
from attngru_bt.reports.tables import Cell, Table, points, short

COLORS = tuple(f"m{i}" for i in range(8))
REFERENCES = {
    "equal-weight": "ink", "random": "pale", "momentum": "m6", "benchmark": "benchmark",
}  # fmt: skip
ROW = 26  # pixels per model


def growth(comparison: Comparison) -> dict[str, Chart]:
    """Growth of 1 of all models, the baselines and the index, on two scales.

    The legend is in the order of the last day. Networks and blends have full lines, classic models
    thin ones, baselines and index broken ones.
    """
    curves = comparison.growth.rename(columns=str)
    # colors in the order of the models; classic ones are thin, references broken
    style: dict[str, tuple[str, str]] = {}
    names = [str(name) for name in curves.columns]
    classic = [name for name in names if comparison.families.get(name) == "classic"]
    models = [name for name in names if name not in classic and name not in REFERENCES]
    for i, name in enumerate([*models, *classic]):
        style[name] = COLORS[i % len(COLORS)], "thin" if name in classic else ""
    for name, color in REFERENCES.items():
        if name in names and name not in style:
            style[name] = color, "broken"
    order = curves[list(style)].iloc[-1].sort_values(ascending=False, kind="stable").index
    values = curves[list(style)].to_numpy()
    charts = {}
    for scale in (Log(values, NUMBER), Linear(values, NUMBER)):
        chart = Chart(Dates(curves.index), scale, height=340, label="Growth of 1").level(1.0)
        for name in order[::-1]:  # the best is drawn last, above the others
            color, kind = style[name]
            chart.line(curves[name], _title(comparison, name), color, kind=kind)
        charts[scale.kind] = chart.first_last()
    return charts


def buckets(comparison: Comparison) -> Table:
    """Next month's return by score: a row per model, a column per tenth of the scores.

    Tenths that no month had a stock in are left out.
    """
    table = comparison.buckets.dropna(axis=1, how="all")
    count = comparison.buckets.shape[1]
    names = {1: "lowest", count: "highest"}
    most = float(np.nanmax(np.abs(table.to_numpy()))) if table.size else 1.0
    rows: list[list[str | Cell]] = [
        [_title(comparison, str(name)), *(shaded(value, points, most) for value in row)]
        for name, row in zip(table.index, table.to_numpy(), strict=True)
    ]
    headings = [names.get(int(str(bucket)), str(bucket)) for bucket in table.columns]
    return Table.of(["Tenth by score", *headings], []).with_rows(rows)


def ratios(comparison: Comparison) -> Chart:
    """Information ratio with its bootstrap interval."""
    table = comparison.table3[comparison.table3["information_ratio"].notna()]
    scale = Linear(table[["ir_low", "ir_high", "information_ratio"]].to_numpy(), NUMBER, zero=True)
    chart = _row_each(comparison, table, scale, "Information ratio against the index")
    chart.spans(table["ir_low"], table["ir_high"], "95% interval", "strategy")
    called = "mean of the seeds" if comparison.about["seeds"] > 1 else "information ratio"
    chart.dots(table["information_ratio"], called, "strategy")
    return chart


def chance(comparison: Comparison) -> Chart:
    """Return of the names chosen beside that of random ones, in the same simple account."""
    runs = comparison.runs[comparison.runs["simple_return"].notna()]
    table = runs.groupby(level="model", sort=False).mean()
    values = [
        *table[["chance_low", "chance_high"]].to_numpy().ravel(),
        *runs["simple_return"],
    ]
    chart = _row_each(comparison, table, Linear(values, PER_CENT, zero=True), "Return a year")
    chart.spans(table["chance_low"], table["chance_high"], "random: middle 90%", "benchmark")
    chart.dots(table["chance_median"], "random: median", "ink", kind="tick")
    # one small dot per seed
    rows = table.index.get_indexer(runs.index.get_level_values("model"))
    chart.dots(runs["simple_return"], "", "strategy", rows=rows, kind="small")
    return chart.dots(table["simple_return"], "chosen", "strategy")


def attention(seen: Attention) -> Chart:
    """Mean share of attention per family or line, beside the even share."""
    shares, even = seen.families.fillna(0.0).mean(), seen.even.fillna(0.0).mean()
    mean = shares.sort_values(ascending=False, kind="stable")
    names = Places([called(seen, name) for name in mean.index], most=len(mean))
    scale = Linear([*mean, *even], PER_CENT, zero=True)
    chart = Chart(scale, names, height=ROW * len(mean), label="Share of attention")
    chart.bars(mean, "share", "pale")
    return chart.dots(even[mean.index], "even weights", "ink", kind="tick")


def called(seen: Attention, name: object) -> str:
    """Return what a family, a factor or a raw line is called."""
    return line_name(str(name)) if seen.of_lines else str(name)


def departure(seen: Attention) -> float:
    """Largest difference of a family's share from its even one, a fraction."""
    return float(np.nanmax(np.abs((seen.families - seen.even).to_numpy())))


def attention_is_even(seen: Attention) -> bool:
    """Whether no family's share is far enough from the even one to mean a choice."""
    return departure(seen) < ALMOST_EVEN


def _row_each(comparison: Comparison, table: pd.DataFrame, scale: Linear, label: str) -> Chart:
    names = [_title(comparison, str(name)) for name in table.index]
    places = Places(names, most=len(names))
    return Chart(scale, places, height=ROW * len(table), label=label).level(0.0)


def _title(comparison: Comparison, name: str) -> str:
    """Return the title of a model, short unless several would be called the same."""
    if name == "benchmark":
        return "Index"
    titles = {key: short(title, 30) for key, title in comparison.titles.items()}
    mine = titles.get(name, name)
    alike = list(titles.values()).count(mine) > 1
    return comparison.titles[name] if alike else mine
