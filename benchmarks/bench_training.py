"""Training: many networks at once against one after the other; and a covariance kept up to date.

    python benchmarks/bench_training.py [--repeats 5] [--hidden 64 32 16] [--both]

Baseline: one `torch.nn.GRU` per month, permuted indexing, Adam, as one writes it. 20 steps × 24
components, batches of 256, one thread; CPU milliseconds per network and batch, everything included.
Each network is trained by `attngru_bt.models.training.train` alone and with others: torch's GRU is
the same arithmetic as the baseline, "the paper's" has factor attention and the reset gate before
the product, which `nn.GRU` cannot do. Repeats are interleaved; ratios are medians.

`--both`: many in two processes against the baseline in one, wall clock; needs an idle machine.
"""

import argparse
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import pandas as pd
import torch
from sklearn.decomposition import PCA
from torch import nn

from attngru_bt.features.components import Components
from attngru_bt.features.covariance import RunningCovariance
from attngru_bt.models.networks import build
from attngru_bt.models.training import Job, Samples, max_batch_networks, train

STEPS, FACTORS, BATCH, ROWS, EPOCHS = 20, 24, 256, 2560, 2
TORCH = {"attention": None, "reset": "after"}
PAPER = {"attention": "factor", "reset": "before"}
OTHERS = {
    "LSTM": {"cell": "lstm", "attention": None},
    "RNN": {"cell": "rnn", "attention": None},
    "CNN": {"network": "convolution"},
    "feed-forward": {"network": "feedforward"},
    "the paper's, dropout": PAPER | {"dropout": 0.2},
    "the paper's, both attentions, 2 layers": PAPER | {"attention": "both", "n_layers": 2},
}


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def rows(seed, steps=STEPS):
    x = torch.randn(ROWS, FACTORS, steps, generator=seeded(seed))
    y = (torch.rand(ROWS, generator=seeded(seed + 1)) < 0.2).float()
    return Samples(x, None, y, torch.ones(ROWS))


def baseline(data, hidden, batch):
    gru, out = nn.GRU(FACTORS, hidden, batch_first=True), nn.Linear(hidden, 1)
    optimizer = torch.optim.Adam([*gru.parameters(), *out.parameters()], lr=0.003)
    x = data.x.transpose(1, 2).contiguous()  # as one would have it: rows, steps, factors
    for _ in range(EPOCHS):
        order = torch.randperm(ROWS, generator=seeded(0))
        for start in range(0, ROWS, batch):
            chosen = order[start : start + batch]
            optimizer.zero_grad()
            states, _ = gru(x[chosen])
            logits = out(states[:, -1])[:, 0]
            nn.functional.binary_cross_entropy_with_logits(logits, data.y[chosen]).backward()
            optimizer.step()


def ours(datas, hidden, batch, options):
    jobs = []
    for seed, data in enumerate(datas):
        network, generator = (
            build({"n_features": FACTORS, "hidden_size": hidden} | options),
            seeded(seed),
        )
        network.initialize([generator])
        jobs.append(Job(network, data, None, generator))
    list(train(jobs, max_epochs=EPOCHS, batch_size=batch))


def measure(hidden, repeats, kinds, batch=BATCH, steps=STEPS, width=None):
    """CPU ms per network and batch of each way, a list of repeats."""
    width = width or max_batch_networks(hidden)
    datas = [rows(seed, steps) for seed in range(width)]
    ways = {"nn.GRU": (lambda: baseline(datas[0], hidden, batch), 1)}
    for kind, options in kinds.items():
        for n in (1, width):
            call = partial(ours, datas[:n], hidden, batch, options)
            ways[f"{kind}: {n}"] = (call, n)
    times = {name: [] for name in ways}
    for repeat in range(repeats + 1):  # the first round warms up
        for name, (call, n) in ways.items():
            began = time.process_time()
            call()
            spent = time.process_time() - began
            if repeat:
                times[name].append(1e3 * spent / (n * EPOCHS * -(-ROWS // batch)))
    return width, times


def ratio(times, slow, fast):
    ratios = [a / b for a, b in zip(times[slow], times[fast], strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def table(hidden, repeats, batch=BATCH, steps=STEPS, width=None, kinds=None):
    kinds = kinds or {"torch's GRU": TORCH, "the paper's": PAPER}
    width, times = measure(hidden, repeats, kinds, batch, steps, width)
    print(f"\n{hidden} units, {steps} steps, batches of {batch}, {width} networks together")
    print("| | CPU ms per network and batch | times as fast as nn.GRU | as one by itself |")
    print("|---|---|---|---|")
    for name, found in times.items():
        kind, _, n = name.rpartition(": ")
        alone = ratio(times, f"{kind}: 1", name) if n not in ("nn.GRU", "1") else ""
        print(
            f"| {name} | {statistics.median(found):.2f} | {ratio(times, 'nn.GRU', name)} "
            f"| {alone} |"
        )


def _worker(hidden, options, n):
    torch.set_num_threads(1)
    datas = [rows(seed) for seed in range(n)]
    ours(datas, hidden, BATCH, options)  # warms up
    began = time.time()
    ours(datas, hidden, BATCH, options)
    return began, time.time()


def both_cores(hidden, repeats):
    """Wall clock: the baseline in this process, then two processes with many networks each."""
    data, width, found = rows(0), max_batch_networks(hidden), []
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for _ in range(repeats):
            began = time.time()
            baseline(data, hidden, BATCH)
            alone = time.time() - began
            spans = list(pool.map(_worker, [hidden] * 2, [TORCH] * 2, [width] * 2))
            spent = max(end for _, end in spans) - min(begin for begin, _ in spans)
            found.append(2 * width * alone / spent)
    print(
        f"hidden {hidden}: two processes {statistics.median(found):.2f} "
        f"({min(found):.2f}-{max(found):.2f}) times as fast as nn.GRU in one (goal 2.3)"
    )


def covariance(repeats, months=22, first=60, stocks=1000, factors=200):
    """Components of every month, from all rows again or from sums kept up to date."""
    rng = np.random.default_rng(0)
    names = [f"f{k}" for k in range(factors)]
    panels = [
        pd.DataFrame(
            rng.standard_normal((stocks, factors)),
            pd.MultiIndex.from_product([[pd.Timestamp(2000, 1, 1)], range(stocks)]),
            names,
        )
        for _ in range(first + months)
    ]
    times = {"scikit-learn": [], "Components.fit": [], "RunningCovariance": []}
    for _ in range(repeats):
        running = RunningCovariance(names)
        for panel in panels[:first]:
            running.add(panel)
        spent = dict.fromkeys(times, 0.0)
        for month in range(first, first + months):
            seen = pd.concat(panels[: month + 1])
            began = time.process_time()
            running.add(panels[month])
            kept = Components.from_covariance(running, 24)
            spent["RunningCovariance"] += time.process_time() - began
            began = time.process_time()
            again = Components(24).fit(seen)
            spent["Components.fit"] += time.process_time() - began
            began = time.process_time()
            PCA(24, svd_solver="covariance_eigh").fit(seen.to_numpy())
            spent["scikit-learn"] += time.process_time() - began
            apart = np.abs(kept.components_ - again.components_).max()
        for name in times:
            times[name].append(spent[name])
    print(f"\n{months} refits of {first}-{first + months} months of {stocks} rows × {factors}")
    for name, found in times.items():
        print(
            f"{name}: {1e3 * statistics.median(found):.0f} ms, kept up to date is "
            f"{ratio(times, name, 'RunningCovariance')} times as fast"
        )
    print(f"largest difference of a loading in the last month {apart:.1e}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--hidden", type=int, nargs="*", default=[64, 32, 16])
    parser.add_argument("--both", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for hidden in options.hidden:
        table(hidden, options.repeats)
    table(8, options.repeats, batch=512, steps=3)  # monthly steps, many seeds
    table(8, options.repeats, batch=128, steps=3, width=5)  # the default model's, but for its skip
    table(16, options.repeats, batch=128, steps=3, kinds=OTHERS)
    covariance(max(1, options.repeats // 2))
    if options.both:
        for hidden in options.hidden:
            both_cores(hidden, options.repeats)


if __name__ == "__main__":
    main()
