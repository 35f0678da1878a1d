"""The catalog: what each model is made of, what it is called, and which settings it wants.

"attention-gru-ranks" was chosen by the search in docs/presets.md, and "paper" has the paper's
settings. Those of the others were not searched for: they are sensible ones for some hundred stocks
over ten years of months. scikit-learn, torch and xgboost are loaded when a model is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from attngru_bt.models import classic
from attngru_bt.models.presets import (
    BLEND,
    LINES,
    NEUTRAL,
    PAPER,
    RANKS,
    lines_model,
    paper_model,
    ranks_model,
)


@dataclass(frozen=True)
class Model:
    """A model by name.

    Attributes
    ----------
    name : str
        As users write it: ``--models gbdt``, ``signal="gbdt"``.
    title : str
        Title in tables and charts.
    family : {"network", "classic", "blend", "baseline"}
        Networks and classic models are estimators for the walk-forward, not fitted and without a
        random state of their own, so that each month brings its seed; baselines are signals
        themselves, with ``scores(bars)``. A blend is made of its `members`.
    make : callable
        Returns a new model; for a blend, its members' names.
    settings : mapping
        Parameters of `SignalGenerator` that differ from its defaults.
    extra : str or None
        Optional part of the installation it needs: ``pip install 'attngru_bt[extra]'``.
    members : tuple of str
        The models that a blend is the mean rank of; otherwise empty.
    """

    name: str
    title: str
    family: str
    make: Callable[[], Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    extra: str | None = None
    members: tuple[str, ...] = ()


def blend_title(titles: Sequence[str]) -> str:
    """Return what a report calls a blend of models with these titles."""
    shown = [_within(title) for title in titles]
    if len(shown) == 1:
        return f"Blend of {shown[0]}"
    return f"Blend of {', '.join(shown[:-1])} and {shown[-1]}"


def _within(title: str) -> str:
    """Return a title as part of a sentence: names and abbreviations stay as they are."""
    first = title.split()[0]
    return title if first[1:] != first[1:].lower() else title[:1].lower() + title[1:]


# -- networks -------------------------------------------------------------------------------------


def _recurrent(cell: str, attention: str | None = None) -> Callable[[], Any]:
    def make() -> Any:
        from attngru_bt.models.estimators import AttentionGRUClassifier

        return AttentionGRUClassifier(attention=attention, cell=cell)

    return make


def _cnn() -> Any:
    from attngru_bt.models.estimators import ConvolutionClassifier

    return ConvolutionClassifier()


def _bp() -> Any:
    from attngru_bt.models.estimators import FeedForwardClassifier

    return FeedForwardClassifier()


def _elastic_net_lstm() -> Any:
    # the elastic net chooses 24 of the factors, as many as there are components elsewhere
    from attngru_bt.models.estimators import (
        AttentionGRUClassifier,
        ElasticNetSelection,
        SequencePipeline,
    )

    lstm = AttentionGRUClassifier(attention=None, cell="lstm")
    return SequencePipeline([("select", ElasticNetSelection(n_factors=24)), ("lstm", lstm)])


# -- baselines ------------------------------------------------------------------------------------


def _equal_weight() -> Any:
    from attngru_bt.models.baselines import EqualScores

    return EqualScores()


def _random() -> Any:
    from attngru_bt.models.baselines import RandomScores

    return RandomScores()


def _momentum() -> Any:
    from attngru_bt.models.baselines import MomentumScores

    return MomentumScores()


# fitted on the ranks of the returns, and on the factors themselves, since components lose some of
# what they say
ON_FACTORS: Mapping[str, Any] = MappingProxyType(
    {"target": "rank", "n_components": None, "lookback": 1}
)

_TABLE = (
    Model("paper", "Attention-GRU, the paper's", "network", paper_model, settings=PAPER),
    Model("rnn", "RNN", "network", _recurrent("rnn")),
    Model("lstm", "LSTM", "network", _recurrent("lstm")),
    Model("gru", "GRU", "network", _recurrent("gru")),
    Model("attention-gru", "Attention-GRU", "network", _recurrent("gru", "factor")),
    Model("attention-gru-ranks", "Attention-GRU on ranks", "network", ranks_model, settings=RANKS),
    Model("cnn", "CNN", "network", _cnn),
    Model("bp", "BP network", "network", _bp),
    Model("logistic", "Logistic regression", "classic", classic.logistic),
    Model(
        "elastic-net-lstm",
        "Elastic net + LSTM",
        "network",
        _elastic_net_lstm,
        settings={"n_components": None},
    ),
    Model("svm", "SVM", "classic", classic.svm),
    Model("random-forest", "Random forest", "classic", classic.random_forest),
    Model("gbdt", "Gradient-boosted trees", "classic", classic.gbdt),
    Model("xgboost", "XGBoost", "classic", classic.xgboost, extra="xgboost"),
    Model("ridge", "Ridge on return ranks", "classic", classic.ridge, settings=ON_FACTORS),
    Model(
        "attention-gru-lines",
        "Attention-GRU on raw lines",
        "network",
        lines_model,
        settings=LINES,
    ),
    Model(
        "ridge-pca",
        "Ridge on components",
        "classic",
        classic.ridge_pca,
        settings={"target": "rank"},
    ),
    Model(
        "gbdt-rank",
        "Boosted trees on ranks",
        "classic",
        classic.gbdt_rank,
        # a few more months change trees little
        settings={**ON_FACTORS, "refit": 12},
    ),
)
_BASELINES = (
    # backtested by attngru_bt.backtest.equal_weight, which holds all: equal scores choose nobody
    Model("equal-weight", "Equal weight", "baseline", _equal_weight),
    Model("random", "Random", "baseline", _random),
    Model("momentum", "Momentum 12-1", "baseline", _momentum),
)


def blend_of(
    name: str, members: tuple[str, ...], settings: Mapping[str, Any] = MappingProxyType({})
) -> Model:
    """Return the blend of the models with these names, by its own."""
    titles = {model.name: model.title for model in (*_TABLE, *_BASELINES)}
    title = blend_title([titles[member] for member in members])
    return Model(name, title, "blend", lambda: members, settings, members=members)


MODELS: Mapping[str, Model] = MappingProxyType(
    {model.name: model for model in (*_TABLE, blend_of("blend", BLEND, NEUTRAL), *_BASELINES)}
)
