"""The outputs and attention weights of trained networks, computed in chunks of fixed size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from attngru_bt.models.networks import Network

CHUNK = 256  # rows scored at once; fixed, since the bits of a matrix product depend on its shape


@torch.no_grad()
def predict(network: Network, x: Tensor, present: Tensor | None = None) -> Tensor:
    """Return the outputs (M, n_samples) for x (n_samples, F, L), in chunks of 256 rows.

    The last chunk is filled up, so that the bits of a row depend neither on how many rows there are
    nor on what the others hold.
    """
    return torch.cat([network(xs, there)[:, :n] for xs, there, n in chunks(x, present)], dim=1)


@torch.no_grad()
def attention(network: Network, x: Tensor, present: Tensor | None = None) -> dict[str, Tensor]:
    """Return the attention weights of every row, computed in chunks as in `predict`."""
    pieces = [
        {name: alpha[..., :n] for name, alpha in network.attention_weights(xs, there).items()}
        for xs, there, n in chunks(x, present)
    ]
    return {name: torch.cat([piece[name] for piece in pieces], dim=-1) for name in pieces[0]}


def chunks(x: Tensor, present: Tensor | None) -> Iterator[tuple[Tensor, Tensor | None, int]]:
    """Yield (x, present, n) of 256 rows each, of which the first n count and the others are 0.

    They have an axis of length 1 in front, for all members of a network alike.
    """
    for start in range(0, len(x), CHUNK):
        n = min(CHUNK, len(x) - start)
        xs = x.new_zeros(1, *x.shape[1:], CHUNK)  # (1, F, L, 256)
        xs[0, ..., :n] = x[start : start + n].permute(1, 2, 0)
        there = None
        if present is not None:
            there = present.new_ones(1, present.shape[1], CHUNK)
            there[0, :, :n] = present[start : start + n].T
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
