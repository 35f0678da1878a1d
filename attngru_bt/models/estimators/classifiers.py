"""The classifiers: sequences of factors in, P(second class) out, one class per network."""

from __future__ import annotations

from dataclasses import dataclass

from attngru_bt.models.estimators.architectures import ConvolutionEstimator, FeedForwardEstimator
from attngru_bt.models.estimators.attention import AttentionGRU
from attngru_bt.models.estimators.binary import BinaryClassifier


@dataclass(kw_only=True, eq=False, repr=False)
class AttentionGRUClassifier(AttentionGRU, BinaryClassifier):
    r"""Two-class classifier of short sequences: attention over factors, GRU, attention over time.

    One class is RNN, LSTM, GRU (``attention=None``) and Attention-GRU. With ``attention="factor"``
    and ``cell="gru"`` it is the model of the paper: at each step t

    .. math::
        \alpha_t &= \mathrm{softmax}(W x_t + b), \quad x'_t = F \, \alpha_t \odot x_t \\
        r_t &= \sigma(W_r x'_t + U_r h_{t-1} + b_r) \\
        z_t &= \sigma(W_z x'_t + U_z h_{t-1} + b_z) \\
        \tilde h_t &= \tanh(W_h x'_t + U_h (r_t \odot h_{t-1}) + b_h) \\
        h_t &= z_t \odot h_{t-1} + (1 - z_t) \odot \tilde h_t

    and P(second class) = sigmoid(w · h_L + c). F, the number of factors, keeps the scale of the
    inputs (even attention passes them on unchanged). The reset gate multiplies the state before
    the recurrent product; in ``torch.nn.GRU`` it multiplies the product, U_h h + c_h
    (``reset="after"``). The update gate is the same in both.

    Inputs should be on a common scale of about 1 (standardized factors or their components).

    Parameters
    ----------
    attention : {"factor", "temporal", "both"} or None, default="factor"
        "factor" weighs the factors within a step; "temporal" pools the states of all steps
        (instead of taking the last one) with weights softmax(v · tanh(W h_t + b)).
    cell : {"gru", "lstm", "rnn"}, default="gru"
    reset : {"before", "after"}, default="before"
        Where the reset gate of the GRU acts: the paper's form or torch's. Other cells ignore it.
    hidden_size : int, default=16
        Units per recurrent layer.
    n_layers : int, default=1
        Recurrent layers.
    dropout : float in [0, 1), default=0.0
        Share of units dropped between recurrent layers and before the output, in training only.
    max_epochs : int, default=30
    batch_size : int, default=128
        Rows per step of the optimizer (AdamW).
    lr : float, default=0.01
        Learning rate.
    weight_decay : float, default=1.0
        Decoupled weight decay of the matrices: each step takes off the share lr * weight_decay,
        which holds single weights below about 1 / weight_decay.
    class_weight : None, "balanced" or dict {class: weight}, default=None
        "balanced" makes both classes weigh the same; probabilities are then not calibrated to the
        base rate.
    early_stopping : bool, default=True
        Hold out the last rows, stop once their loss has not fallen for `patience` epochs, and keep
        the best epoch. When the rows do not suffice (fewer than 20 held out, or one class missing
        on either side) all epochs are trained and the log says so.
    validation_fraction : float in (0, 1) or int, default=0.2
        Share of the dates (`groups`; without groups: of the rows) that is held out, always the
        last ones, rounded up. A whole number is how many of them: 12 are the last 12 months where
        rows are taken each month, and 52 are where they are taken each week.
    patience : int, default=5
        Epochs.
    n_networks : int, default=1
        Networks trained from different starts; their probabilities are averaged. The first k of
        them are the same whatever `n_networks` is.
    random_state : int, RandomState or None, default=None
        Source of starts, batch order and dropout. None takes fresh entropy (inside a
        `SignalGenerator` the generator gives each month its own seed instead). The global
        generators of numpy, torch and random are never read or moved.
    device : {"cpu", "cuda", "auto"}, default="cpu"
        "auto" is cuda if there is one. "cuda" without one falls back to the CPU with a warning.
    warm_start : bool, default=False
        Let the next `fit` continue from the networks fitted before instead of from new ones.
    verbose : int, default=0
        1 logs each fitted network, 2 each epoch (logger ``attngru_bt.models.estimators``, level
        INFO).
    skip : bool, default=False
        Let the factors of the last step, before attention, also go to the output directly:
        w · h_L + u · x_L + c. The network then adds to a linear model; u starts at 0 and is not
        decayed.
    schedule : {"constant", "cosine"}, default="constant"
        "cosine" lets the learning rate fall from `lr` to 0 over `max_epochs`, along half a cosine;
        meant for few epochs without early stopping.
    n_averaged : int, default=1
        Number of last epochs whose weights are averaged, without early stopping.

    Attributes
    ----------
    classes_ : ndarray of shape (2,) or (1,)
        Sorted labels; `predict_proba` has one column for each.
    n_features_in_ : int
        Factors per step.
    networks_ : list of dict {str: ndarray}
        Weights of each network by parameter name, on the CPU; plain arrays, so that a fitted
        classifier is pickled without torch and loads on machines without a GPU.
    architecture_ : dict
        What `networks_` belong to, see `attngru_bt.models.networks.build`: ``network``
        ("recurrent") and the keyword arguments of `attngru_bt.models.networks.AttentionRNN`.
    history_ : list of list of dict
        Per network and epoch: epoch, loss, val_loss (None without validation), seconds.
    n_iter_ : ndarray of shape (n_networks,)
        Epochs trained.
    best_epoch_ : ndarray of shape (n_networks,)
        Epoch that was kept, from 1.

    Notes
    -----
    *Missing steps.* A step whose features are all NaN is missing (a stock listed lately): it gets
    no attention and leaves the state as it is, so missing steps in front change nothing. A step
    that is NaN in part is an error, as is a row without any step.

    *One class.* If `y` holds one class only, `fit` logs a warning, `networks_` is empty and
    `predict_proba` is a single column of ones, as in scikit-learn's trees: a walk-forward with a
    month of few stocks goes on. Look up columns through `classes_`.

    *Bits.* Same parameters, data and `random_state` give the same bits on the same machine, in
    threads too and whatever `torch.get_num_threads()` is, since torch is held to one thread during
    `fit` and `predict_proba` (see `attngru_bt.models.training.one_thread`). Rows are scored in
    chunks of 256; a row's probability does not depend on the rows beside it.

    A `fit` that is interrupted leaves the classifier as it was.

    Examples
    --------
    >>> import numpy as np
    >>> from attngru_bt.models.estimators import AttentionGRUClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((600, 6, 4))                      # rows, steps, factors
    >>> y = X[:, -1, 0] + 0.5 * X[:, -2, 1] > 0
    >>> model = AttentionGRUClassifier(random_state=0).fit(X, y)
    >>> model.predict_proba(X).shape
    (600, 2)
    """


@dataclass(kw_only=True, eq=False, repr=False)
class ConvolutionClassifier(ConvolutionEstimator, BinaryClassifier):
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
    n_layers, dropout, max_epochs, batch_size, lr, weight_decay, class_weight, early_stopping,
    validation_fraction, patience, n_networks, random_state, device, warm_start, verbose, skip,
    schedule, n_averaged
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


@dataclass(kw_only=True, eq=False, repr=False)
class FeedForwardClassifier(FeedForwardEstimator, BinaryClassifier):
    r"""Two-class classifier by back-propagation: layers of tanh units on the last step alone.

    .. math:: P(\text{second class}) = \sigma(w \cdot \tanh(W x_L + b) + c)

    The classic network of one hidden layer. It takes sequences as the others do, so that early
    stopping knows the dates, and looks at the last step that is present; earlier steps change
    nothing.

    Parameters
    ----------
    hidden_size : int, default=16
        Units per layer.
    n_layers, dropout, max_epochs, batch_size, lr, weight_decay, class_weight, early_stopping,
    validation_fraction, patience, n_networks, random_state, device, warm_start, verbose, skip,
    schedule, n_averaged
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
