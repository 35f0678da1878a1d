"""Matrix products of M networks, each network's by itself.

A batched product would be one call, but a BLAS may choose its kernel, and with it the order of its
sums, by how many matrices there are: a network's bits would then depend on its company. Here every
network has calls of its own, of the same sizes, strides and alignment (see `memory`) whoever is
trained beside it, so that its bits cannot depend on that, on whatever processor.

Operands are tuples of M matrices, as ``unbind`` gives them: cut once, used in every batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def multiply(a: Sequence[Tensor], b: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """Write the product ``a[m] @ b[m]`` of each network m to ``out[m]``."""
    for left, right, product in zip(a, b, out, strict=True):
        torch.mm(left, right, out=product)


def add_product(a: Sequence[Tensor], b: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """Add the product ``a[m] @ b[m]`` of each network m to ``out[m]``."""
    for left, right, total in zip(a, b, out, strict=True):
        total.addmm_(left, right)
