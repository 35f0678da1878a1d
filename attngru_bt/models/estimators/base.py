"""What every estimator here shares: parameters checked, networks trained, kept, asked."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, cast

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

if TYPE_CHECKING:
    from attngru_bt.models.estimators.tensors import Weights
    from attngru_bt.models.networks import Network
    from attngru_bt.models.stacked import Job
    from attngru_bt.models.training import Samples

logger = logging.getLogger(__name__)

Progress = Callable[[int, dict[str, Any]], None]
History = list[dict[str, Any]]
T = TypeVar("T")

MIN_VALIDATION_ROWS = 20


@dataclass(frozen=True)
class Rows:
    """What one `fit` trains on, checked; rows of weight 0 are gone.

    Attributes
    ----------
    x : float32 array of shape (n, n_steps, n_features)
        Missing steps 0.
    present : bool array of shape (n, n_steps)
    target : array of shape (n,)
        What the network is to give: 0 and 1, or numbers of mean 0 within about -1 .. 1.
    weight : array of shape (n,)
    late : bool array of shape (n,) or None
        Rows held out for early stopping; None: all epochs are trained on all rows.
    fitted : mapping
        Attributes to set beside the networks, such as ``classes_``.
    """

    x: np.ndarray
    present: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    late: np.ndarray | None = None
    fitted: Mapping[str, Any] = field(default_factory=dict)


class NetworkEstimator(BaseEstimator):  # type: ignore[misc]
    """Base of the estimators: `n_networks` networks of one architecture, kept as plain arrays.

    A subclass says which network it trains (`_network`, `_shape`), what its rows are (`_rows`),
    where the output starts (`_start`), by which loss it learns (`_loss`) and what a fitted
    network's output means. ``fit`` is `_rows`, `_train`, `_keep`, in that order; whoever trains
    several estimators at once replaces the middle.
    """

    _network: ClassVar[str]  # one of attngru_bt.models.networks.NETWORKS
    _shape: ClassVar[tuple[str, ...]]  # parameters that are also those of the network
    _judged_by: ClassVar[str] = f"{MIN_VALIDATION_ROWS} rows and as many before them"

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

    def _train(self, rows: Rows, progress: Progress | None) -> tuple[list[Weights], list[History]]:
        """Train `n_networks` networks on the rows, side by side if they can be stacked."""
        from attngru_bt.models.stacked import train
        from attngru_bt.models.training import one_thread

        with one_thread():
            jobs = self._jobs(rows, progress)
            histories = dict(train(jobs, **self._course()))
        return self._trained(jobs, histories)

    def _course(self) -> dict[str, Any]:
        """Return what steers the training, see `attngru_bt.models.training.train`."""
        names = ("max_epochs", "batch_size", "lr", "weight_decay", "patience", "schedule")
        return {name: getattr(self, name) for name in names} | {"loss": self._loss()}

    def _jobs(self, rows: Rows, progress: Progress | None) -> list[Job]:
        """Return the networks to train, each with its start, rows and generator."""
        import torch

        from attngru_bt.models.estimators.tensors import choose_device, to_network, to_samples
        from attngru_bt.models.networks import build
        from attngru_bt.models.stacked import Job

        if len(rows.fitted.get("classes_", "01")) == 1:
            return []  # nothing to tell apart
        architecture = self._architecture(rows.x.shape[2])
        starts = self._warm_networks(architecture)
        device = choose_device(self.device)
        data, late = (rows.x, rows.present, rows.target, rows.weight), rows.late
        if late is None:
            early, last = to_samples(device, *data), None
        else:
            early = to_samples(device, *(part[~late] for part in data))
            last = to_samples(device, *(part[late] for part in data))

        def report(number: int, record: dict[str, Any]) -> None:
            if self.verbose >= 2:
                logger.info("network %d: %s", number, record)
            if progress is not None:
                progress(number, record)

        jobs = []
        for number, seed in enumerate(self._seeds()):
            generator = torch.Generator().manual_seed(int(seed))
            network = build(architecture)
            network.initialize(generator, self._start(early))
            if starts is not None:
                network = to_network(architecture, starts[number], device)
            told = functools.partial(report, number)
            jobs.append(Job(network.to(device), early, last, generator, told))
        return jobs

    def _trained(
        self, jobs: list[Job], histories: Mapping[int, History]
    ) -> tuple[list[Weights], list[History]]:
        """Return weights and history of each network, by number."""
        from attngru_bt.models.estimators.tensors import to_weights

        if self.verbose >= 1:
            for number, history in sorted(histories.items()):
                logger.info("network %d: %d epochs, last %s", number, len(history), history[-1])
        networks = [to_weights(cast("Network", job.network)) for job in jobs]
        return networks, [histories[number] for number in range(len(jobs))]

    def _finish(self, rows: Rows, jobs: list[Job], histories: Mapping[int, History]) -> Self:
        """Keep the networks of `_jobs`, trained elsewhere, see `models.stacked.fit_many`."""
        return self._keep(rows, *self._trained(jobs, histories))

    def _keep(self, rows: Rows, networks: list[Weights], histories: list[History]) -> Self:
        """Set the fitted attributes at once, when nothing can fail any more."""
        self.n_features_in_ = rows.x.shape[2]
        for name, value in rows.fitted.items():
            setattr(self, name, value)
        if networks:
            self.architecture_ = self._architecture(rows.x.shape[2])
        self.networks_ = networks
        self.history_ = histories
        self.n_iter_ = np.array([len(history) for history in histories], dtype=int)
        self.best_epoch_ = np.array([_best_epoch(history) for history in histories], dtype=int)
        return self

    def _apply(self, x: np.ndarray, present: np.ndarray, function: Callable[..., T]) -> list[T]:
        """Return ``function(network, *inputs)`` of each fitted network."""
        from attngru_bt.models.estimators.tensors import choose_device, to_inputs, to_network
        from attngru_bt.models.training import one_thread

        with one_thread():
            device = choose_device(self.device)
            inputs = to_inputs(x, present, device)
            return [
                function(to_network(self.architecture_, weights, device), *inputs)
                for weights in self.networks_
            ]

    def _outputs(self, x: np.ndarray, present: np.ndarray) -> list[np.ndarray]:
        """Return the output of each fitted network, (n_samples,) in float64."""
        from attngru_bt.models.training import predict

        return [out.cpu().numpy().astype(np.float64) for out in self._apply(x, present, predict)]

    def _architecture(self, n_features: int) -> dict[str, Any]:
        """Return which network it is and the arguments it is made with."""
        settings = {name: getattr(self, name) for name in self._shape}
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
        dates = np.unique(groups)
        n_late = int(np.ceil(self.validation_fraction * len(dates)))
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
