"""What every network has: one number per row, a start from a generator, dropout of its own."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from attngru_bt.models.networks.initial import uniform


class Network(nn.Module):
    """Hidden units of a row → one number: a logit, or the score of a regression.

    A network says which `parts` it starts with and how a row becomes its hidden units (`hidden`);
    the rest is here. Called as ``network(x, present, generator)``, see
    `attngru_bt.models.networks`.

    Parameters
    ----------
    n_features : int
        Factors (components) per step.
    hidden_size : int
        Hidden units that the output weighs.
    dropout : float
        Share of units dropped in front of the output (and between layers), in training.
    skip : bool
        Whether the factors of the last step that is present also go to the output directly, each
        with a weight of its own: the network then adds to a linear model. The weights start at 0.
    """

    def __init__(self, n_features: int, *, hidden_size: int, dropout: float, skip: bool) -> None:
        super().__init__()
        self.output_weight = nn.Parameter(torch.empty(hidden_size))
        self.output_bias = nn.Parameter(torch.empty(()))
        self.skip_weight = nn.Parameter(torch.empty(n_features)) if skip else None
        self.dropout = dropout

    def parts(self) -> Iterator[nn.Module]:
        """Yield the parts that `initialize` fills, in that order."""
        raise NotImplementedError

    def hidden(
        self, x: Tensor, present: Tensor | None, generator: torch.Generator | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the hidden units of every row, (B, H), and its attention weights, if any."""
        raise NotImplementedError

    def initialize(self, generator: torch.Generator, log_odds: float = 0.0) -> None:
        """Fill every parameter from `generator` (on the CPU); training starts around `log_odds`."""
        for part in self.parts():
            part.initialize(generator)  # type: ignore[operator]
        uniform(self.output_weight, generator)
        nn.init.constant_(self.output_bias, log_odds)
        if self.skip_weight is not None:
            nn.init.zeros_(self.skip_weight)

    def forward(
        self, x: Tensor, present: Tensor | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """Return the output of every row, (B,)."""
        hidden, _ = self.hidden(x, present, generator)
        output = drop(hidden, self.dropout, generator) @ self.output_weight + self.output_bias
        if self.skip_weight is None:
            return output
        return output + last_step(x, present) @ self.skip_weight

    def attention_weights(self, x: Tensor, present: Tensor | None = None) -> dict[str, Tensor]:
        """Return "factor" (B, L, F) and "temporal" (B, L), whichever there are; 0 if missing."""
        return self.hidden(x, present, None)[1]


def drop(x: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Drop units; torch's own dropout only draws from the global generator."""
    if generator is None or share == 0.0:
        return x
    # drawn on the CPU: the same noise whatever the device
    kept = torch.rand(x.shape, generator=generator, dtype=x.dtype) >= share
    return x * kept.to(x.device) / (1.0 - share)


def last_step(x: Tensor, present: Tensor | None) -> Tensor:
    """Return the last step of every row that is present, (B, F)."""
    if present is None:
        return x[:, -1]
    back = present.flip(1).to(torch.uint8).argmax(1)  # steps missing at the end
    return x[torch.arange(len(x), device=x.device), x.shape[1] - 1 - back]


def check_choice(name: str, value: object, choices: tuple[str | None, ...]) -> None:
    """Raise ValueError unless `value` is one of `choices`; the message has the nearest."""
    if value not in choices:
        names = ", ".join(map(repr, choices))
        near = difflib.get_close_matches(str(value), [c for c in choices if c], n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"`{name}` must be one of {names}; got {name}={value!r}.{hint}")
