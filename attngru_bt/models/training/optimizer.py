"""AdamW for many networks at once, each with its own learning rate, gradient norm and age."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # torch's


class AdamW:
    """Adam with decoupled weight decay, as `torch.optim.AdamW`, a network per row.

    Parameters
    ----------
    rows : Tensor of shape (M, P)
        Parameters; changed in place.
    gradients : Tensor of shape (M, P)
        Read when `step` is called, and overwritten by it.
    decayed : Tensor of shape (P,)
        1.0 where weights are decayed, else 0.0.
    weight_decay : float
    max_norm : float
        A network's gradient that is longer than this (Euclidean norm) is shortened to it.

    References
    ----------
    Kingma and Ba (2015), Adam; Loshchilov and Hutter (2019), Decoupled weight decay regularization.
    """

    def __init__(
        self,
        rows: Tensor,
        gradients: Tensor,
        decayed: Tensor,
        *,
        weight_decay: float,
        max_norm: float,
    ) -> None:
        self.rows, self.gradients = rows, gradients
        self.decay, self.max_norm = weight_decay * decayed, max_norm
        self.mean, self.square, self._work = (torch.zeros_like(rows) for _ in range(3))
        self.steps = [0] * len(rows)

    def restart(self, row: int) -> None:
        """Forget what is known of a row; another network begins there."""
        self.mean[row] = self.square[row] = 0.0
        self.steps[row] = 0

    def move(self, source: int, target: int) -> None:
        """Let the network of row `source` go on in row `target`."""
        for part in (self.rows, self.mean, self.square):
            part[target] = part[source]
        self.steps[target] = self.steps[source]

    def step(self, rates: Sequence[float]) -> None:
        """Change the parameters of the first M networks, given their learning rates."""
        m = len(rates)
        rows, gradients, mean, square, work = (
            part[:m] for part in (self.rows, self.gradients, self.mean, self.square, self._work)
        )
        norm = torch.linalg.vector_norm(gradients, dim=1, keepdim=True)  # (M, 1)
        gradients.mul_((self.max_norm / (norm + 1e-6)).clamp_(max=1.0))
        self.steps[:m] = [n + 1 for n in self.steps[:m]]
        scales = [
            (lr, lr / (1.0 - BETA_1**n), 1.0 / math.sqrt(1.0 - BETA_2**n))
            for lr, n in zip(rates, self.steps[:m], strict=True)
        ]
        lr, step_size, correction = (
            torch.tensor(scales, dtype=torch.float64).to(rows)[..., None].unbind(1)  # (M, 1) each
        )
        rows.addcmul_(rows, torch.mul(self.decay, lr, out=work), value=-1.0)
        mean.lerp_(gradients, 1.0 - BETA_1)
        square.mul_(BETA_2).addcmul_(gradients, gradients, value=1.0 - BETA_2)
        torch.sqrt(square, out=work)
        work.mul_(correction).add_(EPSILON)
        torch.div(mean, work, out=work)
        rows.sub_(work.mul_(step_size))
