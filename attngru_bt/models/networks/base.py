"""What every network has: parameters of M members, one number per row, a start, dropout."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self, TypeVar

import torch
from torch import Tensor, nn

from attngru_bt.models.networks.initial import uniform
from attngru_bt.models.networks.members import whole_vectors

Generators = Sequence[torch.Generator]
T = TypeVar("T")


class Layer(nn.Module):
    """A part of a network, with the weights of all members.

    A layer that is called batch after batch can keep its buffers (`reuse_buffers`): the pages of a
    large new tensor are mapped one by one, which takes longer than most of the arithmetic. Each
    forward pass overwrites the results of the one before, through which autograd then refuses to go
    back.
    """

    _reuses_buffers = False
    _buffers_made: tuple[Any, Any] = (None, None)

    def buffers_for(self, kind: Callable[..., T], x: Tensor, *sizes: int) -> T:
        """Return buffers ``kind(x, *sizes)``: those of the last call, if they have these sizes."""
        key = kind, sizes, x.dtype, x.device
        if not self._reuses_buffers:
            return kind(x, *sizes)
        if self._buffers_made[0] != key:
            self._buffers_made = key, kind(x, *sizes)
        made: T = self._buffers_made[1]
        return made

    def parameter(self, *sizes: int) -> nn.Parameter:
        """Return weights of one member that are still to be filled, (1, …)."""
        return nn.Parameter(torch.empty(1, *sizes))

    def initialize(self, member: int, generator: torch.Generator) -> None:
        """Fill the weights of a member."""
        raise NotImplementedError


class Network(Layer):
    """Hidden units of a row → one number: a logit, or the score of a regression.

    A subclass says which `parts` are initialized and how rows become hidden units (`hidden`); the
    rest is here. It is made by `attngru_bt.models.networks.build` and called as
    ``network(x, present, generators)``, see `attngru_bt.models.networks`.

    The first axis of the parameters is that of the members, and one network is M = 1. They are
    views of `rows`, a row per member: `bind` makes the same object compute with other members.

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

    Attributes
    ----------
    rows : Tensor of shape (M, P)
        The parameters one after the other, each beginning at a multiple of `members.VECTOR`.
    architecture : dict
        What makes a network of the same architecture, see `build`.
    """

    architecture: dict[str, Any]
    layers: Any  # of `Layer`, a ModuleList

    def __init__(self, n_features: int, *, hidden_size: int, dropout: float, skip: bool) -> None:
        super().__init__()
        self.output_weight = self.parameter(hidden_size)
        self.output_bias = self.parameter()
        self.skip_weight = self.parameter(n_features) if skip else None
        self.dropout = dropout

    def parts(self) -> Iterator[Layer]:
        """Yield the parts that `initialize` fills, in that order: the layers."""
        yield from self.layers

    def hidden(
        self, x: Tensor, present: Tensor | None, generators: Generators | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the hidden units of every row, (M, H, B), and its attention weights, if any."""
        raise NotImplementedError

    @property
    def n_members(self) -> int:
        """M."""
        return len(self.output_bias)

    @property
    def row_size(self) -> int:
        """P, the length of a member's row."""
        return sum(whole_vectors(p.shape[1:].numel()) for p in self.parameters())

    def bind(self, rows: Tensor) -> Self:
        """Let the parameters be views of these rows (M, P)."""
        self.rows = rows
        names = [name for name, _ in self.named_parameters()]
        for name, view in zip(names, self.views(rows), strict=True):
            layer, _, last = name.rpartition(".")
            setattr(self.get_submodule(layer), last, nn.Parameter(view))
        return self

    def views(self, rows: Tensor) -> list[Tensor]:
        """Cut rows (M, P) into tensors shaped like the parameters, which share their memory."""
        views, start = [], 0
        for p in self.parameters():
            sizes, n = p.shape[1:], p.shape[1:].numel()
            views.append(rows[:, start : start + n].view(len(rows), *sizes))
            start += whole_vectors(n)
        return views

    def decayed(self) -> Tensor:
        """Return 1.0 for the numbers of a row that are decayed, which are in matrices, else 0.0."""
        parts = [
            nn.functional.pad(torch.full((n,), float(p.ndim > 2)), (0, whole_vectors(n) - n))
            for p in self.parameters()
            for n in [p.shape[1:].numel()]
        ]
        return torch.cat(parts).to(self.rows)

    def initialize(  # type: ignore[override]
        self, generators: Generators, log_odds: float = 0.0
    ) -> None:
        """Fill the parameters of each member from its generator (on the CPU).

        Training starts around the output `log_odds`.
        """
        rows = torch.zeros(len(generators), self.row_size, dtype=self.rows.dtype)
        device = self.rows.device
        self.bind(rows)
        for member, generator in enumerate(generators):
            for part in self.parts():
                part.initialize(member, generator)
            uniform(self.output_weight[member], generator)
        nn.init.constant_(self.output_bias, log_odds)
        self.bind(rows.to(device))

    def member(self, member: int) -> dict[str, Tensor]:
        """Return a member's parameters by name, without the axis of the members."""
        return {name: p.detach()[member] for name, p in self.named_parameters()}

    def load_members(self, members: Sequence[dict[str, Tensor]]) -> Self:
        """Take over the parameters of other members, each as `member` returns them."""
        self.bind(self.rows.new_zeros(len(members), self.row_size))
        for number, weights in enumerate(members):
            for name, p in self.named_parameters():
                p.detach()[number] = weights[name]
        return self

    def reuse_buffers(self) -> Self:
        """Let the layers compute in the same memory batch after batch; see `Layer`."""
        for layer in self.modules():
            if isinstance(layer, Layer):
                layer._reuses_buffers = True
        return self

    def forward(
        self, x: Tensor, present: Tensor | None = None, generators: Generators | None = None
    ) -> Tensor:
        """Return the output of every row, (M, B)."""
        x, present = self._for_all_members(x, present)
        hidden, _ = self.hidden(x, present, generators)
        hidden = drop(hidden, self.dropout, generators)
        output = weighted_sum(self.output_weight, hidden) + self.output_bias[:, None]
        if self.skip_weight is not None:
            output = output + weighted_sum(self.skip_weight, last_step(x, present))
        return output

    def attention_weights(self, x: Tensor, present: Tensor | None = None) -> dict[str, Tensor]:
        """Return "factor" (M, F, L, B) and "temporal" (M, L, B), if any; 0 on missing steps."""
        return self.hidden(*self._for_all_members(x, present), None)[1]

    def _for_all_members(self, x: Tensor, present: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return rows that are given once, with an axis of length 1, for each member."""
        m = self.n_members
        if len(x) == m:
            return x, present
        return x.expand(m, -1, -1, -1), None if present is None else present.expand(m, -1, -1)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        # `.to`, `.double` and the like call this: the parameters stay views of `rows`
        return self.bind(fn(self.rows))


def weighted_sum(weight: Tensor, x: Tensor) -> Tensor:
    """Return the sum over the units of x (M, H, B), each times its weight (M, H)."""
    return (weight[..., None] * x).sum(1)


def drop(x: Tensor, share: float, generators: Generators | None) -> Tensor:
    """Drop units; torch's own dropout only draws from the global generator."""
    if generators is None or share == 0.0:
        return x
    # drawn on the CPU, each member's by its own generator: the same noise whatever the device
    noise = torch.stack([torch.rand(x.shape[1:], generator=g, dtype=x.dtype) for g in generators])
    return x * (noise >= share).to(x.device) / (1.0 - share)


def last_step(x: Tensor, present: Tensor | None) -> Tensor:
    """Return the last step of every row that is present, (M, F, B)."""
    if present is None:
        return x[:, :, -1]
    back = present.flip(1).to(torch.uint8).argmax(1)  # (M, B) steps missing at the end
    last = (x.shape[2] - 1 - back)[:, None, None].expand(-1, x.shape[1], 1, -1)  # (M, F, 1, B)
    return x.gather(2, last)[:, :, 0]
