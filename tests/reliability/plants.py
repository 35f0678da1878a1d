"""Factors and columns with a leak in them, and clean ones that look as if they had one.

A factor gets the lines of the stocks as arrays (sessions × stocks). A column is made from a market
before the audit sees it, as a file would hold it.
"""

import numpy as np
import pandas as pd

from attngru_bt.factors import ops
from attngru_bt.features.cross_section import month_ends
from attngru_bt.features.labels import top_labels


def _frame(function):
    """Make a factor of closes from a function of a DataFrame."""
    return lambda close: np.asarray(function(pd.DataFrame(close)), dtype=float)


def _now_and_then(close):
    """Tomorrow's close on one row in twenty."""
    out = close.copy()
    out[:-1:20] = close[1::20][: len(out[:-1:20])]
    return out


def _low_pass(close):
    spectrum = np.fft.rfft(np.nan_to_num(close), axis=0)
    spectrum[len(spectrum) // 10 :] = 0
    return np.fft.irfft(spectrum, n=len(close), axis=0)


def _detrended(close):
    t = np.arange(len(close), dtype=float)
    line = np.polyfit(t, np.nan_to_num(close), 1)
    return close - (t[:, None] * line[0] + line[1])


def _block(close):
    """Mean of the twenty sessions that a session belongs to, as of a month's figure."""
    frame = pd.DataFrame(close)
    return frame.groupby(np.arange(len(close)) // 20).transform("mean").to_numpy()


def _from_the_end(close):
    return np.nancumsum(close[::-1], axis=0)[::-1]


def _length(close):
    return close * len(close)


_kept = {}


def forget():
    """Empty the cache: it would travel with the factor to the process that is to know nothing."""
    _kept.clear()


def _kept_mean(close):
    """Close over the mean of the longest closes it ever saw."""
    key = close.shape[1]
    if key not in _kept:
        _kept[key] = np.nanmean(close, axis=0)
    return close / _kept[key]


def _next_volume(volume):
    return np.vstack([volume[1:], volume[-1:]]) / volume


def _next_open(open, close):  # noqa: A002  the line's name
    return np.vstack([open[1:], open[-1:]]) / close


def _volume_fit(close, volume):
    """What is left of the close after a regression on volume over all sessions."""
    x, y = np.nan_to_num(volume), np.nan_to_num(close)
    x = x - x.mean(axis=0)
    return y - x * (x * y).sum(axis=0) / np.maximum((x * x).sum(axis=0), 1e-9)


LEAKING_FACTORS = {
    "shift_1": _frame(lambda f: f.shift(-1) / f),
    "shift_5": _frame(lambda f: f.shift(-5) / f),
    "sign_of_tomorrow": _frame(lambda f: np.sign(f.shift(-1) - f)),
    "a_millionth_of_tomorrow": _frame(lambda f: f.pct_change() + 1e-6 * f.pct_change().shift(-1)),
    "centered_mean": _frame(lambda f: f.rolling(11, center=True, min_periods=1).mean()),
    "centered_std": _frame(lambda f: f.rolling(5, center=True).std()),
    "back_fill": _frame(lambda f: f.where(f > f.rolling(20).mean()).bfill()),
    "warm_up_back_filled": _frame(lambda f: f.rolling(60).mean().bfill()),
    "interpolated": _frame(lambda f: f.where(f > f.rolling(20).mean()).interpolate()),
    "z_score": _frame(lambda f: (f - f.mean()) / f.std()),
    "min_max": _frame(lambda f: (f - f.min()) / (f.max() - f.min())),
    "rank_over_time": _frame(lambda f: f.rank(pct=True)),
    "above_median": _frame(lambda f: (f > f.median()) * 1.0),
    "winsorized": _frame(lambda f: f.clip(f.quantile(0.05), f.quantile(0.95), axis=1)),
    "rank_of_next_return": _frame(lambda f: f.pct_change(5).shift(-5).rank(axis=1)),
    "largest_to_come": _frame(lambda f: f[::-1].rolling(20, min_periods=1).max()[::-1] / f),
    "ewm_backwards": _frame(lambda f: f[::-1].ewm(span=10).mean()[::-1]),
    "difference_ahead": _frame(lambda f: f.diff(-1)),
    "gradient": lambda close: np.gradient(close, axis=0),
    "convolved_same": _frame(lambda f: f.apply(lambda c: np.convolve(c, np.ones(5) / 5, "same"))),
    "of_last_price": lambda close: close / close[-1:],
    "low_pass": _low_pass,
    "detrended": _detrended,
    "mean_of_block": _block,
    "sum_from_the_end": _from_the_end,
    "one_row_in_twenty": _now_and_then,
    "length": _length,
    "kept": _kept_mean,
    "next_volume": _next_volume,
    "next_open": _next_open,
    "fit_on_all": _volume_fit,
}


def _memoised():
    kept = {}

    def memoised(close):
        key = close.tobytes()
        if key not in kept:
            kept[key] = close / ops.mean(close, 9)
        return kept[key]

    return memoised


CLEAN_FACTORS = {
    "yesterday": _frame(lambda f: f.shift(1) / f),
    "trailing_mean": _frame(lambda f: f.rolling(11, min_periods=1).mean() / f),
    "forward_fill": _frame(lambda f: f.where(f > f.rolling(20).mean()).ffill()),
    "expanding_z_score": _frame(lambda f: (f - f.expanding().mean()) / f.expanding().std()),
    "rolling_rank": _frame(lambda f: f.rolling(60).rank(pct=True)),
    "of_first_price": lambda close: close / close[:1],
    "largest_so_far": _frame(lambda f: f / f.expanding().max()),
    "ewm": _frame(lambda f: f.ewm(span=10).mean()),
    "difference": _frame(lambda f: f.diff().ffill()),
    "sum_of_volume": lambda volume: np.nancumsum(volume, axis=0),
    "memoised": _memoised(),
    "row_number": lambda close: 0 * close + np.arange(len(close))[:, None],
    "wild": _frame(lambda f: np.exp(20 * f.pct_change())),
}


def columns(bars, rng):
    """Columns that know the future, and columns that know the past very well."""
    close = bars.frame("close").ffill()
    ends = month_ends(bars.dates)
    month = np.searchsorted(ends, np.arange(len(bars)))
    later = ends[np.minimum(month + 1, len(ends) - 1)]
    ahead = close.to_numpy()[later] / close.to_numpy() - 1
    tomorrow = close.shift(-1).ffill().to_numpy()
    noise = rng.normal(size=ahead.shape)
    leaking = {
        "future_return": ahead,
        "target": np.array([top_labels(row, 3) for row in ahead]),
        "future_rank": pd.DataFrame(ahead).rank(axis=1).to_numpy(),
        "turned_round": -ahead,
        "with_noise": ahead / np.nanstd(ahead) + noise,
        "next_day_return": tomorrow / close.to_numpy() - 1,
        "close_of_tomorrow": tomorrow,
        # a ratio of the period's price, dated by the period's beginning
        "price_to_sales_restated": close.shift(-21).ffill().to_numpy() * np.exp(0.03 * noise),
    }
    clean = {
        "noise": noise,
        "last_month": close.pct_change(21).to_numpy(),
        "reversal": -close.pct_change(1).to_numpy(),
        "mean20": close.rolling(20).mean().to_numpy(),
        "constant": np.ones(ahead.shape),
        "empty": np.full(ahead.shape, np.nan),
        "tradestatus": (rng.random(ahead.shape) > 0.01) * 1.0,
        "price_to_sales": close.shift(21).to_numpy() * np.exp(0.03 * noise),
    }
    return leaking, clean
