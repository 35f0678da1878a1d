"""The training loop: mini-batches, AdamW, early stopping; nothing of stocks or scikit-learn.

Bits: the same network, data and generator give the same result on the same machine, because all
noise (order of the batches, dropout) comes from `generator` and because `one_thread` fixes the
order of the sums.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from attngru_bt.models.networks import Network

CHUNK = 256  # rows scored at once; fixed, since the bits of a matrix product depend on its shape

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


class Samples(NamedTuple):
    """What a network is trained on; tensors on the device of the network.

    x : (n_samples, n_steps, n_features), missing steps 0
    present : (n_samples, n_steps) bool, or None when no step is missing
    y : (n_samples,) 0.0 or 1.0, or numbers around 0
    weight : (n_samples,) mean 1
    """

    x: Tensor
    present: Tensor | None
    y: Tensor
    weight: Tensor

    def take(self, rows: Tensor) -> Samples:
        """Return the given rows."""
        x, y, weight = (part.index_select(0, rows) for part in (self.x, self.y, self.weight))
        return Samples(x, None if self.present is None else self.present[rows], y, weight)


def cross_entropy(logits: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of the binary cross-entropy, in nats."""
    return nn.functional.binary_cross_entropy_with_logits(logits, y, weight)


def squared_error(outputs: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of the squared error, in the squared units of y."""
    return (weight * (outputs - y).square()).mean()


def train(
    network: nn.Module,
    samples: Samples,
    validation: Samples | None = None,
    *,
    generator: torch.Generator,
    max_epochs: int = 30,
    batch_size: int = 128,
    lr: float = 0.01,
    weight_decay: float = 0.0,
    max_norm: float = 1.0,
    patience: int = 5,
    schedule: str = "constant",
    loss: Loss = cross_entropy,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> list[dict[str, Any]]:
    """Train `network` in place and return its history.

    Parameters
    ----------
    network : torch.nn.Module
        Called as ``network(x, present, generator)``, returns logits (n_samples,).
    samples : Samples
    validation : Samples, optional
        If given, training stops once the loss on it has not fallen for `patience` epochs, and the
        network is left as it was in the best epoch. If not, all epochs are trained and the last one
        stays.
    generator : torch.Generator
        On the CPU; source of batch order and dropout.
    max_epochs, batch_size : int
        Every epoch uses every row once, in ceil(n / batch_size) batches of equal size (± 1 row).
    lr, weight_decay : float
        AdamW. Only matrices are decayed, vectors (biases, output weights) are not.
    max_norm : float
        Gradients longer than this (Euclidean norm over all parameters) are shortened to it.
    patience : int
        Epochs.
    schedule : {"constant", "cosine"}
        Whether the learning rate stays, or falls to 0 along half a cosine: before step i = 0, 1, …
        of n it is ``lr / 2 * (1 + cos(pi * i / n))``, n = max_epochs * batches per epoch, however
        early training stops.
    loss : callable
        ``loss(logits, y, weight) -> scalar tensor``.
    progress : callable, optional
        Called with the record of each epoch as it ends.

    Returns
    -------
    list of dict
        Per epoch: ``epoch`` (from 1), ``loss`` (mean over the batches as they were trained),
        ``val_loss`` (None without validation), ``seconds`` (of this epoch).

    Raises
    ------
    FloatingPointError
        If the loss is no longer finite.
    """
    optimizer = _optimizer(network, lr, weight_decay)
    n_samples = len(samples.y)
    n_batches = -(-n_samples // batch_size)
    n_steps, step = max_epochs * n_batches, 0
    history: list[dict[str, Any]] = []
    best_loss, best_epoch, best_state = float("inf"), 0, None

    for epoch in range(1, max_epochs + 1):
        started = time.perf_counter()
        order = torch.randperm(n_samples, generator=generator).to(samples.x.device)
        total = torch.zeros((), device=samples.x.device)
        for rows in order.tensor_split(n_batches):
            batch = samples.take(rows)
            optimizer.zero_grad(set_to_none=True)
            value = loss(network(batch.x, batch.present, generator), batch.y, batch.weight)
            value.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), max_norm)
            if schedule == "cosine":
                for group in optimizer.param_groups:
                    group["lr"] = lr / 2 * (1 + math.cos(math.pi * step / n_steps))
            optimizer.step()
            step += 1
            total += value.detach() * (len(rows) / n_samples)

        val_loss = None
        if validation is not None:
            with torch.no_grad():
                logits = predict(network, validation.x, validation.present)
                val_loss = float(loss(logits, validation.y, validation.weight))
        record = {
            "epoch": epoch,
            "loss": float(total),
            "val_loss": val_loss,
            "seconds": time.perf_counter() - started,
        }
        history.append(record)
        if progress is not None:
            progress(record)
        if not torch.isfinite(total):
            raise FloatingPointError(
                f"training diverged: the loss is {float(total)} in epoch {epoch}; lower `lr` (got "
                f"{lr}) or scale X (its largest absolute value is {samples.x.abs().max():.3g})."
            )
        if val_loss is not None:
            if val_loss < best_loss:
                best_loss, best_epoch = val_loss, epoch
                best_state = {k: v.clone() for k, v in network.state_dict().items()}
            elif epoch - best_epoch >= patience:
                break

    if best_state is not None:
        network.load_state_dict(best_state)
    return history


@torch.no_grad()
def predict(network: nn.Module, x: Tensor, present: Tensor | None = None) -> Tensor:
    """Return the logits (n_samples,), computed in chunks of 256 rows.

    The last chunk is filled up, so that the bits of a row depend neither on how many rows there are
    nor on what the others hold.
    """
    return torch.cat([network(xs, there)[:n] for xs, there, n in chunks(x, present)])


@torch.no_grad()
def attention(network: Network, x: Tensor, present: Tensor | None = None) -> dict[str, Tensor]:
    """Return the attention weights of every row, computed in chunks as in `predict`."""
    pieces = [
        {name: alpha[:n] for name, alpha in network.attention_weights(xs, there).items()}
        for xs, there, n in chunks(x, present)
    ]
    return {name: torch.cat([piece[name] for piece in pieces]) for name in pieces[0]}


def chunks(x: Tensor, present: Tensor | None) -> Iterator[tuple[Tensor, Tensor | None, int]]:
    """Yield (x, present, n) of 256 rows each, of which the first n count and the others are 0.

    Rows are copied: memory of torch's own is aligned, that of the caller's arrays anyhow.
    """
    for start in range(0, len(x), CHUNK):
        n = min(CHUNK, len(x) - start)
        xs = x.new_zeros(CHUNK, *x.shape[1:])
        xs[:n] = x[start : start + n]
        there = None
        if present is not None:
            there = present.new_ones(CHUNK, present.shape[1])
            there[:n] = present[start : start + n]
        yield xs, there, n


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread inside the block, then as many as before, whatever happens.

    Sums are ordered differently with more threads, so bits are promised for one; small networks are
    no slower. torch keeps the count per calling thread (OpenMP), so that blocks in parallel threads
    do not disturb each other; a thread that first uses torch while a block is open may start with
    one thread.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _optimizer(network: nn.Module, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    parameters = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    # fused: one kernel for all parameters, which are many and small here
    return torch.optim.AdamW(groups, lr=lr, fused=True)
