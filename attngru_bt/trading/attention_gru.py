"""The monthly top-k strategy with its own model: `AttentionGRUStrategy`."""

from __future__ import annotations

from typing import Any

from attngru_bt.feeds.parameters import parameter_names
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
    train_on, within, weights
        Whose rows are trained on, and how they count: see `Recipe`.
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

    params: Any = dict.fromkeys(
        (
            "refit",
            "lookback",
            "step",
            "min_months",
            "window",
            "train_on",
            "within",
            "weights",
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
    )

    def make_signal(self) -> Any:
        """Return the walk-forward of the model that the parameters name."""
        signal = "default" if self.p.signal is None else self.p.signal
        of_model = set(parameter_names(AttentionGRUStrategy)) - set(parameter_names(MonthlyTopK))
        settings = {name: getattr(self.p, name) for name in of_model}
        given = {name: value for name, value in settings.items() if value is not None}
        from attngru_bt.walkforward.by_name import signal_of  # loads scikit-learn

        made = signal_of(signal, topk=self.p.topk, universe=self.p.universe, **given)
        # what carries its own settings is treated as any monthly strategy treats it
        return super().make_signal() if made is self.p.signal else made
