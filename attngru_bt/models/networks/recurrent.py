"""Recurrent layers, and the network of the paper: attention over factors, GRU, attention over time.

References
----------
Cho et al. (2014), Learning phrase representations using RNN encoder-decoder, arXiv:1406.1078: GRU,
    with the reset gate before the recurrent product.
Hochreiter and Schmidhuber (1997), Long short-term memory: LSTM.
Bahdanau, Cho and Bengio (2015), Neural machine translation by jointly learning to align and
    translate, arXiv:1409.0473: additive attention over steps.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from attngru_bt.models.networks.attention import FactorAttention, TemporalAttention
from attngru_bt.models.networks.base import Network, check_choice, drop
from attngru_bt.models.networks.initial import orthogonal, uniform

ATTENTIONS = ("factor", "temporal", "both", None)
CELLS = ("gru", "lstm", "rnn")
RESETS = ("before", "after")

Tensors = tuple[Tensor, ...]


class Recurrent(nn.Module):
    """One recurrent layer: the loop over steps, shared by all cells.

    The input products of all steps are one matrix product in front of the loop. The state starts at
    0 and is not touched by missing steps, so that missing steps in front of a row change nothing.

    A cell says how many of its gates go into each recurrent product (GRU: two, then one more), how
    many tensors its state has, and what one step does.
    """

    products: tuple[int, ...]
    n_states = 1

    def __init__(self, n_inputs: int, n_hidden: int) -> None:
        super().__init__()
        n_gates = sum(self.products)
        self.n_hidden = n_hidden
        self.input_weight = nn.Parameter(torch.empty(n_inputs, n_gates * n_hidden))
        self.state_weight = nn.Parameter(torch.empty(n_hidden, n_gates * n_hidden))
        self.bias = nn.Parameter(torch.empty(n_gates * n_hidden))

    def initialize(self, generator: torch.Generator) -> None:
        """Fill: input weights uniform, state weights orthogonal (they keep memories), biases 0."""
        uniform(self.input_weight, generator)
        for gate in self.state_weight.chunk(sum(self.products), dim=1):
            orthogonal(gate, generator)
        nn.init.zeros_(self.bias)

    def step(self, inputs: Tensors, weights: Tensors, state: Tensors) -> Tensors:
        """Return the next state; its first tensor is the output.

        `inputs` (B, g*H) and `weights` (H, g*H) are given per recurrent product of g gates.
        """
        raise NotImplementedError

    def forward(self, x: Tensor, present: Tensor | None = None) -> Tensor:
        """Return the states after every step, (B, L, H)."""
        inputs = x.transpose(0, 1) @ self.input_weight + self.bias  # (L, B, G*H)
        # cut once, not in every step: slicing inside the loop costs a copy per step going backwards
        sizes = [n * self.n_hidden for n in self.products]
        weights = torch.split(self.state_weight, sizes, dim=1)  # (H, g*H) each
        steps = zip(*(part.unbind(0) for part in torch.split(inputs, sizes, dim=2)), strict=True)
        state = tuple(x.new_zeros(x.shape[0], self.n_hidden) for _ in range(self.n_states))
        outputs = []
        for t, inputs_t in enumerate(steps):
            new = self.step(inputs_t, weights, state)
            if present is not None:
                here = present[:, t, None]  # (B, 1)
                new = tuple(torch.where(here, n, s) for n, s in zip(new, state, strict=True))
            state = new
            outputs.append(state[0])
        return torch.stack(outputs, dim=1)  # (B, L, H)


class RNN(Recurrent):
    r"""Elman's cell: :math:`h_t = \tanh(W x_t + U h_{t-1} + b)`."""

    products = (1,)

    def step(self, inputs: Tensors, weights: Tensors, state: Tensors) -> Tensors:
        """Return the next state."""
        return (torch.tanh(torch.addmm(inputs[0], state[0], weights[0])),)


class LSTM(Recurrent):
    r"""Long short-term memory; gates input, forget, cell, output, as in `torch.nn.LSTM`.

    .. math:: c_t = f_t \odot c_{t-1} + i_t \odot \tilde c_t, \qquad h_t = o_t \odot \tanh(c_t)
    """

    products = (4,)
    n_states = 2

    def initialize(self, generator: torch.Generator) -> None:
        """Fill as every cell, but let the forget gate start open (bias 1)."""
        super().initialize(generator)
        with torch.no_grad():
            self.bias[self.n_hidden : 2 * self.n_hidden] = 1.0

    def step(self, inputs: Tensors, weights: Tensors, state: Tensors) -> Tensors:
        """Return the next hidden and cell state."""
        h, c = state
        i, f, g, o = torch.addmm(inputs[0], h, weights[0]).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


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

    products = (2, 1)

    def step(self, inputs: Tensors, weights: Tensors, state: Tensors) -> Tensors:
        """Return the next state."""
        (h,) = state
        r, z = torch.sigmoid(torch.addmm(inputs[0], h, weights[0])).chunk(2, dim=1)
        candidate = torch.tanh(torch.addmm(inputs[1], r * h, weights[1]))
        return (torch.lerp(candidate, h, z),)  # z * h + (1 - z) * candidate


class GRUResetAfter(Recurrent):
    r"""GRU of `torch.nn.GRU` and cuDNN: the reset gate multiplies *after* the recurrent product.

    .. math:: \tilde h_t = \tanh(W_h x_t + b_h + r_t \odot (U_h h_{t-1} + c_h))
    """

    products = (2, 1)

    def __init__(self, n_inputs: int, n_hidden: int) -> None:
        super().__init__(n_inputs, n_hidden)
        # c_h; for r and z a second bias would only repeat the first
        self.state_bias = nn.Parameter(torch.empty(n_hidden))

    def initialize(self, generator: torch.Generator) -> None:
        """Fill as every cell."""
        super().initialize(generator)
        nn.init.zeros_(self.state_bias)

    def step(self, inputs: Tensors, weights: Tensors, state: Tensors) -> Tensors:
        """Return the next state."""
        (h,) = state
        r, z = torch.sigmoid(torch.addmm(inputs[0], h, weights[0])).chunk(2, dim=1)
        candidate = torch.tanh(inputs[1] + r * torch.addmm(self.state_bias, h, weights[1]))
        return (torch.lerp(candidate, h, z),)


class AttentionRNN(Network):
    """Factor attention -> recurrent layers -> temporal attention or last state -> one output.

    Parameters
    ----------
    n_features : int
        Factors (components) per step.
    attention : {"factor", "temporal", "both"} or None
    cell : {"gru", "lstm", "rnn"}
    reset : {"before", "after"}
        Where the reset gate of the GRU acts; no meaning for the other cells.
    hidden_size, n_layers : int
    dropout : float
        Share of units dropped between recurrent layers and in front of the output, in training.
    skip : bool
        Whether the factors of the last step, before attention, also go to the output directly.

    Raises
    ------
    ValueError
        If `attention`, `cell` or `reset` is none of the above.
    """

    def __init__(
        self,
        n_features: int,
        *,
        attention: str | None = "factor",
        cell: str = "gru",
        reset: str = "before",
        hidden_size: int = 16,
        n_layers: int = 1,
        dropout: float = 0.0,
        skip: bool = False,
    ) -> None:
        super().__init__(n_features, hidden_size=hidden_size, dropout=dropout, skip=skip)
        check_choice("attention", attention, ATTENTIONS)
        check_choice("cell", cell, CELLS)
        check_choice("reset", reset, RESETS)
        gru = GRU if reset == "before" else GRUResetAfter
        layer: type[Recurrent] = {"gru": gru, "lstm": LSTM, "rnn": RNN}[cell]
        sizes = [n_features] + [hidden_size] * n_layers
        by_factor, by_time = attention in ("factor", "both"), attention in ("temporal", "both")
        self.factor_attention = FactorAttention(n_features) if by_factor else None
        self.layers = nn.ModuleList(layer(a, b) for a, b in zip(sizes, sizes[1:], strict=False))
        self.temporal_attention = TemporalAttention(hidden_size) if by_time else None

    def parts(self) -> Iterator[nn.Module]:
        """Yield the attentions and layers there are."""
        for part in (self.factor_attention, *self.layers, self.temporal_attention):
            if part is not None:
                yield part

    def hidden(
        self, x: Tensor, present: Tensor | None, generator: torch.Generator | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the last state, or that of the temporal attention, and the attention weights."""
        weights = {}
        if self.factor_attention is not None:
            x, alpha = self.factor_attention(x)  # (B, L, F)
            weights["factor"] = alpha if present is None else alpha * present.unsqueeze(-1)
        for i, layer in enumerate(self.layers):
            x = layer(x if i == 0 else drop(x, self.dropout, generator), present)  # (B, L, H)
        if self.temporal_attention is None:
            return x[:, -1], weights  # (B, H)
        pooled, weights["temporal"] = self.temporal_attention(x, present)
        return pooled, weights
