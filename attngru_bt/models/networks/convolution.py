"""Convolutions over the steps of a row.

References
----------
Kim (2014), Convolutional neural networks for sentence classification, arXiv:1408.5882: filters over
    neighboring steps, of which each keeps its largest value.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from attngru_bt.models.networks.base import Generators, Layer, Network, drop
from attngru_bt.models.networks.initial import uniform
from attngru_bt.models.networks.members import linear


class Convolution(Layer):
    r"""Filters over `width` neighboring steps, none of them later than the step itself.

    .. math:: h_t = \mathrm{relu}\Big(\sum_{k=0}^{K-1} W_k x_{t-k} + b\Big)

    Missing steps, and those in front of the first, count as 0, and their own h is 0: missing steps
    in front of a row change nothing.
    """

    def __init__(self, n_inputs: int, n_filters: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.weight = self.parameter(width * n_inputs, n_filters)  # W_0 first
        self.bias = self.parameter(n_filters)

    def initialize(self, member: int, generator: torch.Generator) -> None:
        """Fill: weights uniform, biases 0."""
        uniform(self.weight[member], generator)
        nn.init.zeros_(self.bias[member])

    def forward(self, x: Tensor, present: Tensor | None = None) -> Tensor:
        """Return the filters' values at every step, (M, H, L, B)."""
        if present is not None:
            x = x * present[:, None]
        steps = x.shape[2]
        # one matrix product over copies shifted by 0, 1, … steps, since rows are short and K small
        shifted = [nn.functional.pad(x, (0, 0, k, 0))[:, :, :steps] for k in range(self.width)]
        out = torch.relu(linear(torch.cat(shifted, dim=1), self.weight, self.bias))
        return out if present is None else out * present[:, None]


class ConvolutionNetwork(Network):
    """Convolution layers over the steps -> each filter's largest value of the row -> one output.

    Parameters
    ----------
    n_features : int
        Factors (components) per step.
    kernel_size : int
        Neighboring steps that a filter sees.
    hidden_size : int
        Filters per layer.
    n_layers : int
        Layers; each lets the network see ``kernel_size - 1`` steps further back.
    dropout : float
        Share of units dropped between layers and in front of the output, in training.
    skip : bool
        Whether the factors of the last step also go to the output directly.
    """

    def __init__(
        self,
        n_features: int,
        *,
        kernel_size: int = 3,
        hidden_size: int = 16,
        n_layers: int = 1,
        dropout: float = 0.0,
        skip: bool = False,
    ) -> None:
        super().__init__(n_features, hidden_size=hidden_size, dropout=dropout, skip=skip)
        sizes = [n_features] + [hidden_size] * n_layers
        self.layers = nn.ModuleList(
            Convolution(a, b, kernel_size) for a, b in zip(sizes, sizes[1:], strict=False)
        )

    def hidden(
        self, x: Tensor, present: Tensor | None, generators: Generators | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the largest value of each filter over the steps that are present, (M, H, B)."""
        for i, layer in enumerate(self.layers):
            x = layer(x if i == 0 else drop(x, self.dropout, generators), present)  # (M, H, L, B)
        return x.amax(2), {}  # (M, H, B); missing steps are 0, and no filter is below 0
