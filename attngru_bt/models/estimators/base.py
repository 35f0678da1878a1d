"""What all estimators share: their parameters, how networks are trained, kept and applied."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from attngru_bt.models.estimators.checks import check_X
from attngru_bt.models.estimators.rows import FitInProgress, History, Progress, Record, Rows

if TYPE_CHECKING:
    from attngru_bt.models.estimators.tensors import Weights
    from attngru_bt.models.training import Job, Samples

logger = logging.getLogger(__name__)

T = TypeVar("T")

MIN_VALIDATION_ROWS = 20
SHAPE = ("hidden_size", "n_layers", "dropout", "skip")  # parameters of every network


@dataclass(kw_only=True, eq=False, repr=False)
class NetworkEstimator(BaseEstimator):  # type: ignore[misc]
    """Base of the estimators: `n_networks` networks of one architecture, kept as plain arrays.

    The parameters that all of them have are fields here, so that a subclass only names its own;
    `AttentionGRUClassifier` explains them.

    A subclass says which network it trains (`_network`, `_shape`), what its rows are (`_rows`),
    where the output starts (`_start`), by which loss it learns (`_loss`) and what the output of a
    fitted network means.
    """

    _network: ClassVar[str]  # one of attngru_bt.models.networks.NETWORKS
    _shape: ClassVar[tuple[str, ...]] = ()  # its own parameters that are passed to the network
    _judged_by: ClassVar[str] = f"{MIN_VALIDATION_ROWS} rows and as many before them"

    hidden_size: int = 16
    n_layers: int = 1
    dropout: float = 0.0
    max_epochs: int = 30
    batch_size: int = 128
    lr: float = 0.01
    weight_decay: float = 1.0
    early_stopping: bool = True
    validation_fraction: float = 0.2
    patience: int = 5
    n_networks: int = 1
    random_state: int | np.random.RandomState | None = None
    device: str = "cpu"
    warm_start: bool = False
    verbose: int = 0
    skip: bool = False
    schedule: str = "constant"
    n_averaged: int = 1

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        groups: Any = None,
        progress: Progress | None = None,
    ) -> Self:
        """Train `n_networks` networks.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, n_features) or (n_samples, n_features)
            Oldest step first; two dimensions mean one step. All-NaN steps are missing.
        y : array-like of shape (n_samples,)
            Classifiers: two classes, the second of which in sorted order is the one that is scored.
            Regressors: numbers in any unit.
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
        self
            Itself.

        Raises
        ------
        ValueError
            If a parameter is out of range, X is NaN in part or infinite, a row has no step, y has
            more than two classes or is not finite, or a warm start does not fit the networks fitted
            before.
        FloatingPointError
            If the training diverges.
        """
        from attngru_bt.models.training import one_thread, train

        with one_thread():
            fit = self.start_fit(X, y, sample_weight, groups, progress)
            for number, history in train(fit.jobs, **self.training_settings()):
                fit.finish(number, history)
        return self

    def start_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        groups: Any = None,
        progress: Progress | None = None,
    ) -> FitInProgress:
        """Check what `fit` is given and return the networks to train; for `fit_many`."""
        rows = self._rows(X, y, sample_weight, groups)
        if len(rows.fitted.get("classes_", "01")) == 1:  # nothing to tell apart
            self._keep(rows, [], [])
            return FitInProgress([], functools.partial(self._keep, rows))
        return FitInProgress(self._jobs(rows, progress), functools.partial(self._keep, rows))

    def network_outputs(self, X: Any) -> np.ndarray:
        """Return the output of each network for each row, (n_networks, n_samples).

        Parameters
        ----------
        X : array-like
            As in `fit`.

        Returns
        -------
        ndarray
            Before they are averaged and scaled: higher is better, in no unit.
        """
        check_is_fitted(self)
        x, present = check_X(self, X, fitting=False)
        return self._outputs(x, present)

    def training_settings(self) -> dict[str, Any]:
        """Return how the networks are trained, see `attngru_bt.models.training.train`."""
        names = (
            "max_epochs",
            "batch_size",
            "lr",
            "weight_decay",
            "patience",
            "schedule",
            "n_averaged",
        )
        return {name: getattr(self, name) for name in names} | {"loss": self._loss()}

    def _rows(self, X: Any, y: Any, sample_weight: Any, groups: Any) -> Rows:
        """Check parameters and data; return what to train on."""
        raise NotImplementedError

    def _start(self, early: Samples) -> float:
        """Return the output that training starts around."""
        raise NotImplementedError

    def _loss(self) -> Any:
        """Return the loss, see `attngru_bt.models.training.train`."""
        raise NotImplementedError

    def _can_judge(self, target: np.ndarray, late: np.ndarray) -> bool:
        """Whether the late rows suffice to tell the best epoch by."""
        return bool(min(late.sum(), (~late).sum()) >= MIN_VALIDATION_ROWS)

    def _jobs(self, rows: Rows, progress: Progress | None) -> list[Job]:
        """Return the networks to train, each with its start, rows and generator."""
        import torch

        from attngru_bt.models.estimators.tensors import choose_device, to_network, to_samples
        from attngru_bt.models.networks import build
        from attngru_bt.models.training import Job

        architecture = self._architecture(rows.x.shape[2])
        warm_networks = self._warm_networks(architecture)
        device = choose_device(self.device)
        data, late = (rows.x, rows.present, rows.target, rows.weight), rows.late
        if late is None:
            early, last = to_samples(device, *data), None
        else:
            early = to_samples(device, *(part[~late] for part in data))
            last = to_samples(device, *(part[late] for part in data))

        def report(number: int, record: Record) -> None:
            if self.verbose >= 2:
                logger.info("network %d: %s", number, record)
            if progress is not None:
                progress(number, record)

        # a generator per network, so that training together or one by one gives the same bits
        jobs = []
        for number, seed in enumerate(self._seeds()):
            generator = torch.Generator().manual_seed(int(seed))
            network = build(architecture)
            network.initialize([generator], self._start(early))
            if warm_networks is not None:
                network = to_network(architecture, [warm_networks[number]], device)
            on_epoch = functools.partial(report, number)
            jobs.append(Job(network.to(device), early, last, generator, on_epoch))
        return jobs

    def _keep(self, rows: Rows, jobs: list[Job], histories: list[History]) -> None:
        """Set the fitted attributes at once, when nothing can fail any more."""
        if self.verbose >= 1:
            for number, history in enumerate(histories):
                logger.info("network %d: %d epochs, last %s", number, len(history), history[-1])
        self.n_features_in_ = rows.x.shape[2]
        for name, value in rows.fitted.items():
            setattr(self, name, value)
        self.networks_: list[Weights] = []
        if jobs:
            from attngru_bt.models.estimators.tensors import to_weights

            self.architecture_ = self._architecture(rows.x.shape[2])
            self.networks_ = [to_weights(job.network) for job in jobs]
        self.history_ = histories
        self.n_iter_ = np.array([len(history) for history in histories], dtype=int)
        self.best_epoch_ = np.array([_best_epoch(history) for history in histories], dtype=int)

    def _apply(self, x: Any, present: np.ndarray, function: Callable[..., T]) -> T:
        """Return ``function(network, *inputs)``, the fitted networks being the members of one."""
        from attngru_bt.models.estimators.tensors import choose_device, to_inputs, to_network
        from attngru_bt.models.training import one_thread

        with one_thread():
            device = choose_device(self.device)
            network = to_network(self.architecture_, self.networks_, device)
            return function(network, *to_inputs(x, present, device))

    def _outputs(self, x: Any, present: np.ndarray) -> np.ndarray:
        """Return the outputs of the fitted networks, (n_networks, n_samples) in float64."""
        from attngru_bt.models.training import CHUNK, predict

        blocks = []
        for start in range(0, len(x), 256 * CHUNK):  # windows are not cut all at once
            rows = slice(start, start + 256 * CHUNK)
            outputs = self._apply(x[rows], present[rows], predict)
            blocks.append(outputs.cpu().numpy().astype(np.float64))
        return np.concatenate(blocks, axis=1)

    def _architecture(self, n_features: int) -> dict[str, Any]:
        """Return which network it is and the arguments it is made with."""
        settings = {name: getattr(self, name) for name in (*self._shape, *SHAPE)}
        return {"network": self._network, "n_features": n_features} | settings

    def _warm_networks(self, architecture: dict[str, Any]) -> list[Weights] | None:
        """Return the networks to continue from; None if there are none yet, or a fit is afresh."""
        networks: list[Weights] = getattr(self, "networks_", []) if self.warm_start else []
        if not networks:
            return None
        before = self.architecture_ | {"n_networks": len(networks), "dropout": self.dropout}
        now = architecture | {"n_networks": self.n_networks}
        changed = [f"{k} from {before[k]!r} to {v!r}" for k, v in now.items() if v != before[k]]
        if changed:
            raise ValueError(
                "`warm_start` continues from the networks fitted before and cannot change "
                f"{', '.join(changed)}; set warm_start=False or clone the estimator."
            )
        return networks

    def _seeds(self) -> np.ndarray:
        """Return one seed per network; those of fewer networks come first."""
        # check_random_state(None) would hand out, and move, numpy's global generator
        state = np.random.RandomState() if self.random_state is None else self.random_state
        return np.asarray(check_random_state(state).randint(2**31 - 1, size=self.n_networks))

    def _validation_rows(self, groups: np.ndarray, target: np.ndarray) -> np.ndarray | None:
        """Return the mask of the rows on the last dates; None if they are too few to judge by."""
        if not self.early_stopping:
            return None
        # whole dates, the last ones: rows of one month are alike, and the future is not trained on
        dates = np.unique(groups)
        share = self.validation_fraction
        n_late = int(np.ceil(share * len(dates))) if share < 1 else int(share)
        if n_late < len(dates):
            late: np.ndarray = groups >= dates[-n_late]
            if self._can_judge(target, late):
                return late
        logger.info(
            "No early stopping: of %d rows on %d dates, the last dates do not hold %s; all %d "
            "epochs are trained.",
            len(target),
            len(dates),
            self._judged_by,
            self.max_epochs,
        )
        return None

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn should know: 3-D input, NaN only as whole steps."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _best_epoch(history: History) -> int:
    """Return the epoch that was kept: the first with the least validation loss, else the last."""
    if history[-1]["val_loss"] is None:
        return len(history)
    return 1 + int(np.argmin([record["val_loss"] for record in history]))
