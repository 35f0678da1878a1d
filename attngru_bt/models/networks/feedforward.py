"""The back-propagation network: layers of units on the last step alone.

References
----------
Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors,
    Nature 323.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from attngru_bt.models.networks.base import Generators, Layer, Network, drop, last_step
from attngru_bt.models.networks.initial import uniform
from attngru_bt.models.networks.members import linear


class Dense(Layer):
    r"""One layer of units: :math:`h = \tanh(W x + b)`."""

    def __init__(self, n_inputs: int, n_hidden: int) -> None:
        super().__init__()
        self.weight = self.parameter(n_inputs, n_hidden)
        self.bias = self.parameter(n_hidden)

    def initialize(self, member: int, generator: torch.Generator) -> None:
        """Fill: weights uniform, biases 0."""
        uniform(self.weight[member], generator)
        nn.init.zeros_(self.bias[member])

    def forward(self, x: Tensor) -> Tensor:
        """Return the units, (M, H, B)."""
        return torch.tanh(linear(x, self.weight, self.bias))


class FeedForwardNetwork(Network):
    """Last step that is present -> layers of units -> one output; earlier steps are not looked at.

    Parameters
    ----------
    n_features : int
        Factors (components) per step.
    hidden_size, n_layers : int
    dropout : float
        Share of units dropped between layers and in front of the output, in training.
    skip : bool
        Whether the factors of the last step also go to the output directly.
    """

    def __init__(
        self,
        n_features: int,
        *,
        hidden_size: int = 16,
        n_layers: int = 1,
        dropout: float = 0.0,
        skip: bool = False,
    ) -> None:
        super().__init__(n_features, hidden_size=hidden_size, dropout=dropout, skip=skip)
        sizes = [n_features] + [hidden_size] * n_layers
        self.layers = nn.ModuleList(Dense(a, b) for a, b in zip(sizes, sizes[1:], strict=False))

    def hidden(
        self, x: Tensor, present: Tensor | None, generators: Generators | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the units of the last layer, (M, H, B)."""
        units = last_step(x, present)  # (M, F, B)
        for i, layer in enumerate(self.layers):
            units = layer(units if i == 0 else drop(units, self.dropout, generators))  # (M, H, B)
        return units, {}
