"""Characteristics of the stocks at each month-end: size, volatility, turnover, past returns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from attngru_bt.data.bars import Bars
from attngru_bt.features.exposures import SIZES

MONTH, QUARTER, YEAR = 21, 63, 252  # sessions
SIZE, VOLATILITY, TURNOVER = "size", "volatility", "turnover"
MOMENTUM, REVERSAL = "momentum", "reversal"
GROUPS = ("sector", "industry")


def characteristics(
    bars: Bars, month_ends: pd.DatetimeIndex, assets: pd.Index
) -> dict[str, pd.DataFrame]:
    """Return the characteristics that the lines of the bars allow, known at each month-end.

    They are measured over other sessions than the `features.exposures` that scores are made neutral
    to, so that a report does not judge neutrality by the numbers that it was made with.

    - size: market value (`market_cap`, else `float_cap`)
    - volatility: deviation of the daily returns of 63 sessions, at least 42 of them known
    - turnover: mean of `turnover` over 21 sessions
    - momentum: return of the year before, without its last 21 sessions
    - reversal: return of the last 21 sessions with its sign turned

    Parameters
    ----------
    bars : Bars
    month_ends : DatetimeIndex of shape (n_months,)
        Month-ends that are no session stand for the session before.
    assets : Index of str
        Those the bars lack are NaN.

    Returns
    -------
    dict of str to DataFrame of shape (n_months, n_assets)
        Those whose lines are missing are left out. NaN = not known.
    """
    names = [name for name in assets if name in set(bars.assets)]
    column = {name: i for i, name in enumerate(bars.assets)}
    columns = np.array([column[name] for name in names], dtype=int)
    rows = np.asarray(bars.dates.searchsorted(month_ends, side="right")) - 1
    # closes carried over suspensions; daily returns only of days with a trade
    close = pd.DataFrame(bars["close"][:, columns]).ffill().to_numpy()
    traded = ~np.isnan(bars["close"][:, columns])
    with np.errstate(divide="ignore", invalid="ignore"):
        daily = np.where(traded[1:], close[1:] / close[:-1] - 1.0, np.nan)

    def at(sessions_ago: int) -> np.ndarray:
        past = rows - sessions_ago
        values = close[np.maximum(past, 0)]
        values[past < 0] = np.nan
        return values

    values_of: dict[str, np.ndarray] = {}
    for line in SIZES:
        if line in bars.lines:
            values_of[SIZE] = bars[line][rows][:, columns]
            break
    values_of[VOLATILITY] = _each(daily, rows, QUARTER, _deviation)
    if "turnover" in bars.lines:
        values_of[TURNOVER] = _each(bars["turnover"][1:, columns], rows, MONTH, _mean)
    # the last month is left out of momentum, since it is the reversal
    values_of[MOMENTUM] = at(MONTH) / at(YEAR) - 1.0
    values_of[REVERSAL] = 1.0 - at(0) / at(MONTH)
    return {
        name: pd.DataFrame(values, index=month_ends, columns=names).reindex(columns=assets)
        for name, values in values_of.items()
    }


def groups(bars: Bars, month_ends: pd.DatetimeIndex, assets: pd.Index) -> pd.DataFrame | None:
    """Return the group of each stock at each month-end, by the line `sector` or `industry`.

    Returns
    -------
    DataFrame of shape (n_months, n_assets) or None
        None: the bars have neither line.
    """
    line = next((line for line in GROUPS if line in bars.lines), None)
    if line is None:
        return None
    rows = np.asarray(bars.dates.searchsorted(month_ends, side="right")) - 1
    values = pd.DataFrame(bars[line][rows], index=month_ends, columns=list(bars.assets))
    return values.reindex(columns=assets)


def _each(
    daily: np.ndarray, rows: np.ndarray, length: int, figure: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Apply a figure to the sessions up to each month-end; row i of `daily` is session i + 1."""
    out = np.full((len(rows), daily.shape[1]), np.nan)
    for i, row in enumerate(rows):
        window = daily[max(row - length, 0) : row]
        enough = (~np.isnan(window)).sum(axis=0) >= 2 * length // 3
        if enough.any():
            out[i, enough] = figure(window[:, enough])
    return out


def _deviation(window: np.ndarray) -> np.ndarray:
    return np.asarray(np.nanstd(window, axis=0, ddof=1))


def _mean(window: np.ndarray) -> np.ndarray:
    return np.asarray(np.nanmean(window, axis=0))
