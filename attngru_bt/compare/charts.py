"""Pictures of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attngru_bt.compare.attention import Attention
from attngru_bt.compare.comparison import Comparison
from attngru_bt.reports.drawing import (
    BENCHMARK,
    INK,
    MODELS,
    REFERENCES,
    STRATEGY,
    date_axis,
    legend_above,
    month_map,
    per_cent_axis,
)
from attngru_bt.reports.tables import one, per_cent

ALMOST_EVEN = 0.01  # share; attention that departs less from even chooses next to nothing

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def growth(comparison: Comparison, ax: Axes, names: Sequence[str]) -> None:
    """Growth of 1 of the given models, the baselines and the index.

    The legend is in the order of the last day.
    """
    curves = comparison.growth
    style: dict[str, dict[str, Any]] = {}
    for i, name in enumerate(names):
        line = "-" if i < len(MODELS) else "--"
        style[name] = {"color": MODELS[i % len(MODELS)], "linestyle": line, "linewidth": 1.6}
    for name, color in REFERENCES.items():
        if name in curves and name not in names:
            dashes = (0, (1, 1.2)) if name == "benchmark" else (0, (4, 2))
            style[name] = {"color": color, "linestyle": dashes, "linewidth": 1.2}
    order = curves[list(style)].iloc[-1].sort_values(ascending=False, kind="stable").index
    for name in order:
        label = _title(comparison, name)
        ax.plot(curves.index.to_numpy(), curves[name], label=label, **style[name])
    ax.axhline(1.0, color=INK, linewidth=0.8)
    ax.set_ylabel("Growth of 1")
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)
    date_axis(ax)


def buckets(comparison: Comparison, ax: Axes) -> None:
    """Next month's return by score: a row per model, a column per tenth of the scores."""
    values = 100.0 * comparison.buckets.to_numpy()
    most = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 1.0
    ax.imshow(values, aspect="auto", cmap="PuOr", vmin=-most, vmax=most)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            sign = "+" if round(value, 1) >= 0 else ""
            color = "white" if abs(value) > 0.55 * most else INK
            ax.text(
                column, row, sign + one(value), ha="center", va="center", fontsize=8, color=color
            )
    count = values.shape[1]
    ax.set_xticks(np.arange(count), ["lowest", *map(str, range(2, count)), "highest"])
    ax.set_xlabel("Tenth by score")
    _name_rows(comparison, ax, comparison.buckets)
    ax.tick_params(axis="x", length=0)
    ax.grid(visible=False)


def ratios(comparison: Comparison, ax: Axes) -> None:
    """Information ratio with its bootstrap interval."""
    table = comparison.table3[comparison.table3["information_ratio"].notna()].iloc[::-1]
    place = np.arange(len(table))
    ax.hlines(place, table["ir_low"], table["ir_high"], color=STRATEGY, alpha=0.35, linewidth=5)
    ax.plot(table["information_ratio"], place, "o", color=STRATEGY, markersize=5)
    ax.axvline(0.0, color=INK, linewidth=0.8)
    ax.set_xlabel("Information ratio against the index")
    _one_row_each(comparison, ax, table)


def chance(comparison: Comparison, ax: Axes) -> None:
    """Return of the names chosen beside that of random ones, in the same simple account."""
    runs = comparison.runs[comparison.runs["simple_return"].notna()]
    table = runs.groupby(level="model", sort=False).mean().iloc[::-1]
    place = np.arange(len(table))
    ax.hlines(
        place, table["chance_low"], table["chance_high"], color=BENCHMARK, alpha=0.5, linewidth=7,
        label="random: middle 90%",
    )  # fmt: skip
    ax.plot(table["chance_median"], place, "|", color=INK, markersize=9, label="random: median")
    # one small dot per seed
    rows = table.index.get_indexer(runs.index.get_level_values("model"))
    ax.plot(runs["simple_return"], rows, "o", color=STRATEGY, alpha=0.3, markersize=3.5)
    ax.plot(table["simple_return"], place, "D", color=STRATEGY, markersize=5, label="chosen")
    ax.set_xlabel("Return a year")
    ax.xaxis.set_major_formatter(lambda share, _: per_cent(share, 0))
    legend_above(ax, left=-0.4)
    _one_row_each(comparison, ax, table)


def attention(seen: Attention, ax: Axes) -> None:
    """Share of attention per family and month; beside the name, the mean share and the even one."""
    shares, even = seen.families.fillna(0.0), seen.even.fillna(0.0)
    mean = shares.mean().sort_values(kind="stable")
    names = (
        f"{name}\n{per_cent(share)} (even {per_cent(even[name].mean())})"
        for name, share in mean.items()
    )
    most = float(shares.to_numpy().max())
    bar = month_map(ax, shares[mean.index], dict(enumerate(names)), low=0.0, high=most, ticks=5)
    per_cent_axis(bar.ax)


def beyond_even(seen: Attention, ax: Axes) -> None:
    """Share of attention less the even share, per family and month."""
    order = seen.families.fillna(0.0).mean().sort_values(kind="stable").index
    table = (seen.families - seen.even).fillna(0.0)[order]
    # a scale that ended at tiny differences would make much of nothing
    most = max(departure(seen), ALMOST_EVEN)
    names = {i: str(name) for i, name in enumerate(order)}
    bar = month_map(ax, table, names, cmap="PuOr", low=-most, high=most, ticks=5)
    per_cent_axis(bar.ax)


def departure(seen: Attention) -> float:
    """Largest difference of a family's share from its even one, a fraction."""
    return float(np.nanmax(np.abs((seen.families - seen.even).to_numpy())))


def _name_rows(comparison: Comparison, ax: Axes, table: pd.DataFrame) -> None:
    names = [_title(comparison, str(name)) for name in table.index]
    ax.set_yticks(np.arange(len(table)), names)
    ax.tick_params(axis="y", length=0)


def _one_row_each(comparison: Comparison, ax: Axes, table: pd.DataFrame) -> None:
    _name_rows(comparison, ax, table)
    ax.set_ylim(-0.7, len(table) - 0.3)
    ax.grid(visible=False, axis="y")


def _title(comparison: Comparison, name: str) -> str:
    return "Index" if name == "benchmark" else comparison.titles.get(name, name)
