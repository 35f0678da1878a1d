"""The whole job: 22 months × 5 seeds from bars to scores, against the training loop alone.

    python benchmarks/bench_job.py                           # SSE 50, a minute or two
    python benchmarks/bench_job.py --data ../shared/data/csi300
    python benchmarks/bench_job.py --choices                 # what each choice costs, too
    python benchmarks/bench_job.py --repeats 3
    python benchmarks/bench_job.py --together                # seeds and months side by side or not

Ours: `walk_forward` with `attention-gru-ranks` over the last 22 month-ends whose outcome is known,
refitted every month: factors, cross-sections, preprocessing, networks, in-sample figures, scores.
Reading the file is left out. One seed of it is an average of several networks.

Baseline: one `nn.GRU` of 64 units per month and seed as one writes it (permuted indexing, Adam,
batches of 256, 30 epochs, 20 steps × 24 components, one thread), training only, on random numbers.
A share of it is run (two months, three epochs, before and after each job of ours) and scaled up by
rows × epochs, once to 2,400-3,500 rows a month, once to the rows that ours was fitted on.

CPU seconds of one thread unless "wall" is said.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import nn

from attngru_bt.data.market import Market, load
from attngru_bt.features.cross_section import month_ends
from attngru_bt.walkforward import Walk, walk_forward
from attngru_bt.walkforward.by_name import generator
from attngru_bt.walkforward.fit import fit
from attngru_bt.walkforward.generator import SignalGenerator

MONTHS, SEEDS = 22, 5
STEPS, FACTORS, HIDDEN, BATCH, EPOCHS = 20, 24, 64, 256, 30
ROWS = np.linspace(2400, 3500, MONTHS).round()  # the baseline's, month by month
SHARE = ((2400, 3500), 3)  # rows of the months that are run, and their epochs


def baseline() -> float:
    """Run a share of the baseline; return its CPU seconds per row and epoch."""
    months, epochs = SHARE
    spent = 0.0
    for n_rows in months:
        noise = torch.Generator().manual_seed(n_rows)
        x = torch.randn(n_rows, STEPS, FACTORS, generator=noise)
        y = (torch.rand(n_rows, generator=noise) < 0.2).float()
        gru, out = nn.GRU(FACTORS, HIDDEN, batch_first=True), nn.Linear(HIDDEN, 1)
        optimizer = torch.optim.Adam([*gru.parameters(), *out.parameters()], lr=0.003)
        began = time.process_time()
        for _ in range(epochs):
            order = torch.randperm(n_rows, generator=noise)
            for start in range(0, n_rows, BATCH):
                chosen = order[start : start + BATCH]
                optimizer.zero_grad()
                states, _ = gru(x[chosen])
                logits = out(states[:, -1])[:, 0]
                nn.functional.binary_cross_entropy_with_logits(logits, y[chosen]).backward()
                optimizer.step()
        spent += time.process_time() - began
    return spent / (sum(months) * epochs)


def first_traded(market: Market) -> Any:
    """First session after the first of the last `MONTHS` month-ends whose outcome is known."""
    ends = month_ends(market.bars.dates)
    return market.bars.dates[ends[-MONTHS - 1] + 1]


def job(market: Market, jobs: int, seeds: int | None) -> tuple[list[Walk], float, float]:
    """Walk `attention-gru-ranks`; return the walks, CPU and wall seconds of this process."""
    settings = {} if seeds is None else {"n_networks": seeds}
    cpu, wall = time.process_time(), time.perf_counter()
    walks = walk_forward(
        market,
        {"attention-gru-ranks": generator("attention-gru-ranks", **settings)},
        seeds=SEEDS,
        start=first_traded(market),
        jobs=jobs,
    )
    return walks, time.process_time() - cpu, time.perf_counter() - wall


def whole_job(market: Market, repeats: int, networks: Sequence[int]) -> None:
    """Print the table of whole jobs."""
    job(market.until(market.bars.dates[-1]), 1, 1)  # warms up
    pace = [baseline()]
    found: dict[tuple[int, int], list[tuple[float, float, float]]] = {}
    rows = 0.0
    for _ in range(repeats):
        for count in networks:
            for jobs in (1, 2):
                walks, cpu, wall = job(market, jobs, count)
                pace.append(baseline())
                # CPU seconds of the baseline around this job; the worker processes' are not known
                found.setdefault((count, jobs), []).append((cpu, wall, (pace[-2] + pace[-1]) / 2))
                rows = sum(r.n_rows for r in walks[0].records)
    scale = {"spec": SEEDS * EPOCHS * ROWS.sum(), "same": SEEDS * EPOCHS * rows}
    per_row = statistics.median(pace)
    print(f"baseline: {1e3 * per_row * BATCH:.1f} CPU ms per batch "
          f"({1e3 * min(pace) * BATCH:.1f}-{1e3 * max(pace) * BATCH:.1f}), "
          f"{per_row * scale['spec']:.0f} s for {SEEDS} seeds of 2,400-3,500 rows a month, "
          f"{per_row * scale['same']:.0f} s on our rows "
          f"({rows / MONTHS:,.0f} a month on average); "
          f"{sum(SHARE[0]) * SHARE[1] / ROWS.sum() / EPOCHS:.1%} of it run, scaled up")  # fmt: skip
    print("| job: 22 months × 5 seeds | CPU s | wall s | of the baseline | on our rows |")
    print("|---|---|---|---|---|")
    for (count, jobs), runs in found.items():
        # of two processes only the wall clock is known here
        took = [run[0 if jobs == 1 else 1] for run in runs]
        cells = [
            _spread([t / (run[2] * scale[which]) for t, run in zip(took, runs, strict=True)])
            for which in ("spec", "same")
        ]
        cpu = f"{statistics.median(run[0] for run in runs):.1f}" if jobs == 1 else ""
        wall = f"{statistics.median(run[1] for run in runs):.1f}"
        what = f"{count} network{'s' if count > 1 else ''} a seed, jobs={jobs}"
        print(f"| {what} | {cpu} | {wall} | {cells[0]} | {cells[1]} |")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


def _spread(values: list[float]) -> str:
    middle = f"{statistics.median(values):.3f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.3f}-{max(values):.3f})"


def choices(market: Market, repeats: int) -> None:
    """Print what a fit costs under other choices: mean of the first, middle and last month."""
    usual = generator("attention-gru-ranks").set_params(universe=market.membership)
    network = usual.classifier  # None: made by the generator
    if network is None:
        from attngru_bt.models.presets import ranks_model

        network = ranks_model(n_networks=usual.n_networks)

    def changed(**given: Any) -> SignalGenerator:
        own = {k: v for k, v in given.items() if k in usual.get_params(deep=False)}
        rest = {k: v for k, v in given.items() if k not in own}
        model = type(network)(**(network.get_params() | rest))
        return generator("attention-gru-ranks", **own).set_params(
            universe=market.membership, classifier=model, random_state=0
        )

    rows: dict[str, SignalGenerator] = {
        "attention-gru-ranks": usual,
        "one network": changed(n_networks=1),
        "10 networks": changed(n_networks=10),
        "64 units": changed(hidden_size=64),
        "20 daily steps": changed(step="day", lookback=20),
        "30 passes": changed(max_epochs=30),
        "30 passes, early stopping": changed(max_epochs=30, early_stopping=True),
        "64 units, 20 daily steps, 30 passes, one network": changed(
            hidden_size=64, step="day", lookback=20, max_epochs=30, n_networks=1
        ),
        "paper": generator("paper").set_params(universe=market.membership),
    }
    ends = month_ends(market.bars.dates)
    at = [len(ends) - 1 - MONTHS, len(ends) - 2 - MONTHS // 2, len(ends) - 2]
    panels: dict[tuple[str, int], Any] = {}
    print("| choice | CPU s per fit | times that of `attention-gru-ranks` | 22 × 5 fits, s |")
    print("|---|---|---|---|")
    usual_seconds = 0.0
    for name, signal in rows.items():
        key = (signal.step, signal.lookback)
        if key not in panels:
            panels[key] = panel = signal.make_panel()
            panel.extend(market.bars)
        sections = panels[key].sections
        begin = min(i for i, section in enumerate(sections) if len(section))
        took = []
        for _ in range(repeats):
            spent = 0.0
            for now in at:
                known = sections[begin : now + 1]
                began = time.process_time()
                fit(signal, known)
                spent += time.process_time() - began
            took.append(spent / len(at))
        seconds = statistics.median(took)
        usual_seconds = usual_seconds or seconds
        print(f"| {name} | {seconds:.2f} | {seconds / usual_seconds:.2f} "
              f"| {MONTHS * SEEDS * seconds:.0f} |", flush=True)  # fmt: skip


def together(market: Market, repeats: int) -> None:
    """Time walks with each fit by itself, and with those of seeds and months together."""
    month_end = market.bars.dates[month_ends(market.bars.dates)[-2 - MONTHS]]
    start = market.bars.dates[market.bars.dates > month_end][0]
    alone = mock.patch("attngru_bt.walkforward.tasks.fits_at_once", return_value=1)
    print(
        f"| walk: {MONTHS} months × {SEEDS} seeds | each fit by itself, CPU s | together | ratio |"
    )
    print("|---|---|---|---|")
    for name in ("attention-gru-ranks", "paper"):
        took: dict[bool, list[float]] = {True: [], False: []}
        scores: dict[bool, list[Any]] = {}
        for _ in range(repeats):
            for apart in (True, False):
                began = time.process_time()
                with alone if apart else nullcontext():
                    walks = walk_forward(market, [name], seeds=SEEDS, start=start)
                took[apart].append(time.process_time() - began)
                scores[apart] = [walk.scores() for walk in walks]
        same = all(a.equals(b) for a, b in zip(scores[True], scores[False], strict=True))
        ratios = [a / b for a, b in zip(took[True], took[False], strict=True)]
        apart_s, together_s = statistics.median(took[True]), statistics.median(took[False])
        print(f"| {name} | {apart_s:.1f} | {together_s:.1f} "
              f"| {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}) |"
              f"{'' if same else ' SCORES DIFFER'}", flush=True)  # fmt: skip


def arguments() -> argparse.Namespace:
    home = Path(os.environ.get("ATTNGRU_DATA", "../shared/data"))
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=home / "sse50", help="folder of the panel")
    parser.add_argument("--networks", type=int, nargs="+", help="networks per seed")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--together", action="store_true", help="only: seeds and months together")
    parser.add_argument("--choices", action="store_true", help="what each choice costs per fit")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    if not options.data.is_dir():
        print(f"skipped: no panel at {options.data}; set ATTNGRU_DATA to the folder that holds it")
        return
    torch.set_num_threads(1)
    market = load(options.data)
    networks = options.networks or [generator("attention-gru-ranks").n_networks, 1]
    print(f"{market.name}, load {os.getloadavg()[0]:.1f}")
    if options.together:
        together(market, options.repeats)
        return
    whole_job(market, options.repeats, networks)
    if options.choices:
        choices(market, options.repeats)


if __name__ == "__main__":
    main()
