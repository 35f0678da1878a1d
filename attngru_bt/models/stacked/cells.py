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
are cut once (tuples hold the M matrices of a buffer, for `products`), weights are laid
once per batch as products read them fastest, products write to
scratch and the sigmoids from there to what is kept (a product is slow on memory not in the cache),
and the state of the first step, which is 0, is left out of the products.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from attngru_bt.models.stacked.memory import Memory
from attngru_bt.models.stacked.parameters import Shape
from attngru_bt.models.stacked.products import add_product, multiply

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
        self._gradients = {name: gradient.unbind() for name, gradient in gradients.items()}
        self._minus_one = torch.tensor(-1.0, dtype=memory.dtype, device=memory.device)
        self._ones, self._h, self._kept = v[:, h], v[:, :h], v[:, h + 1 + f :]
        self.x = v[:, h + 1 : h + 1 + f]
        self.h_ones, self._ones_x = v[:, : h + 1], v[:, h : h + 1 + f]
        self._each_h_ones, self._each_ones_x = self.h_ones.unbind(), self._ones_x.unbind()
        self._each_h_ones_x, self._each_ones_x_kept = v[:, : h + 1 + f].unbind(), v[:, h:].unbind()
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
        self._each_gate_slopes = self._gate_slopes.unbind()
        self._each_candidate_slopes = self._candidate_slopes.unbind()
        self._each_gate_slopes_mT = self._gate_slopes.mT.unbind()
        self._each_candidate_slopes_mT = self._candidate_slopes.mT.unbind()
        self._r_slopes, self._z_slopes = self.slopes[:, :h], self.slopes[:, h : 2 * h]
        self._work, self._back = memory.take("work", m, h, b), memory.take("back", m, h, b)
        self._gate_work = memory.take("gate work", m, 2 * h, b)  # no block of `slopes`: contiguous
        self._works, self._backs = self._work.unbind(), self._back.unbind()
        self._gate_works = self._gate_work.unbind()
        # the slope by the last state goes into the first; going back, the two take turns
        self.slope, self._other = memory.take("state 0", m, h, b), memory.take("state 1", m, h, b)
        w = weights["gates"]  # (M, H + 1 + F, 2 H)
        turned = memory.take("gate weights", m, 2 * h, h + 1 + f)
        # copies of weights, what they are copies of, and times what
        self._turned: list[tuple[Tensor, Tensor, float]] = [(turned, w.mT, 1.0)]
        self._gate_weights, self._first_gate_weights = turned.unbind(), turned[:, :, h:].unbind()
        self._gates_back = w[:, :h].unbind()
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
            multiply(self._gate_weights, self._each_h_ones_x, self._gate_works)
        else:
            self._h.zero_()
            multiply(self._first_gate_weights, self._each_ones_x, self._gate_works)
        torch.sigmoid(self._gate_work, out=step.gates)
        if missing is not None:
            step.z.masked_fill_(missing, 1.0)

    def _add_gate_gradient(self) -> None:
        add_product(self._each_h_ones_x, self._each_gate_slopes_mT, self._gradients["gates"])

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
        self._weights, self._first_weights = turned.unbind(), turned[:, :, : 1 + f].unbind()
        self._weights_back = w[:, 1 + f :].unbind()
        self._entries.append((self.entry[:, :, 2 * h :], w[:, 1 : 1 + f]))

    def forward(self, t: int, missing: Tensor | None) -> None:
        """Compute the state after step t."""
        step = self.steps[t]
        self._gates(t, missing)
        if t:
            torch.mul(step.r, self._h, out=self._kept)
            multiply(self._weights, self._each_ones_x_kept, self._works)
        else:
            multiply(self._first_weights, self._each_ones_x, self._works)
        self._mix(t)

    def backward(self, t: int, slope: Tensor) -> Tensor:
        """Go back over step t."""
        step, work, back = self.steps[t], self._work, self._back
        before = self._unmix(t, slope)
        if t:
            multiply(self._weights_back, self._each_candidate_slopes, self._backs)
            torch.mul(back, self._h, out=work)
            _sigmoid_back(work, step.r, grad_input=self._r_slopes)
            torch.mul(step.r, self._h, out=self._kept)
            before.addcmul_(back, step.r)
            add_product(self._gates_back, self._each_gate_slopes, before.unbind())
        else:
            self._r_slopes.zero_()  # a state of 0 is kept or forgotten alike
            self._kept.zero_()
        self._add_gate_gradient()
        gradients = self._gradients["candidate"]
        add_product(self._each_ones_x_kept, self._each_candidate_slopes_mT, gradients)
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
        entry = memory.take("turned entry", len(w), h, 1 + f)
        state = memory.take("turned memory", len(u), h, h + 1)
        self._turned += [(entry, w.mT, 2.0), (state, u.mT, 1.0)]
        self._entry_weights, self._memory_weights = entry.unbind(), state.unbind()
        self._memory_back, self._backs_mT = u[:, :h].unbind(), self._back.mT.unbind()
        self._entries.append((self.entry[:, :, 2 * h :], w[:, 1:]))

    def forward(self, t: int, missing: Tensor | None) -> None:
        """Compute the state after step t."""
        step = self.steps[t]
        self._gates(t, missing)
        multiply(self._memory_weights, self._each_h_ones, step.memory.unbind())
        multiply(self._entry_weights, self._each_ones_x, self._works)
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
            add_product(self._memory_back, self._backs, before.unbind())
            add_product(self._gates_back, self._each_gate_slopes, before.unbind())
        self._add_gate_gradient()
        slopes = self._each_candidate_slopes_mT
        add_product(self._each_ones_x, slopes, self._gradients["entry"])
        add_product(self._each_h_ones, self._backs_mT, self._gradients["memory"])
        return before


CELLS: Mapping[str, type[Cell]] = {"before": ResetBefore, "after": ResetAfter}
