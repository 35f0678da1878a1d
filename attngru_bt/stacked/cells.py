"""The two GRUs, M networks at once, forwards and backwards.

Notation: M networks, L steps, B rows, F factors, H hidden units. Units come before rows, (M, H, B),
so that gates are cut out of a product as whole blocks. The inputs of step t lie below each other in
``v[t]`` (M, H + 1 + F (+ H), B): the state before the step, a row of ones (whose weights are the
biases), the factors and, with the reset before the product, the state after the reset. A product
takes the part of them that it needs.

A missing step is one whose update gate is 1: the state goes on as it is, and as its gradients are
then exactly 0 nothing else has to know.

What the loop over the steps calls is written for speed: results go to buffers that are there, and
the state of the first step, which is 0, is left out of the products.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from attngru_bt.stacked.memory import Memory
from attngru_bt.stacked.parameters import Shape

Blocks = Mapping[str, Tensor]

_sigmoid_back = torch.ops.aten.sigmoid_backward.grad_input
_tanh_back = torch.ops.aten.tanh_backward.grad_input


@dataclass(frozen=True)
class Step:
    """Views of one step's buffers: inputs, gates, candidate, next state."""

    h: Tensor  # (M, H, B), as all below unless told
    ones_x: Tensor  # (M, 1 + F, B)
    x: Tensor  # (M, F, B)
    h_ones: Tensor  # (M, H + 1, B)
    h_ones_x: Tensor  # (M, H + 1 + F, B)
    kept: Tensor  # state after the reset, before it the product with the state
    ones_x_kept: Tensor  # (M, 1 + F + H, B)
    gates: Tensor  # (M, 2 H, B)
    r: Tensor
    z: Tensor
    candidate: Tensor
    next: Tensor


class Cell:
    """What both cells share: the buffers.

    Parameters
    ----------
    shape : Shape
    memory : Memory
    n_networks, n_steps, n_rows : int
    """

    def __init__(
        self, shape: Shape, memory: Memory, n_networks: int, n_steps: int, n_rows: int
    ) -> None:
        f, h = shape.n_factors, shape.n_hidden
        m, b = n_networks, n_rows
        before = shape.reset == "before"
        v = memory.take("inputs", n_steps + 1, m, h + 1 + f + (h if before else 0), b)
        gates = memory.take("gates", n_steps, m, 2 * h, b)
        candidates = memory.take("candidates", n_steps, m, h, b)
        # reset after the product: U h + c has a buffer of its own
        memories = candidates if before else memory.take("memories", n_steps, m, h, b)
        self.n_hidden = h
        self._minus_one = torch.tensor(-1.0, dtype=memory.dtype)
        self._ones, self._before = v[:, :, h], (v[0, :, :h], v[0, :, h + 1 + f :])
        self.last = v[n_steps, :, : h + 1]  # (M, H + 1, B)
        self.steps = [
            Step(
                h=v[t, :, :h],
                ones_x=v[t, :, h : h + 1 + f],
                x=v[t, :, h + 1 : h + 1 + f],
                h_ones=v[t, :, : h + 1],
                h_ones_x=v[t, :, : h + 1 + f],
                kept=v[t, :, h + 1 + f :] if before else memories[t],
                ones_x_kept=v[t, :, h:],
                gates=gates[t],
                r=gates[t, :, :h],
                z=gates[t, :, h:],
                candidate=candidates[t],
                next=v[t + 1, :, :h],
            )
            for t in range(n_steps)
        ]
        self.slopes = memory.take("slopes", m, 3 * h, b)  # of what r, z and candidate are made of
        self._gate_slopes, self._candidate_slopes = self.slopes[:, : 2 * h], self.slopes[:, 2 * h :]
        self._r_slopes, self._z_slopes = self.slopes[:, :h], self.slopes[:, h : 2 * h]
        self._work, self._back = memory.take("work", m, h, b), memory.take("back", m, h, b)
        # the slope by the last state goes into the first; going back, the two take turns
        self.slope, self._other = memory.take("state 0", m, h, b), memory.take("state 1", m, h, b)

    def prepare(self) -> None:
        """Write what stays the same as long as nobody else uses the memory."""
        self._ones.fill_(1.0)
        for part in self._before:
            part.zero_()

    def bind(self, weights: Blocks) -> None:
        """Take the weights for the steps to come."""
        w = weights["gates"]  # (M, H + 1 + F, 2 H)
        self._gate_weights, self._first_gate_weights = w.mT, w[:, self.n_hidden :].mT
        self._gates_back = w[:, : self.n_hidden]

    def forward(self, t: int, missing: Tensor | None) -> None:
        """Compute the state after step t; `missing` (M, 1, B) tells which rows lack it."""
        raise NotImplementedError

    def backward(self, t: int, gradients: Blocks, slope: Tensor) -> Tensor:
        """Turn the slope by the state after step t into that by the state before it.

        Adds to the gradients of the weights, and leaves in `slopes` (M, 3 H, B) those by what goes
        into reset gate, update gate and candidate.
        """
        raise NotImplementedError

    def input_weights(self) -> Tensor:
        """Weights of the factors in gates and candidate, (M, F, 3 H)."""
        raise NotImplementedError

    def _gates(self, t: int, missing: Tensor | None) -> None:
        step = self.steps[t]
        if t:
            torch.bmm(self._gate_weights, step.h_ones_x, out=step.gates)
        else:
            torch.bmm(self._first_gate_weights, step.ones_x, out=step.gates)
        step.gates.sigmoid_()
        if missing is not None:
            step.z.masked_fill_(missing, 1.0)

    def _mix(self, t: int) -> None:
        step = self.steps[t]
        # tanh(x) = 2 sigmoid(2 x) - 1; torch's own tanh takes six times as long as its sigmoid
        step.candidate.mul_(2.0).sigmoid_()
        torch.add(self._minus_one, step.candidate, alpha=2.0, out=step.candidate)
        torch.lerp(step.candidate, step.h, step.z, out=step.next)

    def _unmix(self, t: int, slope: Tensor) -> Tensor:
        """Set the slopes of update gate and candidate; return z ⊙ slope."""
        step, work = self.steps[t], self._work
        before = self._other if slope is self.slope else self.slope
        torch.sub(step.h, step.candidate, out=work)
        work.mul_(slope)
        _sigmoid_back(work, step.z, grad_input=self._z_slopes)
        torch.mul(slope, step.z, out=before)
        torch.sub(slope, before, out=work)
        _tanh_back(work, step.candidate, grad_input=self._candidate_slopes)
        return before


class ResetBefore(Cell):
    """The paper's GRU: the reset gate multiplies the state, then comes the product."""

    def bind(self, weights: Blocks) -> None:
        """Take the weights for the steps to come."""
        super().bind(weights)
        w = weights["candidate"]  # (M, 1 + F + H, H)
        self._weights, self._first_weights = w.mT, w[:, : -self.n_hidden].mT
        self._weights_back = w[:, -self.n_hidden :]

    def forward(self, t: int, missing: Tensor | None) -> None:
        """Compute the state after step t."""
        step = self.steps[t]
        self._gates(t, missing)
        if t:
            torch.mul(step.r, step.h, out=step.kept)
            torch.bmm(self._weights, step.ones_x_kept, out=step.candidate)
        else:
            torch.bmm(self._first_weights, step.ones_x, out=step.candidate)
        self._mix(t)

    def backward(self, t: int, gradients: Blocks, slope: Tensor) -> Tensor:
        """Go back over step t."""
        step, work, back = self.steps[t], self._work, self._back
        before = self._unmix(t, slope)
        if t:
            torch.bmm(self._weights_back, self._candidate_slopes, out=back)
            torch.mul(back, step.h, out=work)
            _sigmoid_back(work, step.r, grad_input=self._r_slopes)
            before.addcmul_(back, step.r)
            before.baddbmm_(self._gates_back, self._gate_slopes)
        else:
            self._r_slopes.zero_()  # a state of 0 is kept or forgotten alike
        gradients["gates"].baddbmm_(step.h_ones_x, self._gate_slopes.mT)
        gradients["candidate"].baddbmm_(step.ones_x_kept, self._candidate_slopes.mT)
        return before

    def input_weights(self) -> Tensor:
        """Weights of the factors in gates and candidate, (M, F, 3 H)."""
        return torch.cat([self._first_gate_weights, self._first_weights], 1)[:, :, 1:].mT


class ResetAfter(Cell):
    """torch's GRU: the product of the state comes first, and is then multiplied."""

    def bind(self, weights: Blocks) -> None:
        """Take the weights for the steps to come."""
        super().bind(weights)
        self._entry, self._memory = weights["entry"].mT, weights["memory"].mT
        self._memory_back = weights["memory"][:, : self.n_hidden]

    def forward(self, t: int, missing: Tensor | None) -> None:
        """Compute the state after step t."""
        step = self.steps[t]
        self._gates(t, missing)
        torch.bmm(self._memory, step.h_ones, out=step.kept)
        torch.bmm(self._entry, step.ones_x, out=step.candidate)
        step.candidate.addcmul_(step.r, step.kept)
        self._mix(t)

    def backward(self, t: int, gradients: Blocks, slope: Tensor) -> Tensor:
        """Go back over step t."""
        step, work, back = self.steps[t], self._work, self._back
        before = self._unmix(t, slope)
        torch.mul(self._candidate_slopes, step.kept, out=work)
        _sigmoid_back(work, step.r, grad_input=self._r_slopes)
        torch.mul(self._candidate_slopes, step.r, out=back)
        if t:
            before.baddbmm_(self._memory_back, back)
            before.baddbmm_(self._gates_back, self._gate_slopes)
        gradients["gates"].baddbmm_(step.h_ones_x, self._gate_slopes.mT)
        gradients["entry"].baddbmm_(step.ones_x, self._candidate_slopes.mT)
        gradients["memory"].baddbmm_(step.h_ones, back.mT)
        return before

    def input_weights(self) -> Tensor:
        """Weights of the factors in gates and candidate, (M, F, 3 H)."""
        return torch.cat([self._first_gate_weights, self._entry], 1)[:, :, 1:].mT


CELLS: Mapping[str, type[Cell]] = {"before": ResetBefore, "after": ResetAfter}
