"""Networks trained beside others; a program as well, whose processor the environment says."""

import torch

from attngru_bt.models.networks import build
from attngru_bt.models.training import Job, Samples, one_thread, train

KINDS = [
    *(
        {"attention": attention, "reset": reset}
        for attention in (None, "factor")
        for reset in ("before", "after")
    ),
    {"attention": "both", "n_layers": 2, "dropout": 0.2},
    {"cell": "lstm"},
    {"cell": "rnn"},
    {"network": "convolution"},
    {"network": "feedforward"},
]


def jobs_of_sizes(sizes, **options):
    """One job per size, its network and rows made from the size."""
    jobs = []
    for n in sizes:
        generator = torch.Generator().manual_seed(n)
        network = build({"n_features": 9, "hidden_size": 7, "skip": True} | options)
        network.initialize([generator])
        x, y = torch.randn(n, 9, 4, generator=generator), torch.rand(n, generator=generator)
        jobs.append(Job(network, Samples(x, None, y, torch.ones(n)), None, generator))
    return jobs


def trained(sizes, **options):
    """Parameters of each network after training beside the others, as bytes by size."""
    jobs = jobs_of_sizes(sizes, **options)
    with one_thread():
        list(train(jobs, max_epochs=2, batch_size=32))
    return {
        n: b"".join(t.numpy().tobytes() for t in job.network.member(0).values())
        for n, job in zip(sizes, jobs, strict=True)
    }


def check():
    """Whether each network ends with the same bits beside any others."""
    for options in KINDS:
        together = trained([70, 100, 33, 64, 90], **options)
        for sizes in ([70], [64], [90, 33], [100, 70, 64]):
            for n, weights in trained(sizes, **options).items():
                assert weights == together[n], (options, sizes, n)


if __name__ == "__main__":
    check()
    print("the same")
