"""Buffers that stay: allocated once, cut anew as the number of networks changes."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor


class Memory:
    """Named buffers of one type on one device; a new size reuses the memory of the largest so far.

    Fresh memory has to be mapped page by page, which costs more than most of the arithmetic done
    in it.
    """

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        self.dtype, self.device = dtype, device
        self._flat: dict[str, Tensor] = {}

    def take(self, name: str, *sizes: int) -> Tensor:
        """Return buffer `name` as a contiguous tensor of these sizes, its values arbitrary."""
        n = prod(sizes)
        if name not in self._flat or self._flat[name].numel() < n:
            self._flat[name] = torch.empty(n, dtype=self.dtype, device=self.device)
        return self._flat[name][:n].view(sizes)
