"""Networks on raw lines: a fit against `torch.nn.GRU` on the same windows, and time against rows.

    python benchmarks/bench_lines.py [--repeats 3] [--rows 20480] [--panel alla/panel.parquet]

Windows of 20 steps x 18 features, 32 units, batches of 1,024, one thread; CPU seconds per network
and pass, everything included. Baseline: one `torch.nn.GRU` on windows cut beforehand, permuted
indexing, Adam. Repeats are interleaved; ratios are medians. `--panel` also measures reading that
table and making its windows, weekly rows included: CPU seconds and peak memory.
"""

import argparse
import resource
import statistics
import time

import numpy as np
import torch
from torch import nn

from attngru_bt import load, make_market
from attngru_bt.features.windows import concatenated
from attngru_bt.models.estimators import AttentionGRURegressor
from attngru_bt.walkforward import Recipe
from attngru_bt.walkforward.panels import panel_key, take_panels

HIDDEN, BATCH = 32, 1024


def windows_of(n_rows):
    """Return so many windows of a made-up market, drawn with repetition."""
    panel = Recipe(view="lines", sample="week").make_panel()
    panel.extend(make_market(n_assets=50, n_days=500, seed=0).bars)
    every = concatenated([row.values for s in panel.sections for row in s.samples])
    return every[np.random.default_rng(0).integers(0, len(every), n_rows)]


def baseline(x, y):
    gru, out = nn.GRU(x.shape[2], HIDDEN, batch_first=True), nn.Linear(HIDDEN, 1)
    optimizer = torch.optim.Adam([*gru.parameters(), *out.parameters()], lr=0.003)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    for start in range(0, len(x), BATCH):
        chosen = order[start : start + BATCH]
        optimizer.zero_grad()
        states, _ = gru(x[chosen])
        nn.functional.mse_loss(out(states[:, -1])[:, 0], y[chosen]).backward()
        optimizer.step()


def ours(windows, y, **options):
    AttentionGRURegressor(
        hidden_size=HIDDEN, max_epochs=1, batch_size=BATCH, early_stopping=False, lr=0.003,
        random_state=0, **options,
    ).fit(windows, y)  # fmt: skip


def cpu(function, *arguments, **options):
    began = time.process_time()
    function(*arguments, **options)
    return time.process_time() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, default=20480)
    parser.add_argument("--panel")
    options = parser.parse_args()
    torch.set_num_threads(1)
    windows = windows_of(options.rows)
    y = np.random.default_rng(1).uniform(-1, 1, len(windows))
    cut, target = torch.from_numpy(np.asarray(windows)), torch.from_numpy(y).float()
    kinds = {
        "GRU, 1 network": (dict(attention=None, reset="after"), 1),
        "GRU, 5 networks, each": (dict(attention=None, reset="after", n_networks=5), 5),
        "attention-GRU, 1 network": (dict(attention="factor"), 1),
        "attention-GRU, 5 networks, each": (dict(attention="factor", n_networks=5), 5),
    }
    base, seconds = [], {name: [] for name in kinds}
    baseline(cut[:BATCH], target[:BATCH])  # what torch does once is nobody's cost
    for _ in range(options.repeats):
        base.append(cpu(baseline, cut, target))
        for name, (settings, n_networks) in kinds.items():
            seconds[name].append(cpu(ours, windows, y, **settings) / n_networks)
    middle = statistics.median(base)
    print(f"{'torch.nn.GRU':32} {middle:6.2f} s for {options.rows} rows")
    for name, values in seconds.items():
        ratios = [value / b for value, b in zip(values, base, strict=True)]
        print(
            f"{name:32} {statistics.median(values):6.2f} s, {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f}-{max(ratios):.2f}) of it"
        )
    half, settings = windows[: options.rows // 2], dict(attention="factor")
    growth = [
        cpu(ours, windows, y, **settings) / cpu(ours, half, y[: len(half)], **settings)
        for _ in range(options.repeats)
    ]
    print(f"twice the rows take {statistics.median(growth):.2f} times as long")
    if options.panel:
        began = time.process_time()
        market = load(options.panel)
        read = time.process_time() - began
        recipe = Recipe(view="lines", sample="week", train_on="all")
        panel = take_panels(market, [recipe])[panel_key(recipe)]
        n_rows = sum(len(row) for section in panel.sections for row in section.samples)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{options.panel}: read in {read:.0f} CPU s, windows of {len(panel.sections)} "
            f"month-ends and {n_rows} weekly rows in {time.process_time() - began - read:.0f}; "
            f"peak {peak:.1f} GiB"
        )


if __name__ == "__main__":
    main()
