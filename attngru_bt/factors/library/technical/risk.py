"""Risk over a year or two of sessions, mostly against the benchmark."""

from __future__ import annotations

import numpy as np

from attngru_bt.factors.decorators import factor, step
from attngru_bt.factors.ops import Array, highest, lag, lowest, total, total_known
from attngru_bt.factors.regress import regression

TECHNICAL = "technical"


@factor(TECHNICAL, clock="calendar", lookback=lambda n, month: n * month + 1)
def CMRA(close: Array, n: int = 24, month: int = 21) -> Array:
    """Cumulative range: highest less lowest log return over the last 1 .. {n} months.

    A month is {month} sessions; risk-free rate 0.
    """
    past = lag(np.log(close), month)
    return highest(past, n, every=month) - lowest(past, n, every=month)


@factor(TECHNICAL, clock="calendar", history=lambda n: n // 2 - 1)
def DVRAT(daily_return: Array, traded: Array, n: int = 490, q: int = 10) -> Array:
    """Variance ratio of {q}-day to daily returns over {n} sessions, minus 1.

    [sum of squared q-day sums / (q (T - q + 1) (1 - q/T))] / [sum of r^2 / (T - 1)] - 1 with T the
    sessions since listing, at most {n}; NaN if the stock traded on fewer than half of {n}.
    """
    t = total_known(daily_return * 0 + 1, n)
    slow = total_known(total(daily_return, q) ** 2, n - q + 1) / (q * (t - q + 1) * (1 - q / t))
    fast = total_known(daily_return**2, n) / (t - 1)
    out = slow / fast - 1
    out[total_known(traded, n) < n / 2] = np.nan
    return out


@step(lookback=2)
def market_return(benchmark: Array) -> Array:
    """Return of the benchmark, as a fraction."""
    return benchmark / lag(benchmark, 1) - 1


@step()
def known_return(daily_return: Array, traded: Array) -> Array:
    """Return on the days the stock traded, NaN on the others."""
    return daily_return * traded


@step(lookback=250, history=20)
def down_market(known_return: Array, market_return: Array, n: int = 250) -> Array:
    """Deviations' sums of squares of stock and market and of their product, on down days.

    Days of the last 250 on which the market fell; NaN if fewer than 20. Shape (3, bars, assets).
    """
    down = (market_return < 0) & np.isfinite(known_return)
    days = total_known(down.astype(float), n)
    r, m = np.where(down, known_return, 0.0), np.where(down, market_return, 0.0)
    sum_r, sum_m = total_known(r, n), total_known(m, n)
    sums = np.stack(
        [
            total_known(r * r, n) - sum_r**2 / days,
            total_known(m * m, n) - sum_m**2 / days,
            total_known(r * m, n) - sum_r * sum_m / days,
        ]
    )
    sums[:, days < 20] = np.nan
    return sums


@factor(TECHNICAL, clock="calendar")
def DDNBT(down_market: Array) -> Array:
    """Downside beta: slope of r on the market's r on days it fell, 250 sessions, at least 20."""
    return down_market[2] / down_market[1]


@factor(TECHNICAL, clock="calendar")
def DDNCR(down_market: Array) -> Array:
    """Downside correlation of r and the market's r on days it fell, 250 sessions, at least 20."""
    return down_market[2] / np.sqrt(down_market[0] * down_market[1])


@factor(TECHNICAL, clock="calendar")
def DDNSR(down_market: Array) -> Array:
    """Downside risk: std of r over std of the market's r on days it fell, 250 sessions."""
    return np.sqrt(down_market[0] / down_market[1])


@step(lookback=lambda n: n + 3, history=lambda n: n - 87)
def market_model(known_return: Array, market_return: Array, wanted: Array, n: int = 250) -> Array:
    """Coefficient and residual variance of r on the market's r and r's own three lags.

    250 sessions, at most 90 of them missing. Shape (2, bars, assets).
    """
    lags = [lag(known_return, k) for k in (1, 2, 3)]
    regressors = [market_return, *lags]
    slopes, variance = regression(known_return, regressors, n, n - 90, wanted > 0, 1)
    return np.stack([slopes[0], variance])


@factor(TECHNICAL, clock="calendar")
def HBETA(market_model: Array) -> Array:
    """Historical beta: coefficient on the market's r when r is regressed on it and own 3 lags.

    250 sessions; NaN if over 90 of them are missing.
    """
    return market_model[0]


@factor(TECHNICAL, clock="calendar")
def HSIGMA(market_model: Array) -> Array:
    """Historical sigma: residual variance (n - p - 1, p = 4) of the HBETA regression."""
    return market_model[1]
