"""Softmax attention: over the factors within a step, over the steps of a row."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from attngru_bt.models.networks.initial import uniform


class FactorAttention(nn.Module):
    r"""Softmax attention over the factors of each step.

    .. math:: \alpha_t = \mathrm{softmax}(W x_t + b), \qquad x'_t = F \, \alpha_t \odot x_t

    The factor F keeps the variance: attention that is spread evenly (alpha = 1/F, which is where
    training starts, since W = 0 and b = 0) passes the factors on unchanged, whereas plain alpha * x
    would shrink them F times and leave the recurrent layer almost without input. The network so
    starts as the same one without attention.
    """

    def __init__(self, n_factors: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_factors, n_factors))
        self.bias = nn.Parameter(torch.empty(n_factors))

    def initialize(self, generator: torch.Generator) -> None:
        """Start from even attention."""
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the re-weighted factors and the attention, both (B, L, F)."""
        alpha = torch.softmax(x @ self.weight + self.bias, dim=-1)  # (B, L, F)
        return x.shape[-1] * alpha * x, alpha


class TemporalAttention(nn.Module):
    r"""Softmax attention over the hidden states of the steps that are present.

    .. math:: e_t = v^\top \tanh(W h_t + b), \quad \beta = \mathrm{softmax}(e), \quad
        c = \sum_t \beta_t h_t

    Starts even over the present steps (v = 0); missing steps have weight 0.
    """

    def __init__(self, n_hidden: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_hidden, n_hidden))
        self.bias = nn.Parameter(torch.empty(n_hidden))
        self.query = nn.Parameter(torch.empty(n_hidden))

    def initialize(self, generator: torch.Generator) -> None:
        """Start from even attention."""
        uniform(self.weight, generator)
        nn.init.zeros_(self.bias)
        nn.init.zeros_(self.query)

    def forward(self, states: Tensor, present: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the pooled state (B, H) and the attention (B, L)."""
        scores = torch.tanh(states @ self.weight + self.bias) @ self.query  # (B, L)
        if present is not None:
            scores = scores.masked_fill(~present, -math.inf)
        beta = torch.softmax(scores, dim=-1)  # (B, L)
        return (beta.unsqueeze(-1) * states).sum(1), beta
