"""How time and memory of a walk-forward grow: stocks, months, seeds; and CSI 300 as a whole.

    python benchmarks/bench_scaling.py                       # 50 to 1,000 stocks, about two minutes
    python benchmarks/bench_scaling.py --large               # 3,000 stocks and 96 months, too
    python benchmarks/bench_scaling.py --csi300 12           # fits every 12 months; 1: every month
    python benchmarks/bench_scaling.py --csi300 12 --jobs 2

Each point is a process of its own: its peak memory is its own. CPU seconds of one thread. "panel"
is a walk of nothing but cross-sections: factors at every month-end, each from the bars up to it, of
those that may be held then (the synthetic stocks all, of CSI 300 the members). The rest of the walk
is fits and scores of `attention-gru-ranks`, refitted every month.

Synthetic stocks with all lines (`make_market`, not counted in the time). Training windows roll, 12
months long, in the points that compare months: with all months so far the rows of a fit grow with
the months, and so does its time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

SESSIONS = 21.75  # weekdays a month
POINTS = [  # stocks, months, months scored, seeds
    (50, 24, 11, 1), (300, 24, 11, 1), (1000, 24, 11, 1),
    (50, 48, 35, 1), (50, 24, 11, 2), (50, 24, 11, 4),
]  # fmt: skip
LARGE = [(3000, 24, 11, 1), (50, 96, 83, 1)]


class Nothing:
    """A model that says nothing: its walk is the panel alone."""

    def __init__(self) -> None:
        pass

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """No parameters."""
        return {}

    def scores(self, bars: Any) -> pd.Series:
        """No scores."""
        return pd.Series(dtype=float)


def peak() -> float:
    """MiB this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def walk(market: Any, **options: Any) -> dict[str, float]:
    """Walk `attention-gru-ranks`; return seconds and MiB."""
    import torch

    import attngru_bt.models.training  # noqa: F401  (not to be counted)
    from attngru_bt.walkforward import walk_forward
    from attngru_bt.walkforward.by_name import generator

    torch.set_num_threads(1)
    found = {"before": peak(), "bars": sum(v.nbytes for v in market.bars.lines.values()) / 2**20}
    began, wall = time.process_time(), time.perf_counter()
    walk_forward(market, {"nothing": Nothing()}, jobs=options.get("jobs", 1))
    found["panel"], found["panel_wall"] = time.process_time() - began, time.perf_counter() - wall
    found["panel_peak"] = peak()
    window = options.pop("window", None)
    model = generator("attention-gru-ranks", refit=options.pop("refit", 1), window=window)
    began, wall = time.process_time(), time.perf_counter()
    walks = walk_forward(market, {"attention-gru-ranks": model}, **options)
    found["cpu"], found["wall"] = time.process_time() - began, time.perf_counter() - wall
    records = [record for each in walks for record in each.records if record.n_rows]
    found["fits"] = sum(record.refit for record in records)
    found["months"] = len(records) / len(walks)
    found["fit_rows"] = sum(record.n_rows for record in records if record.refit)
    found["fit_wall"] = sum(record.fit_seconds for record in records if record.refit)
    found["peak"] = peak()
    return found


def point(stocks: int, months: int, scored: int, seeds: int) -> dict[str, float]:
    """Walk over a synthetic market."""
    from attngru_bt.data import make_market
    from attngru_bt.features.cross_section import month_ends

    market = make_market(stocks, round(months * SESSIONS) + 2, seed=0)
    ends = month_ends(market.bars.dates)[: months + 1]
    market = market.until(market.bars.dates[ends[-1]])
    start = market.bars.dates[ends[-1 - scored] + 1]
    return walk(market, seeds=seeds, start=start, window=12)


def csi300(data: Path, refit: int, jobs: int) -> dict[str, float]:
    """Walk over the real panel, from the first month that can be scored to the last."""
    from attngru_bt.data.market import load

    began = time.process_time()
    market = load(data)
    read = time.process_time() - began
    return {"read": read} | walk(market, refit=refit, jobs=jobs)


def apart(*arguments: object) -> dict[str, float]:
    """Run a point in a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__, *map(str, arguments)]
    found: dict[str, float] = json.loads(subprocess.check_output(command, text=True))
    return found


def growth(points: list[tuple[int, int, int, int]]) -> None:
    """Print a row per point."""
    print("| stocks | months | scored | seeds | panel, CPU s | fits and scores, CPU s "
          "| panel, ms a stock and month | rest, ms per 1,000 rows fitted | walk, CPU s "
          "| bars, MiB | peak beyond the bars, MiB |\n|" + "---|" * 11)  # fmt: skip
    for stocks, months, scored, seeds in points:
        found = apart("--point", stocks, months, scored, seeds)
        rest = found["cpu"] - found["panel"]
        print(f"| {stocks:,} | {months} | {scored} | {seeds} | {found['panel']:.1f} | {rest:.1f} "
              f"| {1e3 * found['panel'] / stocks / months:.2f} "
              f"| {1e6 * rest / found['fit_rows']:.0f} | {found['cpu']:.1f} "
              f"| {found['bars']:,.0f} | {found['peak'] - found['before']:,.0f} |",
              flush=True)  # fmt: skip


def arguments() -> argparse.Namespace:
    home = Path(os.environ.get("ATTNGRU_DATA", "../shared/data"))
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--large", action="store_true", help="3,000 stocks and 96 months, too")
    parser.add_argument("--csi300", type=int, metavar="REFIT", help="months between fits")
    parser.add_argument("--jobs", type=int, default=1, help="processes, for --csi300")
    parser.add_argument("--data", type=Path, default=home / "csi300", help="for --csi300")
    parser.add_argument("--point", type=int, nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--real", type=int, nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    options = arguments()
    if options.point:
        json.dump(point(*options.point), sys.stdout)
    elif options.real:
        json.dump(csi300(options.data, *options.real), sys.stdout)
    elif options.csi300:
        if not options.data.is_dir():
            print(f"skipped: no panel at {options.data}; set ATTNGRU_DATA to its folder")
            return
        load = os.getloadavg()[0]
        found = apart("--data", options.data, "--real", options.csi300, options.jobs)
        print(f"{options.data.name}, {found['months']:.0f} months scored, a fit every "
              f"{options.csi300} months, jobs={options.jobs} (load {load:.1f}): "
              f"{found['wall'] / 60:.1f} min wall, {found['cpu']:.0f} CPU s in the main process, "
              f"of which {found['fit_wall']:.0f} s (wall, all processes) {found['fits']:.0f} fits; "
              f"the panel by itself {found['panel_wall']:.1f} s wall, {found['panel']:.1f} CPU s "
              f"in the main process; reading {found['read']:.1f} s; peak {found['peak']:,.0f} MiB, "
              f"{found['before']:,.0f} MiB after reading")  # fmt: skip
    else:
        print(f"load {os.getloadavg()[0]:.1f}")
        growth(POINTS + (LARGE if options.large else []))


if __name__ == "__main__":
    main()
