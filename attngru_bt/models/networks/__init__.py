"""The networks: recurrent with attention, convolutions over the steps, feed-forward.

Notation: B rows, L steps (oldest first), F factors, H hidden units, G gates. Lines that reshape end
in their shape.

Every network is called as ``network(x, present, generator)`` and returns one number per row:

- ``x`` (B, L, F), missing steps filled with 0;
- ``present`` (B, L) bool, False on missing steps, or None when no step is missing;
- ``generator`` the source of dropout noise; without one nothing is dropped (scoring).

A row does not see the others, and missing steps in front of it change nothing. Nothing here draws
from torch's global generator: parameters are made empty and filled by `initialize`.

What is shared (``base``, ``initial``), the attentions (``attention``), and a file per network
(``recurrent``, ``convolution``, ``feedforward``). `build` makes the one that a dict describes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attngru_bt.models.networks.attention import FactorAttention, TemporalAttention
from attngru_bt.models.networks.base import Network
from attngru_bt.models.networks.convolution import Convolution, ConvolutionNetwork
from attngru_bt.models.networks.feedforward import Dense, FeedForwardNetwork
from attngru_bt.models.networks.recurrent import (
    ATTENTIONS,
    CELLS,
    GRU,
    LSTM,
    RESETS,
    RNN,
    AttentionRNN,
    GRUResetAfter,
    Recurrent,
)

NETWORKS: Mapping[str, type[Network]] = {
    "recurrent": AttentionRNN,
    "convolution": ConvolutionNetwork,
    "feedforward": FeedForwardNetwork,
}


def build(architecture: Mapping[str, Any]) -> Network:
    """Make the network that a dict describes, its parameters not filled yet.

    Parameters
    ----------
    architecture : mapping
        ``network``, one of `NETWORKS` ("recurrent" if it is not there), and the keyword arguments
        of that class.
    """
    settings = dict(architecture)
    return NETWORKS[settings.pop("network", "recurrent")](**settings)


__all__ = [
    "ATTENTIONS",
    "CELLS",
    "GRU",
    "LSTM",
    "NETWORKS",
    "RESETS",
    "RNN",
    "AttentionRNN",
    "Convolution",
    "ConvolutionNetwork",
    "Dense",
    "FactorAttention",
    "FeedForwardNetwork",
    "GRUResetAfter",
    "Network",
    "Recurrent",
    "TemporalAttention",
    "build",
]
