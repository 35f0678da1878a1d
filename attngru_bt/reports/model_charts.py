"""Pictures of the model: how good its scores were, and what it looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.evaluation.attribution import factor_shares, family_shares
from attngru_bt.reports.drawing import (
    BAR,
    BASELINE,
    BENCHMARK,
    GAIN,
    INK,
    LOSS,
    STRATEGY,
    date_axis,
    legend_above,
    month_map,
    per_cent_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from attngru_bt.reports.sheet import TearSheet
    from attngru_bt.walkforward import MonthRecord

_YEAR = 12  # months in the running means


def rank_ic(sheet: TearSheet, ax: Axes) -> None:
    """Rank correlation of score and next month's return, month by month."""
    values = _quality(sheet)["rank_ic"]
    colors = np.where(values >= 0, GAIN, LOSS)
    ax.bar(values.index.to_numpy(), values, width=BAR, color=list(colors), alpha=0.75)
    _running_mean(ax, values)
    ax.axhline(0.0, color=INK, linewidth=0.8)
    ax.set_ylabel("Rank IC")
    date_axis(ax)


def precision(sheet: TearSheet, ax: Axes) -> None:
    """Share of the picks that were among the best, beside that of random picks."""
    quality = _quality(sheet)
    values = quality["precision"]
    ax.bar(values.index.to_numpy(), values, width=BAR, color=STRATEGY, alpha=0.6)
    ax.plot(values.index.to_numpy(), quality["base_rate"], color=BENCHMARK, label="random picks")
    _running_mean(ax, values)
    ax.set_ylabel(f"Precision@{sheet.topk}")
    per_cent_axis(ax)
    legend_above(ax)
    date_axis(ax)


def explained_variance(sheet: TearSheet, ax: Axes) -> None:
    """Share of variance per principal component: mean over the fits, with the range."""
    table = explained_variance_by_component(sheet)
    position = np.arange(1, len(table) + 1)
    # matplotlib wants distances below and above the bar, of shape (2, n_components)
    reach = np.abs(table[["least", "most"]].to_numpy() - table[["mean"]].to_numpy()).T
    ax.bar(
        position, table["mean"], color=STRATEGY, alpha=0.75, yerr=reach, ecolor=INK, capsize=2,
        error_kw={"linewidth": 0.8},
    )  # fmt: skip
    ax.set(xlabel="Principal component", ylabel="Explained variance")
    ax.set_xticks(position if len(position) <= 12 else position[::2])
    ax.grid(visible=False, axis="x")
    per_cent_axis(ax)
    twin = ax.twinx()
    twin.plot(position, table["mean"].cumsum(), color=BASELINE, marker="o", markersize=3)
    twin.set_ylim(0, 1.02)
    twin.set_ylabel("cumulative", color=BASELINE)
    twin.grid(visible=False)
    per_cent_axis(twin)


def attention(sheet: TearSheet, ax: Axes, kind: str = "factor") -> None:
    """Attention per component, per step or per family of factors over time."""
    weights = attention_table(sheet, kind)
    if kind == "family":
        names = {i: str(name) for i, name in enumerate(weights.columns)}
    else:
        n_rows = weights.shape[1]
        names = {i: str(i + 1) for i in range(0, n_rows, max(1, n_rows // 12))}
        ax.set_ylabel("Principal component" if kind == "factor" else "Step (last = newest)")
    month_map(ax, weights, names).set_label("weight")


def explained_variance_by_component(sheet: TearSheet) -> pd.DataFrame:
    """Explained variance per component over the fits: the paper's Table 1.

    Returns
    -------
    DataFrame of shape (n_components, 5)
        Columns last, mean, least, most, cumulative (of the means); fractions.
    """
    fits = {
        record.month_end: pd.Series(record.explained_variance)
        for record in sheet.records
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


def attention_table(sheet: TearSheet, kind: str) -> pd.DataFrame:
    """Attention weights per month and component, step or family of factors.

    Returns
    -------
    DataFrame of shape (n_months, n_components), (n_months, n_steps) or (n_months, n_families)
    """
    if kind == "family":
        return family_shares(factor_shares(sheet.records))
    weights = {record.month_end: attention_weights(record, kind) for record in sheet.records}
    return pd.DataFrame({month: pd.Series(w) for month, w in weights.items() if w is not None}).T


def attention_weights(record: MonthRecord, kind: str) -> NDArray[np.float64] | None:
    """Return a month's attention weights per component or step; None if it has none."""
    return (record.attention or {}).get(kind)


def _quality(sheet: TearSheet) -> pd.DataFrame:
    assert sheet.quality is not None
    known = sheet.quality[["rank_ic", "precision"]].notna().any(axis=1)
    return sheet.quality[known]


def _running_mean(ax: Axes, values: pd.Series) -> None:
    if len(values) >= _YEAR:
        mean = values.rolling(_YEAR, min_periods=_YEAR // 2).mean()
        ax.plot(mean.index.to_numpy(), mean, color=INK, linewidth=1.4, label="mean of 12 months")
        legend_above(ax)
