"""The signal of a single model of the catalog."""

from __future__ import annotations

from typing import Any

from attngru_bt import checks
from attngru_bt.models.catalog import Model
from attngru_bt.walkforward.generator import SignalGenerator


def scorer(model: Model, **settings: Any) -> Any:
    """Return a `SignalGenerator`, or a baseline with ``scores(bars)``.

    Parameters
    ----------
    model : Model
        A network, a classic model or a baseline.
    **settings
        As in `attngru_bt.walkforward.by_name.generator`.

    Raises
    ------
    ValueError
        If it is "equal-weight", which chooses nobody.
    TypeError
        If the model has no such setting; the message has the nearest.
    """
    if model.name == "equal-weight":
        raise ValueError(
            "'equal-weight' scores all stocks alike and so chooses nobody: the whole universe in "
            "equal weight is attngru_bt.backtest.equal_weight(market), the baseline that runs of "
            "attngru-bt backtest and compare show."
        )
    made = model.make()
    parameters = made.get_params() if model.family == "baseline" else {}
    of_recipe = [n for n in SignalGenerator().get_params(deep=False) if n != "classifier"]
    checks.no_unknown(f"the model {model.name!r}", settings, [*of_recipe, *parameters])
    if model.family == "baseline":
        return made.set_params(**{n: v for n, v in settings.items() if n in parameters})
    for setting in ("n_networks", "device"):
        if setting in settings and model.family == "network":
            # the parameter may be that of a step in a pipeline: step__n_networks
            places = [p for p in made.get_params() if p.rpartition("__")[2] == setting]
            made.set_params(**dict.fromkeys(places, settings[setting]))
    return SignalGenerator(made, **{**model.settings, **settings})
