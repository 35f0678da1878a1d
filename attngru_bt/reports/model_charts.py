"""Charts of the model: how good its scores were, and what it looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.evaluation.attribution import factor_shares, family_shares
from attngru_bt.factors.library.lines import LINES
from attngru_bt.features.families import families_of
from attngru_bt.features.windows import are_steps
from attngru_bt.reports.chart import Chart
from attngru_bt.reports.heat import shaded
from attngru_bt.reports.scales import PER_CENT, THREE, Dates, Linear, Places
from attngru_bt.reports.tables import Cell, Table, per_cent, points

if TYPE_CHECKING:
    from attngru_bt.reports.sheet import Part, TearSheet
    from attngru_bt.walkforward import MonthRecord

ROW = 26  # pixels per family
ALMOST_EVEN = 0.01  # share; attention that departs less from even chooses next to nothing


def precision(sheet: TearSheet) -> Chart:
    """Share of the picks that were among the best, beside that of random picks."""
    assert sheet.quality is not None
    known = sheet.quality["precision"].notna()
    quality = sheet.quality[known]
    values = quality["precision"]
    scale = Linear([*values, *quality["base_rate"]], PER_CENT, zero=True)
    chart = Chart(Dates(values.index), scale, label=f"Precision@{sheet.topk}")
    chart.bars(values, f"precision@{sheet.topk}", "pale")
    chart.line(quality["base_rate"], "random picks", "benchmark")
    year = sheet.schedule.periods(12)
    if len(values) >= year:
        chart.line(running_mean(values, year), f"mean of {year} {sheet.schedule.unit}s", "ink")
    return chart


def running_mean(values: pd.Series, year: int) -> pd.Series:
    """Mean of the last year, from its middle on."""
    return values.rolling(year, min_periods=year // 2).mean()


def family_drops(table: pd.DataFrame) -> Chart:
    """Rank IC that is lost without each family of factors, with its 95% interval.

    Parameters
    ----------
    table : DataFrame
        As `permutation.drop_by_family`.
    """
    mean = table["mean"]
    error = (mean / table["t_hac"]).abs().fillna(0.0)
    low, high = mean - 1.96 * error, mean + 1.96 * error
    names = Places([_plain_name(str(name)) for name in table.index], most=len(table))
    scale = Linear([*low, *high], THREE, zero=True)
    chart = Chart(scale, names, height=ROW * len(names), label="Rank IC that is lost")
    chart.level(0.0).spans(low, high, "95% interval", "benchmark")
    return chart.dots(mean, "mean", "strategy")


def _plain_name(family: str) -> str:
    """Name a family, or a raw line as the data call it."""
    if families_of([family])[0] != LINES:
        return family
    return f"{line_name(family)} (raw line)"


def line_name(name: str) -> str:
    """Name a raw line as the data call it."""
    return name.removeprefix("Line").lower()


def explained_variance(part: Part) -> Chart:
    """Share of variance per principal component: mean over the fits, and the sum so far."""
    table = explained_variance_by_component(part)
    places = Places([str(i) for i in range(1, len(table) + 1)])
    chart = Chart(places, Linear(table["cumulative"], PER_CENT, zero=True))
    chart.bars(table["mean"], "of this component", "strategy")
    return chart.line(table["cumulative"], "of all up to it", "baseline")


def losses(part: Part) -> Chart | None:
    """Loss by epoch: mean over the fits and networks; None where no history was kept."""
    histories = [
        history
        for record in part.records
        if getattr(record, "refit", True)
        for history in record.losses or []
        if len(history) > 1
    ]
    if not histories:
        return None
    curves = {
        key: pd.DataFrame([[epoch.get(key) for epoch in history] for history in histories])
        .astype(float)
        .mean()
        for key in ("loss", "val_loss")
    }
    values = pd.concat(curves.values())
    places = Places([str(i + 1) for i in range(len(curves["loss"]))])
    chart = Chart(places, Linear(values, THREE), label="Loss")
    chart.line(curves["loss"], "training rows (in-sample)", "strategy")
    if curves["val_loss"].notna().any():
        chart.line(curves["val_loss"], "validation months (in-sample)", "baseline")
    return chart


def attended(part: Part) -> str:
    """Return what the weights of a model's attention are of: component, line or factor."""
    for record in part.records:
        weights = attention_weights(record, "factor")
        factors = getattr(record, "factors", ())
        if weights is not None and len(factors) == len(weights) and record.loadings is None:
            return "line" if are_steps(factors) else "factor"
    return "component"


def attention_rows(part: Part) -> Table:
    """Share of the attention by family of factors: mean, range, and the even share.

    Returns
    -------
    Table
        Without rows if the weights cannot be traced back to factors.
    """
    of_lines = attended(part) == "line"
    first = "Line" if of_lines else "Family of factors"
    headings = [first, "Share", "Least", "Most", "Even", "More than even"]
    shares = family_shares(factor_shares(part.records)).fillna(0.0)
    if shares.empty:
        return Table.of(headings, [])
    even = family_shares(factor_shares(part.records, even=True)).fillna(0.0).mean().to_dict()
    mean = shares.mean().sort_values(ascending=False, kind="stable")
    table = Table.of(headings, [])
    least, most = shares.min().to_dict(), shares.max().to_dict()
    rows: list[list[str | Cell]] = [
        [
            line_name(str(name)) if of_lines else str(name),
            *map(per_cent, (share, least[name], most[name], even[name])),
            shaded(share - even[name], points, 0.05),
        ]
        for name, share in mean.items()
    ]
    return table.with_rows(rows)


def evenness(part: Part | TearSheet, kind: str) -> tuple[float, float, float]:
    """Least and most mean attention weight per component or step, and the even weight."""
    mean, even = _mean_weights(part, kind)
    return float(mean.min()), float(mean.max()), even


def _mean_weights(part: Part | TearSheet, kind: str) -> tuple[pd.Series, float]:
    """Return the mean weight of each component or step, and the mean even weight.

    A month may have fewer components than others, each with a larger share. What is averaged is
    therefore how far a weight is from the even one of its month.
    """
    table = attention_table(part, kind)
    even = 1.0 / table.notna().sum(axis=1)
    return table.sub(even, axis=0).mean() + even.mean(), float(even.mean())


def attention(part: Part | TearSheet, kind: str) -> Chart:
    """Mean attention weight per component or step, beside the even weight."""
    mean, even = _mean_weights(part, kind)
    places = Places([str(i + 1) for i in range(len(mean))])
    chart = Chart(places, Linear(mean, THREE, zero=True), label="Attention weight")
    return chart.bars(mean, "mean weight", "strategy").level(even, kind="broken")


def explained_variance_by_component(part: Part | TearSheet) -> pd.DataFrame:
    """Explained variance per component over the fits: the paper's Table 1.

    Returns
    -------
    DataFrame of shape (n_components, 5)
        Columns last, mean, least, most, cumulative (of the means); fractions.
    """
    fits = {
        record.month_end: pd.Series(record.explained_variance)
        for record in part.records
        if record.explained_variance is not None and getattr(record, "refit", True)
    }
    table = pd.DataFrame(fits)
    mean = table.mean(axis=1)
    return pd.DataFrame(
        {
            "last": table.iloc[:, -1],
            "mean": mean,
            "least": table.min(axis=1),
            "most": table.max(axis=1),
            "cumulative": mean.cumsum(),
        }
    )


def attention_table(part: Part | TearSheet, kind: str) -> pd.DataFrame:
    """Attention weights per month and component, step or family of factors.

    Returns
    -------
    DataFrame of shape (n_months, n_components), (n_months, n_steps) or (n_months, n_families)
    """
    if kind == "family":
        return family_shares(factor_shares(part.records))
    weights = {record.month_end: attention_weights(record, kind) for record in part.records}
    return pd.DataFrame({month: pd.Series(w) for month, w in weights.items() if w is not None}).T


def attention_weights(record: MonthRecord, kind: str) -> NDArray[np.float64] | None:
    """Return a month's attention weights per component or step; None if it has none."""
    return (record.attention or {}).get(kind)
