"""How parameters are filled before training, always from a generator that is handed over."""

from __future__ import annotations

import math

import torch
from torch import Tensor


@torch.no_grad()
def uniform(weight: Tensor, generator: torch.Generator) -> None:
    """Fill with U(-1/sqrt(n), 1/sqrt(n)), n = inputs."""
    bound = 1.0 / math.sqrt(weight.shape[0])
    weight.uniform_(-bound, bound, generator=generator)


@torch.no_grad()
def orthogonal(weight: Tensor, generator: torch.Generator) -> None:
    """Fill a square matrix with a random rotation."""
    q, r = torch.linalg.qr(torch.randn(weight.shape, generator=generator, dtype=weight.dtype))
    weight.copy_(q * torch.sign(torch.diagonal(r)))  # the sign makes it uniform over rotations
