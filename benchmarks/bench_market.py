"""A whole market: CPU seconds and memory of reading it and of its factors at month-ends.

``python benchmarks/bench_market.py alla/panel.parquet`` computes all month-ends, which takes
minutes on thousands of stocks; ``--months 6`` that many of them, spread evenly. Without a panel the
market is made up, of 500 stocks and 600 sessions. Times are CPU seconds; the loop of 30 million
additions tells how fast the machine is today.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from attngru_bt.data import make_market
from attngru_bt.data.market import load
from attngru_bt.factors import registry
from attngru_bt.walkforward import Recipe
from attngru_bt.walkforward.panels import factors_at


def main() -> None:
    """Read the panel, compute factors at month-ends, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", help="table or folder; default: a made-up market")
    parser.add_argument("--months", type=int, help="how many month-ends; default: all")
    options = parser.parse_args()
    began = time.process_time()
    total = 0
    for number in range(30_000_000):
        total += number
    print(f"30 million additions: {time.process_time() - began:.1f} CPU s")

    began = time.process_time()
    market = make_market(500, 600) if options.data is None else load(options.data)
    bars = market.bars
    print(f"read {bars}: {time.process_time() - began:.1f} CPU s, {peak()} MiB at most")

    panel = Recipe(train_on="all", lookback=1).make_panel()
    ends = panel.schedule.ends(bars.dates)
    months = len(ends) if options.months is None else min(options.months, len(ends))
    chosen = ends[np.linspace(0, len(ends) - 1, months).round().astype(int)]
    orders = []
    for end in map(int, chosen):
        known = bars.rows(0, end + 1)
        orders.append(panel.asks(known, end))
    began = time.process_time()
    for order in orders:
        factors_at(bars, None, False, False, registry, [order])
    seconds = time.process_time() - began
    n_rows = sum(len(columns) for _, columns in orders)
    print(
        f"factors of {n_rows:,} stocks at {months} of {len(ends)} month-ends: {seconds:.1f} CPU s, "
        f"{1000 * seconds / max(n_rows, 1):.2f} ms each; {peak()} MiB at most"
    )


def peak() -> int:
    """Return the largest memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
