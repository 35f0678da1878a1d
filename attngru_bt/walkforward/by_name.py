"""What scores at month-ends, made from the name of a model."""

from __future__ import annotations

import difflib
from typing import Any

from attngru_bt.models.names import find
from attngru_bt.walkforward.generator import SignalGenerator


def generator(name: str, **settings: Any) -> Any:
    """Return what scores at month-ends by that model.

    Parameters
    ----------
    name : str
        One of `names`.
    **settings
        Parameters of `SignalGenerator` but `classifier`; they go before those of the model.
        `n_networks` and `device` reach the networks and concern no other model. A baseline takes
        its own parameters (`universe`, `random_state`, `months`, `skip`) and has no use for the
        others.

    Returns
    -------
    SignalGenerator, or a baseline with ``scores(bars)``

    Raises
    ------
    ValueError
        If no model has that name, or it is "equal-weight", which chooses nobody.
    TypeError
        If a setting is none; the message has the nearest.
    ImportError
        If the model needs an extra that is not installed.

    Examples
    --------
    >>> generator("logistic", topk=5).classifier
    LogisticRegression(C=0.1, max_iter=1000)
    """
    model = find(name)
    if name == "equal-weight":
        raise ValueError(
            "'equal-weight' scores all stocks alike and so chooses nobody: the whole universe in "
            "equal weight is attngru_bt.backtest.equal_weight(market), the baseline that runs of "
            "attngru-bt backtest and compare show."
        )
    made = model.make()
    own = made.get_params() if model.family == "baseline" else {}
    known = [n for n in SignalGenerator().get_params(deep=False) if n != "classifier"] + list(own)
    for setting in settings:
        if setting not in known:
            near = difflib.get_close_matches(setting, known, n=1)
            hint = f" Did you mean `{near[0]}`?" if near else ""
            raise TypeError(f"the model {name!r} has no setting `{setting}`.{hint}")
    if model.family == "baseline":
        return made.set_params(**{n: v for n, v in settings.items() if n in own})
    for setting in ("n_networks", "device"):
        if setting in settings and model.family == "network":
            places = [p for p in made.get_params() if p.rpartition("__")[2] == setting]
            made.set_params(**dict.fromkeys(places, settings[setting]))
    return SignalGenerator(made, **{**model.settings, **settings})
