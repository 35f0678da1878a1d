"""What is trained: a network with its rows and its generator; and the losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from attngru_bt.models.networks import Network

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
Record = dict[str, Any]


class Samples(NamedTuple):
    """What a network is trained on; tensors on the device of the network.

    Attributes
    ----------
    x : Tensor of shape (n_samples, n_features, n_steps)
        Missing steps 0.
    present : bool Tensor of shape (n_samples, n_steps), or None when no step is missing
    y : Tensor of shape (n_samples,)
        0.0 or 1.0, or numbers around 0.
    weight : Tensor of shape (n_samples,)
        Mean 1.
    places : Tensor of shape (n_samples,), or None
        Position of each row in x, if x also holds others: x is (any, n_features, n_steps) then.
    """

    x: Tensor
    present: Tensor | None
    y: Tensor
    weight: Tensor
    places: Tensor | None = None

    def largest(self) -> float:
        """Return the largest absolute value in x."""
        return max(float(part.abs().max()) for part in torch.split(self.x, 4096))


class Job(NamedTuple):
    """A network to be trained.

    Attributes
    ----------
    network : Network
        Of one member, initialized; changed in place.
    samples : Samples
    validation : Samples or None
        If given, training stops once the loss on it has not fallen for `patience` epochs, and the
        network is left as it was in the best epoch. If not, all epochs are trained and the last one
        stays.
    generator : torch.Generator
        On the CPU; source of batch order and dropout.
    progress : callable or None
        Called with the record of each epoch as it ends.
    """

    network: Network
    samples: Samples
    validation: Samples | None
    generator: torch.Generator
    progress: Callable[[Record], None] | None = None


def cross_entropy(logits: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """Weighted binary cross-entropy of each row, in nats."""
    return nn.functional.binary_cross_entropy_with_logits(logits, y, weight, reduction="none")


def squared_error(outputs: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """Weighted squared error of each row, in the squared units of y."""
    return weight * nn.functional.mse_loss(outputs, y, reduction="none")
