"""What the estimators accept: checks of parameters, X, y and dates, one sentence per error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import assert_all_finite, check_array, check_consistent_length
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, column_or_1d, validate_data

from attngru_bt import checks
from attngru_bt.features.windows import Windows

_COUNTS = (
    "hidden_size", "kernel_size", "n_layers", "max_epochs", "batch_size", "patience", "n_networks",
    "n_averaged",
)  # fmt: skip


def check_rows(
    model: BaseEstimator,
    X: Any,
    y: Any,
    sample_weight: Any,
    groups: Any,
    check_target: Callable[[BaseEstimator, Any, int], np.ndarray],
) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Check all that a fit is given; return X, steps present, y, weights and dates.

    Rows of weight 0 are left out. `check_target` is `check_y` or `check_numbers`.
    """
    check_parameters(model)
    x, present = check_X(model, X, fitting=True)
    target = check_target(model, y, len(x))
    weight = _check_sample_weight(
        sample_weight, present, dtype=np.float64, ensure_non_negative=True
    )
    dates = check_groups(groups, len(x))
    kept = weight > 0
    return x[kept], present[kept], target[kept], weight[kept], dates[kept]


def check_parameters(model: BaseEstimator) -> None:
    """Check ranges; the choices of the network are checked by the network."""
    parameters = model.get_params(deep=False)
    for name in _COUNTS:
        if name in parameters:  # only convolutions have a `kernel_size`
            checks.whole_number(name, parameters[name])
    checks.whole_number("verbose", model.verbose, at_least=0)
    checks.number("dropout", model.dropout, at_least=0, below=1)
    checks.number("lr", model.lr, above=0)
    checks.number("weight_decay", model.weight_decay, at_least=0)
    share = model.validation_fraction
    if isinstance(share, bool) or not isinstance(share, (int, np.integer)) or share < 1:
        checks.number("validation_fraction", share, above=0, below=1)
    if not isinstance(model.skip, (bool, np.bool_)):
        raise ValueError(f"`skip` must be True or False; got {model.skip!r}.")
    checks.one_of("schedule", model.schedule, ["constant", "cosine"])
    checks.one_of("device", model.device, ["cpu", "cuda", "auto"])
    if model.n_averaged > model.max_epochs:
        raise ValueError(
            f"`n_averaged` must be at most `max_epochs`; got n_averaged={model.n_averaged}, "
            f"max_epochs={model.max_epochs}."
        )


def check_X(model: BaseEstimator, X: Any, *, fitting: bool) -> tuple[Any, np.ndarray]:
    """Return X as float32 with 3 axes and missing steps 0, and which steps are present.

    `Windows` stay what they are: nothing is missing from them.
    """
    if isinstance(X, Windows):
        _check_features(model, X, fitting)
        return X, np.broadcast_to(True, X.shape[:2])
    options: dict[str, Any] = {"dtype": np.float32, "ensure_all_finite": "allow-nan"}
    n_axes = X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim
    with np.errstate(over="ignore"):  # too large for float32 is infinite, which is an error
        if n_axes <= 2:
            x = validate_data(model, X, reset=fitting, **options)[:, None, :]
        else:
            x = check_array(X, allow_nd=True, input_name="X", estimator=model, **options)
    if x.ndim != 3 or 0 in x.shape:
        raise ValueError(
            "`X` must be (n_samples, n_steps, n_features) or (n_samples, n_features), none of "
            f"them 0; got shape {x.shape}."
        )
    _check_features(model, x, fitting)
    unknown = np.isnan(x)
    present = ~unknown.all(axis=2)
    partial = np.argwhere(unknown & present[:, :, None])
    if len(partial):
        row, step, feature = partial[0]
        raise ValueError(
            f"Input X contains NaN: row {row} lacks feature {feature} of step {step} (one of "
            f"{len(partial)} such values); only whole steps may be missing. Impute such values "
            "first, e.g. with attngru_bt.features.ConstantImputer."
        )
    empty = np.flatnonzero(~present.any(axis=1))
    if len(empty):
        raise ValueError(
            f"Input X contains NaN in every step of row {empty[0]} (one of {len(empty)} such "
            "rows); a row needs at least one step. Leave such rows out."
        )
    return np.where(present[:, :, None], x, np.float32(0.0)), present


def _check_features(model: BaseEstimator, x: Any, fitting: bool) -> None:
    """Refuse another number of features than the model was fitted on."""
    if not fitting and x.shape[2] != model.n_features_in_:
        raise ValueError(
            f"X has {x.shape[2]} features, but {type(model).__name__} is expecting "
            f"{model.n_features_in_} features as input."
        )


def check_y(model: BaseEstimator, y: Any, n_samples: int) -> np.ndarray:
    """Return the labels, one or two different ones."""
    if y is None:
        raise ValueError(
            f"{type(model).__name__} requires y to be passed, but the target y is None."
        )
    labels = np.asarray(column_or_1d(y, warn=True))
    if labels.dtype.kind == "f":
        assert_all_finite(labels, input_name="y")
    check_classification_targets(labels)
    if len(labels) != n_samples:
        check_consistent_length(np.empty(n_samples), labels)
    kind = type_of_target(labels, input_name="y", raise_unknown=True)
    if kind != "binary":
        raise ValueError(
            f"Only binary classification is supported. The type of the target is {kind}."
        )
    return labels


def check_numbers(model: BaseEstimator, y: Any, n_samples: int) -> np.ndarray:
    """Return the targets of a regression as finite float64."""
    if y is None:
        raise ValueError(
            f"{type(model).__name__} requires y to be passed, but the target y is None."
        )
    column = column_or_1d(y, warn=True)
    numbers = check_array(column, dtype=np.float64, ensure_2d=False, input_name="y")
    if len(numbers) != n_samples:
        check_consistent_length(np.empty(n_samples), numbers)
    return np.asarray(numbers)


def check_groups(groups: Any, n_samples: int) -> np.ndarray:
    """Return the date of each row; the row number where no dates are given."""
    if groups is None:
        return np.arange(n_samples)
    dates = np.asarray(groups)
    if dates.shape != (n_samples,):
        raise ValueError(
            f"`groups` must hold one date per row, shape ({n_samples},); got shape {dates.shape}."
        )
    unknown = np.flatnonzero(dates != dates)  # NaN and NaT
    if len(unknown):
        raise ValueError(f"`groups` has no date for row {unknown[0]}; every row needs one.")
    return dates
