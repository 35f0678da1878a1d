"""Several estimators fitted at once, their networks trained side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

from attngru_bt.models.networks import build
from attngru_bt.models.stacked.loop import paying_width, train
from attngru_bt.models.stacked.support import can_stack, shape_of
from attngru_bt.models.stacked.trainee import Job, Record
from attngru_bt.models.training import one_thread

Progress = Callable[[int, int, Record], None]
Data = tuple[Any, ...]


def fit_many(
    models: Iterable[Any], data: Iterable[Data], progress: Progress | None = None
) -> list[Any]:
    """Fit estimators (`models.estimators`), each on its own rows, many networks at a time.

    Sets what each one's own ``fit`` would set: same seeds, same batches, losses equal up to
    rounding. Networks that cannot be stacked (`attngru_bt.models.stacked.can_stack`) are trained
    one after the other. It pays for estimators of one architecture.

    Parameters
    ----------
    models : iterable of estimators
        Such as one `AttentionGRUClassifier` per month.
    data : iterable of tuple (X, y), (X, y, sample_weight) or (X, y, sample_weight, groups)
        What ``fit`` would be given. Taken one by one: made on the way, rows need be in memory only
        while they are trained on.
    progress : callable, optional
        Called as ``progress(model_number, network_number, record)`` after each epoch.

    Returns
    -------
    list of estimators
        The models, fitted.

    Raises
    ------
    ValueError, FloatingPointError
        As ``fit`` does. Models whose networks had finished are fitted then, others are as before.
    """
    fitted: list[Any] = []

    def numbered() -> Iterator[tuple[Any, Data]]:
        for model, rows in zip(models, data, strict=True):
            fitted.append(model)
            yield model, rows

    with one_thread():
        # what steers the training is the same for all that are trained side by side
        for course, alike in groupby(numbered(), key=lambda pair: pair[0]._course()):
            _fit_alike(alike, course, fitted, progress)
    return fitted


def paying_fits(model: Any) -> int:
    """How many fits of an estimator to hand to `fit_many` at once: more pay nothing.

    1 for networks that cannot be stacked.
    """
    network = build(model._architecture(n_features=1))
    shape = shape_of(network) if can_stack(network, model._loss()) else None
    return 1 if shape is None else max(1, paying_width(shape.n_hidden) // model.n_networks)


def _fit_alike(
    pairs: Iterable[tuple[Any, Data]],
    course: dict[str, Any],
    fitted: list[Any],
    progress: Progress | None,
) -> None:
    """Fit the models, which agree in `course`; each is in `fitted` when its turn comes."""
    fits: list[_Fit] = []  # of each job, by its number

    def jobs() -> Iterator[Job]:
        for model, rows in pairs:
            fit = _Fit(model, rows, _numbered(len(fitted) - 1, progress))
            fits.extend([fit] * len(fit.jobs))
            yield from fit.jobs

    for number, history in train(jobs(), **course):
        fits[number].finish(number - fits.index(fits[number]), history)


def _numbered(model: int, progress: Progress | None) -> Callable[[int, Record], None] | None:
    if progress is None:
        return None
    return lambda network, record: progress(model, network, record)


class _Fit:
    """A model's fit under way; the model is told once all its networks are trained."""

    def __init__(
        self, model: Any, data: Data, progress: Callable[[int, Record], None] | None
    ) -> None:
        X, y, sample_weight, groups = (*data, None, None)[:4]
        self.model, self.rows = model, model._rows(X, y, sample_weight, groups)
        self.jobs: list[Job] = model._jobs(self.rows, progress)
        self._histories: dict[int, list[Record]] = {}
        if not self.jobs:
            model._keep(self.rows, [], [])

    def finish(self, network: int, history: list[Record]) -> None:
        """Note that a network is trained."""
        self._histories[network] = history
        if len(self._histories) == len(self.jobs):
            self.model._finish(self.rows, self.jobs, self._histories)
            self.jobs, self.rows = [], None  # the rows may go
