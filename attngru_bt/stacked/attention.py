"""Attention over factors, M networks at once, forwards and backwards.

With ``A = F α`` the weighed factors are ``x' = A ⊙ x``, and the slope by the scores is
``e - A Σ e / F`` with ``e = x' ⊙ dx'``: nothing but A has to be kept for the way back.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attngru_bt.stacked.memory import Memory


class Attention:
    """Softmax attention of M networks over the F factors of each step.

    Parameters
    ----------
    memory : Memory
    n_networks, n_steps, n_factors, n_rows : int
    """

    def __init__(
        self, memory: Memory, n_networks: int, n_steps: int, n_factors: int, n_rows: int
    ) -> None:
        self._n_factors = n_factors
        self._work = memory.take("scores", n_networks, n_factors, n_rows)
        self._sum = memory.take("sum of slopes", n_networks, 1, n_rows)
        self._scaled = memory.take("attention", n_steps, n_networks, n_factors, n_rows).unbind()

    def forward(self, t: int, weight: Tensor, ones_x: Tensor, out: Tensor) -> None:
        """Weigh the factors (M, 1 + F, B) of step t, the first of which is 1, into `out`."""
        torch.bmm(weight.mT, ones_x, out=self._work)
        scaled = torch.softmax(self._work, 1, out=self._scaled[t])  # type: ignore[call-overload]
        scaled.mul_(self._n_factors)
        torch.mul(scaled, ones_x[:, 1:], out=out)

    def backward(
        self, t: int, gradient: Tensor, ones_x: Tensor, x: Tensor, slopes: Tensor, entry: Tensor
    ) -> None:
        """Add to the gradient of the attention's weights; the attention of step t is used up.

        Parameters
        ----------
        t : int
        gradient : Tensor (M, 1 + F, F)
        ones_x : Tensor (M, 1 + F, B)
            The factors as they came.
        x : Tensor (M, F, B)
            The weighed factors.
        slopes : Tensor (M, 3 H, B)
            Slopes by what goes into the gates.
        entry : Tensor (M, F, 3 H)
            Weights of the factors in the gates.
        """
        work, scaled = self._work, self._scaled[t]
        torch.bmm(entry, slopes, out=work)
        work.mul_(x)
        torch.sum(work, 1, keepdim=True, out=self._sum)
        self._sum.div_(self._n_factors)
        work.sub_(scaled.mul_(self._sum))
        gradient.baddbmm_(ones_x, work.mT)
