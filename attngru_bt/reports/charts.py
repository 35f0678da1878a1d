"""Pictures of returns and trading, on pyfolio's figures where it has them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attngru_bt.analyzers.performance import monthly
from attngru_bt.evaluation import statistics
from attngru_bt.reports.drawing import (
    BAR,
    BASELINE,
    BENCHMARK,
    INK,
    STRATEGY,
    date_axis,
    legend_above,
    month_map,
    per_cent_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from attngru_bt.reports.sheet import TearSheet

ROLLING_SESSIONS = 126


def pyfolio_plotting() -> Any:
    """Import pyfolio's figures without its warnings about packages that are not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyfolio.plotting as plotting
    return plotting


def anchored(returns: pd.Series, base: pd.Timestamp | None) -> pd.Series:
    """Date returns in UTC, and put a return of 0 in front so that the curve begins at 1.

    It is dated with the session before the first, or the business day before if there is none.
    """
    first = base if base is not None else returns.index[0] - pd.offsets.BDay(1)
    index = pd.DatetimeIndex([first, *returns.index]).tz_localize("UTC")
    return pd.Series([0.0, *returns], index=index, name=returns.name)


def cumulative(sheet: TearSheet, ax: Axes) -> None:
    """Growth of 1 in the strategy, the benchmark and the baseline: the paper's Figure 3."""
    base = sheet.performance.base_date
    strategy, benchmark = anchored(sheet.returns, base), None
    if sheet.benchmark is not None and sheet.benchmark_returns is not None:
        # the line is flat where the benchmark is not known; the page says where it is
        benchmark = anchored(sheet.benchmark_returns.fillna(0.0), base)
    pyfolio_plotting().plot_rolling_returns(
        strategy, benchmark, ax=ax, x_compat=True, legend_loc=None
    )
    # pyfolio draws the benchmark first, and a straight line of two points
    curves = [line for line in ax.lines if len(line.get_xdata()) > 2]  # type: ignore[arg-type]
    for line in curves:
        line.set(alpha=1.0, linewidth=1.8, color=STRATEGY, label=sheet.name)
    if sheet.benchmark is not None and benchmark is not None:
        curves[0].set(color=BENCHMARK, label=sheet.benchmark["name"])
    if sheet.baseline is not None and sheet.baseline_returns is not None:
        baseline = anchored(sheet.baseline_returns.fillna(0.0), base)
        value = np.cumprod(1.0 + baseline.to_numpy())
        name = f"{sheet.baseline['name']} (baseline)"
        ax.plot(baseline.index.to_numpy(), value, color=BASELINE, label=name)
    ax.axhline(1.0, color=INK, linewidth=0.8)
    ax.set_ylabel("Growth of 1")
    legend_above(ax)
    date_axis(ax)


def underwater(sheet: TearSheet, ax: Axes) -> None:
    """Loss from the running peak, of the strategy and its benchmark.

    pyfolio's figure fixes the axis to the strategy's own losses and cuts a deeper benchmark off.
    """
    for returns, color, name in _curves(sheet):
        # sessions without a known benchmark leave its line flat
        loss = -statistics.drawdowns(returns.fillna(0.0))
        dates = returns.index.to_numpy()
        ax.plot(dates, loss, color=color, linewidth=1.1, label=name)
        if color == STRATEGY:
            ax.fill_between(dates, loss, color=STRATEGY, alpha=0.22, linewidth=0)
    ax.set_ylabel("Drawdown")
    per_cent_axis(ax)
    legend_above(ax)
    date_axis(ax)


def month_table(sheet: TearSheet, ax: Axes) -> None:
    """Return per calendar month."""
    months = monthly(sheet.returns)
    dates = pd.DatetimeIndex(months.index)
    table = pd.Series(
        months.to_numpy(), index=[dates.year, dates.month]
    ).unstack()  # years × months
    # pyfolio would show months outside the run as 0
    pyfolio_plotting().plot_monthly_returns_heatmap(
        sheet.returns.tz_localize("UTC"), ax=ax, mask=table.isna().to_numpy(), fmt=".1f",
        linewidths=1.0, linecolor="white", vmin=-12, vmax=12,
    )  # fmt: skip
    for text in ax.texts:
        text.set_fontsize(9 if len(table) <= 12 else 7)
    ax.set(title="", xlabel="", ylabel="")
    ax.tick_params(length=0)
    ax.tick_params(axis="y", rotation=0)
    ax.grid(visible=False)


def rolling_sharpe(sheet: TearSheet, ax: Axes) -> None:
    """Sharpe ratio of the last half year, with the table's sessions a year and risk-free rate.

    pyfolio's figure always annualizes with 252 sessions and without a risk-free rate.
    """
    metrics = sheet.metrics
    # where the analyzer could not annualize with `periods`, neither can this picture
    periods = float("nan") if np.isnan(metrics["volatility"]) else metrics["periods"]
    for returns, color, name in _curves(sheet):
        ratio = _rolling_sharpe(returns, metrics["riskfree"], periods)
        ax.plot(ratio.index.to_numpy(), ratio, color=color, label=name)
    ax.axhline(0.0, color=INK, linewidth=0.8)
    ax.set_ylabel("Sharpe ratio")
    legend_above(ax)
    date_axis(ax)


def holdings(sheet: TearSheet, ax: Axes) -> None:
    """Names held: their number per session, and its mean per month."""
    returns, positions, _, _ = sheet.performance.get_pf_items()
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


def weights(sheet: TearSheet, ax: Axes) -> None:
    """Weight over time of the names held longest, the newest on top.

    pyfolio draws a line per name, too many lines where names change every month.
    """
    _, positions, _, _ = sheet.performance.get_pf_items()
    share = positions.drop(columns="cash").div(positions.sum(axis=1), axis=0)
    share = share[longest_held(sheet)]
    first_held = (share != 0).idxmax()
    share = share[first_held.sort_values(kind="stable").index]
    most, short = float(share.abs().to_numpy().max()), bool((share < 0).to_numpy().any())
    bar = month_map(
        ax,
        share.where(share != 0),
        dict(enumerate(share.columns)),
        cmap="RdBu" if short else "Blues",
        low=-most if short else 0.0,
        high=most,
    )
    ax.tick_params(axis="y", labelsize=8)
    per_cent_axis(bar.ax)


def longest_held(sheet: TearSheet, most: int = 40) -> list[str]:
    """Names of the feeds held on the most sessions, at most `most` of them."""
    held = sheet.performance.holdings()
    days = held.groupby("symbol", sort=False).size()
    return [str(name) for name in days.sort_values(ascending=False, kind="stable").index[:most]]


def turnover(sheet: TearSheet, ax: Axes) -> None:
    """Half of buying and selling per month over the account's mean value, as in the table.

    pyfolio's figure averages daily turnover, which is all spikes when trading is monthly.
    """
    fills = sheet.performance.fills()
    traded = (fills["size"] * fills["price"]).abs().groupby(fills["date"].dt.to_period("M")).sum()
    performance = sheet.performance
    value = pd.Series(
        performance.values[performance.first : performance.end], index=sheet.returns.index
    )
    mean = value.groupby(value.index.to_period("M")).mean()  # type: ignore[attr-defined]
    share = (traded / 2.0).reindex(mean.index, fill_value=0.0) / mean
    months = pd.PeriodIndex(share.index).to_timestamp()
    ax.bar(months.to_numpy(), share, width=BAR, color=STRATEGY)
    ax.set_ylabel("Turnover in the month")
    per_cent_axis(ax)
    date_axis(ax)


def _curves(sheet: TearSheet) -> list[tuple[pd.Series, str, str]]:
    curves = [(sheet.returns, STRATEGY, sheet.name)]
    if sheet.benchmark is not None and sheet.benchmark_returns is not None:
        curves.append((sheet.benchmark_returns, BENCHMARK, sheet.benchmark["name"]))
    return curves


def _rolling_sharpe(returns: pd.Series, riskfree: float, periods: float) -> pd.Series:
    excess = returns - statistics.per_period(riskfree, periods)
    window = excess.rolling(ROLLING_SESSIONS)
    # equal returns have no ratio; rolling sums leave more rounding than `spread` allows for
    deviation = window.std().where(lambda value: value > 1e-9)
    ratio: pd.Series = window.mean() / deviation * np.sqrt(periods)
    return ratio
