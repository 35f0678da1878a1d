"""The networks: recurrent with attention, convolutions over the steps, feed-forward.

Notation: M members (networks of one architecture, each with weights of its own; one network is
M = 1), B rows, L steps (oldest first), F factors, H hidden units. Lines that reshape end in their
shape. Units come before rows, as in ``W x + b`` with a column per row of the data, so that gates
are cut out of a product as whole blocks and elementwise loops run along whole vectors.

Every network is called as ``network(x, present, generators)`` and returns one number per member and
row, (M, B):

- ``x`` (M, F, L, B), missing steps filled with 0;
- ``present`` (M, L, B) bool, False on missing steps, or None when no step is missing;
- ``generators`` the M sources of dropout noise; without them nothing is dropped (scoring).

Neither rows nor members see each other (``members`` says how), and missing steps in front of a row
change nothing. Nothing here draws from torch's global generator: parameters are made empty and
filled by `Network.initialize`.

What is shared (``base``, ``members``, ``initial``), the attentions (``attention``), the recurrent
layers (``recurrent``, ``gru`` and its memory, ``gru_buffers``), and a file per network
(``attention_rnn``, ``convolution``, ``feedforward``). `build` makes the one that a dict describes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from attngru_bt.models.networks.attention import FactorAttention, TemporalAttention
from attngru_bt.models.networks.attention_rnn import ATTENTIONS, CELLS, RESETS, AttentionRNN
from attngru_bt.models.networks.base import Network
from attngru_bt.models.networks.convolution import Convolution, ConvolutionNetwork
from attngru_bt.models.networks.feedforward import Dense, FeedForwardNetwork
from attngru_bt.models.networks.gru import GRU, GRUResetAfter
from attngru_bt.models.networks.recurrent import LSTM, RNN, Recurrent

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
    network = NETWORKS[settings.pop("network", "recurrent")](**settings)
    network.architecture = dict(architecture)
    return network.bind(torch.zeros(1, network.row_size))


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
