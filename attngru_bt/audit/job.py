"""The backtest that an audit makes again and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from attngru_bt import backtest
from attngru_bt.audit.fresh import is_ours
from attngru_bt.audit.sameday import blindfolded
from attngru_bt.data.bars import DataError
from attngru_bt.data.market import Market
from attngru_bt.features.cross_section import month_ends
from attngru_bt.feeds.parameters import parameter_names
from attngru_bt.trading.attention_gru import AttentionGRUStrategy
from attngru_bt.trading.monthly import MonthlyTopK

MONTHS = 60
"""Months that are traded unless `start` is given; all earlier ones are trained on."""
SCORING = frozenset(parameter_names(AttentionGRUStrategy)) - set(parameter_names(MonthlyTopK))
"""Parameters of a strategy that are about how its scores are made."""
COSTS = ("commission", "slippage", "rules", "reserve")


class Job:
    """A strategy with its parameters, to be run on any market; it travels to another process.

    Parameters
    ----------
    strategy : subclass of MonthlyTopK
    params : dict
        Of `backtest.run`.
    """

    def __init__(self, strategy: type[MonthlyTopK], params: dict[str, Any]) -> None:
        self.strategy = strategy
        self.params = params

    def __call__(self, market: Market, members: Any) -> MonthlyTopK:
        """Run it; answers the finished strategy."""
        return backtest.run(market, self.strategy, universe=members, **self.params)

    def blind(self, market: Market, members: Any) -> MonthlyTopK:
        """Make it with bars handed over one by one, of a session only what its open tells."""
        strategy = blindfolded(self.strategy)
        return backtest.run(market, strategy, universe=members, stream=True, **self.params)

    def is_ours(self) -> bool:
        """Whether no code of the user's own takes part, beside factors."""
        signal: Any = self.params.get("signal")
        deep = signal.get_params().values() if hasattr(signal, "get_params") else ()
        return all(map(is_ours, (self.strategy, *self.params.values(), *deep)))

    def calibrated(self, market: Market, universe: Any, scores: pd.DataFrame) -> MonthlyTopK:
        """Trade given scores instead, without costs and rules, in fractions, at equal weight."""
        kept = {
            name: value
            for name, value in self.params.items()
            if name not in COSTS and name not in SCORING
        }
        plain = dict(signal=scores, rebalance="full", lot=0, commission=0.0)
        return backtest.run(market, self.strategy, universe=universe, **kept | plain)


def chosen(
    market: Market, universe: Any, topk: int | None, min_months: int | None, start: Any
) -> dict[str, Any]:
    """Return what is traded, how many months are learnt from first, and since when."""
    bars = market.bars
    ends = month_ends(bars.dates)
    if len(ends) < 3:
        raise DataError(
            f"{market.name}: {len(bars)} sessions are too few to audit; it takes three month-ends."
        )
    if topk is None:
        n = len(bars.assets) if universe is None else len(universe.at(bars.dates[-1]))
        topk = min(10, max(1, n // 4))
    if min_months is None:
        min_months = min(12, max(2, len(ends) // 4))
    if start is None and len(ends) > MONTHS + min_months + 1:
        start = bars.dates[ends[-MONTHS - 1] + 1]
    return dict(topk=topk, min_months=min_months, start=start)


def parameters(
    settings: dict[str, Any],
    signal: Any,
    model: str,
    strategy: type[MonthlyTopK],
    factors: Sequence[str] | None,
    seed: int,
) -> dict[str, Any]:
    """Return the parameters of the backtest; a signal of one's own carries its own settings."""
    traded = {name: settings[name] for name in ("topk", "start")}
    own = hasattr(signal, "scores") or isinstance(signal, pd.DataFrame)
    if own or not issubclass(strategy, AttentionGRUStrategy):
        return traded | dict(signal=signal)
    # the logistic regression looks at the month-end alone
    lookback = dict(lookback=1) if signal is None and model == "fast" else {}
    return (
        settings
        | lookback
        | dict(
            signal=_model(model) if signal is None else signal, factors=factors, random_state=seed
        )
    )


def _model(name: str) -> Any:
    """Return the model that scores; the network only as long as it takes to have weights."""
    if name == "network":
        from attngru_bt.models.estimators import AttentionGRUClassifier

        return AttentionGRUClassifier(max_epochs=2)
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=200)
