"""The monthly top-k strategy with its own model: `AttentionGRUStrategy`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attngru_bt.trading.monthly import MonthlyTopK


class AttentionGRUStrategy(MonthlyTopK):
    """The monthly top-k strategy on scores of an embedded Attention-GRU.

    Params
    ------
    signal : object, default None
        None: the default Attention-GRU (`attngru_bt.models.presets`). The name of a model of
        `attngru_bt.models`, such as "paper", "gbdt" or "ridge", or a scikit-learn classifier,
        regressor or pipeline: the same walk-forward with that model. Otherwise as in `MonthlyTopK`;
        a `SignalGenerator` and the baselines among the names carry their own settings, and then
        the parameters below must be left alone.
    refit : int
        Months between refits.
    lookback : int
        Steps of factors the network sees.
    step : {"month", "day"}
        Whether a step is a month-end or a session. Months train several times faster.
    min_months : int
        Months with known labels before the first trade.
    window : int
        Months to train on, of those so far.
    factors : sequence of str
        Names of factors, of all that the feeds allow.
    standardize, limit, n_components
        See `SignalGenerator`.
    n_networks : int
        Networks averaged into one score.
    random_state : int
        Same number, same feeds: same scores, to the bit.
    device : {"cpu", "cuda", "auto"}
        Where the network is trained.
    progress : callable
        Called with the `MonthRecord` of each month-end.
    checkpoints : path
        Folder that keeps each finished month, so that a run that was stopped goes on from there.

    Each of these is None by default: the model's own setting, or that of `SignalGenerator`. (Where
    None is a setting there, as for no principal components, give a `SignalGenerator`.) The
    remaining params are those of `MonthlyTopK`.
    """

    params: Any = dict(
        refit=None,
        lookback=None,
        step=None,
        min_months=None,
        window=None,
        factors=None,
        standardize=None,
        limit=None,
        n_components=None,
        n_networks=None,
        random_state=None,
        device=None,
        progress=None,
        checkpoints=None,
    )

    _GENERATOR_PARAMS = (
        "refit",
        "lookback",
        "step",
        "min_months",
        "window",
        "factors",
        "standardize",
        "limit",
        "n_components",
        "n_networks",
        "random_state",
        "device",
        "progress",
        "checkpoints",
    )

    def make_signal(self) -> Any:
        """Return the walk-forward of the model that the parameters name."""
        signal = "default" if self.p.signal is None else self.p.signal
        settings = {name: getattr(self.p, name) for name in self._GENERATOR_PARAMS}
        given = {name: value for name, value in settings.items() if value is not None}
        if isinstance(signal, str):
            return self._make_named(signal, given)
        # a model has `fit`; whether the generator can use it is the generator's to say
        if hasattr(signal, "fit") and not hasattr(signal, "scores"):
            from attngru_bt.walkforward.generator import SignalGenerator

            return SignalGenerator(signal, topk=self.p.topk, universe=self.p.universe, **given)
        _refuse(given, beside=type(signal).__name__)
        return super().make_signal()

    def _make_named(self, name: str, given: dict[str, Any]) -> Any:
        """Return what a model's name stands for; what was not given is the model's to choose."""
        from attngru_bt.models.names import find
        from attngru_bt.walkforward.by_name import generator

        signal = generator(name, topk=self.p.topk, universe=self.p.universe, **given)
        if find(name).family == "baseline":
            own = signal.get_params()
            _refuse([setting for setting in given if setting not in own], beside=name)
        return signal


def _refuse(settings: Iterable[str], beside: str) -> None:
    """Raise ValueError if anything was set that would have no effect."""
    for setting in settings:
        raise ValueError(
            f"`{setting}` has no effect beside a `signal` that carries its own settings "
            f"({beside}): set it there."
        )
