"""Recurrent layers: what all cells share, Elman's RNN and the LSTM, differentiated by autograd.

References
----------
Hochreiter and Schmidhuber (1997), Long short-term memory: LSTM.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from attngru_bt.models.networks.base import Layer
from attngru_bt.models.networks.initial import orthogonal, uniform
from attngru_bt.models.networks.members import linear

Tensors = tuple[Tensor, ...]


class Recurrent(Layer):
    """One recurrent layer: weights of G gates, and the loop over the steps.

    The input products of all steps are one matrix product in front of the loop. The state starts at
    0 and is not touched by missing steps, so that missing steps in front of a row change nothing.
    """

    n_gates: int
    n_states = 1

    def __init__(self, n_inputs: int, n_hidden: int) -> None:
        super().__init__()
        self.n_hidden = n_hidden
        self.input_weight = self.parameter(n_inputs, self.n_gates * n_hidden)
        self.state_weight = self.parameter(n_hidden, self.n_gates * n_hidden)
        self.bias = self.parameter(self.n_gates * n_hidden)

    def initialize(self, member: int, generator: torch.Generator) -> None:
        """Fill: input weights uniform, state weights orthogonal (they keep memories), biases 0."""
        uniform(self.input_weight[member], generator)
        for gate in self.state_weight[member].chunk(self.n_gates, dim=1):
            orthogonal(gate, generator)
        nn.init.zeros_(self.bias[member])

    def step(self, inputs: Tensor, state: Tensors) -> Tensors:
        """Return the next state, (M, H, B) each, the first of which is the output.

        `inputs` (M, G*H, B) is the product of the inputs of the step.
        """
        raise NotImplementedError

    def forward(self, x: Tensor, present: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the states after every step, (M, H, L, B), and the last of them, (M, H, B)."""
        inputs = linear(x, self.input_weight, self.bias)  # (M, G*H, L, B)
        m, _, _, n_rows = inputs.shape
        state = tuple(x.new_zeros(m, self.n_hidden, n_rows) for _ in range(self.n_states))
        outputs = []
        for t, inputs_t in enumerate(inputs.unbind(2)):
            new = self.step(inputs_t, state)
            if present is not None:
                here = present[:, None, t]  # (M, 1, B)
                new = tuple(torch.where(here, n, s) for n, s in zip(new, state, strict=True))
            state = new
            outputs.append(state[0])
        return torch.stack(outputs, dim=2), state[0]


class RNN(Recurrent):
    r"""Elman's cell: :math:`h_t = \tanh(W x_t + U h_{t-1} + b)`."""

    n_gates = 1

    def step(self, inputs: Tensor, state: Tensors) -> Tensors:
        """Return the next state."""
        return (torch.tanh(inputs + linear(state[0], self.state_weight)),)


class LSTM(Recurrent):
    r"""Long short-term memory; gates input, forget, cell, output, as in `torch.nn.LSTM`.

    .. math:: c_t = f_t \odot c_{t-1} + i_t \odot \tilde c_t, \qquad h_t = o_t \odot \tanh(c_t)
    """

    n_gates = 4
    n_states = 2

    def initialize(self, member: int, generator: torch.Generator) -> None:
        """Fill as every cell, but let the forget gate start open (bias 1)."""
        super().initialize(member, generator)
        with torch.no_grad():
            self.bias[member, self.n_hidden : 2 * self.n_hidden] = 1.0

    def step(self, inputs: Tensor, state: Tensors) -> Tensors:
        """Return the next hidden and cell state."""
        h, c = state
        i, f, g, o = (inputs + linear(h, self.state_weight)).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c
