"""Memory of the two GRUs, and views of it by step and by member."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from attngru_bt.models.networks.members import empty_weights
from attngru_bt.models.networks.recurrent import Tensors


class GRUStep(NamedTuple):
    """Views of a step: for all members at once, (M, …, B), and a matrix of each for products."""

    r_z: Tensor
    r: Tensor
    z: Tensor
    candidate: Tensor
    state: Tensor
    extra: Tensor
    each_r_z: Tensors
    each_candidate: Tensors
    each_state: Tensors
    each_extra: Tensors


class GRUBuffers:
    """Memory for gates (M, 3 H, L, B), states and an extra (M, H, L, B), and the slopes by them.

    The extra is r ⊙ h with the reset before the product, and U h + c with the reset after it. All
    views are cut once, since for small networks cutting takes as long as the arithmetic.
    """

    def __init__(self, x: Tensor, h: int, m: int, n_inputs: int, n_steps: int, rows: int) -> None:
        self.start = x.new_zeros(m, h, rows)
        self.work, self.back = (x.new_empty(m, h, rows) for _ in range(2))
        self.each_back = self.back.unbind()
        self.gates, self.gate_slopes = (x.new_empty(m, 3 * h, n_steps, rows) for _ in range(2))
        self.states, self.extra, self.extra_slopes = (
            x.new_empty(m, h, n_steps, rows) for _ in range(3)
        )
        self.x_slopes = x.new_empty(m, n_inputs, n_steps, rows)
        self.each_x_slope = self.x_slopes.flatten(2).unbind()
        self.steps = self._cut(self.gates, self.states, self.extra)
        self.slopes = self._cut(self.gate_slopes, self.states, self.extra_slopes)
        self.each_gate = self.gates.flatten(2).unbind()
        self.each_slope = self.gate_slopes.flatten(2).unbind()
        self.each_slope_mT = self.gate_slopes.flatten(2).mT.unbind()
        # all steps but the first, before which the state is 0
        later = self.gate_slopes.flatten(2)[:, :, rows:].mT
        self.each_later_r_z_slope_mT = later[:, :, : 2 * h].unbind()
        self.each_later_candidate_slope_mT = later[:, :, 2 * h :].unbind()
        self.each_later_extra = self.extra.flatten(2)[:, :, rows:].unbind()
        self.each_later_extra_slope_mT = self.extra_slopes.flatten(2)[:, :, rows:].mT.unbind()
        self.each_earlier_state = self.states.flatten(2)[:, :, :-rows].unbind()
        self.input_weight_slopes = empty_weights(x, m, n_inputs, 3 * h)
        self.each_input_weight_slope = self.input_weight_slopes.unbind()
        self.state_weight_slopes = empty_weights(x, m, h, 3 * h)
        self.each_r_z_weight_slope = self.state_weight_slopes[:, :, : 2 * h].unbind()
        self.each_candidate_weight_slope = self.state_weight_slopes[:, :, 2 * h :].unbind()

    @staticmethod
    def _cut(gates: Tensor, states: Tensor, extra: Tensor) -> list[GRUStep]:
        """Return the parts of each time step, as views of the buffers of all steps."""
        h = states.shape[1]
        steps = []
        for gates_t, state, extra_t in zip(
            *(p.unbind(2) for p in (gates, states, extra)), strict=True
        ):
            r_z, candidate = gates_t.split([2 * h, h], 1)
            views = r_z, *r_z.split(h, 1), candidate, state, extra_t
            each = (view.unbind() for view in (r_z, candidate, state, extra_t))
            steps.append(GRUStep(*views, *each))
        return steps
