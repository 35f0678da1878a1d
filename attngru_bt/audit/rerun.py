"""The backtest that an audit runs again and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from attngru_bt import backtest
from attngru_bt.audit import beside
from attngru_bt.audit.beside import Alter
from attngru_bt.audit.fresh import is_ours
from attngru_bt.audit.sameday import blindfolded
from attngru_bt.data.bars import DataError
from attngru_bt.data.market import Market
from attngru_bt.data.membership import Universe
from attngru_bt.features.cross_section import month_ends
from attngru_bt.feeds.parameters import parameter_names
from attngru_bt.trading.attention_gru import AttentionGRUStrategy
from attngru_bt.trading.monthly import MonthlyTopK

MONTHS = 60
"""Number of months that are traded unless `start` is given; earlier ones are for training."""
SCORING = frozenset(parameter_names(AttentionGRUStrategy)) - set(parameter_names(MonthlyTopK))
"""Parameters of a strategy that say how its scores are made."""
COSTS = ("commission", "slippage", "rules", "reserve")


class Rerun:
    """A strategy with its parameters, to be run on any market; it can be sent to another process.

    Parameters
    ----------
    strategy : subclass of MonthlyTopK
    params : dict
        Of `backtest.run`.
    """

    def __init__(self, strategy: type[MonthlyTopK], params: dict[str, Any]) -> None:
        self.strategy = strategy
        self.params = beside.read(params)

    def __call__(
        self, market: Market, members: Universe | None, alter: Alter | None = None
    ) -> MonthlyTopK:
        """Run the strategy on a market; return it finished.

        Parameters
        ----------
        market : Market
        members : object with ``at(date)`` or None
        alter : callable, optional
            Changes each market that is trained on beside it.
        """
        params = self.params if alter is None else beside.altered(self.params, alter)
        return backtest.run(market, self.strategy, universe=members, **params)

    def blind(self, market: Market, members: Universe | None) -> MonthlyTopK:
        """Run it on bars that come one by one, of a session showing only what its open tells."""
        strategy = blindfolded(self.strategy)
        return backtest.run(market, strategy, universe=members, stream=True, **self.params)

    def calibrated(
        self, market: Market, universe: Universe | None, scores: pd.DataFrame
    ) -> MonthlyTopK:
        """Trade given scores instead, without costs and rules, in fractions, at equal weight."""
        kept = {
            name: value
            for name, value in self.params.items()
            if name not in COSTS and name not in SCORING
        }
        plain = dict(signal=scores, rebalance="full", lot=0, commission=0.0)
        return backtest.run(market, self.strategy, universe=universe, **kept | plain)

    @property
    def trains_beside(self) -> bool:
        """Whether a market beside the feeds is trained on."""
        return beside.has_any(self.params)

    def is_ours(self) -> bool:
        """Whether the user's own code is not part of it, apart from factors."""
        signal: Any = self.params.get("signal")
        deep = signal.get_params().values() if hasattr(signal, "get_params") else ()
        return all(map(is_ours, (self.strategy, *self.params.values(), *deep)))


def chosen(
    market: Market, universe: Universe | None, topk: int | None, min_months: int | None, start: Any
) -> dict[str, Any]:
    """Return `topk`, `min_months` and `start` of an audit, chosen by the data where not given."""
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
    """Return the parameters of the backtest; a signal of the user's brings its own settings."""
    traded = {name: settings[name] for name in ("topk", "start")}
    is_given = hasattr(signal, "scores") or isinstance(signal, pd.DataFrame)
    if is_given or not issubclass(strategy, AttentionGRUStrategy):
        return traded | dict(signal=signal)
    scoring = dict(
        signal=_model(model) if signal is None else signal, factors=factors, random_state=seed
    )
    if signal is None and model == "fast":
        scoring["lookback"] = 1  # the logistic regression only takes the month-end itself
    return settings | scoring


def _model(name: str) -> Any:
    """Return the model that scores; a network is trained for two epochs only."""
    if name == "network":
        from attngru_bt.models.estimators import AttentionGRUClassifier

        return AttentionGRUClassifier(max_epochs=2)
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=200)
