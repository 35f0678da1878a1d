"""The network of the paper: attention over factors, recurrent layers, attention over time.

References
----------
Bahdanau, Cho and Bengio (2015), Neural machine translation by jointly learning to align and
    translate, arXiv:1409.0473: additive attention over steps.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from attngru_bt import checks
from attngru_bt.models.networks.attention import FactorAttention, TemporalAttention
from attngru_bt.models.networks.base import Generators, Layer, Network, drop
from attngru_bt.models.networks.gru import GRU, GRUResetAfter
from attngru_bt.models.networks.recurrent import LSTM, RNN, Recurrent

ATTENTIONS = ("factor", "temporal", "both", None)
CELLS = ("gru", "lstm", "rnn")
RESETS = ("before", "after")


class AttentionRNN(Network):
    """Factor attention -> recurrent layers -> temporal attention or last state -> one output.

    Parameters
    ----------
    n_features : int
        Factors (components) per step.
    attention : {"factor", "temporal", "both"} or None
    cell : {"gru", "lstm", "rnn"}
    reset : {"before", "after"}
        Where the reset gate of the GRU acts; no meaning for the other cells.
    hidden_size, n_layers : int
    dropout : float
        Share of units dropped between recurrent layers and in front of the output, in training.
    skip : bool
        Whether the factors of the last step, before attention, also go to the output directly.

    Raises
    ------
    ValueError
        If `attention`, `cell` or `reset` is none of the above.
    """

    def __init__(
        self,
        n_features: int,
        *,
        attention: str | None = "factor",
        cell: str = "gru",
        reset: str = "before",
        hidden_size: int = 16,
        n_layers: int = 1,
        dropout: float = 0.0,
        skip: bool = False,
    ) -> None:
        super().__init__(n_features, hidden_size=hidden_size, dropout=dropout, skip=skip)
        checks.one_of("attention", attention, ATTENTIONS)
        checks.one_of("cell", cell, CELLS)
        checks.one_of("reset", reset, RESETS)
        gru = GRU if reset == "before" else GRUResetAfter
        layer: type[Recurrent] = {"gru": gru, "lstm": LSTM, "rnn": RNN}[cell]
        sizes = [n_features] + [hidden_size] * n_layers
        by_factor, by_time = attention in ("factor", "both"), attention in ("temporal", "both")
        self.factor_attention = FactorAttention(n_features) if by_factor else None
        self.layers = nn.ModuleList(layer(a, b) for a, b in zip(sizes, sizes[1:], strict=False))
        self.temporal_attention = TemporalAttention(hidden_size) if by_time else None

    def parts(self) -> Iterator[Layer]:
        """Yield the attentions and layers there are."""
        for part in (self.factor_attention, *self.layers, self.temporal_attention):
            if part is not None:
                yield part

    def hidden(
        self, x: Tensor, present: Tensor | None, generators: Generators | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the last state, or that of the temporal attention, and the attention weights."""
        weights = {}
        if self.factor_attention is not None:
            x, alpha = self.factor_attention(x)  # (M, F, L, B)
            weights["factor"] = alpha if present is None else alpha * present[:, None]
        for i, layer in enumerate(self.layers):
            x = x if i == 0 else drop(x, self.dropout, generators)
            x, last = layer(x, present)  # (M, H, L, B), (M, H, B)
        if self.temporal_attention is None:
            return last, weights
        pooled, weights["temporal"] = self.temporal_attention(x, present)
        return pooled, weights
