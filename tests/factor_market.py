"""A small market with every line and every difficulty, for the tests of the factor library."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from attngru_bt.data.bars import Bars

PRICES = ("open", "high", "low", "close", "preclose")


def make_bars(n_days: int = 1900, n_assets: int = 6, seed: int = 0, *, rough: bool = True) -> Bars:
    """Random bars with all lines; `rough` adds gaps, late listings, flat bars and odd values."""
    rng = np.random.default_rng(seed)
    shape = (n_days, n_assets)
    close = 20 * np.exp(np.cumsum(rng.normal(0, 0.02, shape), axis=0))
    open_ = close * np.exp(rng.normal(0, 0.01, shape))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, 0.008, shape)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, 0.008, shape)))
    volume = rng.lognormal(13, 0.5, shape)
    cap = close * 1e9
    lines = {
        "open": open_, "high": high, "low": low, "close": close,
        "preclose": np.vstack([close[:1], close[:-1]]),
        "volume": volume, "amount": volume * (high + low) / 2,
        "turnover": volume / 1e7, "market_cap": cap, "float_cap": cap * 0.6,
        "pe": np.repeat(rng.uniform(8, 40, (n_days // 60 + 1, n_assets)), 60, axis=0)[:n_days],
        "pb": rng.uniform(1, 5, shape), "ps": rng.uniform(1, 9, shape),
        "pcf": rng.uniform(5, 30, shape), "adjfactor": np.linspace(np.ones(n_assets), 3, n_days),
        "dividend_yield": rng.uniform(0, 0.05, shape),
    }  # fmt: skip
    market = 3000 * np.exp(np.cumsum(rng.normal(0, 0.01, n_days)))
    opened = market * np.exp(rng.normal(0, 0.005, n_days))
    lines["benchmark_open"] = np.repeat(opened[:, None], n_assets, 1)
    if rough:
        flat = rng.random(shape) < 0.02  # locked at the limit: one price all day
        for name in ("open", "high", "low"):
            lines[name] = np.where(flat, close, lines[name])
        still = rng.random(shape) < 0.01
        for name in ("open", "high", "low", "close"):
            lines[name][1:] = np.where(still[1:], lines[name][:-1], lines[name][1:])
        lines["volume"][5::97, 0] = 0.0
        lines["pe"][7::40, 1] = 0.0
        lines["pe"][9::41, 2] *= -1
        lines["turnover"][300:303, 1] = np.nan
        lines["float_cap"][200:400, 1] = np.nan
        quiet = slice(600, 640)
        for name in PRICES:
            lines[name][quiet, 1] = lines["close"][min(600, n_days - 1), 1]
        gone = np.zeros(shape, dtype=bool)
        gone[:700, 2] = True  # listed late
        gone[1200:, 3] = True  # delisted
        gone[900:1000, 1] = True  # suspended
        gone[-25:-18, 1] = True
        gone[:, 4] = rng.random(n_days) < 0.05
        gone[-1, 4] = False
        for name, values in lines.items():
            if name != "benchmark_open":
                lines[name] = np.where(gone, np.nan, values)
    assets = tuple(f"S{j}" for j in range(n_assets))
    return Bars(pd.bdate_range("2010-01-04", periods=n_days), assets, lines, market)


def with_lines(bars: Bars, lines: Mapping[str, np.ndarray]) -> Bars:
    """The same bars with some lines replaced or added."""
    return Bars(bars.dates, bars.assets, {**bars.lines, **lines}, bars.benchmark)
