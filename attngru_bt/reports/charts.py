"""Pictures of returns and trading, on pyfolio's figures where it has them.

Each function draws on axes of a figure of its own, never pyplot's: no figure stays open, and
neither the user's backend nor rcParams change.
"""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from attngru_bt.analyzers.performance import monthly
from attngru_bt.evaluation import statistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from attngru_bt.reports.report import Report

STRATEGY, BENCHMARK, BASELINE = "#1f5fbf", "#8a8f98", "#c77f2b"
GAIN, LOSS, INK, GRID = "#2e7d4f", "#c0392b", "#2b2f36", "#e3e6ea"
WIDE, HALF = (9.4, 4.2), (6.2, 3.6)  # inches
ROLLING_SESSIONS = 126
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


def pyfolio_plotting() -> Any:
    """Import pyfolio's figures without its remarks on packages that are not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyfolio.plotting as plotting
    return plotting


def anchored(returns: pd.Series, base: pd.Timestamp | None) -> pd.Series:
    """Date returns in UTC, with a zero in front: the value before the first session, worth 1."""
    first = base if base is not None else returns.index[0] - pd.offsets.BDay(1)
    index = pd.DatetimeIndex([first, *returns.index]).tz_localize("UTC")
    return pd.Series([0.0, *returns], index=index, name=returns.name)


def cumulative(report: Report, ax: Axes) -> None:
    """Growth of 1 in the strategy, the benchmark and the baseline: the paper's Figure 3."""
    own = anchored(report.returns, report.performance.base_date)
    other = None
    if report.benchmark is not None and report.benchmark_returns is not None:
        # sessions without a known benchmark leave its line flat; the page says from when it is
        other = anchored(report.benchmark_returns.fillna(0.0), report.performance.base_date)
        other.name = report.benchmark["name"]
    pyfolio_plotting().plot_rolling_returns(own, other, ax=ax, x_compat=True, legend_loc=None)
    drawn = [line for line in ax.lines if len(line.get_xdata()) > 2]  # type: ignore[arg-type]
    for line in drawn:
        line.set(alpha=1.0, linewidth=1.8, color=STRATEGY, label=report.name)
    if other is not None:
        drawn[0].set(color=BENCHMARK, label=other.name)
    if report.baseline is not None and report.baseline_returns is not None:
        third = anchored(report.baseline_returns.fillna(0.0), report.performance.base_date)
        value = np.cumprod(1.0 + third.to_numpy())
        name = report.baseline["name"]
        ax.plot(third.index.to_numpy(), value, color=BASELINE, label=f"{name} (baseline)")
    ax.axhline(1.0, color=INK, linewidth=0.8)
    ax.set_ylabel("Growth of 1")
    legend_above(ax)
    date_axis(ax)


def underwater(report: Report, ax: Axes) -> None:
    """Loss from the running peak."""
    own = anchored(report.returns, report.performance.base_date)
    pyfolio_plotting().plot_drawdown_underwater(own, ax=ax, x_compat=True, legend=False)
    for area in ax.collections:
        area.set(facecolor=STRATEGY, alpha=0.22)
    for line in ax.lines:
        line.set(color=STRATEGY, alpha=1.0, linewidth=1.1, label=report.name)
    if report.benchmark is not None and report.benchmark_returns is not None:
        loss = -100.0 * statistics.drawdowns(report.benchmark_returns.fillna(0.0))
        index = report.benchmark_returns.index.tz_localize("UTC")  # type: ignore[attr-defined]
        name = report.benchmark["name"]
        ax.plot(index.to_numpy(), loss, color=BENCHMARK, linewidth=1.1, label=name)
        handles, names = ax.get_legend_handles_labels()
        legend_above(
            ax, {n: h for n, h in zip(names, handles, strict=True) if n in (report.name, name)}
        )
    ax.set_title("")
    ax.set_ylabel("Drawdown")
    date_axis(ax)


def month_table(report: Report, ax: Axes) -> None:
    """Return per calendar month."""
    own = report.returns.tz_localize("UTC")
    months = monthly(report.returns)
    dates = pd.DatetimeIndex(months.index)
    table = pd.Series(months.to_numpy(), index=[dates.year, dates.month]).unstack()
    # months outside the run are empty, not 0: pyfolio would fill them
    pyfolio_plotting().plot_monthly_returns_heatmap(
        own, ax=ax, mask=table.isna().to_numpy(), fmt=".1f", linewidths=1.0, linecolor="white",
        vmin=-12, vmax=12,
    )  # fmt: skip
    for text in ax.texts:
        text.set_fontsize(9 if len(table) <= 12 else 7)
    ax.set(title="", xlabel="", ylabel="")
    ax.tick_params(length=0)
    ax.tick_params(axis="y", rotation=0)
    ax.grid(visible=False)


def rolling_sharpe(report: Report, ax: Axes) -> None:
    """Sharpe ratio of the last half year, with the periods and rate of the table.

    pyfolio's figure always annualizes with 252 and knows no risk-free rate.
    """
    metrics = report.metrics
    # nothing is drawn with a number of sessions a year that the analyzer could not use
    periods = float("nan") if np.isnan(metrics["volatility"]) else metrics["periods"]
    for returns, color, name in _curves(report):
        ratio = _rolling_sharpe(returns, metrics["riskfree"], periods)
        ax.plot(ratio.index.to_numpy(), ratio, color=color, label=name)
    ax.axhline(0.0, color=INK, linewidth=0.8)
    ax.set_ylabel("Sharpe ratio")
    legend_above(ax)
    date_axis(ax)


def holdings(report: Report, ax: Axes) -> None:
    """Count the names held."""
    returns, positions, _, _ = report.performance.get_pf_items()
    held = positions.loc[:, (positions != 0).any() | (positions.columns == "cash")]
    pyfolio_plotting().plot_holdings(returns, held, ax=ax, x_compat=True, legend_loc=None)
    if ax.get_legend() is not None:
        ax.get_legend().remove()  # type: ignore[union-attr]
    daily, average, mean = ax.lines[:3]
    daily.set(color=STRATEGY, alpha=0.9, linewidth=1.0, label="daily")
    average.set(color=BASELINE, linewidth=1.6, label="mean of the month")
    mean.remove()
    ax.set(title="", ylabel="Names held")
    ax.set_ylim(0, 1.12 * float(np.max(np.asarray(daily.get_ydata(), dtype=float))))
    legend_above(ax)
    date_axis(ax)


def weights(report: Report, ax: Axes) -> None:
    """Weight of each name over time, of those held longest; the newest names on top.

    pyfolio draws a line per name, which for a portfolio renewed every month is a thicket.
    """
    _, positions, _, _ = report.performance.get_pf_items()
    share = positions.drop(columns="cash").div(positions.sum(axis=1), axis=0)
    share = share[longest_held(report)]
    share = share[(share != 0).idxmax().sort_values(kind="stable").index]
    table = share.where(share != 0).to_numpy().T
    every = share.to_numpy()
    most, short = float(np.abs(every).max()), bool((every < 0).any())
    image = ax.imshow(
        table,
        aspect="auto",
        origin="lower",
        cmap="RdBu" if short else "Blues",
        interpolation="nearest",
        vmin=-most if short else 0.0,
        vmax=most,
    )
    ticks = np.unique(np.linspace(0, len(share) - 1, 7).round().astype(int))
    ax.set_xticks(ticks, [f"{share.index[i]:%Y-%m}" for i in ticks])
    ax.set_yticks(np.arange(share.shape[1]), list(share.columns))
    ax.tick_params(axis="y", labelsize=8, length=0)
    ax.grid(visible=False)
    bar = ax.figure.colorbar(image, ax=ax, pad=0.01, aspect=40)  # type: ignore[union-attr]
    per_cent_axis(bar.ax)


def longest_held(report: Report, most: int = 40) -> list[str]:
    """Name the feeds held on most sessions, at most so many of them."""
    held = report.performance.holdings()
    days = held.groupby("symbol", sort=False).size()
    return [str(name) for name in days.sort_values(ascending=False, kind="stable").index[:most]]


def turnover(report: Report, ax: Axes) -> None:
    """Half of buying and selling per month over the account, as in the table.

    pyfolio's figure averages daily turnover, a row of spikes for who trades once a month.
    """
    fills = report.performance.fills()
    traded = (fills["size"] * fills["price"]).abs().groupby(fills["date"].dt.to_period("M")).sum()
    performance = report.performance
    value = pd.Series(
        performance.values[performance.first : performance.end], index=report.returns.index
    )
    mean = value.groupby(value.index.to_period("M")).mean()  # type: ignore[attr-defined]
    share = (traded / 2.0).reindex(mean.index, fill_value=0.0) / mean
    months = pd.PeriodIndex(share.index).to_timestamp()
    ax.bar(months.to_numpy(), share, width=BAR, color=STRATEGY)
    ax.set_ylabel("Turnover in the month")
    per_cent_axis(ax)
    date_axis(ax)


def _curves(report: Report) -> list[tuple[pd.Series, str, str]]:
    curves = [(report.returns, STRATEGY, report.name)]
    if report.benchmark is not None and report.benchmark_returns is not None:
        curves.append((report.benchmark_returns, BENCHMARK, report.benchmark["name"]))
    return curves


def _rolling_sharpe(returns: pd.Series, riskfree: float, periods: float) -> pd.Series:
    excess = returns - statistics.per_period(riskfree, periods)
    window = excess.rolling(ROLLING_SESSIONS)
    # a window of equal returns has no ratio; rolling sums leave more rounding than plain ones
    deviation = window.std().where(lambda value: value > 1e-9)
    ratio: pd.Series = window.mean() / deviation * np.sqrt(periods)
    return ratio


def legend_above(ax: Axes, handles: dict[str, Any] | None = None) -> None:
    """Put the legend above the axes, where it hides nothing."""
    if handles is None:
        lines, names = ax.get_legend_handles_labels()
        handles = dict(zip(names, lines, strict=True))
    ax.legend(
        list(handles.values()), list(handles), loc="lower left", bbox_to_anchor=(0.0, 1.0),
        ncols=3, borderaxespad=0.2, columnspacing=1.2,
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
