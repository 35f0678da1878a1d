"""What a month-end costs: reading 50 feeds' new bars, factors, cross-section and scores, no refit.

    python benchmarks/bench_month_end.py

A market of 50 stocks × 1,400 days with all lines, the default factors; the first call (a full pass
over 41 months and one fit) is not counted. Prints the median of the month-ends that follow, in CPU
seconds of one thread, and what importing the package costs.
"""

import statistics
import subprocess
import sys
import time

import numpy as np

from attngru_bt import SignalGenerator, make_market

FIRST = 41  # month-ends before the count begins


def month_end_seconds(step, lookback):
    bars = make_market(50, 1400, seed=0).bars
    ends = np.flatnonzero(bars.dates.month[1:] != bars.dates.month[:-1])
    generator = SignalGenerator(step=step, lookback=lookback, refit=1000)
    generator.scores(bars.rows(0, int(ends[FIRST - 1]) + 1))
    seconds = []
    for end in ends[FIRST:]:
        known = bars.rows(0, int(end) + 1)
        began = time.process_time()
        generator.scores(known)
        seconds.append(time.process_time() - began)
    return len(generator.sections_[-1].columns), seconds


def import_seconds(module):
    code = f"import time; t=time.perf_counter(); import {module}; print(time.perf_counter()-t)"
    runs = [subprocess.check_output([sys.executable, "-c", code], text=True) for _ in range(5)]
    return statistics.median(map(float, runs))


def main():
    for step, lookback in (("month", 6), ("day", 20)):
        n_factors, seconds = month_end_seconds(step, lookback)
        print(
            f"month-end, 50 stocks, {n_factors} factors, {lookback} {step} steps: "
            f"median {statistics.median(seconds) * 1e3:.0f} ms "
            f"(min {min(seconds) * 1e3:.0f}, max {max(seconds) * 1e3:.0f}; goal 50)"
        )
    ours, pandas = import_seconds("attngru_bt"), import_seconds("pandas")
    print(f"import attngru_bt {ours * 1e3:.1f} ms (import pandas {pandas * 1e3:.0f} ms)")


if __name__ == "__main__":
    main()
