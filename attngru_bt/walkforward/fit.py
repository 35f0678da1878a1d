"""One month of the walk-forward: a model fitted on what was known, and what it scores."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.base import clone

from attngru_bt.features.cross_section import CrossSection, sequences
from attngru_bt.features.threads import one_thread
from attngru_bt.models.contract import (
    TARGETS,
    fit_models,
    is_scorer,
    takes_sequences,
    target_of,
    value,
)
from attngru_bt.models.presets import default_model
from attngru_bt.walkforward.record import MonthRecord
from attngru_bt.walkforward.training_set import TrainingSet, training_set

if TYPE_CHECKING:
    from attngru_bt.walkforward.generator import SignalGenerator


@dataclass
class Fit:
    """A model fitted at a month-end, on the months whose outcome was known by then.

    Attributes
    ----------
    month_end : Timestamp
    model, preprocess : fitted estimators
        `preprocess` is None where nothing stands between cross-section and model.
    n_rows, n_months : int
        What it was fitted on.
    seconds : float
        Wall-clock seconds of preprocessing and fit.
    in_sample : dict of str to float
        On the rows it was fitted on, and so no evidence of skill: `accuracy` (its own yes or no;
        classifiers only), `accuracy_at_k` (the k best scores of each month called 1) and `auc`
        (mean over months).
    """

    month_end: pd.Timestamp
    model: Any
    preprocess: Any
    n_rows: int
    n_months: int
    seconds: float = 0.0
    in_sample: dict[str, float] = field(default_factory=dict)


def fit(settings: SignalGenerator, sections: Sequence[CrossSection]) -> Fit:
    """Fit a fresh model at the last of `sections`.

    Parameters
    ----------
    settings : SignalGenerator
        Only its parameters are read.
    sections : sequence of CrossSection
        All month-ends so far; the last one's outcome is not looked at.

    Notes
    -----
    BLAS and OpenMP are held to one thread, since sums are ordered differently with more: the same
    bits come out of a script, of parallel jobs and of a cluster.
    """
    return fit_together([(settings, training_set(settings, sections))])[0]


def fit_together(orders: Sequence[tuple[SignalGenerator, TrainingSet]]) -> list[Fit]:
    """Fit a fresh model per order, side by side where that is faster; the bits are those of `fit`.

    Parameters
    ----------
    orders : sequence of (SignalGenerator, TrainingSet)
        Such as the seeds of one model in a few months. What they share in time is shared out.
    """
    began = time.perf_counter()
    models = [make_model(settings, rows.month_end) for settings, rows in orders]
    targets = [
        rows.rank if (settings.target or target_of(model)) == "rank" else rows.top.astype(int)
        for model, (settings, rows) in zip(models, orders, strict=True)
    ]
    with one_thread():
        data = [(r.features, y, r.months) for (_, r), y in zip(orders, targets, strict=True)]
        fit_models(models, data)
        share = (time.perf_counter() - began) / len(orders)
        taken = Counter(id(rows) for _, rows in orders)
        return [
            Fit(
                month_end=rows.month_end,
                model=model,
                preprocess=rows.preprocess,
                n_rows=len(rows),
                n_months=rows.n_months,
                seconds=rows.seconds / taken[id(rows)] + share,
                in_sample=_in_sample(model, rows, settings.topk),
            )
            for model, (settings, rows) in zip(models, orders, strict=True)
        ]


def score(fitted: Fit, section: CrossSection) -> MonthRecord:
    """Score a cross-section of the month-end of the fit, or of a later one."""
    refit = section.date == fitted.month_end
    record = MonthRecord(
        month_end=section.date,
        scores=no_scores(),
        refit=refit,
        fit_seconds=fitted.seconds if refit else 0.0,
        n_rows=fitted.n_rows,
        n_months=fitted.n_months,
        in_sample=fitted.in_sample,
    )
    if not len(section):
        return record
    with one_thread():
        features = sequences([section], fitted.preprocess)
        chance = _scores(fitted.model, features)
        if hasattr(fitted.model, "attention_weights"):
            record.attention = fitted.model.attention_weights(features)
    record.scores = pd.Series(chance, index=pd.Index(section.assets, name="asset"), name="score")
    if takes_sequences(fitted.model):
        record.losses = getattr(fitted.model, "history_", [])
    record.factors = section.columns
    for stage in getattr(fitted.preprocess, "named_steps", {}).values():
        if hasattr(stage, "explained_variance_ratio_"):
            record.explained_variance = stage.explained_variance_ratio_
            record.loadings = pd.DataFrame(
                stage.components_,
                index=pd.Index(stage.get_feature_names_out(), name="component"),
                columns=list(stage.feature_names_in_),
            )
        if hasattr(stage, "missing_share_"):
            kept = set(stage.get_feature_names_out())
            share = dict(zip(section.columns, stage.missing_share_, strict=True))
            record.dropped = {k: float(v) for k, v in share.items() if k not in kept}
            record.factors = tuple(k for k in section.columns if k in kept)
    return record


def no_scores() -> pd.Series:
    """Scores of a month-end without a model."""
    return pd.Series(dtype=float, name="score", index=pd.Index([], name="asset"))


def make_model(settings: SignalGenerator, month_end: pd.Timestamp) -> Any:
    """Return a fresh model, seeded by the month so that a run started later agrees."""
    entropy = [settings.random_state, month_end.year * 12 + month_end.month]
    seed = int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)
    if settings.classifier is None:
        return default_model(
            n_networks=settings.n_networks, device=settings.device, random_state=seed
        )
    model = clone(settings.classifier)
    unseeded = {
        key: seed
        for key, value in model.get_params(deep=True).items()
        if (key == "random_state" or key.endswith("__random_state")) and value is None
    }
    return model.set_params(**unseeded)


def check_model(model: Any, target: str | None) -> None:
    """Raise TypeError or ValueError for a model that cannot score, or not be fitted on `target`."""
    if isinstance(model, type):
        raise TypeError(
            f"`classifier` must be an instance; got the class {model.__name__}: "
            f"write {model.__name__}()."
        )
    if model is not None and not is_scorer(model):
        raise TypeError(
            f"`classifier` must be a scikit-learn classifier with predict_proba or "
            f"decision_function, or a regressor; got {type(model).__name__}."
        )
    if target not in (None, *TARGETS):
        raise ValueError(f"`target` must be None, 'top' or 'rank'; got target={target!r}.")
    if target == "rank" and model is not None and target_of(model) == "top":
        raise ValueError(
            f"`target` must be 'top' for a classifier ({type(model).__name__}); got "
            f"target='rank': ranks are for regressors, such as AttentionGRURegressor or Ridge."
        )


def _scores(model: Any, features: NDArray[np.float64]) -> NDArray[np.float64]:
    return value(model, features if takes_sequences(model) else features[:, -1])


def _in_sample(model: Any, rows: TrainingSet, topk: int) -> dict[str, float]:
    """How well the model tells the rows it was fitted on."""
    scores = _scores(model, rows.features)
    figures: dict[str, float] = {}
    if hasattr(model, "classes_"):
        yes = scores > (0.5 if hasattr(model, "predict_proba") else 0.0)
        figures["accuracy"] = float(np.mean(yes == (rows.top == 1)))
    right, areas = 0, []
    for month in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(rows.months)) + 1):
        called = np.zeros(len(month), dtype=bool)
        called[np.argsort(-scores[month], kind="stable")[:topk]] = True
        truth = rows.top[month] == 1
        right += int((called == truth).sum())
        n, m = int(truth.sum()), int((~truth).sum())
        if n and m:
            area = (rankdata(scores[month])[truth].sum() - n * (n + 1) / 2) / (n * m)
            areas.append(area)
    figures["accuracy_at_k"] = right / len(rows)
    figures["auc"] = float(np.mean(areas))
    return figures
