"""The training set of a month-end: rows whose outcome was known by then, preprocessed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from attngru_bt.features.components import Components
from attngru_bt.features.covariance import RunningCovariance
from attngru_bt.features.cross_section import CrossSection
from attngru_bt.features.missing import ConstantImputer, MissingShareFilter
from attngru_bt.features.rows import row_frame, sequences
from attngru_bt.features.threads import one_thread
from attngru_bt.walkforward.recipe import Recipe


@dataclass(frozen=True)
class TrainingSet:
    """The rows that a model is fitted on at a month-end; they are the same for every seed.

    Attributes
    ----------
    month_end : Timestamp
    preprocess : fitted transformer or None
        What turns cross-sections into `features`; None where nothing does.
    features : array or Windows of shape (rows, n_steps, n_features)
        Oldest step first; NaN throughout where a stock had no bar.
    top : array of shape (rows,)
        1 = among the `topk` best of its month, else 0.
    rank : array of shape (rows,)
        Rank of the return within its month, -1 worst .. 1 best.
    weight : array of shape (rows,) or None
        How much each row counts, 1 on average; None: all alike.
    months : int array of shape (rows,)
        Number of each row's cross-section (that of its month, or of its day), from 0.
    n_months : int
    seconds : float
        Wall-clock seconds that collecting and preprocessing took.
    """

    month_end: pd.Timestamp
    preprocess: Any
    features: Any
    top: NDArray[np.float64]
    rank: NDArray[np.float64]
    weight: NDArray[np.float64] | None
    months: NDArray[np.intp]
    n_months: int
    seconds: float = 0.0

    def __len__(self) -> int:
        return len(self.top)


def training_set(recipe: Recipe, sections: Sequence[CrossSection]) -> TrainingSet:
    """Return the training set at the last of `sections`, whose own outcome is not looked at.

    Parameters
    ----------
    recipe : Recipe
    sections : sequence of CrossSection
        All month-ends so far.
    """
    began = time.perf_counter()
    labeled = recipe.training_sections(sections)
    n_members = sections[-1].n_members
    top = np.concatenate([s.top_targets(recipe.topk, n_members) for s in labeled])
    known = ~np.isnan(top)
    weight = None
    if any(section.size is not None or section.weights is not None for section in labeled):
        weight = np.concatenate([s.row_weights(n_members) for s in labeled])
        known &= weight > 0
        if not known.any():
            raise ValueError(
                f"`row_weights`: all rows that are trained on at {sections[-1].date.date()} have "
                f"the weight 0; at least some must count."
            )
        weight = weight[known] / weight[known].mean()
    with one_thread():
        preprocess = _fitted(recipe, labeled)
        features = sequences(labeled, preprocess, known)
    return TrainingSet(
        month_end=sections[-1].date,
        preprocess=preprocess,
        features=features,
        top=top[known],
        rank=np.concatenate([s.ranks() for s in labeled])[known],
        weight=weight,
        months=np.repeat(np.arange(len(labeled)), [len(s) for s in labeled])[known],
        n_months=len(recipe.training_months(sections)),
        seconds=time.perf_counter() - began,
    )


def _fitted(recipe: Recipe, sections: Sequence[CrossSection]) -> Any:
    """Fit the preprocessing between cross-section and model; None where there is none."""
    parts = [section.moments for section in sections if section.moments is not None]
    if recipe.view == "lines":
        return None
    if recipe.preprocess is not None or len(parts) < len(sections):
        preprocess = recipe.make_preprocess()
        if recipe.preprocess is None and preprocess is not None:
            return _fitted_stages(preprocess, sections)
        return None if preprocess is None else preprocess.fit(row_frame(sections))
    # each section has the sums of its rows, which do not change: add those, not all rows again
    whole = RunningCovariance(sections[0].columns)
    for part in parts:
        whole.merge(part)
    kept = MissingShareFilter.from_covariance(whole, recipe.max_missing)
    names = list(kept.get_feature_names_out())
    stages: list[tuple[str, Any]] = [
        ("filter", kept),
        ("fill", ConstantImputer.from_covariance(whole, names)),
    ]
    if recipe.n_components is not None:
        components = Components.from_covariance(whole, recipe.n_components, names)
        stages.append(("components", components))
    return Pipeline(stages)


def _fitted_stages(preprocess: Pipeline, sections: Sequence[CrossSection]) -> Pipeline:
    """Fit the stages of our own preprocessing, with as few copies of all rows as possible.

    `Pipeline.fit` keeps the rows that it is given, and transforms them even for a last stage that
    fills in constants and learns nothing from them.
    """
    rows = row_frame(sections)
    stages = list(preprocess.named_steps.values())
    for stage, following in zip(stages, [*stages[1:], None], strict=True):
        stage.fit(rows)
        if following is stages[-1] and isinstance(following, ConstantImputer):
            following.with_names(list(stage.get_feature_names_out()))
            break
        if following is not None:
            rows = stage.transform(rows)
    return preprocess
