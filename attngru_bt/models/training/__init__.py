"""Training: mini-batches, AdamW, early stopping, many networks at once. It knows nothing of stocks.

``loop`` trains any number of networks of one architecture side by side, and a single one in the
same way. ``samples`` is what is trained on, ``trainee`` a network in training, ``optimizer`` AdamW,
and ``scoring`` applies trained networks.

Bits: the same network, data and generator give the same result on the same machine, whatever is
trained beside it. All noise (order of the batches, dropout) comes from the network's own generator,
`one_thread` fixes the order of the sums, and members of a stack do not affect each other
(`attngru_bt.models.networks.members`).
"""

from __future__ import annotations

from attngru_bt.models.training.loop import max_batch_networks, train
from attngru_bt.models.training.samples import (
    Job,
    Loss,
    Record,
    Samples,
    cross_entropy,
    squared_error,
)
from attngru_bt.models.training.scoring import CHUNK, attention, chunks, one_thread, predict

__all__ = [
    "CHUNK",
    "Job",
    "Loss",
    "Record",
    "Samples",
    "attention",
    "chunks",
    "cross_entropy",
    "max_batch_networks",
    "one_thread",
    "predict",
    "squared_error",
    "train",
]
