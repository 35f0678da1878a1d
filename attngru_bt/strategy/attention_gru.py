"""The monthly top-k strategy with its own model: `AttentionGRUStrategy`."""

from __future__ import annotations

from typing import Any

from attngru_bt.strategy.monthly import MonthlyTopK


class AttentionGRUStrategy(MonthlyTopK):
    """The monthly top-k strategy on scores of an embedded Attention-GRU.

    Params
    ------
    signal : object, default None
        None: an Attention-GRU. A scikit-learn classifier or pipeline: the same walk-forward with
        that model. Otherwise as in `MonthlyTopK`; a `SignalGenerator` carries its own settings,
        and then the parameters below must be left alone.
    refit : int, default 1
        Months between refits.
    lookback : int, default 6
        Steps of factors the network sees.
    step : {"month", "day"}, default "month"
        Whether a step is a month-end or a session. Months train several times faster.
    min_months : int, default 12
        Months with known labels before the first trade.
    window : int, default None
        Months to train on; None trains on all so far.
    factors : sequence of str, default None
        Names of factors; None takes all that the feeds allow.
    standardise, n_components
        See `SignalGenerator`.
    seeds : int, default 1
        Networks averaged into one score.
    random_state : int, default 0
        Same number, same feeds: same scores, to the bit.
    device : {"cpu", "cuda", "auto"}, default "cpu"
        Where the network is trained.
    progress : callable, default None
        Called with the `MonthRecord` of each month-end.

    The remaining params are those of `MonthlyTopK`.
    """

    params: Any = dict(
        refit=1,
        lookback=6,
        step="month",
        min_months=12,
        window=None,
        factors=None,
        standardise="date",
        n_components=24,
        seeds=1,
        random_state=0,
        device="cpu",
        progress=None,
    )

    _GENERATOR_PARAMS = (
        "refit",
        "lookback",
        "step",
        "min_months",
        "window",
        "factors",
        "standardise",
        "n_components",
        "seeds",
        "random_state",
        "device",
        "progress",
    )

    def _make_signal(self) -> Any:
        signal = self.p.signal
        settings = {name: getattr(self.p, name) for name in self._GENERATOR_PARAMS}
        # a model has `fit`; whether the generator can use it is the generator's to say
        if signal is None or (hasattr(signal, "fit") and not hasattr(signal, "scores")):
            from attngru_bt.signals import SignalGenerator

            return SignalGenerator(signal, topk=self.p.topk, universe=self.p.universe, **settings)
        defaults = AttentionGRUStrategy.params
        changed = [n for n, v in settings.items() if v != getattr(defaults, n)]
        if changed:
            raise ValueError(
                f"`{changed[0]}` has no effect beside a `signal` that carries its own settings "
                f"({type(signal).__name__}): set it there."
            )
        return super()._make_signal()
