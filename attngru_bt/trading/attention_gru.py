"""The monthly strategy that fits its own model: `AttentionGRUStrategy`."""

from __future__ import annotations

from typing import Any

from attngru_bt.feeds.parameters import parameter_names
from attngru_bt.trading.monthly import MonthlyTopK


class AttentionGRUStrategy(MonthlyTopK):
    """The monthly top-k strategy on the scores of a model that it fits along the way.

    Params
    ------
    signal : object, default None
        None: the model "attention-gru-ranks", the Attention-GRU that the class is named after. The
        name of a model of `attngru_bt.models`, such as "default" (the blend of several models that
        the command line uses unless told otherwise), "paper" or "ridge", or a scikit-learn
        classifier, regressor or pipeline: a walk-forward with that model. Anything else is as in
        `MonthlyTopK`. A `SignalGenerator` and a baseline by name have settings of their own: leave
        the parameters below alone with these.
    refit : int
        Months between refits.
    lookback : int
        Steps of factors that the network sees.
    step : {"month", "day"}
        Whether a step is a month-end or a session. Months train several times faster.
    min_months : int
        Months with known labels before the first trade.
    window : int
        Latest months to train on.
    view, sample, train_on, within, row_weights
        What the model sees, which rows it is trained on, and how they count: see `Recipe`.
    factors : sequence of str
        Names of factors; by default all that the feeds allow.
    standardize, limit, n_components, neutralize, neutral_share
        See `SignalGenerator`.
    n_networks : int
        Networks whose mean is the score.
    random_state : int
        The same number and the same feeds give the same scores, to the bit.
    device : {"cpu", "cuda", "auto"}
        Where the network is trained.
    progress : callable
        Called with the `MonthRecord` of each month-end.
    checkpoints : path
        Folder that keeps each finished month, so that an interrupted run can be resumed.

    Notes
    -----
    Each of these is None by default, which stands for the setting of the model or else of
    `SignalGenerator`. (Where None itself is a setting, as for no principal components, pass a
    `SignalGenerator`.) All other params are those of `MonthlyTopK`.
    """

    params: Any = dict.fromkeys((
        "refit", "lookback", "step", "min_months", "window", "view", "sample", "train_on",
        "within", "row_weights", "factors", "standardize", "limit", "neutralize",
        "neutral_share", "n_components", "n_networks", "random_state", "device", "progress",
        "checkpoints"
    ))  # fmt: skip

    def make_signal(self) -> Any:
        """Return the walk-forward of the model that the parameters name."""
        signal = "attention-gru-ranks" if self.p.signal is None else self.p.signal
        of_model = set(parameter_names(AttentionGRUStrategy)) - set(parameter_names(MonthlyTopK))
        settings = {name: getattr(self.p, name) for name in of_model}
        given = {name: value for name, value in settings.items() if value is not None}
        from attngru_bt.walkforward.by_name import signal_of  # loads scikit-learn

        walk_forward = signal_of(
            signal, topk=self.p.topk, universe=self.p.universe, schedule=self.p.schedule, **given
        )
        # A signal with settings of its own comes back as it is: treat it as `MonthlyTopK` does.
        return super().make_signal() if walk_forward is self.p.signal else walk_forward
