"""Losses with their slopes: what the plain loop's losses are to back-propagation by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from attngru_bt.models import training

SlopedLoss = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def cross_entropy(outputs: Tensor, y: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted binary cross-entropy of each row, in nats, and its slope by the output (a logit).

    Parameters
    ----------
    outputs, y, weight : Tensor of one shape
        A row of weight 0 has loss 0 and slope 0.
    """
    loss = functional.binary_cross_entropy_with_logits(outputs, y, weight, reduction="none")
    return loss, weight * (torch.sigmoid(outputs) - y)


def squared_error(outputs: Tensor, y: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted squared error of each row, and its slope by the output."""
    miss = outputs - y
    pull = weight * miss
    return pull * miss, 2 * pull


SLOPED: Mapping[Any, SlopedLoss] = {
    training.cross_entropy: cross_entropy,
    training.squared_error: squared_error,
}
