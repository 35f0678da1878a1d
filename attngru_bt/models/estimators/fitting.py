"""Several estimators fitted at once, their networks trained side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import groupby
from typing import Any

from attngru_bt.models.estimators.base import NetworkEstimator
from attngru_bt.models.estimators.rows import FitInProgress
from attngru_bt.models.training import Job, Record, max_batch_networks, one_thread, train

Progress = Callable[[int, int, Record], None]
Data = tuple[Any, ...]


def fit_many(
    models: Iterable[NetworkEstimator], data: Iterable[Data], progress: Progress | None = None
) -> list[NetworkEstimator]:
    """Fit estimators, each on its own rows, many networks at a time.

    The fitted attributes are those that each one's own ``fit`` sets, to the bit. For estimators of
    one architecture it is faster.

    Parameters
    ----------
    models : iterable of estimators
        Such as one `AttentionGRUClassifier` per month.
    data : iterable of tuple (X, y), (X, y, sample_weight) or (X, y, sample_weight, groups)
        The arguments of ``fit``. They are taken one by one, so that a generator of rows keeps only
        those in memory that are being trained on.
    progress : callable, optional
        Called as ``progress(model_number, network_number, record)`` after each epoch.

    Returns
    -------
    list of estimators
        The models, fitted.

    Raises
    ------
    ValueError, FloatingPointError
        As ``fit`` does. Models whose networks had finished by then are fitted, others unchanged.
    """
    fitted: list[NetworkEstimator] = []
    with one_thread():
        pairs = zip(models, data, strict=True)
        # networks that are trained side by side share these settings
        for settings, alike in groupby(pairs, key=lambda pair: pair[0].training_settings()):
            # for each job: its fit, and the number of the network in that fit
            fits: list[tuple[FitInProgress, int]] = []
            jobs = _jobs(alike, fitted, fits, progress)
            for number, history in train(jobs, **settings):
                fit, network = fits[number]
                fit.finish(network, history)
    return fitted


def max_batch_fits(model: NetworkEstimator) -> int:
    """Return the largest number of fits of an estimator worth handing to `fit_many` together."""
    return max(1, max_batch_networks(model.hidden_size) // model.n_networks)


def _jobs(
    pairs: Iterable[tuple[NetworkEstimator, Data]],
    fitted: list[NetworkEstimator],
    fits: list[tuple[FitInProgress, int]],
    progress: Progress | None,
) -> Iterator[Job]:
    """Begin one fit after the other; yield their jobs, and note whose they are in `fits`."""
    for model, rows in pairs:
        X, y, sample_weight, groups = (*rows, None, None)[:4]
        of_model = None if progress is None else partial(progress, len(fitted))
        fitted.append(model)
        fit = model.start_fit(X, y, sample_weight, groups, of_model)
        fits.extend((fit, network) for network in range(len(fit.jobs)))
        yield from fit.jobs
