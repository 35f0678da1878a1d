"""A training loop as one writes it with torch, one network at a time: what `train` is held to."""

import math

import torch
from rows_first import columns
from torch import nn


def plain_loop(
    network,
    samples,
    validation,
    generator,
    *,
    loss,
    max_epochs=30,
    batch_size=128,
    lr=0.01,
    weight_decay=0.0,
    max_norm=1.0,
    patience=5,
    schedule="constant",
):
    """Train a network of one member; return the losses and validation losses of the epochs."""

    def mean_loss(part, rows, noise):
        x, present = columns(
            part.x[rows].transpose(1, 2), None if part.present is None else part.present[rows]
        )
        outputs = network(x, present, noise)[0]
        return loss(outputs, part.y[rows], part.weight[rows]).mean()

    matrices = [p for p in network.parameters() if p.ndim > 2]
    vectors = [p for p in network.parameters() if p.ndim <= 2]
    groups = [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=lr)
    n = len(samples.y)
    n_batches = math.ceil(n / batch_size)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda i: (
            (1 + math.cos(math.pi * i / (max_epochs * n_batches))) / 2
            if schedule == "cosine"
            else 1.0
        ),
    )
    history, best = [], (float("inf"), 0, None)
    for epoch in range(max_epochs):
        total = 0.0
        for rows in torch.randperm(n, generator=generator).tensor_split(n_batches):
            value = mean_loss(samples, rows, [generator])
            gradients = torch.autograd.grad(value, list(network.parameters()))
            for p, gradient in zip(network.parameters(), gradients, strict=True):
                p.grad = gradient.contiguous()
            nn.utils.clip_grad_norm_(network.parameters(), max_norm)
            optimizer.step()
            scheduler.step()
            total += value.item() * len(rows) / n
        with torch.no_grad():
            every = slice(None)
            val_loss = None if validation is None else float(mean_loss(validation, every, None))
        history.append((total, val_loss))
        if val_loss is not None and val_loss < best[0]:
            best = val_loss, epoch, network.member(0)
            best = *best[:2], {name: value.clone() for name, value in best[2].items()}
        elif val_loss is not None and epoch - best[1] >= patience:
            break
    if best[2] is not None:
        network.load_members([best[2]])
    return history
