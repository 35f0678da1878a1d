"""Parameters of many networks in one array: how a network's own tensors lie in it.

Row m of the array (M, P) is network m. A row is a chain of blocks, each a matrix (inputs × units)
that one product uses as it is, with the bias as the row of an input that is always 1. Blocks, with
F factors and H hidden units:

- ``attention`` (1 + F, F): b above W, with attention only;
- ``gates`` (H + 1 + F, 2 H): U, b and W of the reset and the update gate;
- ``candidate``, reset before the product: (1 + F + H, H) b, W and U;
- ``entry`` (1 + F, H) b and W, and ``memory`` (H + 1, H) U and c, reset after it;
- ``output`` (H + 1, 1): w and b;
- ``skip`` (F, 1): the weights of the last step's factors, with a skip only.

Rows are filled up with zeros to whole vectors of the processor: elementwise arithmetic then treats
a number alike whichever row it is in, and products find each block aligned alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from attngru_bt.models.stacked.memory import whole_vectors

State = Mapping[str, Tensor]  # a network's `state_dict`


@dataclass(frozen=True)
class Shape:
    """What networks must have in common to be trained as one.

    Attributes
    ----------
    n_factors, n_hidden : int
    attention : bool
        Whether factors are weighed.
    reset : {"before", "after"}
        Where the reset gate of the GRU acts.
    skip : bool
        Whether the last step's factors also go to the output directly.
    """

    n_factors: int
    n_hidden: int
    attention: bool
    reset: str
    skip: bool = False

    @property
    def blocks(self) -> dict[str, tuple[int, int]]:
        """Rows and columns of each block, in their order in the array."""
        f, h = self.n_factors, self.n_hidden
        blocks = {"attention": (1 + f, f)} if self.attention else {}
        blocks["gates"] = (h + 1 + f, 2 * h)
        if self.reset == "before":
            blocks["candidate"] = (1 + f + h, h)
        else:
            blocks["entry"] = (1 + f, h)
            blocks["memory"] = (h + 1, h)
        blocks["output"] = (h + 1, 1)
        if self.skip:
            blocks["skip"] = (f, 1)
        return blocks

    @property
    def n_parameters(self) -> int:
        """Parameters per network."""
        return sum(prod(block) for block in self.blocks.values())

    @property
    def size(self) -> int:
        """Length of a network's row: its parameters, filled up to whole vectors."""
        return whole_vectors(self.n_parameters)

    @property
    def names(self) -> set[str]:
        """Names of the tensors of a network of this shape."""
        names = {"input_weight", "state_weight", "bias"}
        names |= {"state_bias"} if self.reset == "after" else set()
        names = {f"layers.0.{name}" for name in names} | {"output_weight", "output_bias"}
        names |= {"skip_weight"} if self.skip else set()
        attention = {"factor_attention.weight", "factor_attention.bias"}
        return names | attention if self.attention else names

    def views(self, rows: Tensor) -> dict[str, Tensor]:
        """Blocks of some rows, (M, rows, columns) each, sharing their memory."""
        views, start = {}, 0
        for name, (n, k) in self.blocks.items():
            views[name] = rows[:, start : start + n * k].view(len(rows), n, k)
            start += n * k
        return views

    def pack(self, state: State) -> Tensor:
        """Return a network's parameters as one row (P,)."""
        h = self.n_hidden
        w_gates, w = state["layers.0.input_weight"].split_with_sizes([2 * h, h], 1)
        u_gates, u = state["layers.0.state_weight"].split_with_sizes([2 * h, h], 1)
        b_gates, b = state["layers.0.bias"][None].split_with_sizes([2 * h, h], 1)
        parts: list[tuple[Tensor, ...]] = []
        if self.attention:
            bias = state["factor_attention.bias"][None]
            parts += [(bias, state["factor_attention.weight"])]
        parts += [(u_gates, b_gates, w_gates)]
        if self.reset == "before":
            parts += [(b, w, u)]
        else:
            parts += [(b, w), (u, state["layers.0.state_bias"][None])]
        parts += [(state["output_weight"][:, None], state["output_bias"][None, None])]
        if self.skip:
            parts += [(state["skip_weight"],)]
        row = torch.cat([torch.cat(part).flatten() for part in parts])
        return torch.nn.functional.pad(row, (0, self.size - len(row)))

    def unpack(self, row: Tensor) -> dict[str, Tensor]:
        """Return the tensors of the network that lies in a row (P,)."""
        f, h = self.n_factors, self.n_hidden
        blocks = {name: block[0] for name, block in self.views(row[None]).items()}
        u_gates, b_gates, w_gates = blocks["gates"].split_with_sizes([h, 1, f])
        if self.reset == "before":
            b, w, u = blocks["candidate"].split_with_sizes([1, f, h])
        else:
            b, w = blocks["entry"].split_with_sizes([1, f])
            u, c = blocks["memory"].split_with_sizes([h, 1])
        state = {
            "layers.0.input_weight": torch.cat([w_gates, w], 1),
            "layers.0.state_weight": torch.cat([u_gates, u], 1),
            "layers.0.bias": torch.cat([b_gates, b], 1)[0],
            "output_weight": blocks["output"][:h, 0],
            "output_bias": blocks["output"][h, 0],
        }
        if self.reset == "after":
            state["layers.0.state_bias"] = c[0]
        if self.attention:
            state["factor_attention.bias"] = blocks["attention"][0]
            state["factor_attention.weight"] = blocks["attention"][1:]
        if self.skip:
            state["skip_weight"] = blocks["skip"][:, 0]
        return {name: value.clone() for name, value in state.items()}

    def decayed(self) -> Tensor:
        """Return which of the P numbers belong to matrices (1.0), which alone are decayed."""
        f, h = self.n_factors, self.n_hidden
        sizes = {
            "factor_attention.weight": (f, f),
            "factor_attention.bias": (f,),
            "layers.0.input_weight": (f, 3 * h),
            "layers.0.state_weight": (h, 3 * h),
            "layers.0.bias": (3 * h,),
            "layers.0.state_bias": (h,),
            "output_weight": (h,),
            "output_bias": (),
            "skip_weight": (f,),
        }
        return self.pack(
            {name: torch.full(size, float(len(size) > 1)) for name, size in sizes.items()}
        )
