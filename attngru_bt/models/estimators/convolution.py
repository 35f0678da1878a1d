"""ConvolutionClassifier: filters over neighboring steps in, P(second class) out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from attngru_bt.models.estimators.binary import BinaryClassifier


class ConvolutionClassifier(BinaryClassifier):
    r"""Two-class classifier of short sequences: convolutions over the steps.

    .. math::
        h_{it} &= \mathrm{relu}\Big(\sum_{k=0}^{K-1} w_{ik} \cdot x_{t-k} + b_i\Big) \\
        P(\text{second class}) &= \sigma\Big(\sum_i v_i \max_t h_{it} + c\Big)

    A filter sees a step and the ``kernel_size - 1`` steps before it, never a later one; each keeps
    its largest value over the row.

    Parameters
    ----------
    kernel_size : int, default=3
        Neighboring steps that a filter sees.
    hidden_size : int, default=16
        Filters per layer.
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
    `AttentionGRUClassifier`. Missing steps within a row count as 0, the mean of a standardized
    factor.
    """

    _network = "convolution"
    _shape = ("kernel_size", "hidden_size", "n_layers", "dropout", "skip")

    def __init__(
        self,
        kernel_size: int = 3,
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
        self.kernel_size = kernel_size
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
