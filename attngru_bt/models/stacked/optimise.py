"""AdamW on the rows of one array, a network per row, each with its own gradient norm and age."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # torch's


class AdamW:
    """Adam with decoupled weight decay, as `torch.optim.AdamW`, for many networks at once.

    Parameters
    ----------
    decayed : Tensor of shape (P,)
        1.0 where weights are decayed, else 0.0.
    n_rows : int
        Networks at most.
    weight_decay : float
    max_norm : float
        A network's gradient that is longer than this (Euclidean norm) is shortened to it.

    References
    ----------
    Kingma and Ba (2015), Adam; Loshchilov and Hutter (2019), Decoupled weight decay regularization.
    """

    def __init__(
        self, decayed: Tensor, n_rows: int, *, weight_decay: float, max_norm: float
    ) -> None:
        self.decay, self.max_norm = weight_decay * decayed, max_norm
        self._decays = weight_decay != 0.0
        self.mean = decayed.new_zeros(n_rows, len(decayed))  # (M, P)
        self.square = torch.zeros_like(self.mean)
        self._work = torch.empty_like(self.mean)
        self.steps = [0] * n_rows

    def restart(self, row: int) -> None:
        """Forget what is known of a row; another network begins there."""
        self.mean[row] = 0.0
        self.square[row] = 0.0
        self.steps[row] = 0

    def move(self, source: int, target: int) -> None:
        """Let the network of row `source` go on in row `target`."""
        self.mean[target] = self.mean[source]
        self.square[target] = self.square[source]
        self.steps[target] = self.steps[source]

    def step(self, rows: Tensor, gradient: Tensor, rates: Sequence[float]) -> None:
        """Change the parameters (M, P) of the first M networks.

        Parameters
        ----------
        rows : Tensor of shape (M, P)
        gradient : Tensor of shape (M, P)
            Used up.
        rates : sequence of M floats
            Learning rates.
        """
        m = len(rows)
        mean, square, work = self.mean[:m], self.square[:m], self._work[:m]
        norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)  # (M, 1)
        gradient.mul_((self.max_norm / (norm + 1e-6)).clamp_(max=1.0))
        self.steps[:m] = [n + 1 for n in self.steps[:m]]
        scales = [
            (lr, lr / (1.0 - BETA_1**n), 1.0 / math.sqrt(1.0 - BETA_2**n))
            for lr, n in zip(rates, self.steps[:m], strict=True)
        ]
        lr, pace, widening = torch.tensor(scales, dtype=torch.float64).to(rows)[..., None].unbind(1)
        if self._decays:
            rows.addcmul_(rows, torch.mul(self.decay, lr, out=work), value=-1.0)
        mean.lerp_(gradient, 1.0 - BETA_1)
        square.mul_(BETA_2).addcmul_(gradient, gradient, value=1.0 - BETA_2)
        torch.sqrt(square, out=work)
        work.mul_(widening).add_(EPSILON)
        torch.div(mean, work, out=work)
        rows.sub_(work.mul_(pace))
