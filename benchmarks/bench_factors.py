"""Speed of the factor library, as ratios within one run.

    python benchmarks/bench_factors.py            # all but the large market
    python benchmarks/bench_factors.py --large    # 3,000 stocks x 2,500 days too (minutes, 2 GB)
    python benchmarks/bench_factors.py --append   # a month appended to many blocks of stocks
    python benchmarks/bench_factors.py --profile  # milliseconds per factor

1. All factors on 50 x 1,400, time per factor over TA-Lib's time per indicator, called per symbol.
2. Appending a month to a FactorHistory over a full pass.
3. Month-ends only on a large market, in blocks: time per symbol, memory beyond the input.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import talib

from attngru_bt.data.bars import Bars
from attngru_bt.factors import FactorHistory, compute, registry

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from factor_market import make_bars  # noqa: E402

OHLCV = ("open", "high", "low", "close", "volume")
TALIB = {  # forty different indicators, each of the windows it is usually given
    "SMA": lambda o, h, low, c, v: talib.SMA(c, 20),
    "EMA": lambda o, h, low, c, v: talib.EMA(c, 20),
    "WMA": lambda o, h, low, c, v: talib.WMA(c, 10),
    "DEMA": lambda o, h, low, c, v: talib.DEMA(c, 10),
    "TEMA": lambda o, h, low, c, v: talib.TEMA(c, 10),
    "TRIMA": lambda o, h, low, c, v: talib.TRIMA(c, 20),
    "KAMA": lambda o, h, low, c, v: talib.KAMA(c, 20),
    "T3": lambda o, h, low, c, v: talib.T3(c, 5),
    "TRIX": lambda o, h, low, c, v: talib.TRIX(c, 10),
    "BBANDS": lambda o, h, low, c, v: talib.BBANDS(c, 20),
    "MACD": lambda o, h, low, c, v: talib.MACD(c),
    "APO": lambda o, h, low, c, v: talib.APO(c),
    "PPO": lambda o, h, low, c, v: talib.PPO(c),
    "RSI": lambda o, h, low, c, v: talib.RSI(c, 12),
    "CMO": lambda o, h, low, c, v: talib.CMO(c, 20),
    "MOM": lambda o, h, low, c, v: talib.MOM(c, 10),
    "ROC": lambda o, h, low, c, v: talib.ROC(c, 20),
    "CCI": lambda o, h, low, c, v: talib.CCI(h, low, c, 20),
    "ATR": lambda o, h, low, c, v: talib.ATR(h, low, c, 14),
    "TRANGE": lambda o, h, low, c, v: talib.TRANGE(h, low, c),
    "ADX": lambda o, h, low, c, v: talib.ADX(h, low, c, 14),
    "ADXR": lambda o, h, low, c, v: talib.ADXR(h, low, c, 14),
    "PLUS_DI": lambda o, h, low, c, v: talib.PLUS_DI(h, low, c, 14),
    "MINUS_DI": lambda o, h, low, c, v: talib.MINUS_DI(h, low, c, 14),
    "AROON": lambda o, h, low, c, v: talib.AROON(h, low, 25),
    "AROONOSC": lambda o, h, low, c, v: talib.AROONOSC(h, low, 25),
    "WILLR": lambda o, h, low, c, v: talib.WILLR(h, low, c, 14),
    "STOCH": lambda o, h, low, c, v: talib.STOCH(h, low, c),
    "STOCHRSI": lambda o, h, low, c, v: talib.STOCHRSI(c),
    "MFI": lambda o, h, low, c, v: talib.MFI(h, low, c, v, 14),
    "ULTOSC": lambda o, h, low, c, v: talib.ULTOSC(h, low, c),
    "OBV": lambda o, h, low, c, v: talib.OBV(c, v),
    "AD": lambda o, h, low, c, v: talib.AD(h, low, c, v),
    "ADOSC": lambda o, h, low, c, v: talib.ADOSC(h, low, c, v),
    "BOP": lambda o, h, low, c, v: talib.BOP(o, h, low, c),
    "SAR": lambda o, h, low, c, v: talib.SAR(h, low),
    "STDDEV": lambda o, h, low, c, v: talib.STDDEV(c, 20),
    "LINEARREG_SLOPE": lambda o, h, low, c, v: talib.LINEARREG_SLOPE(c, 12),
    "BETA": lambda o, h, low, c, v: talib.BETA(c, o, 20),
    "CORREL": lambda o, h, low, c, v: talib.CORREL(c, v, 20),
}  # fmt: skip


def seconds(repeats: int, *functions: Callable[[], object]) -> list[float]:
    """Median CPU seconds of each, of a few runs by turns after one to warm up.

    By turns, since other load on the machine slows all of them.
    """
    times: list[list[float]] = [[] for _ in functions]
    for function in functions:
        function()
    for _ in range(repeats):
        for function, took in zip(functions, times, strict=True):
            begin = time.process_time()
            function()
            took.append(time.process_time() - begin)
    return [statistics.median(took) for took in times]


def against_talib(repeats: int) -> None:
    bars = make_bars(1400, 50, rough=False)
    columns = [[np.ascontiguousarray(bars[name][:, j]) for name in OHLCV] for j in range(50)]

    def oracle() -> None:
        for indicator in TALIB.values():
            for d in columns:
                indicator(*d)

    names = registry.names()
    # rolling regressions and the rescaled range: TA-Lib has nothing of the kind
    plain = [name for name in names if name not in ("TOBT", "HBETA", "HSIGMA", "Hurst")]
    ours, raw, simple, theirs = seconds(
        repeats,
        lambda: compute(bars, names),
        lambda: compute(bars, names, raw=True),
        lambda: compute(bars, plain),
        oracle,
    )
    ours, raw, simple = ours / len(names), raw / len(names), simple / len(plain)
    theirs /= len(TALIB)
    print(f"50 x 1,400, time per factor / TA-Lib's per indicator ({len(TALIB)}), want <= 2")
    print(f"    scale-free {ours / theirs:.2f}   raw {raw / theirs:.2f}   "
          f"({1e3 * ours:.2f} ms, {1e3 * raw:.2f} ms against {1e3 * theirs:.2f} ms)")  # fmt: skip
    print(f"    without TOBT, HBETA, HSIGMA, Hurst {simple / theirs:.2f}")


def appending_in_blocks(n_blocks: int = 10, n_assets: int = 300, n_days: int = 2500) -> None:
    """3,000 stocks, a history per 300 of them: all days of all at once would fill 10 GB."""
    full = took = 0.0
    for block in range(n_blocks):
        bars = make_bars(n_days, n_assets, block)
        known = bars.rows(0, n_days - 21)
        history = FactorHistory()
        begin = time.process_time()
        history.extend(known, known.dates)
        full += time.process_time() - begin
        begin = time.process_time()
        history.extend(bars, bars.dates[-21:])  # copying what is stored included
        took += time.process_time() - begin
    print(f"{n_blocks * n_assets:,} x {n_days:,}, appending 21 bars / full pass: {took / full:.3f}")
    print(f"    want <= 0.2 ({took:.1f} s against {full:.1f} s)")


def appending(n_assets: int, n_days: int, want: float, repeats: int) -> None:
    bars = make_bars(n_days, n_assets)
    names = [f.name for f in registry if f.default]
    (full,) = seconds(repeats, lambda: compute(bars, names))

    def extend(at: pd.DatetimeIndex) -> float:
        times = []
        for _ in range(repeats):
            history = FactorHistory(names)
            history.extend(bars.rows(0, n_days - 21), bars.dates[n_days - 22 : n_days - 21])
            begin = time.process_time()
            history.extend(bars, at)
            times.append(time.process_time() - begin)
        return statistics.median(times)

    for text, at in (("21 bars", bars.dates[-21:]), ("the month-end only", bars.dates[-1:])):
        took = extend(at)
        print(f"{n_assets} x {n_days:,}, appending {text} / full pass: {took / full:.3f}, want <= "
              f"{want} ({1e3 * took:.0f} ms against {1e3 * full:.0f} ms)")  # fmt: skip


def large(n_days: int = 2500) -> None:
    print(f"month-ends of {n_days:,} days, in blocks")
    small = make_bars(n_days, 100)
    for n_assets in (500, 1000, 3000):
        take = np.arange(n_assets) % 100
        lines = {name: values[:, take] for name, values in small.lines.items()}
        bars = Bars(small.dates, tuple(f"S{j}" for j in range(n_assets)), lines, small.benchmark)
        month = bars.dates.to_period("M")
        ends = bars.dates[np.r_[month[1:] != month[:-1], True]]
        history = FactorHistory()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begin = time.process_time()
        history.extend(bars.rows(0, int(bars.dates.get_loc(ends[-2])) + 1), ends[:-1])
        took = time.process_time() - begin
        extra = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        print(f"    {n_assets:5,} symbols: {took:6.1f} s, {1e3 * took / n_assets:.2f} ms a symbol, "
              f"{extra:,.0f} MiB beyond the input "
              f"(of which result {history.values.nbytes / 2**20:,.0f}), want < 1,024")  # fmt: skip
        if n_assets == 3000:
            begin = time.process_time()
            history.extend(bars, ends[-1:])
            share = (time.process_time() - begin) / took
            print(f"          one more month-end: {share:.3f} of it, want <= 0.2")
        del bars, lines, history


def profile() -> None:
    """Milliseconds per factor, what it shares with others included."""
    bars = make_bars(1400, 50, rough=False)
    rows = []
    for name in registry.names():
        (took,) = seconds(3, lambda name=name: compute(bars, [name]))
        rows.append((1e3 * took, name))
    for took, name in sorted(rows, reverse=True)[:40]:
        print(f"{took:8.2f} ms  {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--append", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    if options.profile:
        profile()
        return
    if options.append:
        appending_in_blocks()
        return
    against_talib(options.repeats)
    appending(50, 1400, 0.35, options.repeats)
    if options.large:
        large()


if __name__ == "__main__":
    main()
