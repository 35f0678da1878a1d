"""The two GRUs, with gradients written by hand, which profiling called for.

Autograd would keep every intermediate result of every step and go back through each of them. Here
only gates and states are kept, and the gradients of the weights are one product over all steps.

Gates are laid out (M, 3 H, L, B): reset, update, candidate. On a missing step the update gate is 1:
the state stays as it is, all gradients of the step are exactly 0, and no other case is needed.

References
----------
Cho et al. (2014), Learning phrase representations using RNN encoder-decoder, arXiv:1406.1078: GRU,
    with the reset gate before the recurrent product.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from attngru_bt.models.networks.gru_buffers import GRUBuffers, GRUStep
from attngru_bt.models.networks.members import addmm_, affine, mm
from attngru_bt.models.networks.recurrent import Recurrent, Tensors

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward = torch.ops.aten.tanh_backward.grad_input
Gradients = tuple[Tensor | None, ...]


class GRU(Recurrent):
    r"""GRU of the paper: the reset gate multiplies the state *before* the recurrent product.

    .. math::
        r_t &= \sigma(W_r x_t + U_r h_{t-1} + b_r) \\
        z_t &= \sigma(W_z x_t + U_z h_{t-1} + b_z) \\
        \tilde h_t &= \tanh(W_h x_t + U_h (r_t \odot h_{t-1}) + b_h) \\
        h_t &= z_t \odot h_{t-1} + (1 - z_t) \odot \tilde h_t

    `torch.nn.GRU` has the same update gate, but applies the reset gate after the product,
    ``tanh(W_h x + b_h + r * (U_h h + c_h))``: that is `GRUResetAfter`.
    """

    n_gates = 3

    def forward(self, x: Tensor, present: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the states after every step, (M, H, L, B), and the last of them, (M, H, B)."""
        buffers = self.buffers_for(GRUBuffers, x, self.n_hidden, *x.shape)
        weights = self.input_weight, self.state_weight, self.bias
        return _GRU.apply(buffers, present, x, *weights)  # type: ignore[no-untyped-call]


class GRUResetAfter(Recurrent):
    r"""GRU of `torch.nn.GRU` and cuDNN: the reset gate multiplies *after* the recurrent product.

    .. math:: \tilde h_t = \tanh(W_h x_t + b_h + r_t \odot (U_h h_{t-1} + c_h))
    """

    n_gates = 3

    def __init__(self, n_inputs: int, n_hidden: int) -> None:
        super().__init__(n_inputs, n_hidden)
        # c_h; for r and z a second bias would only repeat the first
        self.state_bias = self.parameter(n_hidden)

    def initialize(self, member: int, generator: torch.Generator) -> None:
        """Fill as every cell."""
        super().initialize(member, generator)
        nn.init.zeros_(self.state_bias[member])

    def forward(self, x: Tensor, present: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the states after every step, (M, H, L, B), and the last of them, (M, H, B)."""
        buffers = self.buffers_for(GRUBuffers, x, self.n_hidden, *x.shape)
        weights = self.input_weight, self.state_weight, self.bias, self.state_bias
        return _GRUResetAfter.apply(buffers, present, x, *weights)  # type: ignore[no-untyped-call]


class _GRU(torch.autograd.Function):
    """All steps of `GRU`: the states (M, H, L, B) and the last of them."""

    @staticmethod
    def forward(
        ctx: Any,
        buffers: GRUBuffers,
        present: Tensor | None,
        x: Tensor,
        input_weight: Tensor,
        state_weight: Tensor,
        bias: Tensor,
    ) -> tuple[Tensor, Tensor]:
        gate_weight, weight = _each_state_weight_mT(state_weight)
        affine(input_weight, x.flatten(2).unbind(), bias, buffers.each_gate)
        state, before = buffers.start, None
        for t, step in enumerate(buffers.steps):
            if before is not None:  # the state before the first step is 0
                addmm_(step.each_r_z, gate_weight, before.each_state)
            _activate_gates(step, present, t)
            if before is not None:
                # r ⊙ h_{t-1} is kept: the gradient of the candidate's weights is a product with it
                torch.mul(step.r, state, out=step.extra)
                addmm_(step.each_candidate, weight, step.each_extra)
            state = torch.lerp(_tanh_(step.candidate), state, step.z, out=step.state)
            before = step
        return _outputs(ctx, buffers, x, input_weight, state_weight)

    @staticmethod
    def backward(ctx: Any, *output_slopes: Tensor | None) -> Gradients:
        buffers, x, input_weight, state_weight, slope = _saved(ctx, output_slopes[1])
        gate_weight, weight = _each_state_weight(state_weight)
        work, back = buffers.work, buffers.back
        for t in reversed(range(len(buffers.steps))):
            step, slopes = buffers.steps[t], buffers.slopes[t]
            slope = _mix_backward(slope, output_slopes[0], t, step, slopes)
            if t == 0:
                # the state before is 0: the reset gate has nothing to scale
                slopes.r.zero_()
                break
            # the candidate's product took r ⊙ h_{t-1}: `back` is the slope by that
            mm(weight, slopes.each_candidate, buffers.each_back)
            torch.mul(back, buffers.steps[t - 1].state, out=work)
            _sigmoid_backward(work, step.r, grad_input=slopes.r)
            # h_{t-1} has three ways into the step: the mix above, r ⊙ h_{t-1}, and both gates
            slope.addcmul_(back, step.r)
            addmm_(slope.unbind(), gate_weight, slopes.each_r_z)
        # one product over all steps but the first, which had no state before it
        mm(
            buffers.each_later_extra,
            buffers.each_later_candidate_slope_mT,
            buffers.each_candidate_weight_slope,
        )
        return _gradients(ctx, x, input_weight)


class _GRUResetAfter(torch.autograd.Function):
    """All steps of `GRUResetAfter`: the states (M, H, L, B) and the last of them."""

    @staticmethod
    def forward(
        ctx: Any,
        buffers: GRUBuffers,
        present: Tensor | None,
        x: Tensor,
        input_weight: Tensor,
        state_weight: Tensor,
        bias: Tensor,
        state_bias: Tensor,
    ) -> tuple[Tensor, Tensor]:
        gate_weight, weight = _each_state_weight_mT(state_weight)
        affine(input_weight, x.flatten(2).unbind(), bias, buffers.each_gate)
        buffers.extra.copy_(state_bias[..., None, None])
        state, before = buffers.start, None
        for t, step in enumerate(buffers.steps):
            if before is not None:  # the state before the first step is 0
                addmm_(step.each_r_z, gate_weight, before.each_state)
                addmm_(step.each_extra, weight, before.each_state)
            _activate_gates(step, present, t)
            step.candidate.addcmul_(step.r, step.extra)
            state = torch.lerp(_tanh_(step.candidate), state, step.z, out=step.state)
            before = step
        return _outputs(ctx, buffers, x, input_weight, state_weight)

    @staticmethod
    def backward(ctx: Any, *output_slopes: Tensor | None) -> Gradients:
        buffers, x, input_weight, state_weight, slope = _saved(ctx, output_slopes[1])
        gate_weight, weight = _each_state_weight(state_weight)
        work = buffers.work
        for t in reversed(range(len(buffers.steps))):
            step, slopes = buffers.steps[t], buffers.slopes[t]
            slope = _mix_backward(slope, output_slopes[0], t, step, slopes)
            # the candidate took r ⊙ extra, with extra = U_h h_{t-1} + c_h
            torch.mul(slopes.candidate, step.extra, out=work)
            _sigmoid_backward(work, step.r, grad_input=slopes.r)
            torch.mul(slopes.candidate, step.r, out=slopes.extra)
            if t:  # the state before the first step is a constant
                addmm_(slope.unbind(), weight, slopes.each_extra)
                addmm_(slope.unbind(), gate_weight, slopes.each_r_z)
        mm(
            buffers.each_earlier_state,
            buffers.each_later_extra_slope_mT,
            buffers.each_candidate_weight_slope,
        )
        return *_gradients(ctx, x, input_weight), buffers.extra_slopes.sum((2, 3))


def _each_state_weight(weight: Tensor) -> tuple[Tensors, Tensors]:
    """Cut state weights into those of reset and update gate and those of the candidate."""
    h = weight.shape[1]
    return weight[:, :, : 2 * h].unbind(), weight[:, :, 2 * h :].unbind()


def _each_state_weight_mT(weight: Tensor) -> tuple[Tensors, Tensors]:
    """Cut the transposed state weights into the same two parts."""
    h, weight_mT = weight.shape[1], weight.mT
    return weight_mT[:, : 2 * h].unbind(), weight_mT[:, 2 * h :].unbind()


def _activate_gates(step: GRUStep, present: Tensor | None, t: int) -> None:
    """Apply the sigmoid to reset and update gate; the latter is 1 where the step is missing."""
    step.r_z.sigmoid_()
    if present is not None:
        step.z.masked_fill_(~present[:, None, t], 1.0)


def _tanh_(x: Tensor) -> Tensor:
    """Replace x by tanh(x) = 2 sigmoid(2 x) - 1; torch's own takes longer."""
    return x.mul_(2.0).sigmoid_().mul_(2.0).sub_(1.0)


def _outputs(ctx: Any, buffers: GRUBuffers, *inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Save what the backward pass needs; return the states and the last of them."""
    # saved besides `buffers`, so that autograd notices if these have been overwritten since
    ctx.save_for_backward(*inputs, buffers.gates, buffers.states, buffers.extra)
    ctx.set_materialize_grads(False)
    ctx.buffers = buffers
    return buffers.states.detach(), buffers.steps[-1].state.clone()


def _saved(ctx: Any, slope: Tensor | None) -> tuple[GRUBuffers, Tensor, Tensor, Tensor, Tensor]:
    """Return what `_outputs` saved, and the slope by the last state: 0 if it was not used."""
    x, input_weight, state_weight, *_ = ctx.saved_tensors
    slope = torch.zeros_like(ctx.buffers.start) if slope is None else slope
    return ctx.buffers, x, input_weight, state_weight, slope


def _mix_backward(
    slope: Tensor, state_slopes: Tensor | None, t: int, step: GRUStep, slopes: GRUStep
) -> Tensor:
    """Go back through ``h_t = z h_{t-1} + (1 - z) candidate``.

    Sets the slopes by update gate and candidate, before their activations. Returns the part of the
    slope by the state before that this formula contributes.
    """
    if state_slopes is not None:  # a later layer looks at the states of all steps
        slope = slope + state_slopes[:, :, t]
    before_slope = slope * step.z
    rest = slope - before_slope  # (1 - z) ⊙ slope
    _tanh_backward(rest, step.candidate, grad_input=slopes.candidate)
    # slope ⊙ (h_{t-1} - candidate) ⊙ z ⊙ (1 - z), and z ⊙ (h_{t-1} - candidate) = h_t - candidate
    torch.sub(step.state, step.candidate, out=slopes.z).mul_(rest)
    return before_slope


def _gradients(ctx: Any, x: Tensor, input_weight: Tensor) -> Gradients:
    """Return the gradients of what both GRUs are given, once the slopes of all gates are known."""
    buffers: GRUBuffers = ctx.buffers
    mm(buffers.each_earlier_state, buffers.each_later_r_z_slope_mT, buffers.each_r_z_weight_slope)
    mm(x.flatten(2).unbind(), buffers.each_slope_mT, buffers.each_input_weight_slope)
    x_slope = None
    if ctx.needs_input_grad[2]:
        mm(input_weight.unbind(), buffers.each_slope, buffers.each_x_slope)
        x_slope = buffers.x_slopes.detach()
    weights = buffers.input_weight_slopes.detach(), buffers.state_weight_slopes.detach()
    return None, None, x_slope, *weights, buffers.gate_slopes.sum((2, 3))
