"""Pictures of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from attngru_bt.compare.comparison import Attention, Comparison
from attngru_bt.reports.charts import BENCHMARK, INK, STRATEGY, date_axis, per_cent_axis

ALMOST_EVEN = 0.01  # share; attention that departs less chooses next to nothing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# distinct also for the color-blind (Okabe & Ito), darker where they would be pale on white
COLORS = ("#0072b2", "#d55e00", "#009e73", "#a0439c", "#b58900", "#3a9bd9", "#7a1f2b", "#5b6b00")
GREYS = {"equal-weight": "#444a52", "random": "#8a8f98", "momentum": "#b08d57"}


def growth(found: Comparison, ax: Axes, names: Sequence[str]) -> None:
    """Growth of 1, the given models beside baselines and index; the legend in their last order."""
    curves = found.growth
    beside = [name for name in (*GREYS, "benchmark") if name in curves and name not in names]
    style: dict[str, dict[str, object]] = {}
    for i, name in enumerate(names):
        line = "-" if i < len(COLORS) else "--"
        style[name] = {"color": COLORS[i % len(COLORS)], "linestyle": line, "linewidth": 1.6}
    for name in beside:
        color = GREYS.get(name, INK)
        style[name] = {"color": color, "linewidth": 1.2, "linestyle": (0, (4, 2))}
    if "benchmark" in style:
        style["benchmark"]["linestyle"] = (0, (1, 1.2))
    order = curves[list(style)].iloc[-1].sort_values(ascending=False, kind="stable").index
    for name in order:
        ax.plot(curves.index.to_numpy(), curves[name], label=_title(found, name), **style[name])  # type: ignore[arg-type]
    ax.axhline(1.0, color=INK, linewidth=0.8)
    ax.set_ylabel("Growth of 1")
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)
    date_axis(ax)


def buckets(found: Comparison, ax: Axes) -> None:
    """Next month's return by score: rows models, columns tenths, from lowest to highest score."""
    table = 100.0 * found.buckets
    values = table.to_numpy()
    most = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 1.0
    ax.imshow(values, aspect="auto", cmap="PuOr", vmin=-most, vmax=most)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            text = f"{round(value, 1) + 0.0:+.1f}".replace("-", "\u2212")
            color = "white" if abs(value) > 0.55 * most else INK
            ax.text(column, row, text, ha="center", va="center", fontsize=8, color=color)
    count = table.shape[1]
    names = ["lowest", *(str(i) for i in range(2, count)), "highest"]
    ax.set_xticks(np.arange(count), names)
    ax.set_yticks(np.arange(len(table)), [_title(found, str(name)) for name in table.index])
    ax.set_xlabel("Tenth by score")
    ax.tick_params(length=0)
    ax.grid(visible=False)


def ratios(found: Comparison, ax: Axes) -> None:
    """Information ratio with its bootstrap interval."""
    table = found.table3[found.table3["information_ratio"].notna()].iloc[::-1]
    place = np.arange(len(table))
    ax.hlines(place, table["ir_low"], table["ir_high"], color=STRATEGY, alpha=0.35, linewidth=5)
    ax.plot(table["information_ratio"], place, "o", color=STRATEGY, markersize=5)
    ax.axvline(0.0, color=INK, linewidth=0.8)
    ax.set_yticks(place, [_title(found, str(name)) for name in table.index])
    ax.set_xlabel("Information ratio against the index")
    ax.set_ylim(-0.7, len(table) - 0.3)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")


def chance(found: Comparison, ax: Axes) -> None:
    """Return of the names chosen beside that of random ones, in the same simple account."""
    runs = found.runs[found.runs["simple_return"].notna()]
    table = runs.groupby(level="model", sort=False).mean().iloc[::-1]
    place = np.arange(len(table))
    ax.hlines(
        place, table["chance_low"], table["chance_high"], color=BENCHMARK, alpha=0.5, linewidth=7,
        label="random: middle 90%",
    )  # fmt: skip
    ax.plot(table["chance_median"], place, "|", color=INK, markersize=9, label="random: median")
    at = table.index.get_indexer(runs.index.get_level_values("model"))
    ax.plot(runs["simple_return"], at, "o", color=STRATEGY, alpha=0.3, markersize=3.5)
    ax.plot(table["simple_return"], place, "D", color=STRATEGY, markersize=5, label="chosen")
    ax.set_yticks(place, [_title(found, str(name)) for name in table.index])
    ax.set_ylim(-0.7, len(table) - 0.3)
    ax.set_xlabel("Return a year")
    ax.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%".replace("-", "\u2212"))
    ax.legend(
        loc="lower left", bbox_to_anchor=(-0.4, 1.0), ncols=3, borderaxespad=0.2, columnspacing=1.2
    )
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")


def attention(seen: Attention, ax: Axes) -> None:
    """Share of attention per family and month; beside the name, the mean share and the even one."""
    table = seen.families.fillna(0.0)
    mean, even = table.mean(), seen.even.fillna(0.0).mean()
    names = [f"{name}\n{mean[name]:.1%} (even {even[name]:.1%})" for name in _by_share(seen)]
    _families(ax, table[_by_share(seen)], names, "Blues", 0.0, float(table.to_numpy().max()))


def beyond_even(seen: Attention, ax: Axes) -> None:
    """Share of attention less the even share, per family and month."""
    table = (seen.families - seen.even).fillna(0.0)[_by_share(seen)]
    # colors that fill their scale would make much of nothing
    most = max(departure(seen), ALMOST_EVEN)
    _families(ax, table, list(table.columns), "PuOr", -most, most)


def departure(seen: Attention) -> float:
    """Largest difference of a family's share from its even one, a fraction."""
    return float(np.nanmax(np.abs((seen.families - seen.even).to_numpy())))


def _by_share(seen: Attention) -> list[str]:
    return list(seen.families.fillna(0.0).mean().sort_values(kind="stable").index)


def _families(
    ax: Axes, table: pd.DataFrame, names: Sequence[str], cmap: str, low: float, high: float
) -> None:
    image = ax.imshow(
        table.to_numpy().T, aspect="auto", origin="lower", cmap=cmap, vmin=low, vmax=high,
        interpolation="nearest",
    )  # fmt: skip
    months = pd.DatetimeIndex(table.index)
    ticks = np.unique(np.linspace(0, len(months) - 1, min(len(months), 5)).round().astype(int))
    ax.set_xticks(ticks, [f"{months[i]:%Y-%m}" for i in ticks])
    ax.set_yticks(np.arange(table.shape[1]), names)
    ax.tick_params(length=0)
    ax.grid(visible=False)
    bar = ax.figure.colorbar(image, ax=ax, pad=0.02, aspect=30)  # type: ignore[union-attr]
    per_cent_axis(bar.ax)


def _title(found: Comparison, name: str) -> str:
    if name == "benchmark":
        return "Index"
    return found.titles.get(name, name)
