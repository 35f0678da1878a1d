"""The signal of a model that is given by name, as an estimator or as scores."""

from __future__ import annotations

from typing import Any

from attngru_bt.models.names import find
from attngru_bt.walkforward.blend import Blend
from attngru_bt.walkforward.generator import SignalGenerator
from attngru_bt.walkforward.named import scorer


def generator(name: str, **settings: Any) -> Any:
    """Return the signal of a model, which scores at month-ends.

    Parameters
    ----------
    name : str
        One of `names`, or several with "+" between them: their blend.
    **settings
        Parameters of `SignalGenerator` except `classifier`; they override those of the model. For
        a blend they are those of each member. `n_networks` and `device` are set on networks and
        ignored by other models. A baseline takes its own parameters (`universe`, `random_state`,
        `months`, `skip`) and ignores the others.

    Returns
    -------
    SignalGenerator, `Blend`, or a baseline with ``scores(bars)``

    Raises
    ------
    ValueError
        If no model has that name, or it is "equal-weight", which chooses nobody.
    TypeError
        If there is no such setting; the message has the nearest.
    ImportError
        If the model needs an extra that is not installed.

    Examples
    --------
    >>> generator("logistic", topk=5).classifier
    LogisticRegression(C=0.1, max_iter=1000)
    """
    model = find(name)
    if model.members:
        return Blend(model.members).with_settings(**{**model.settings, **settings})
    return scorer(model, **settings)


def signal_of(model: Any, **settings: Any) -> Any:
    """Return the signal of a model, whichever way the model is given.

    Parameters
    ----------
    model : str, estimator or signal
        A name of `attngru_bt.models`, a scikit-learn classifier, regressor or pipeline, or
        anything with ``scores(bars)``.
    **settings
        As in `generator`. `topk`, `universe` and `schedule` are passed to every model and concern
        those that want them.

    Raises
    ------
    ValueError
        If a setting would have no effect: a baseline is not trained, and a signal carries its own
        settings.
    """
    if isinstance(model, Blend) and model.takes_settings:
        return model.with_settings(**settings)
    if isinstance(model, str):
        signal = generator(model, **settings)
        if find(model).family != "baseline":
            return signal
        owner = f"with the model {model!r}, which is not trained: leave it out."
        own = signal.get_params()
    # an estimator; `SignalGenerator` checks whether it is one that can be used
    elif not hasattr(model, "scores") and hasattr(model, "fit"):  # a Walk would fit if asked
        return SignalGenerator(model, **settings)
    else:
        signal, own = model, {}
        kind = type(model).__name__
        owner = f"beside a `signal` that carries its own settings ({kind}): set it there."
    for setting in settings:
        if setting not in (*own, "topk", "universe", "schedule"):
            raise ValueError(f"`{setting}` has no effect {owner}")
    return signal
