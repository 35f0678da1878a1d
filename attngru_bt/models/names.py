"""The models of the paper and its baselines by name: one word each, one walk-forward for all.

`MODELS` is the table; `attngru_bt.models.generator` makes what scores at month-ends. Any names with
"+" between them are a model as well, the blend of these. "default" is another name for "blend",
which won the rule in docs/signal.md. "attention-gru-ranks" was chosen by the search in
docs/presets.md, "paper" has the paper's settings; those of the others are sensible ones for some
hundred stocks over ten years of months, not searched for. scikit-learn,
torch and xgboost are loaded when a model is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from attngru_bt.checks import nearest
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

DEFAULT = "default"
JOINT = "+"  # between the names of a blend's members
# further names of models, which a walk over all of them does not meet twice
ALIASES: Mapping[str, str] = MappingProxyType({DEFAULT: "blend"})


@dataclass(frozen=True)
class Model:
    """A model by name.

    Attributes
    ----------
    name : str
        What to write: ``--models gbdt``, ``signal="gbdt"``.
    title : str
        What tables and charts call it.
    family : {"network", "classic", "blend", "baseline"}
        Networks and classic models are estimators for the walk-forward, not fitted and without a
        random state of their own, so that each month brings its seed; baselines are signals
        themselves, with ``scores(bars)``. A blend is made of its `members`.
    make : callable
        Returns a new one; of a blend its members' names.
    settings : mapping
        Parameters of `SignalGenerator` that differ from its defaults.
    extra : str or None
        Optional part of the installation it needs: ``pip install 'attngru_bt[extra]'``.
    members : tuple of str
        Of a blend, the models whose mean rank it is.
    """

    name: str
    title: str
    family: str
    make: Callable[[], Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    extra: str | None = None
    members: tuple[str, ...] = ()


def names(family: str | None = None) -> list[str]:
    """Names of the models, those of one family if asked for, in the order of the paper."""
    return [name for name, model in MODELS.items() if family in (None, model.family)]


def find(name: str) -> Model:
    """Return the model of that name, or the blend of several: "ridge+gbdt-rank".

    "default" is the model "blend".

    Raises
    ------
    ValueError
        If there is none; the message has the nearest name. If a blend is made of one model twice,
        or of one that is a blend itself or chooses nobody.
    """
    if JOINT in name:
        return _blend(name, tuple(part.strip() for part in name.split(JOINT)))
    name = ALIASES.get(name, name)
    if name not in MODELS:
        hint = nearest(name, [*MODELS, *ALIASES])
        raise ValueError(
            f"No model is named {name!r}{hint} There are {', '.join(MODELS)}, and blends of them "
            f"such as {JOINT.join(BLEND)}."
        )
    return MODELS[name]


def is_known(name: str) -> bool:
    """Whether `find` returns a model of that name, or a blend."""
    try:
        find(name)
    except ValueError:
        return False
    return True


def _blend(name: str, members: tuple[str, ...]) -> Model:
    """Return the blend of these models."""
    for member in members:
        if not member:
            raise ValueError(
                f"{name!r} must have the name of a model on both sides of each {JOINT}."
            )
        if members.count(member) > 1:
            raise ValueError(f"{name!r} has {member} twice: to weigh it more, use Blend(weights=).")
        if parts := find(member).members:
            raise ValueError(
                f"{name!r}: {member} is a blend itself; name its members, {JOINT.join(parts)}."
            )
        if member == "equal-weight":
            raise ValueError(f"{name!r}: equal-weight scores all stocks alike; leave it out.")
    return _mixed(name, members)


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


def title_of(model: Any) -> str:
    """Return what a report calls the model that made its scores: a name, an object or a table."""
    if isinstance(model, str):
        return find(model).title
    import pandas as pd  # not with the table of names, which is cheap to import

    if isinstance(model, (pd.DataFrame, pd.Series)):
        return "Given scores"
    return str(getattr(model, "title", None) or type(model).__name__)


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
    # the elastic net chooses among the factors themselves, as many as components elsewhere
    from attngru_bt.models.estimators import (
        AttentionGRUClassifier,
        ElasticNetSelection,
        SequencePipeline,
    )

    lstm = AttentionGRUClassifier(attention=None, cell="lstm")
    return SequencePipeline([("select", ElasticNetSelection(n_factors=24)), ("lstm", lstm)])


# -- classic models, on the components of the month-end itself ------------------------------------


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=0.1, max_iter=1000)


def _svm() -> Any:
    # A kernel SVM takes quadratic time: minutes a month on 300 stocks x 115 months. 100 random
    # features stand in for its RBF kernel and a linear SVM does the rest in a fraction of a second.
    # Balanced: with 3% of class 1 the margin of an unbalanced one says "no" to all.
    from sklearn.kernel_approximation import RBFSampler
    from sklearn.pipeline import Pipeline
    from sklearn.svm import LinearSVC

    return Pipeline(
        [
            ("kernel", RBFSampler(gamma="scale", n_components=100)),
            ("svm", LinearSVC(C=0.01, class_weight="balanced")),
        ]
    )


def _random_forest() -> Any:
    # large leaves and half of the rows per tree: months are noisy, and it is faster
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        n_estimators=100, max_depth=8, min_samples_leaf=20, max_samples=0.5, n_jobs=1
    )


def _gbdt() -> Any:
    # no early stopping: scikit-learn would hold out random rows, months on both sides
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.05, max_depth=3, early_stopping=False
    )


def _xgboost() -> Any:
    try:
        from xgboost import XGBClassifier
    except ImportError:
        raise ImportError(
            "The model 'xgboost' needs the package xgboost, which is not installed: "
            "pip install 'attngru_bt[xgboost]'."
        ) from None

    return XGBClassifier(
        n_estimators=100,
        learning_rate=0.05,
        max_depth=3,
        subsample=0.5,
        tree_method="hist",
        n_jobs=1,
    )


def _ridge() -> Any:
    from attngru_bt.models.linear import RidgePerRow

    return RidgePerRow()


def _ridge_pca() -> Any:
    from sklearn.linear_model import Ridge

    return Ridge(alpha=1.0)


def _gbdt_rank() -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        max_iter=100, learning_rate=0.05, max_depth=3, early_stopping=False
    )


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


# fitted on the ranks of the returns and on the factors themselves: components would lose some
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
    Model("logistic", "Logistic regression", "classic", _logistic),
    Model(
        "elastic-net-lstm",
        "Elastic net + LSTM",
        "network",
        _elastic_net_lstm,
        settings={"n_components": None},
    ),
    Model("svm", "SVM", "classic", _svm),
    Model("random-forest", "Random forest", "classic", _random_forest),
    Model("gbdt", "Gradient-boosted trees", "classic", _gbdt),
    Model("xgboost", "XGBoost", "classic", _xgboost, extra="xgboost"),
    Model("ridge", "Ridge on return ranks", "classic", _ridge, settings=ON_FACTORS),
    Model(
        "attention-gru-lines",
        "Attention-GRU on raw lines",
        "network",
        lines_model,
        settings=LINES,
    ),
    Model("ridge-pca", "Ridge on components", "classic", _ridge_pca, settings={"target": "rank"}),
    Model(
        "gbdt-rank",
        "Boosted trees on ranks",
        "classic",
        _gbdt_rank,
        # a year more or less changes trees little, and on a whole market a fit takes a minute
        settings={**ON_FACTORS, "refit": 12},
    ),
)
_BASELINES = (
    # held whole, by attngru_bt.backtest.equal_weight: equal scores choose nobody
    Model("equal-weight", "Equal weight", "baseline", _equal_weight),
    Model("random", "Random", "baseline", _random),
    Model("momentum", "Momentum 12-1", "baseline", _momentum),
)


def _mixed(
    name: str, members: tuple[str, ...], settings: Mapping[str, Any] = MappingProxyType({})
) -> Model:
    titles = {model.name: model.title for model in (*_TABLE, *_BASELINES)}
    title = blend_title([titles[member] for member in members])
    return Model(name, title, "blend", lambda: members, settings, members=members)


MODELS: Mapping[str, Model] = MappingProxyType(
    {model.name: model for model in (*_TABLE, _mixed("blend", BLEND, NEUTRAL), *_BASELINES)}
)
