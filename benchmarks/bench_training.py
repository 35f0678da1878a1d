"""Training: many networks at once against one after the other; and a covariance kept up to date.

    python benchmarks/bench_training.py [--repeats 5] [--hidden 64 32 16] [--both]

Baseline: one `torch.nn.GRU` per month, permuted indexing, Adam, as one writes it. 20 steps × 24
components, batches of 256, one thread; CPU milliseconds per network and batch, everything included.
"torch's GRU" compares the same arithmetic three times: the baseline, the plain loop of
`attngru_bt.models.training`, the stack of `attngru_bt.models.stacked`. "the paper's" has factor
attention and the reset gate before the product, which `nn.GRU` cannot do. Repeats are interleaved;
ratios are medians.

`--both`: the stack in two processes against the baseline in one, wall clock; needs an idle machine.
"""

import argparse
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
import torch
from attngru_bt.models.stacked import Job, paying_width, train
from sklearn.decomposition import PCA
from torch import nn

from attngru_bt.features.components import Components
from attngru_bt.features.covariance import RunningCovariance
from attngru_bt.models import training
from attngru_bt.models.networks import AttentionRNN
from attngru_bt.models.training import Samples

STEPS, FACTORS, BATCH, ROWS, EPOCHS = 20, 24, 256, 2560, 2
TORCH = {"attention": None, "reset": "after"}
PAPER = {"attention": "factor", "reset": "before"}


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def rows(seed, steps=STEPS):
    x = torch.randn(ROWS, steps, FACTORS, generator=seeded(seed))
    y = (torch.rand(ROWS, generator=seeded(seed + 1)) < 0.2).float()
    return Samples(x, None, y, torch.ones(ROWS))


def networks(n, hidden, options):
    for seed in range(n):
        network, generator = AttentionRNN(FACTORS, hidden_size=hidden, **options), seeded(seed)
        network.initialise(generator)
        yield network, generator


def baseline(data, hidden, batch):
    gru, out = nn.GRU(FACTORS, hidden, batch_first=True), nn.Linear(hidden, 1)
    optimizer = torch.optim.Adam([*gru.parameters(), *out.parameters()], lr=0.003)
    for _ in range(EPOCHS):
        order = torch.randperm(ROWS, generator=seeded(0))
        for start in range(0, ROWS, batch):
            chosen = order[start : start + batch]
            optimizer.zero_grad()
            states, _ = gru(data.x[chosen])
            logits = out(states[:, -1])[:, 0]
            nn.functional.binary_cross_entropy_with_logits(logits, data.y[chosen]).backward()
            optimizer.step()


def plain(data, hidden, batch, options):
    ((network, generator),) = networks(1, hidden, options)
    training.train(network, data, generator=generator, max_epochs=EPOCHS, batch_size=batch)


def stacked(datas, hidden, batch, options):
    made = networks(len(datas), hidden, options)
    jobs = [Job(net, data, None, g) for (net, g), data in zip(made, datas, strict=True)]
    list(train(jobs, max_epochs=EPOCHS, batch_size=batch))


def measure(hidden, repeats, batch=BATCH, steps=STEPS, width=None):
    """CPU ms per network and batch of each way, a list of repeats."""
    width = width or paying_width(hidden)
    datas = [rows(seed, steps) for seed in range(width)]
    ways = {
        "nn.GRU": (lambda: baseline(datas[0], hidden, batch), 1),
        "plain loop, torch's GRU": (lambda: plain(datas[0], hidden, batch, TORCH), 1),
        "stacked, torch's GRU": (lambda: stacked(datas, hidden, batch, TORCH), width),
        "plain loop, the paper's": (lambda: plain(datas[0], hidden, batch, PAPER), 1),
        "stacked, the paper's": (lambda: stacked(datas, hidden, batch, PAPER), width),
        "stacked alone, the paper's": (lambda: stacked(datas[:1], hidden, batch, PAPER), 1),
    }
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


def table(hidden, repeats, batch=BATCH, steps=STEPS, width=None):
    width, times = measure(hidden, repeats, batch, steps, width)
    print(f"\nhidden {hidden}, {steps} steps, batch {batch}, {width} networks in a stack")
    print("| | CPU ms per network and batch | times faster than nn.GRU | than the plain loop |")
    print("|---|---|---|---|")
    for name, found in times.items():
        kind = name.rpartition(", ")[2]
        own = ratio(times, f"plain loop, {kind}", name) if name.startswith("stacked") else ""
        print(
            f"| {name} | {statistics.median(found):.2f} | {ratio(times, 'nn.GRU', name)} | {own} |"
        )


def _worker(hidden, options, n):
    torch.set_num_threads(1)
    datas = [rows(seed) for seed in range(n)]
    stacked(datas, hidden, BATCH, options)  # warms up
    began = time.time()
    stacked(datas, hidden, BATCH, options)
    return began, time.time()


def both_cores(hidden, repeats):
    """Wall clock: the baseline in this process, then two processes with a stack each."""
    data, width, found = rows(0), paying_width(hidden), []
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
    covariance(max(1, options.repeats // 2))
    if options.both:
        for hidden in options.hidden:
            both_cores(hidden, options.repeats)


if __name__ == "__main__":
    main()
