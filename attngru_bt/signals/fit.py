"""One month of the walk-forward: a model fitted on what was known, and what it scores."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from threadpoolctl import ThreadpoolController

from attngru_bt.preprocessing import Components, FillMissing, MissingShareFilter, Standardise
from attngru_bt.presets import default_model
from attngru_bt.samples import CrossSection, row_frame, sequences
from attngru_bt.signals.model import (
    TARGETS,
    fit_model,
    is_scorer,
    takes_sequences,
    target_of,
    value,
)
from attngru_bt.signals.record import MonthRecord

if TYPE_CHECKING:
    from attngru_bt.signals.generator import SignalGenerator


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


def training_months(
    settings: SignalGenerator, sections: Sequence[CrossSection]
) -> list[CrossSection]:
    """Months to fit on at the last of `sections`: their outcome is known, its own is not."""
    labelled = [s for s in sections[:-1] if len(s)]
    return labelled if settings.window is None else labelled[-settings.window :]


def has_choice(settings: SignalGenerator, sections: Sequence[CrossSection]) -> bool:
    """Whether any training month had more than `topk` stocks, so that there is a class 0 as well.

    Both classes then exist, since the best stock of a month is always of class 1.
    """
    labels = (s.labels(settings.topk) for s in training_months(settings, sections))
    return any((month == 0).any() for month in labels)


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
    began = time.perf_counter()
    labelled = training_months(settings, sections)
    with one_thread():
        top = np.concatenate([s.labels(settings.topk) for s in labelled])
        known = ~np.isnan(top)
        preprocess = make_preprocess(settings)
        if preprocess is not None:
            preprocess.fit(row_frame(labelled))
        features = sequences(labelled, preprocess)[known]
        months = np.repeat(np.arange(len(labelled)), [len(s) for s in labelled])[known]
        model = make_model(settings, sections[-1].date)
        if (settings.target or target_of(model)) == "rank":
            y: NDArray[Any] = np.concatenate([s.ranks() for s in labelled])[known]
        else:
            y = top[known].astype(int)
        fit_model(model, features, y, months)
        seconds = time.perf_counter() - began
        return Fit(
            month_end=sections[-1].date,
            model=model,
            preprocess=preprocess,
            n_rows=int(known.sum()),
            n_months=len(labelled),
            seconds=seconds,
            in_sample=_in_sample(model, features, top[known], months, settings.topk),
        )


def score(fitted: Fit, section: CrossSection) -> MonthRecord:
    """Score a cross-section of the month-end of the fit, or of a later one."""
    record = MonthRecord(
        month_end=section.date,
        scores=no_scores(),
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


@functools.cache
def _pools() -> ThreadpoolController:
    return ThreadpoolController()  # looking for the libraries takes milliseconds: once


def one_thread() -> Any:
    """Hold BLAS and OpenMP to one thread in a with-block; torch sees to its own."""
    return _pools().limit(limits=1)


def no_scores() -> pd.Series:
    """Scores of a month-end without a model."""
    return pd.Series(dtype=float, name="score", index=pd.Index([], name="asset"))


def make_preprocess(settings: SignalGenerator) -> Any:
    """Return what stands between cross-section and model, not fitted; None for nothing."""
    if settings.preprocess is not None:
        return clone(settings.preprocess)
    stages: list[tuple[str, Any]] = [("filter", MissingShareFilter(max_share=settings.max_missing))]
    if settings.standardise == "panel":
        stages.append(("z-score", Standardise(by="panel", limit=settings.limit)))
    stages.append(("fill", FillMissing()))
    if settings.n_components is not None:
        stages.append(("components", Components(n_components=settings.n_components)))
    return Pipeline(stages)


def make_model(settings: SignalGenerator, month_end: pd.Timestamp) -> Any:
    """Return a fresh model, seeded by the month so that a run started later agrees."""
    entropy = [settings.random_state, month_end.year * 12 + month_end.month]
    seed = int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)
    if settings.classifier is None:
        return default_model(n_seeds=settings.seeds, device=settings.device, random_state=seed)
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


def _in_sample(
    model: Any,
    features: NDArray[np.float64],
    top: NDArray[np.float64],
    months: NDArray[np.intp],
    topk: int,
) -> dict[str, float]:
    """How well the model tells the rows it was fitted on."""
    scores = _scores(model, features)
    figures: dict[str, float] = {}
    if hasattr(model, "classes_"):
        yes = scores > (0.5 if hasattr(model, "predict_proba") else 0.0)
        figures["accuracy"] = float(np.mean(yes == (top == 1)))
    right, areas = 0, []
    for rows in np.split(np.arange(len(top)), np.flatnonzero(np.diff(months)) + 1):
        called = np.zeros(len(rows), dtype=bool)
        called[np.argsort(-scores[rows], kind="stable")[:topk]] = True
        truth = top[rows] == 1
        right += int((called == truth).sum())
        n, m = int(truth.sum()), int((~truth).sum())
        if n and m:
            area = (rankdata(scores[rows])[truth].sum() - n * (n + 1) / 2) / (n * m)
            areas.append(area)
    figures["accuracy_at_k"] = right / len(top)
    figures["auc"] = float(np.mean(areas))
    return figures
