"""Softmax attention: over the factors within a step, over the steps of a row."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from attngru_bt.models.networks.base import Layer
from attngru_bt.models.networks.initial import uniform
from attngru_bt.models.networks.members import addmm_, affine, empty_weights, linear, mm


class FactorAttention(Layer):
    r"""Softmax attention over the factors of each step.

    .. math:: \alpha_t = \mathrm{softmax}(W x_t + b), \qquad x'_t = F \, \alpha_t \odot x_t

    The factor F keeps the variance: attention that is spread evenly (alpha = 1/F, which is where
    training starts, since W = 0 and b = 0) passes the factors on unchanged, whereas plain alpha * x
    would shrink them F times and leave the recurrent layer almost without input. So the network
    starts as the one without attention.
    """

    def __init__(self, n_factors: int) -> None:
        super().__init__()
        self.weight = self.parameter(n_factors, n_factors)
        self.bias = self.parameter(n_factors)

    def initialize(self, member: int, generator: torch.Generator) -> None:
        """Start from even attention."""
        nn.init.zeros_(self.weight[member])
        nn.init.zeros_(self.bias[member])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the re-weighted factors and the attention, both (M, F, L, B)."""
        buffers = self.buffers_for(_Buffers, x, *x.shape)
        return _FactorAttention.apply(buffers, x, self.weight, self.bias)  # type: ignore[no-untyped-call]


class _Buffers:
    """Memory for results of the shape of x (M, F, L, B), and views of it: a matrix per member."""

    def __init__(self, x: Tensor, *sizes: int) -> None:
        m, f, _, _ = sizes
        self.alpha, self.weighted, self.score_slopes, self.x_slopes = (
            x.new_empty(sizes) for _ in range(4)
        )
        self.zero = x.new_zeros(())
        self.each_score, self.each_score_slope, self.each_x_slope = (
            part.flatten(2).unbind() for part in (self.alpha, self.score_slopes, self.x_slopes)
        )
        self.each_score_slope_mT = self.score_slopes.flatten(2).mT.unbind()
        self.weight_slopes = empty_weights(x, m, f, f)
        self.each_weight_slope = self.weight_slopes.unbind()


class _FactorAttention(torch.autograd.Function):
    """The formula with its gradient by hand: autograd would keep five tensors like x, not two.

    With ``e = x' ⊙ dx'`` the slope by the scores is ``e - alpha Σ e``, summed over the factors.
    """

    @staticmethod
    def forward(
        ctx: Any, buffers: _Buffers, x: Tensor, weight: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor]:
        affine(weight, x.flatten(2).unbind(), bias, buffers.each_score)
        alpha = torch.softmax(buffers.alpha, 1, out=buffers.alpha)  # type: ignore[call-overload]
        torch.addcmul(buffers.zero, alpha, x, value=x.shape[1], out=buffers.weighted)  # F alpha x
        ctx.save_for_backward(x, weight, alpha, buffers.weighted)
        ctx.buffers, alpha = buffers, alpha.detach()
        ctx.mark_non_differentiable(alpha)
        ctx.set_materialize_grads(False)  # none for alpha
        return buffers.weighted.detach(), alpha

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, alpha, weighted = ctx.saved_tensors
        buffers, slope = ctx.buffers, slopes[0]
        e = torch.mul(weighted, slope, out=buffers.score_slopes)
        e.addcmul_(alpha, e.sum(1, keepdim=True), value=-1.0)  # now the slope by the scores
        mm(x.flatten(2).unbind(), buffers.each_score_slope_mT, buffers.each_weight_slope)
        x_slope = None
        if ctx.needs_input_grad[1]:
            # x has two ways into the output: as the factor that is weighted, and by the scores
            x_slope = torch.mul(slope, alpha, out=buffers.x_slopes).mul_(x.shape[1]).detach()
            addmm_(buffers.each_x_slope, weight.unbind(), buffers.each_score_slope)
        return None, x_slope, buffers.weight_slopes.detach(), e.sum((2, 3))


class TemporalAttention(Layer):
    r"""Softmax attention over the hidden states of the steps that are present.

    .. math:: e_t = v^\top \tanh(W h_t + b), \quad \beta = \mathrm{softmax}(e), \quad
        c = \sum_t \beta_t h_t

    Starts even over the present steps (v = 0); missing steps have weight 0.
    """

    def __init__(self, n_hidden: int) -> None:
        super().__init__()
        self.weight = self.parameter(n_hidden, n_hidden)
        self.bias = self.parameter(n_hidden)
        self.query = self.parameter(n_hidden)

    def initialize(self, member: int, generator: torch.Generator) -> None:
        """Start from even attention."""
        uniform(self.weight[member], generator)
        nn.init.zeros_(self.bias[member])
        nn.init.zeros_(self.query[member])

    def forward(self, states: Tensor, present: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the pooled state (M, H, B) and the attention (M, L, B)."""
        units = torch.tanh(linear(states, self.weight, self.bias))  # (M, H, L, B)
        scores = (self.query[..., None, None] * units).sum(1)  # (M, L, B)
        if present is not None:
            scores = scores.masked_fill(~present, -math.inf)
        beta = torch.softmax(scores, dim=1)  # (M, L, B)
        return (beta[:, None] * states).sum(2), beta
