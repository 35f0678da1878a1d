"""A yardstick in the shape of Qlib's GRU: seconds per epoch, one thread.

    python benchmarks/bench_qlib.py [--repeats 3] [--batches 5]

39,500 windows of 20 steps × 20 factors, batches of 800, hidden 64. Qlib itself is not run: its GRU
and ALSTM took 7.2 and 8.8 s on the machine of our measurements. What is run, interleaved, is a
plain torch loop over two layers of `nn.GRU` (the arithmetic of Qlib's GRU), one over softmax
attention on the factors and one layer of `nn.GRU`, and our networks of that kind. An epoch is
scaled up from a few batches; CPU seconds.
"""

import argparse
import statistics
import time

import torch
from torch import nn

from attngru_bt.models.networks import build
from attngru_bt.models.training import Job, Samples, squared_error, train

ROWS, STEPS, FACTORS, BATCH, HIDDEN = 39_500, 20, 20, 800, 64


class Plain(nn.Module):
    """Attention over factors (or none), `nn.GRU`, last state, one output."""

    def __init__(self, n_layers, attention):
        super().__init__()
        self.attention = nn.Linear(FACTORS, FACTORS) if attention else None
        self.gru = nn.GRU(FACTORS, HIDDEN, n_layers, batch_first=True)
        self.out = nn.Linear(HIDDEN, 1)

    def forward(self, x):
        """Return one number per row."""
        if self.attention is not None:
            x = x * torch.softmax(self.attention(x), -1)
        return self.out(self.gru(x)[0][:, -1])[:, 0]


def torch_loop(data, **options):
    model = Plain(**options)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    order = torch.randperm(len(data.y), generator=torch.Generator().manual_seed(0))
    for chosen in order.split(BATCH):
        loss = (model(data.x[chosen]) - data.y[chosen]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 3.0)
        optimizer.step()


def ours(data, reset, n=1):
    jobs = []
    for seed in range(n):
        generator = torch.Generator().manual_seed(seed)
        network = build({"n_features": FACTORS, "hidden_size": HIDDEN, "reset": reset})
        network.initialize([generator])
        jobs.append(Job(network, data, None, generator))
    list(train(jobs, max_epochs=1, batch_size=BATCH, lr=0.001, loss=squared_error))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batches", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    n = options.batches * BATCH
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(n, STEPS, FACTORS, generator=generator)
    y, weight = torch.randn(n, generator=generator), torch.ones(n)
    rows_first = Samples(x, None, y, weight)
    data = Samples(x.transpose(1, 2).contiguous(), None, y, weight)
    ways = {
        "torch: two layers of nn.GRU": (
            lambda: torch_loop(rows_first, n_layers=2, attention=False),
            1,
        ),
        "torch: attention, one nn.GRU": (
            lambda: torch_loop(rows_first, n_layers=1, attention=True),
            1,
        ),
        "ours, torch's cell": (lambda: ours(data, "after"), 1),
        "ours, the paper's cell": (lambda: ours(data, "before"), 1),
        "ours, 4 seeds together, the paper's cell": (lambda: ours(data, "before", 4), 4),
    }
    times = {name: [] for name in ways}
    for repeat in range(options.repeats + 1):  # the first round warms up
        for name, (call, n_networks) in ways.items():
            began = time.process_time()
            call()
            spent = time.process_time() - began
            if repeat:
                times[name].append(spent / n_networks * ROWS / n)
    reference = times["torch: attention, one nn.GRU"]
    print("| | CPU s per epoch and network, median | of torch with attention |")
    print("|---|---|---|")
    for name, found in times.items():
        ratios = [a / b for a, b in zip(found, reference, strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        print(f"| {name} | {statistics.median(found):.2f} | {spread} |")


if __name__ == "__main__":
    main()
