"""Settings that have a name: those of the paper, of the networks here, and of the blend.

`PAPER` is what the paper states: z-scores over the panel, 24 principal components, attention over
them, a GRU, cross-entropy on "among the ten best", t = 2, 3, …; what it does not state (network
size, epochs, steps) is this library's. `RANKS`, of the model "attention-gru-ranks", was chosen on
CSI 300 by the search in docs/presets.md; it is what a `SignalGenerator` walks unless told
otherwise. `BLEND` has the members of the model "blend", which was chosen by the rule in
docs/signal.md and is the default wherever models have names: "default" is another name for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

# parameters of SignalGenerator
PAPER: Mapping[str, Any] = MappingProxyType(
    dict(
        standardize="panel",  # one mean and deviation per factor over the training window
        limit=None,
        n_components=24,  # about 90% of the variance of the paper's 244 factors
        min_months=2,  # t = 2, 3, 4, …: months 1..t train, month t + 1 is predicted
        refit=1,
        step="day",
        lookback=20,
    )
)
RANKS: Mapping[str, Any] = MappingProxyType(
    dict(
        standardize="panel",
        limit=3.0,
        n_components=24,
        min_months=12,
        refit=1,
        step="month",
        lookback=3,
    )
)
RANKS_NETWORKS = 5
# rows every week, since a network on raw lines needs many; one fit a year, since it takes minutes
LINES: Mapping[str, Any] = MappingProxyType(
    dict(view="lines", sample="week", refit=12, min_months=12)
)
# the members of the model "blend", and its settings: chosen by the rule in docs/signal.md
BLEND = ("ridge", "gbdt-rank", "attention-gru-lines")
NEUTRAL: Mapping[str, Any] = MappingProxyType(dict(neutralize=("known",), neutral_share=0.5))


def paper_model(**given: Any) -> Any:
    """Return the paper's network: attention over components, GRU, P(among the best)."""
    from attngru_bt.models.estimators import AttentionGRUClassifier

    return AttentionGRUClassifier(**given)


def ranks_model(**given: Any) -> Any:
    """Return the same network fitted on the ranks of the returns, "attention-gru-ranks".

    A label "among the ten best" is mostly about volatility, since volatile stocks are both best and
    worst; the rank of the return uses every stock of a month. A linear path from the last step
    beside the GRU (`skip`), strong decay and few passes hold it close to a ridge regression, from
    which it departs where the data insist; five networks are averaged.
    """
    from attngru_bt.models.estimators import AttentionGRURegressor

    settings: dict[str, Any] = dict(
        hidden_size=8,
        skip=True,
        max_epochs=5,
        early_stopping=False,
        schedule="cosine",
        batch_size=128,
        lr=0.003,
        weight_decay=10.0,
        n_networks=RANKS_NETWORKS,
    )
    return AttentionGRURegressor(**(settings | given))


def lines_model(**given: Any) -> Any:
    """Return the network for raw lines: attention over the lines of a step, GRU over 60 sessions.

    It is wider than the network on month-ends, since it has to find its factors itself, and has no
    linear path, since nothing linear in a day's move tells where a stock will rank. It is trained
    in six passes over some hundred thousand rows and keeps the mean of the weights after the last
    two.
    """
    from attngru_bt.models.estimators import AttentionGRURegressor

    settings: dict[str, Any] = dict(
        hidden_size=32,
        max_epochs=6,
        n_averaged=2,
        early_stopping=False,
        schedule="cosine",
        batch_size=1024,
        lr=0.003,
        n_networks=3,
    )
    return AttentionGRURegressor(**(settings | given))
