"""Synthetic markets: made-up prices with a planted signal whose strength is known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from attngru_bt import checks
from attngru_bt.data.bars import Bars
from attngru_bt.data.market import Market


def make_market(
    n_assets: int = 50,
    n_days: int = 1000,
    seed: int = 0,
    signal: float = 0.1,
    *,
    late: int | None = None,
    gaps: int | None = None,
    delisted: int | None = None,
    decoys: int = 0,
) -> Market:
    """Make a synthetic daily stock market with a planted signal of known rank IC.

    Each stock has a hidden characteristic q, which is standard normal across stocks, stationary and
    persistent (autocorrelation .9 from month to month). During a month every stock drifts in
    proportion to its q at the previous month-end, so that the rank correlation across stocks of q
    with the next month's close-to-close return is ``signal`` on average. All valuations show q: pb
    exactly, as ``q = -2 log(pb / 2)``, and pe, ps and pcf with noise. Turnover rises with q.
    Everything else is noise. Prices need no adjustment, volume is in shares, turnover in per cent
    of the float; daily volatility is about 2%.

    Parameters
    ----------
    n_assets, n_days : int
        Size; the days are Mondays to Fridays from 2015-01-01 on.
    seed : int
        The same seed gives the same market.
    signal : float, default 0.1
        Mean monthly rank IC of q, between -0.9 and 0.9; with 0 nothing can be predicted.
    late : int, optional
        Number of stocks listed in the first half instead of at the start; default a tenth.
    gaps : int, optional
        Number of stocks with one to three suspensions of 1 to 30 days; default a tenth.
    delisted : int, optional
        Number of stocks that end in the last third; default 1 if there are more than two.
    decoys : int, default 0
        Number of further lines `decoy1`, `decoy2`, … that look like pb and say nothing: each shows
        a characteristic as persistent as q that no return depends on. With any, turnover rises with
        the first of these in the place of q, so that only the valuations show q.

    Returns
    -------
    Market
        With all lines that factors use except ``adjfactor``; the index is the mean of the stocks.

    Examples
    --------
    >>> market = make_market(n_assets=5, n_days=60, seed=1)
    >>> market.bars["close"].shape, "pb" in market.bars
    ((60, 5), True)
    """
    tenth = -(-n_assets // 10) if n_assets > 2 else 0
    n_late = tenth if late is None else late
    n_gaps = tenth if gaps is None else gaps
    n_delisted = int(n_assets > 2) if delisted is None else delisted
    checks.whole_number("n_assets", n_assets)
    checks.whole_number("n_days", n_days, at_least=2)
    checks.number("signal", signal, at_least=-0.9, at_most=0.9)
    checks.whole_number("decoys", decoys, at_least=0)
    if min(n_late, n_gaps, n_delisted) < 0 or max(n_late + n_delisted, n_gaps) > n_assets:
        raise ValueError(
            f"`late` + `delisted` and `gaps` must each be 0 to n_assets={n_assets}; got "
            f"late={n_late}, delisted={n_delisted}, gaps={n_gaps}."
        )
    rng = np.random.default_rng(seed)
    shape = (n_days, n_assets)
    dates = pd.DatetimeIndex(pd.bdate_range("2015-01-01", periods=n_days).to_numpy())
    hidden = _persistent(rng, shape, 0.9 ** (1 / 21))
    month = np.asarray(dates.year * 12 + dates.month)
    last_hidden = _last_month(hidden, month)
    # decoys have a generator of their own, so that all else is the same with and without them
    noise_rng = np.random.default_rng([seed, 1])
    alike = [_persistent(noise_rng, shape, 0.9 ** (1 / 21)) for _ in range(decoys)]
    crowd = alike[0] if decoys else hidden

    # a volatility of about 2% a day: the market's 1% and each stock's own 1.7%, more or less
    own_noise = 0.017 * np.exp(0.2 * rng.standard_normal(n_assets))
    beta = 1 + 0.2 * rng.standard_normal(n_assets)
    market = 0.0003 + 0.010 * rng.standard_normal((n_days, 1))
    # Pearson correlation of a bivariate normal with this Spearman correlation. Over a month of n
    # days the drift adds up to n times its daily value, the noise only to sqrt(n) times
    pearson = 2 * np.sin(np.pi * signal / 6)
    noise = np.hypot(own_noise, 0.2 * 0.010)
    days = np.bincount(month - month[0])[month - month[0]][:, None]  # sessions of the month
    drift = noise * pearson / np.sqrt(1 - pearson**2) / np.sqrt(days) * last_hidden
    shock = rng.standard_t(6, shape) / np.sqrt(1.5)
    returns = beta * market + drift + own_noise * shock - own_noise**2 / 2
    level = np.exp(rng.normal(np.log(20), 0.6, n_assets))
    close = level * np.exp(np.cumsum(returns, axis=0))

    listed = _listed(rng, shape, n_late, n_gaps, n_delisted)
    preclose = np.vstack([level, close[:-1]])
    preclose = _last_traded(preclose, close, listed)
    open_ = preclose * (close / preclose) ** rng.uniform(0.1, 0.6, shape)
    open_ *= np.exp(0.004 * rng.standard_normal(shape))
    high = np.maximum(open_, close) * np.exp(np.abs(0.007 * rng.standard_normal(shape)))
    low = np.minimum(open_, close) * np.exp(-np.abs(0.007 * rng.standard_normal(shape)))

    shares = np.round(np.exp(rng.normal(np.log(1e9), 1.0, n_assets)))
    free = shares * rng.uniform(0.4, 1.0, n_assets)
    turnover = np.exp(0.4 * crowd + 0.5 * rng.standard_normal(shape) + 20 * np.abs(returns) - 0.3)
    volume = np.round(turnover / 100 * free)
    pb = 2 * np.exp(-0.5 * hidden)
    blur = 0.1 * rng.standard_normal((3, *shape))
    lines = {
        "open": open_,
        "high": high,
        "low": low,
        "close": close,
        "preclose": preclose,
        "volume": volume,
        "amount": volume * (open_ + high + low + close) / 4,
        "turnover": turnover,
        "market_cap": close * shares,
        "float_cap": close * free,
        "pe": pb * 8 * np.exp(blur[0]),
        "pb": pb,
        "ps": pb * 0.8 * np.exp(blur[1]),
        "pcf": pb * 6 * np.exp(blur[2]),
    }
    lines |= {f"decoy{i}": 2 * np.exp(-0.5 * values) for i, values in enumerate(alike, start=1)}
    lines = {name: np.where(listed, values, np.nan) for name, values in lines.items()}
    digits = max(3, len(str(n_assets - 1)))
    bars = Bars(dates, tuple(f"S{i:0{digits}d}" for i in range(n_assets)), lines)
    return Market(bars, _index(lines, returns, dates), None, f"synthetic-{seed}")


def _persistent(rng: np.random.Generator, shape: tuple[int, int], phi: float) -> np.ndarray:
    """Return stationary standard normal AR(1) paths, (days, assets)."""
    values = rng.standard_normal(shape)
    values[1:] *= np.sqrt(1 - phi**2)
    for t in range(1, len(values)):
        values[t] += phi * values[t - 1]
    return values


def _last_month(values: np.ndarray, month: np.ndarray) -> np.ndarray:
    """Return the values at the last day of the month before; in the first month, of day 0."""
    first = np.flatnonzero(np.r_[True, month[1:] != month[:-1]])
    last = np.maximum(first - 1, 0)
    return values[last[np.searchsorted(first, np.arange(len(month)), side="right") - 1]]


def _listed(
    rng: np.random.Generator, shape: tuple[int, int], late: int, gaps: int, delisted: int
) -> np.ndarray:
    """Return where stocks trade: bool (days, assets); every day at least one does."""
    n_days, n_assets = shape
    listed = np.ones(shape, dtype=bool)
    order = rng.permutation(n_assets)
    for j in order[:late]:
        listed[: rng.integers(1, max(2, n_days // 2)), j] = False
    for j in order[late : late + delisted]:
        listed[rng.integers(n_days - max(1, n_days // 3), n_days) :, j] = False
    for j in rng.permutation(n_assets)[:gaps]:
        for _ in range(rng.integers(1, 4)):
            start = rng.integers(1, n_days)
            listed[start : start + rng.integers(1, 31), j] = False
    listed[~listed.any(axis=1), order[-1]] = True
    return listed


def _last_traded(preclose: np.ndarray, close: np.ndarray, listed: np.ndarray) -> np.ndarray:
    """Return the close of the last day each stock traded; as given on its first day."""
    row = np.where(listed, np.arange(len(close))[:, None], -1)
    last = np.vstack([np.full(close.shape[1], -1), np.maximum.accumulate(row, axis=0)[:-1]])
    return np.where(last >= 0, np.take_along_axis(close, np.maximum(last, 0), axis=0), preclose)


def _index(
    lines: dict[str, np.ndarray], returns: np.ndarray, dates: pd.DatetimeIndex
) -> pd.DataFrame:
    """Return an equal-weighted index of the listed stocks, level 1000 before the first day."""
    traded = ~np.isnan(lines["close"])
    mean = np.nanmean(np.where(traded, np.expm1(returns), np.nan), axis=1)
    close = 1000 * np.cumprod(1 + mean)
    before = np.r_[1000.0, close[:-1]]
    # opening gap and range of the index are those of the stocks on average
    gap = np.nanmean(lines["open"] / lines["preclose"], axis=1)
    open_ = before * gap
    up = np.nanmean(lines["high"] / np.fmax(lines["open"], lines["close"]), axis=1)
    down = np.nanmean(lines["low"] / np.fmin(lines["open"], lines["close"]), axis=1)
    return pd.DataFrame(
        {
            "open": open_,
            "high": np.maximum(open_, close) * up,
            "low": np.minimum(open_, close) * down,
            "close": close,
            "volume": np.nansum(lines["volume"], axis=1),
        },
        index=dates.as_unit("us").rename("date"),
    )
