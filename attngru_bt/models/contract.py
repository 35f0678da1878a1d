"""What the walk-forward asks of a scikit-learn model, whichever it is."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_regressor
from sklearn.utils import get_tags

from attngru_bt import checks
from attngru_bt.features.windows import Windows
from attngru_bt.models.estimators import NetworkEstimator
from attngru_bt.models.estimators.architectures import FeedForwardEstimator
from attngru_bt.models.estimators.checks import check_parameters

TARGETS = ("top", "rank")


def is_scorer(model: Any) -> bool:
    """Whether a model can tell how likely label 1 is, or where a return will rank."""
    return hasattr(model, "__sklearn_tags__") and (
        hasattr(model, "predict_proba")
        or hasattr(model, "decision_function")
        or (is_regressor(model) and hasattr(model, "predict"))
    )


def target_of(model: Any) -> str:
    """Return what a model is fitted on by default: regressors on ranks, classifiers on labels."""
    return "rank" if is_regressor(model) else "top"


def check_model(model: Any, target: str | None) -> None:
    """Raise TypeError or ValueError for a model that cannot score, or not be fitted on `target`.

    So does a parameter out of range of one of our networks, which may be a step of a pipeline.
    """
    if isinstance(model, type):
        raise TypeError(
            f"`classifier` must be an instance; got the class {model.__name__}: "
            f"write {model.__name__}()."
        )
    if model is not None and not is_scorer(model):
        raise TypeError(
            f"`classifier` must be a scikit-learn classifier with predict_proba or "
            f"decision_function, or a regressor; got {type(model).__name__}."
        )
    parts = [] if model is None else [model, *model.get_params(deep=True).values()]
    for network in (part for part in parts if isinstance(part, NetworkEstimator)):
        check_parameters(network)
    checks.one_of("target", target, [*TARGETS, None])
    if target == "rank" and model is not None and target_of(model) == "top":
        raise ValueError(
            f"`target` must be 'top' for a classifier ({type(model).__name__}); got "
            f"target='rank': ranks are for regressors, such as AttentionGRURegressor or Ridge."
        )


def value(model: Any, features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a number per row, higher is better.

    It is P(label 1), the decision function of a classifier without probabilities, or a prediction.

    Raises
    ------
    ValueError
        If the model gives anything else. A missing prediction would sell what is held.
    """
    if hasattr(model, "predict_proba"):
        method, given = "predict_proba", model.predict_proba(features)
        given = given[:, list(model.classes_).index(1)]
    elif hasattr(model, "decision_function"):
        method, given = "decision_function", model.decision_function(features)
    else:
        method, given = "predict", model.predict(features)
    given = np.asarray(given)
    who = f"{type(model).__name__}.{method} must give a number for each of {len(features)} rows; "
    if given.shape != (len(features),):
        raise ValueError(f"{who}it gave an array of shape {given.shape}.")
    if given.dtype.kind not in "fiub":
        raise ValueError(f"{who}it gave {given.dtype}.")
    if np.isnan(given).any():
        raise ValueError(f"{who}it gave NaN for {np.isnan(given).sum()} of them.")
    return given if method != "predict" else given.astype(np.float64, copy=False)


def takes_sequences(model: Any) -> bool:
    """Whether a model takes (rows, steps, features) rather than (rows, features)."""
    return bool(get_tags(model).input_tags.three_d_array)


def input_of(model: Any, features: Any, lines: bool | None = None) -> Any:
    """Return what a model is given of sequences (rows, steps, features).

    That is the sequences if it takes them, else the last step. The last step of raw lines says
    little, so a model that looks at one step is given all of them side by side.

    Parameters
    ----------
    model : estimator
    features : array or Windows of shape (rows, steps, features)
    lines : bool, default None
        Whether they are raw lines; None: if they are `Windows`, which may have been cut.
    """
    sequence = takes_sequences(model)
    if isinstance(features, Windows) if lines is None else lines:
        if isinstance(model, FeedForwardEstimator):
            return np.asarray(features).reshape(len(features), 1, -1)
        return features if sequence else np.asarray(features).reshape(len(features), -1)
    return features if sequence else features[:, -1]


def network_values(model: Any, features: Any) -> NDArray[np.float64] | None:
    """Return the output of each network of a model, (networks, rows); None unless it has several.

    Their mean orders the rows as `value` does, up to the curve that makes outputs probabilities.
    """
    networks = getattr(model, "networks_", ())
    if not isinstance(model, NetworkEstimator) or len(networks) < 2:
        return None
    return model.network_outputs(features)


# features, target, weight and month of each row
Rows = tuple[Any, NDArray[Any], NDArray[np.float64] | None, NDArray[np.intp]]


def fits_at_once(model: Any) -> int:
    """Return the largest number of fits of such a model worth handing to `fit_models` together."""
    if not _is_ours(model):
        return 1
    from attngru_bt.models.estimators.fitting import max_batch_fits

    check_parameters(model)
    return max_batch_fits(model)


def _is_ours(model: Any) -> bool:
    """Whether it is one of this package's networks, and no subclass has a ``fit`` of its own."""
    if not isinstance(model, NetworkEstimator):
        return False
    return type(model).fit.__module__.startswith("attngru_bt.models.estimators.")


def fit_models(models: Sequence[Any], data: Sequence[Rows]) -> None:
    """Fit each model on its rows: on sequences or on the month-end itself, whichever it takes.

    Parameters
    ----------
    models : sequence of classifiers, regressors or pipelines
    data : sequence of (features, y, weight, months)
        Arrays of shape (rows, n_steps, n_features), and (rows,) each. `weight` may be None. The
        number of each row's month is passed on as ``groups`` to a model that takes sequences and
        asks for them.
    """
    if len(models) > 1 and all(map(_is_ours, models)):
        from attngru_bt.models.estimators.fitting import fit_many

        fit_many(models, data)
        return
    for model, rows in zip(models, data, strict=True):
        _fit_model(model, *rows)


def _fit_model(
    model: Any,
    features: Any,
    y: NDArray[Any],
    weight: NDArray[np.float64] | None,
    months: NDArray[np.intp],
) -> None:
    """Fit a model, with weights and months by the names that its ``fit`` has for them."""
    last, prefix = model, ""
    while hasattr(last, "steps"):  # a pipeline hands parameters to its steps by name
        name, last = last.steps[-1]
        prefix += f"{name}__"
    asked = inspect.signature(last.fit).parameters
    given: dict[str, Any] = {}
    if weight is not None:
        if "sample_weight" not in asked:
            raise ValueError(
                f"`row_weights` has no effect on {type(last).__name__}, whose fit takes no "
                f"sample_weight: give row_weights=None."
            )
        given[f"{prefix}sample_weight"] = weight
    if takes_sequences(model) and "groups" in asked:
        given[f"{prefix}groups"] = months
    model.fit(input_of(model, features), y, **given)
