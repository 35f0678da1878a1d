"""AttentionGRUClassifier: sequences of factors in, P(second class) out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from attngru_bt.classifier.checks import check_groups, check_parameters, check_X, check_y

if TYPE_CHECKING:
    from attngru_bt.classifier.tensors import Weights
    from attngru_bt.training import Samples

logger = logging.getLogger(__name__)

Progress = Callable[[int, dict[str, Any]], None]

MIN_VALIDATION_ROWS = 20


class AttentionGRUClassifier(ClassifierMixin, BaseEstimator):
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

    Inputs should be on a common scale of about 1 (standardised factors or their components).

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
        Rows per step of the optimiser (AdamW).
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
    validation_fraction : float in (0, 1), default=0.2
        Share of the dates (`groups`; without groups: of the rows) that is held out, always the
        last ones, rounded up.
    patience : int, default=5
        Epochs.
    n_seeds : int, default=1
        Networks trained from different starts; their probabilities are averaged. The first k of
        them are the same whatever `n_seeds` is.
    random_state : int, RandomState or None, default=None
        Source of starts, batch order and dropout. None takes fresh entropy (inside a
        `SignalGenerator` the generator gives each month its own seed instead). The global
        generators of numpy, torch and random are never read or moved.
    device : {"cpu", "cuda", "auto"}, default="cpu"
        "auto" is cuda if there is one. "cuda" without one falls back to the CPU with a warning.
    warm_start : bool, default=False
        Let the next `fit` continue from the networks fitted before instead of from new ones.
    verbose : int, default=0
        1 logs each fitted network, 2 each epoch (logger ``attngru_bt.classifier``, level INFO).

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
        Keyword arguments of `attngru_bt.network.AttentionRNN` that `networks_` belong to.
    history_ : list of list of dict
        Per network and epoch: epoch, loss, val_loss (None without validation), seconds.
    n_iter_ : ndarray of shape (n_seeds,)
        Epochs trained.
    best_epoch_ : ndarray of shape (n_seeds,)
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
    `fit` and `predict_proba` (see `attngru_bt.training.one_thread`). Rows are scored in chunks of
    256; a row's probability does not depend on the rows beside it.

    A `fit` that is interrupted leaves the classifier as it was.

    Examples
    --------
    >>> import numpy as np
    >>> from attngru_bt.classifier import AttentionGRUClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((600, 6, 4))                      # rows, steps, factors
    >>> y = X[:, -1, 0] + 0.5 * X[:, -2, 1] > 0
    >>> model = AttentionGRUClassifier(random_state=0).fit(X, y)
    >>> model.predict_proba(X).shape
    (600, 2)
    """

    def __init__(
        self,
        attention: str | None = "factor",
        cell: str = "gru",
        reset: str = "before",
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
        n_seeds: int = 1,
        random_state: int | np.random.RandomState | None = None,
        device: str = "cpu",
        warm_start: bool = False,
        verbose: int = 0,
    ) -> None:
        self.attention = attention
        self.cell = cell
        self.reset = reset
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
        self.n_seeds = n_seeds
        self.random_state = random_state
        self.device = device
        self.warm_start = warm_start
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        groups: Any = None,
        progress: Progress | None = None,
    ) -> AttentionGRUClassifier:
        """Train `n_seeds` networks.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, n_features) or (n_samples, n_features)
            Oldest step first; two dimensions mean one step. All-NaN steps are missing.
        y : array-like of shape (n_samples,)
            Two classes; the second in sorted order is the one that is scored.
        sample_weight : array-like of shape (n_samples,), optional
            Non-negative; rows of weight 0 are left out.
        groups : array-like of shape (n_samples,), optional
            Date of each row. The validation cut never splits a date. Without groups the rows
            themselves must be in time order.
        progress : callable, optional
            Called as ``progress(network_number, record)`` after each epoch, with the records of
            `history_`.

        Returns
        -------
        AttentionGRUClassifier
            Itself.

        Raises
        ------
        ValueError
            If a parameter is out of range, X is NaN in part or infinite, a row has no step, y has
            more than two classes, or a warm start does not fit the networks fitted before.
        FloatingPointError
            If the training diverges.
        """
        check_parameters(self)
        x, present = check_X(self, X, fitting=True)
        labels = check_y(self, y, len(x))
        weight = _check_sample_weight(sample_weight, x, dtype=np.float64, ensure_non_negative=True)
        groups = check_groups(groups, len(x))
        kept = weight > 0
        x, present, labels, weight = x[kept], present[kept], labels[kept], weight[kept]
        classes, target = np.unique(labels, return_inverse=True)
        if len(classes) == 1:
            logger.warning(
                "`y` holds one class only, %r in %d rows: its probability is 1 until the next fit.",
                classes.tolist()[0],
                len(labels),
            )
            return self._keep(classes, [], [], x.shape[2])
        weight *= compute_class_weight(self.class_weight, classes=classes, y=labels)[target]

        from attngru_bt.classifier.tensors import choose_device, to_samples
        from attngru_bt.training import one_thread

        architecture = self._architecture(x.shape[2])
        starts = self._warm_networks(architecture) if self.warm_start else None
        late = self._validation_rows(groups[kept], target)
        networks, histories = [], []
        with one_thread():
            device = choose_device(self.device)
            data = x, present, target, weight
            if late is None:
                early, last = to_samples(device, *data), None
            else:
                early = to_samples(device, *(part[~late] for part in data))
                last = to_samples(device, *(part[late] for part in data))
            for number, seed in enumerate(self._seeds()):
                network, history = self._fit_one(
                    number, int(seed), architecture, starts, early, last, progress
                )
                networks.append(network)
                histories.append(history)
        self.architecture_ = architecture
        return self._keep(classes, networks, histories, x.shape[2])

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, averaged over the networks.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, n_features) or (n_samples, n_features)
            As in `fit`; the number of steps may differ.

        Returns
        -------
        ndarray of shape (n_samples, 2)
            Columns as in `classes_`.
        """
        check_is_fitted(self)
        x, present = check_X(self, X, fitting=False)
        if not self.networks_:
            return np.ones((len(x), 1))

        from attngru_bt.classifier.tensors import choose_device, to_inputs, to_network
        from attngru_bt.training import one_thread, predict

        positive = np.zeros(len(x))
        with one_thread():
            device = choose_device(self.device)
            inputs = to_inputs(x, present, device)
            for weights in self.networks_:
                network = to_network(self.architecture_, weights, device)
                logits = predict(network, *inputs).cpu().numpy()
                positive += expit(logits.astype(np.float64))
        positive /= len(self.networks_)
        return np.column_stack([1.0 - positive, positive])

    def predict(self, X: Any) -> np.ndarray:
        """Return the more probable class of each row, of shape (n_samples,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def attention_weights(self, X: Any, *, mean: bool = True) -> dict[str, np.ndarray]:
        """Return what the networks attend to on these rows, averaged over the networks.

        Parameters
        ----------
        X : array-like
            As in `predict_proba`.
        mean : bool, default=True
            Average over rows; False gives the weights of every row.

        Returns
        -------
        dict {str: ndarray}
            "factor": (n_features,), mean over rows and the steps that are present; with
            ``mean=False`` (n_samples, n_steps, n_features). "temporal": (n_steps,) or
            (n_samples, n_steps). Only the attentions the model has. Weights are non-negative, sum
            to 1 (over features, over steps) and are 0 on missing steps.
        """
        check_is_fitted(self)
        x, present = check_X(self, X, fitting=False)
        total: dict[str, np.ndarray] = {}

        from attngru_bt.classifier.tensors import choose_device, to_inputs, to_network
        from attngru_bt.training import attention, one_thread

        with one_thread():
            device = choose_device(self.device)
            inputs = to_inputs(x, present, device)
            for weights in self.networks_:
                network = to_network(self.architecture_, weights, device)
                for name, alpha in attention(network, *inputs).items():
                    share = alpha.cpu().numpy().astype(np.float64) / len(self.networks_)
                    total[name] = total[name] + share if name in total else share
        if mean and "factor" in total:
            total["factor"] = total["factor"].sum((0, 1)) / present.sum()
        if mean and "temporal" in total:
            total["temporal"] = total["temporal"].mean(0)
        return total

    def _fit_one(
        self,
        number: int,
        seed: int,
        architecture: dict[str, Any],
        starts: list[Weights] | None,
        early: Samples,
        last: Samples | None,
        progress: Progress | None,
    ) -> tuple[Weights, list[dict[str, Any]]]:
        """Train network `number` on the early rows, watched on the last ones."""
        import torch

        from attngru_bt.classifier.tensors import to_network, to_weights
        from attngru_bt.network import AttentionRNN
        from attngru_bt.training import train

        def report(record: dict[str, Any]) -> None:
            if self.verbose >= 2:
                logger.info("network %d: %s", number, record)
            if progress is not None:
                progress(number, record)

        generator = torch.Generator().manual_seed(seed)
        base_rate = (early.y * early.weight).mean()  # the weights have mean 1
        network = AttentionRNN(**architecture)
        network.initialise(generator, log_odds=float(torch.logit(base_rate)))
        if starts is not None:
            network = to_network(architecture, starts[number], early.x.device)
        history = train(
            network.to(early.x.device),
            early,
            last,
            generator=generator,
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            lr=self.lr,
            weight_decay=self.weight_decay,
            patience=self.patience,
            progress=report,
        )
        if self.verbose >= 1:
            logger.info("network %d: %d epochs, last %s", number, len(history), history[-1])
        return to_weights(network), history

    def _keep(
        self,
        classes: np.ndarray,
        networks: list[Weights],
        histories: list[list[dict[str, Any]]],
        n_features: int,
    ) -> AttentionGRUClassifier:
        """Set the fitted attributes at once, when nothing can fail any more."""
        self.n_features_in_ = n_features
        self.classes_ = classes
        self.networks_ = networks
        self.history_ = histories
        self.n_iter_ = np.array([len(history) for history in histories], dtype=int)
        self.best_epoch_ = np.array([_best_epoch(history) for history in histories], dtype=int)
        return self

    def _architecture(self, n_features: int) -> dict[str, Any]:
        """Return the arguments of `AttentionRNN`."""
        names = ("attention", "cell", "reset", "hidden_size", "n_layers", "dropout")
        return {"n_features": n_features} | {name: getattr(self, name) for name in names}

    def _warm_networks(self, architecture: dict[str, Any]) -> list[Weights] | None:
        """Return the networks to continue from; None if there are none yet."""
        networks: list[Weights] = getattr(self, "networks_", [])
        if not networks:
            return None
        before = self.architecture_ | {"n_seeds": len(networks), "dropout": self.dropout}
        now = architecture | {"n_seeds": self.n_seeds}
        changed = [f"{k} from {before[k]!r} to {v!r}" for k, v in now.items() if v != before[k]]
        if changed:
            raise ValueError(
                "`warm_start` continues from the networks fitted before and cannot change "
                f"{', '.join(changed)}; set warm_start=False or clone the classifier."
            )
        return networks

    def _seeds(self) -> np.ndarray:
        """Return one seed per network; those of fewer networks come first."""
        # check_random_state(None) would hand out, and move, numpy's global generator
        state = np.random.RandomState() if self.random_state is None else self.random_state
        return np.asarray(check_random_state(state).randint(2**31 - 1, size=self.n_seeds))

    def _validation_rows(self, groups: np.ndarray, target: np.ndarray) -> np.ndarray | None:
        """Return the mask of the rows on the last dates; None if they are too few to judge by."""
        if not self.early_stopping:
            return None
        dates = np.unique(groups)
        n_late = int(np.ceil(self.validation_fraction * len(dates)))
        if n_late < len(dates):
            late: np.ndarray = groups >= dates[-n_late]
            both_classes = len(set(target[late])) == len(set(target[~late])) == 2
            if both_classes and late.sum() >= MIN_VALIDATION_ROWS:
                return late
        logger.info(
            "No early stopping: of %d rows on %d dates, the last dates do not hold both classes "
            "and %d rows with both classes before them; all %d epochs are trained.",
            len(target),
            len(dates),
            MIN_VALIDATION_ROWS,
            self.max_epochs,
        )
        return None

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn should know: two classes, 3-D input, NaN only as whole steps."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.three_d_array = True
        return tags


def _best_epoch(history: list[dict[str, Any]]) -> int:
    """Return the epoch that was kept: the first with the least validation loss, else the last."""
    if history[-1]["val_loss"] is None:
        return len(history)
    return 1 + int(np.argmin([record["val_loss"] for record in history]))
