"""FeedForwardClassifier: the factors of the last step in, P(second class) out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from attngru_bt.models.estimators.binary import BinaryClassifier


class FeedForwardClassifier(BinaryClassifier):
    r"""Two-class classifier by back-propagation: layers of tanh units on the last step alone.

    .. math:: P(\text{second class}) = \sigma(w \cdot \tanh(W x_L + b) + c)

    The classic network of one hidden layer. It takes sequences as the others do, so that early
    stopping knows the dates, and looks at the last step that is present; earlier steps change
    nothing.

    Parameters
    ----------
    hidden_size : int, default=16
        Units per layer.
    n_layers : int, default=1
        Layers.
    dropout : float in [0, 1), default=0.0
        Share of units dropped between layers and before the output, in training only.
    max_epochs, batch_size, lr, weight_decay, class_weight, early_stopping, validation_fraction,
    patience, n_networks, random_state, device, warm_start, verbose, skip, schedule
        As in `AttentionGRUClassifier`.

    Attributes
    ----------
    classes_, n_features_in_, networks_, architecture_, history_, n_iter_, best_epoch_
        As in `AttentionGRUClassifier`.

    Notes
    -----
    Missing steps, one class in `y`, bits and interrupts are treated as in
    `AttentionGRUClassifier`.
    """

    _network = "feedforward"
    _shape = ("hidden_size", "n_layers", "dropout", "skip")

    def __init__(
        self,
        hidden_size: int = 16,
        n_layers: int = 1,
        dropout: float = 0.0,
        max_epochs: int = 30,
        batch_size: int = 128,
        lr: float = 0.01,
        weight_decay: float = 1.0,
        class_weight: str | Mapping[Any, float] | None = None,
        early_stopping: bool = True,
        validation_fraction: float = 0.2,
        patience: int = 5,
        n_networks: int = 1,
        random_state: int | np.random.RandomState | None = None,
        device: str = "cpu",
        warm_start: bool = False,
        verbose: int = 0,
        skip: bool = False,
        schedule: str = "constant",
    ) -> None:
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.dropout = dropout
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.n_networks = n_networks
        self.random_state = random_state
        self.device = device
        self.warm_start = warm_start
        self.verbose = verbose
        self.skip = skip
        self.schedule = schedule
