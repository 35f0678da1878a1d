"""Attention over factors, M networks at once, forwards and backwards.

With ``A = F α`` the weighed factors are ``x' = A ⊙ x``, and the slope by the scores is
``e - A Σ e / F`` with ``e = x' ⊙ dx'``: nothing but A has to be kept for the way back.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attngru_bt.models.stacked.memory import Memory
from attngru_bt.models.stacked.products import add_product, multiply


class Attention:
    """Softmax attention of M networks over the F factors of each step.

    Parameters
    ----------
    memory : Memory
    weight, gradient : Tensor (M, 1 + F, F)
        Views of the networks' parameters and of their gradients.
    n_steps, n_rows : int
    """

    def __init__(
        self, memory: Memory, weight: Tensor, gradient: Tensor, n_steps: int, n_rows: int
    ) -> None:
        m, _, f = weight.shape
        self._weight, self._gradients = weight.mT, gradient.unbind()
        self._turned = memory.take("attention weights", m, f, 1 + f)
        self._weights = self._turned.unbind()
        self._work = memory.take("scores", m, f, n_rows)
        self._works, self._works_mT = self._work.unbind(), self._work.mT.unbind()
        self._sum = memory.take("sum of slopes", m, 1, n_rows)
        self._scaled = memory.take("attention", n_steps, m, f, n_rows).unbind()
        self._n_factors = f

    def bind(self) -> None:
        """Take the weights as they are now."""
        self._turned.copy_(self._weight)

    def forward(self, t: int, ones_x: Tensor, x: Tensor, out: Tensor) -> None:
        """Weigh the factors x (M, F, B) of step t into `out`; `ones_x` has a 1 above them."""
        multiply(self._weights, ones_x.unbind(), self._works)
        scaled = torch.softmax(self._work, 1, out=self._scaled[t])  # type: ignore[call-overload]
        scaled.mul_(self._n_factors)
        self.weigh(t, x, out)

    def weigh(self, t: int, x: Tensor, out: Tensor) -> None:
        """Weigh the factors once more by the attention of step t."""
        torch.mul(self._scaled[t], x, out=out)

    def backward(self, t: int, ones_x: Tensor, x: Tensor, slopes: Tensor, entry: Tensor) -> None:
        """Add to the gradient of the attention's weights.

        Parameters
        ----------
        t : int
        ones_x : Tensor (M, 1 + F, B)
            The factors as they came.
        x : Tensor (M, F, B)
            The weighed factors.
        slopes : Tensor (M, 3 H, B)
            Slopes by what goes into the gates.
        entry : Tensor (M, F, 3 H)
            Weights of the factors in the gates.
        """
        work = self._work
        multiply(entry.unbind(), slopes.unbind(), self._works)
        work.mul_(x)
        torch.sum(work, 1, keepdim=True, out=self._sum)
        work.addcmul_(self._scaled[t], self._sum, value=-1.0 / self._n_factors)
        add_product(ones_x.unbind(), self._works_mT, self._gradients)
