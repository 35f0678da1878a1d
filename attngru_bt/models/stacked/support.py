"""Which networks can be trained in a stack; all others are for the plain loop."""

from __future__ import annotations

from typing import Any

from torch import nn

from attngru_bt.models.networks import GRU, AttentionRNN, GRUResetAfter
from attngru_bt.models.stacked.losses import SLOPED
from attngru_bt.models.stacked.parameters import Shape


def can_stack(network: nn.Module, loss: Any) -> bool:
    """Whether `network` can be trained by `loss` in a stack.

    It can if it is a plain `AttentionRNN` of one GRU layer, with factor attention or none, whose
    output sees the last state (and the last step's factors, with a skip), without dropout, and all
    of whose parameters are trained; and if the slope of the loss is known (`SLOPED` of ``losses``).
    """
    return loss in SLOPED and shape_of(network) is not None


def shape_of(network: nn.Module) -> Shape | None:
    """Return the shape of a network that can be stacked, None for any other."""
    if type(network) is not AttentionRNN or network.dropout or len(network.layers) != 1:
        return None
    layer = network.layers[0]
    if type(layer) not in (GRU, GRUResetAfter):
        return None
    assert isinstance(layer, GRU | GRUResetAfter)
    shape = Shape(
        n_factors=layer.input_weight.shape[0],
        n_hidden=layer.n_hidden,
        attention=network.factor_attention is not None,
        reset="before" if isinstance(layer, GRU) else "after",
        skip=network.skip_weight is not None,
    )
    # whatever else a network may have (attention over time, later additions) has parameters
    if set(network.state_dict()) != shape.names:
        return None
    return shape if all(p.requires_grad for p in network.parameters()) else None
