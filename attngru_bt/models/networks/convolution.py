"""Convolutions over the steps of a row.

References
----------
Kim (2014), Convolutional neural networks for sentence classification, arXiv:1408.5882: filters over
    neighboring steps, of which each keeps its largest value.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from attngru_bt.models.networks.base import Network, drop
from attngru_bt.models.networks.initial import uniform


class Convolution(nn.Module):
    r"""Filters over `width` neighboring steps, none of them later than the step itself.

    .. math:: h_t = \mathrm{relu}\Big(\sum_{k=0}^{K-1} W_k x_{t-k} + b\Big)

    Missing steps, and those in front of the first, count as 0, and their own h is 0: missing steps
    in front of a row change nothing.
    """

    def __init__(self, n_inputs: int, n_filters: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.weight = nn.Parameter(torch.empty(width * n_inputs, n_filters))  # W_0 first
        self.bias = nn.Parameter(torch.empty(n_filters))

    def initialize(self, generator: torch.Generator) -> None:
        """Fill: weights uniform, biases 0."""
        uniform(self.weight, generator)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, present: Tensor | None = None) -> Tensor:
        """Return the filters' values at every step, (B, L, H)."""
        if present is not None:
            x = x * present.unsqueeze(-1)
        n_steps = x.shape[1]
        # a matrix product over copies shifted by 0, 1, … steps: rows are short, K is small
        shifted = [nn.functional.pad(x, (0, 0, k, 0))[:, :n_steps] for k in range(self.width)]
        out = torch.relu(torch.cat(shifted, dim=2) @ self.weight + self.bias)  # (B, L, H)
        return out if present is None else out * present.unsqueeze(-1)


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

    def parts(self) -> Iterator[nn.Module]:
        """Yield the layers."""
        yield from self.layers

    def hidden(
        self, x: Tensor, present: Tensor | None, generator: torch.Generator | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the largest value of each filter over the steps that are present, (B, H)."""
        for i, layer in enumerate(self.layers):
            x = layer(x if i == 0 else drop(x, self.dropout, generator), present)  # (B, L, H)
        return x.amax(1), {}  # (B, H); missing steps are 0, and no filter is below 0
