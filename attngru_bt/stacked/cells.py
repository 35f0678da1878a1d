"""The two GRUs, M networks at once, forwards and backwards.

Notation: M networks, L steps, B rows, F factors, H hidden units. Units come before rows, (M, H, B),
so that gates are cut out of a product as whole blocks. The inputs of a step lie below each other in
one buffer (M, H + 1 + F (+ H), B): the state before the step, a row of ones (whose weights are the
biases), the factors and, with the reset before the product, the state after the reset. A product
takes the part of them that it needs. All steps share the buffer, which so stays in the processor's
cache: going back, it is filled once more from what `Step` keeps.

A missing step is one whose update gate is 1: the state goes on as it is, and as its gradients are
then exactly 0 nothing else has to know.

What the loop over the steps calls is written for speed: results go to buffers that are there, views
are cut once, weights are laid once per batch as products read them fastest, products write to
scratch and the sigmoids from there to what is kept (a product is slow on memory not in the cache),
and the state of the first step, which is 0, is left out of the products.
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
    """What is kept of one step for the way back."""

    h: Tensor  # (M, H, B) the state before the step
    gates: Tensor  # (M, 2 H, B)
    r: Tensor  # (M, H, B), as all below
    z: Tensor
    candidate: Tensor
    memory: Tensor  # with the reset after it, the product with the state


class Cell:
    """What both cells share: the buffers.

    Parameters
    ----------
    shape : Shape
    memory : Memory
    weights, gradients : mapping of Tensor
        Blocks of the networks' parameters and of their gradients, views.
    n_steps, n_rows : int

    Attributes
    ----------
    x : Tensor (M, F, B)
        To be filled with the factors before `forward` and again before `backward`.
    h_ones : Tensor (M, H + 1, B)
        The state, above ones.
    entry : Tensor (M, F, 3 H)
        Weights of the factors in reset gate, update gate and candidate.
    slopes : Tensor (M, 3 H, B)
        After `backward`, the slopes by what goes into the three.
    """

    def __init__(
        self,
        shape: Shape,
        memory: Memory,
        weights: Blocks,
        gradients: Blocks,
        n_steps: int,
        n_rows: int,
    ) -> None:
        f, h = shape.n_factors, shape.n_hidden
        m, b = len(weights["gates"]), n_rows
        before = shape.reset == "before"
        v = memory.take("inputs", m, h + 1 + f + (h if before else 0), b)
        states = memory.take("states", n_steps, m, h, b)
        gates = memory.take("gates", n_steps, m, 2 * h, b)
        candidates = memory.take("candidates", n_steps, m, h, b)
        # reset after the product: U h + c has a buffer of its own
        memories = candidates if before else memory.take("memories", n_steps, m, h, b)
        self._gradients = gradients
        self._minus_one = torch.tensor(-1.0, dtype=memory.dtype, device=memory.device)
        self._ones, self._h, self._kept = v[:, h], v[:, :h], v[:, h + 1 + f :]
        self.x = v[:, h + 1 : h + 1 + f]
        self.h_ones, self._ones_x = v[:, : h + 1], v[:, h : h + 1 + f]
        self._h_ones_x, self._ones_x_kept = v[:, : h + 1 + f], v[:, h:]
        self.steps = [
            Step(
                h=states[t],
                gates=gates[t],
                r=gates[t, :, :h],
                z=gates[t, :, h:],
                candidate=candidates[t],
                memory=memories[t],
            )
            for t in range(n_steps)
        ]
        self.slopes = memory.take("slopes", m, 3 * h, b)  # of what r, z and candidate are made of
        self._gate_slopes, self._candidate_slopes = self.slopes[:, : 2 * h], self.slopes[:, 2 * h :]
        self._gate_slopes_mT = self._gate_slopes.mT
        self._candidate_slopes_mT = self._candidate_slopes.mT
        self._r_slopes, self._z_slopes = self.slopes[:, :h], self.slopes[:, h : 2 * h]
        self._work, self._back = memory.take("work", m, h, b), memory.take("back", m, h, b)
        self._gate_work = memory.take("gate work", m, 2 * h, b)  # no block of `slopes`: contiguous
        # the slope by the last state goes into the first; going back, the two take turns
        self.slope, self._other = memory.take("state 0", m, h, b), memory.take("state 1", m, h, b)
        w = weights["gates"]  # (M, H + 1 + F, 2 H)
        turned = memory.take("gate weights", m, 2 * h, h + 1 + f)
        # copies of weights, what they are copies of, and times what
        self._turned: list[tuple[Tensor, Tensor, float]] = [(turned, w.mT, 1.0)]
        self._gate_weights, self._first_gate_weights = turned, turned[:, :, h:]
        self._gates_back = w[:, :h]
        self.entry = memory.take("entry weights", m, f, 3 * h)
        self._entries = [(self.entry[:, :, : 2 * h], w[:, h + 1 :])]

    def prepare(self) -> None:
        """Write what stays the same as long as nobody else uses the memory."""
        self._ones.fill_(1.0)

    def bind(self) -> None:
        """Take the weights as they are now, for the steps to come."""
        for turned, w, scale in self._turned:
            torch.mul(w, scale, out=turned)

    def bind_entry(self) -> None:
        """Fill `entry`, which the way back through an attention needs."""
        for entry, w in self._entries:
            entry.copy_(w)

    def forward(self, t: int, missing: Tensor | None) -> None:
        """Compute the state after step t; `missing` (M, 1, B) tells which rows lack it."""
        raise NotImplementedError

    def backward(self, t: int, slope: Tensor) -> Tensor:
        """Turn the slope by the state after step t into that by the state before it.

        Adds to the gradients of the weights, and sets `slopes`.
        """
        raise NotImplementedError

    def _gates(self, t: int, missing: Tensor | None) -> None:
        step = self.steps[t]
        if t:
            step.h.copy_(self._h)
            torch.bmm(self._gate_weights, self._h_ones_x, out=self._gate_work)
        else:
            self._h.zero_()
            torch.bmm(self._first_gate_weights, self._ones_x, out=self._gate_work)
        torch.sigmoid(self._gate_work, out=step.gates)
        if missing is not None:
            step.z.masked_fill_(missing, 1.0)

    def _mix(self, t: int) -> None:
        step = self.steps[t]
        # tanh(x) = 2 sigmoid(2 x) - 1; torch's own tanh takes six times as long as its sigmoid. The
        # 2 x is in `_work`: the weights were doubled, which rounds nothing
        torch.sigmoid(self._work, out=step.candidate)
        torch.add(self._minus_one, step.candidate, alpha=2.0, out=step.candidate)
        torch.lerp(step.candidate, self._h, step.z, out=self._h)

    def _unmix(self, t: int, slope: Tensor) -> Tensor:
        """Set the slopes of update gate and candidate, go back to h; return z ⊙ slope."""
        step, work = self.steps[t], self._work
        before = self._other if slope is self.slope else self.slope
        torch.mul(slope, step.z, out=before)
        torch.sub(slope, before, out=work)  # (1 - z) ⊙ slope
        _tanh_back(work, step.candidate, grad_input=self._candidate_slopes)
        # slope ⊙ (h - candidate) ⊙ z ⊙ (1 - z), and z ⊙ (h - candidate) = next h - candidate
        torch.sub(self._h, step.candidate, out=self._z_slopes)
        self._z_slopes.mul_(work)
        if t:
            self._h.copy_(step.h)
        else:
            self._h.zero_()
        return before


class ResetBefore(Cell):
    """The paper's GRU: the reset gate multiplies the state, then comes the product."""

    def __init__(
        self,
        shape: Shape,
        memory: Memory,
        weights: Blocks,
        gradients: Blocks,
        n_steps: int,
        n_rows: int,
    ) -> None:
        super().__init__(shape, memory, weights, gradients, n_steps, n_rows)
        f, h, w = shape.n_factors, shape.n_hidden, weights["candidate"]  # (M, 1 + F + H, H)
        turned = memory.take("candidate weights", len(w), h, 1 + f + h)
        self._turned.append((turned, w.mT, 2.0))
        self._weights, self._first_weights = turned, turned[:, :, : 1 + f]
        self._weights_back = w[:, 1 + f :]
        self._entries.append((self.entry[:, :, 2 * h :], w[:, 1 : 1 + f]))

    def forward(self, t: int, missing: Tensor | None) -> None:
        """Compute the state after step t."""
        step = self.steps[t]
        self._gates(t, missing)
        if t:
            torch.mul(step.r, self._h, out=self._kept)
            torch.bmm(self._weights, self._ones_x_kept, out=self._work)
        else:
            torch.bmm(self._first_weights, self._ones_x, out=self._work)
        self._mix(t)

    def backward(self, t: int, slope: Tensor) -> Tensor:
        """Go back over step t."""
        step, work, back = self.steps[t], self._work, self._back
        before = self._unmix(t, slope)
        if t:
            torch.bmm(self._weights_back, self._candidate_slopes, out=back)
            torch.mul(back, self._h, out=work)
            _sigmoid_back(work, step.r, grad_input=self._r_slopes)
            torch.mul(step.r, self._h, out=self._kept)
            before.addcmul_(back, step.r)
            before.baddbmm_(self._gates_back, self._gate_slopes)
        else:
            self._r_slopes.zero_()  # a state of 0 is kept or forgotten alike
            self._kept.zero_()
        self._gradients["gates"].baddbmm_(self._h_ones_x, self._gate_slopes_mT)
        self._gradients["candidate"].baddbmm_(self._ones_x_kept, self._candidate_slopes_mT)
        return before


class ResetAfter(Cell):
    """torch's GRU: the product of the state comes first, and is then multiplied."""

    def __init__(
        self,
        shape: Shape,
        memory: Memory,
        weights: Blocks,
        gradients: Blocks,
        n_steps: int,
        n_rows: int,
    ) -> None:
        super().__init__(shape, memory, weights, gradients, n_steps, n_rows)
        f, h = shape.n_factors, shape.n_hidden
        w, u = weights["entry"], weights["memory"]  # (M, 1 + F, H), (M, H + 1, H)
        self._entry_turned = memory.take("turned entry", len(w), h, 1 + f)
        self._memory_turned = memory.take("turned memory", len(u), h, h + 1)
        self._turned += [(self._entry_turned, w.mT, 2.0), (self._memory_turned, u.mT, 1.0)]
        self._memory_back, self._back_mT = u[:, :h], self._back.mT
        self._entries.append((self.entry[:, :, 2 * h :], w[:, 1:]))

    def forward(self, t: int, missing: Tensor | None) -> None:
        """Compute the state after step t."""
        step = self.steps[t]
        self._gates(t, missing)
        torch.bmm(self._memory_turned, self.h_ones, out=step.memory)
        torch.bmm(self._entry_turned, self._ones_x, out=self._work)
        self._work.addcmul_(step.r, step.memory, value=2.0)
        self._mix(t)

    def backward(self, t: int, slope: Tensor) -> Tensor:
        """Go back over step t."""
        step, work, back = self.steps[t], self._work, self._back
        before = self._unmix(t, slope)
        torch.mul(self._candidate_slopes, step.memory, out=work)
        _sigmoid_back(work, step.r, grad_input=self._r_slopes)
        torch.mul(self._candidate_slopes, step.r, out=back)
        if t:
            before.baddbmm_(self._memory_back, back)
            before.baddbmm_(self._gates_back, self._gate_slopes)
        self._gradients["gates"].baddbmm_(self._h_ones_x, self._gate_slopes_mT)
        self._gradients["entry"].baddbmm_(self._ones_x, self._candidate_slopes_mT)
        self._gradients["memory"].baddbmm_(self.h_ones, self._back_mT)
        return before


CELLS: Mapping[str, type[Cell]] = {"before": ResetBefore, "after": ResetAfter}
