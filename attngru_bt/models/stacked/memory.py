"""Buffers that stay: allocated once, cut anew as the number of networks changes."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

VECTOR = 32  # numbers: what one turn of torch's loops takes at most, and two lines of the cache


class Memory:
    """Named buffers of one type on one device; a new size reuses the memory of the largest so far.

    Fresh memory has to be mapped page by page, which costs more than most of the arithmetic done
    in it.

    What belongs to one network starts at a multiple of `VECTOR` numbers, so that it is aligned in
    the same way in whichever place the network is.
    """

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        self.dtype, self.device = dtype, device
        self._flat: dict[str, Tensor] = {}

    def take(self, name: str, *sizes: int) -> Tensor:
        """Return buffer `name` as a tensor of these sizes, its values arbitrary.

        It is contiguous but for a gap between the parts of the first axis, where their size is no
        multiple of `VECTOR`.
        """
        first, *rest = sizes
        n, stride = prod(rest), whole_vectors(prod(rest))
        if name not in self._flat or self._flat[name].numel() < first * stride:
            self._flat[name] = torch.empty(first * stride, dtype=self.dtype, device=self.device)
        parts = self._flat[name][: first * stride].view(first, stride)
        return parts[:, :n].view(first, *rest)


def whole_vectors(n: int) -> int:
    """Return the least multiple of `VECTOR` that is not below n."""
    return -(-n // VECTOR) * VECTOR
