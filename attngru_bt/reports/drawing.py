"""How pictures look: palette, style and axes, and a picture as a part of a page.

A picture is drawn on axes of a figure of its own, never pyplot's: no figure stays open, and neither
the user's backend nor rcParams change.
"""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colorbar import Colorbar

STRATEGY, BENCHMARK, BASELINE = "#1f5fbf", "#8a8f98", "#c77f2b"
GAIN, LOSS, INK, GRID = "#2e7d4f", "#c0392b", "#2b2f36", "#e3e6ea"
# models side by side: distinct also for the color-blind (Okabe & Ito), darker where pale on white
MODELS = ("#0072b2", "#d55e00", "#009e73", "#a0439c", "#b58900", "#3a9bd9", "#7a1f2b", "#5b6b00")
REFERENCES = {
    "equal-weight": "#444a52", "random": "#8a8f98", "momentum": "#b08d57", "benchmark": INK,
}  # fmt: skip
WIDE, HALF = (9.4, 4.2), (6.2, 3.6)  # inches
BAR = np.timedelta64(22, "D")  # width of a month's bar

_STYLE: dict[str, Any] = {
    "font.size": 10,
    "font.family": ["DejaVu Sans"],
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": "#b9bec6",
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.6,
    # a name is no formula: $A and B$ is shown as it is, not typeset
    "text.parse_math": False,
    "text.usetex": False,
    "axes.formatter.use_mathtext": False,
}


def png(draw: Callable[[Axes], None], size: tuple[float, float] = WIDE) -> str:
    """Draw on new axes and answer the picture as a base64 data URI.

    Parameters
    ----------
    draw : callable
        Given the axes.
    size : tuple of float
        Width and height in inches.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(cast(Any, _STYLE)), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyfolio and seaborn on newer pandas and matplotlib
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure.add_subplot())
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=140, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def legend_above(ax: Axes, left: float = 0.0) -> None:
    """Put the legend above the axes, where it hides nothing; `left` 0 is the axes' left end."""
    ax.legend(
        loc="lower left", bbox_to_anchor=(left, 1.0), ncols=3, borderaxespad=0.2,
        columnspacing=1.2,
    )  # fmt: skip


def per_cent_axis(ax: Axes) -> None:
    """Label the vertical axis in per cent."""
    from matplotlib.ticker import PercentFormatter

    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))


def date_axis(ax: Axes) -> None:
    """Label the horizontal axis with few, short dates."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    ax.set_xlabel("")
    ax.tick_params(axis="x", rotation=0)
    for label in ax.get_xticklabels():
        label.set_horizontalalignment("center")
    ax.grid(visible=True, which="major")
    ax.minorticks_off()
    ax.margins(x=0.01)


def month_map(
    ax: Axes,
    table: pd.DataFrame,
    names: dict[int, str],
    *,
    cmap: str = "Blues",
    low: float | None = None,
    high: float | None = None,
    ticks: int = 7,
) -> Colorbar:
    """Draw a table as colors: time from left to right, the first column at the bottom.

    Parameters
    ----------
    ax : Axes
    table : DataFrame of shape (n_dates, n_rows)
        NaN is left white.
    names : dict of int to str
        Labels of the rows, by position.
    cmap, low, high
        Colors, and the values at their ends; None: those of the table.
    ticks : int, default=7
        Largest number of dates that are labeled.

    Returns
    -------
    Colorbar
    """
    image = ax.imshow(
        table.to_numpy().T, aspect="auto", origin="lower", interpolation="nearest", cmap=cmap,
        vmin=low, vmax=high,
    )  # fmt: skip
    dates = pd.DatetimeIndex(table.index)
    at = np.unique(np.linspace(0, len(dates) - 1, min(len(dates), ticks)).round().astype(int))
    ax.set_xticks(at, [f"{dates[i]:%Y-%m}" for i in at])
    ax.set_yticks(list(names), list(names.values()))
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False)
    return ax.figure.colorbar(image, ax=ax, pad=0.02, aspect=30)  # type: ignore[union-attr]
