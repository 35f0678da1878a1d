"""Markets: bars, benchmark and membership together; read, shipped or made up."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.files import (
    SUFFIXES,
    read_folder,
    read_index,
    read_table,
    split_suffix,
    symbol_files,
)
from attngru_bt.data.membership import Membership


@dataclass(frozen=True)
class Market:
    """Everything a backtest needs to know about a market.

    The index close is attached to the bars as their ``benchmark`` (of an earlier one nothing
    stays), as a benchmark feed would be: NaN on sessions without a close of the index, and without
    an index there is none. So is its open as ``benchmark_open``, if it has one of its own.

    Parameters
    ----------
    bars : Bars
        The assets' daily lines.
    benchmark : pandas.DataFrame or None
        The index, indexed by increasing naive dates, with at least a column ``close``.
    membership : Membership or None
        Who was in the index when; None = everybody always.
    name : str
        For reports.
    """

    bars: Bars
    benchmark: pd.DataFrame | None
    membership: Membership | None
    name: str

    def __post_init__(self) -> None:
        """Attach the index close to the bars."""
        close = opening = None
        if self.benchmark is not None:
            close, opening = _on(self.benchmark, self.bars.dates)
        if close is not None or self.bars.benchmark is not None:
            bars = replace(self.bars, benchmark=close, benchmark_open=opening)
            object.__setattr__(self, "bars", bars)

    def until(self, end: Any) -> Market:
        """Return the market as it was known on `end`, so that later data cannot change a run.

        Raises
        ------
        ValueError
            If `end` is no date.
        DataError
            If it is before the first session.
        """
        try:
            date = pd.Timestamp(end)
        except (ValueError, TypeError):
            raise ValueError(f"`end` must be a date such as 2017-01-31; got {end!r}.") from None
        bars, index = self.bars.until(date), self.benchmark
        if not len(bars):
            begin = self.bars.dates[0].date() if len(self.bars) else "no date at all"
            raise DataError(
                f"`end` {date.date()} is before the first session of {self.name}, {begin}."
            )
        if index is not None:
            index = index[index.index <= date]
        return replace(self, bars=bars, benchmark=index)


def _on(index: pd.DataFrame, dates: pd.DatetimeIndex) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the index close and open on the dates of the bars, NaN where it has none."""
    days = index.index
    if not isinstance(days, pd.DatetimeIndex) or days.tz is not None or "close" not in index:
        raise DataError(
            "`benchmark` must be a DataFrame indexed by naive dates with a column 'close'; got "
            f"columns {', '.join(map(str, index.columns))} and an index of {days.dtype}."
        )
    days = days.normalize()
    wrong = np.flatnonzero(~(np.diff(days.asi8) > 0))
    if len(wrong):
        raise DataError(
            f"`benchmark` on {days[wrong[0] + 1].date()}: rows are not sorted or a date is there "
            "twice; use sort_index() and keep one row per day."
        )
    rows = index.set_axis(days).reindex(dates)
    close = rows["close"].to_numpy(dtype=np.float64)
    if "open" not in index or not (index["open"].notna() & (index["open"] != index["close"])).any():
        return close, None
    return close, rows["open"].to_numpy(dtype=np.float64)


def load(path: str | Path, *, ignore: Iterable[str] = ()) -> Market:
    """Read a market from a table, a folder of symbol files, or a folder with a panel.

    Parameters
    ----------
    path : path
        A table (see ``read_table``); or a folder with ``panel.csv``, ``panel.csv.gz`` or
        ``panel.parquet``; or a folder with one file per symbol. A folder's ``membership.csv`` and
        ``index.csv`` (or ``.csv.gz``, ``.parquet``) are read as well.
    ignore : iterable of str, default ()
        Columns to leave out. Any numeric column beside the known ones becomes a factor, and a
        warning names it.

    Raises
    ------
    DataError
        See ``read_table``.
    """
    path = Path(path)
    if not path.is_dir():
        name = split_suffix(path)[0]
        return Market(read_table(path, ignore=ignore), None, None, Path(name).name)
    panels = [path / f"panel{suffix}" for suffix in SUFFIXES if (path / f"panel{suffix}").exists()]
    if len(panels) > 1:
        raise DataError(
            f"{path}: {panels[0].name} and {panels[1].name} are both there; remove one."
        )
    if panels:
        bars = read_table(panels[0], ignore=ignore)
    elif symbol_files(path):
        bars = read_folder(path, ignore=ignore)
    else:
        raise DataError(
            f"{path}: no data in this folder; expected panel.csv.gz, panel.csv or panel.parquet, "
            "or one CSV or Parquet file per symbol."
        )
    index = [path / f"index{suffix}" for suffix in SUFFIXES if (path / f"index{suffix}").exists()]
    membership = path / "membership.csv"
    return Market(
        bars,
        read_index(index[0]) if index else None,
        Membership.from_csv(membership) if membership.exists() else None,
        path.resolve().name,
    )


def load_sp500() -> Market:
    """Return 20 S&P 500 stocks and the index, daily closes 1990-2022 (USD, adjusted).

    The files are those the skfolio wheel ships; skfolio itself is not imported. The stocks were
    chosen with hindsight (all survived until 2022), so absolute returns mean little.

    Raises
    ------
    ModuleNotFoundError
        skfolio is not installed.
    """
    spec = importlib.util.find_spec("skfolio")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "the embedded data are files of the skfolio package, which is not installed; install "
            'them with pip install "attngru_bt[examples]".'
        )
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "data"
    frames = []
    for name in ("sp500_dataset.csv.gz", "sp500_index.csv.gz"):
        file = folder / name
        if not file.exists():
            raise DataError(f"{file}: is missing from this skfolio; install skfolio 1.12.")
        frames.append(pd.read_csv(file, index_col=0, parse_dates=True, date_format="%Y-%m-%d"))
    stocks, index = frames
    bars = Bars(
        pd.DatetimeIndex(stocks.index),
        tuple(map(str, stocks.columns)),
        {"close": stocks.to_numpy(dtype=np.float64)},
    )
    benchmark = index.iloc[:, :1].astype(np.float64)
    benchmark.columns = pd.Index(["close"])
    benchmark.index = pd.DatetimeIndex(benchmark.index, name="date").as_unit("us")
    return Market(bars, benchmark, None, "sp500")


def make_market(
    n_assets: int = 50,
    n_days: int = 1000,
    seed: int = 0,
    signal: float = 0.1,
    *,
    late: int | None = None,
    gaps: int | None = None,
    delisted: int | None = None,
) -> Market:
    """Make a synthetic daily stock market with a planted signal of known rank IC.

    Each stock has a hidden characteristic q, standard normal over stocks, stationary and
    persistent (autocorrelation .9 from month to month). Over a month every stock drifts in
    proportion to its q at the month-end before, so that the rank correlation over stocks of q
    with the next month's close-to-close return is ``signal`` on average. q is visible in every
    valuation: q rises as pb, pe, ps and pcf fall (pb shows it exactly, ``q = -2 log(pb / 2)``,
    the others with noise), and in turnover, which rises with q. Everything else is noise. Prices
    are in one currency and need no adjustment, volume is in shares, turnover in per cent of the
    float; daily volatility is about 2%.

    Parameters
    ----------
    n_assets, n_days : int
        Size; days are Mondays to Fridays from 2015-01-01.
    seed : int
        Same seed, same market.
    signal : float, default 0.1
        Mean monthly rank IC of q, between -0.9 and 0.9; 0 = nothing can be predicted.
    late : int, optional
        Number of stocks listed in the first half instead of at the start; default a tenth.
    gaps : int, optional
        Number of stocks with one to three suspensions of 1 to 30 days; default a tenth.
    delisted : int, optional
        Number of stocks that end in the last third; default 1 if there are more than two.

    Returns
    -------
    Market
        All lines the factors know except ``adjfactor``; the index is the mean of the stocks.

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
    if n_assets < 1 or n_days < 2:
        raise ValueError(
            f"`n_assets` must be at least 1 and `n_days` 2; got {n_assets} and {n_days}."
        )
    if not -0.9 <= signal <= 0.9:
        raise ValueError(f"`signal` must be between -0.9 and 0.9; got signal={signal}.")
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
    known = _last_month(hidden, month)

    # ~2% a day in all: a market of 1% and stocks of 1.7%, some calmer, some wilder
    own = 0.017 * np.exp(0.2 * rng.standard_normal(n_assets))
    beta = 1 + 0.2 * rng.standard_normal(n_assets)
    market = 0.0003 + 0.010 * rng.standard_normal((n_days, 1))
    # Spearman -> Pearson of a bivariate normal; a month adds ~21 drifts, but only sqrt(21) noises
    pearson = 2 * np.sin(np.pi * signal / 6)
    noise = np.hypot(own, 0.2 * 0.010)
    days = np.bincount(month - month[0])[month - month[0]][:, None]
    drift = noise * pearson / np.sqrt(1 - pearson**2) / np.sqrt(days) * known
    shock = rng.standard_t(6, shape) / np.sqrt(1.5)
    returns = beta * market + drift + own * shock - own**2 / 2
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
    turnover = np.exp(0.4 * hidden + 0.5 * rng.standard_normal(shape) + 20 * np.abs(returns) - 0.3)
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
    # the stocks' mean opening gap and mean range, around the index's own move
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
