"""One month of the walk-forward: a model fitted on what was known, and what it scores."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.features.cross_section import CrossSection
from attngru_bt.features.exposures import asked, neutral
from attngru_bt.features.rows import sequences
from attngru_bt.features.threads import one_thread
from attngru_bt.features.windows import are_steps
from attngru_bt.models.contract import (
    fit_models,
    input_of,
    network_values,
    takes_sequences,
    value,
)
from attngru_bt.walkforward.in_sample import in_sample
from attngru_bt.walkforward.recipe import Recipe
from attngru_bt.walkforward.record import MonthRecord, no_scores
from attngru_bt.walkforward.shuffled import neutral_shuffles, shuffled_scores
from attngru_bt.walkforward.training_set import TrainingSet, training_set


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
    neutralize, neutral_share
        What its scores are made neutral to; see `Recipe`.
    """

    month_end: pd.Timestamp
    model: Any
    preprocess: Any
    n_rows: int
    n_months: int
    seconds: float = 0.0
    in_sample: dict[str, float] = field(default_factory=dict)
    neutralize: Sequence[str] = ()
    neutral_share: float = 1.0


def fit(recipe: Recipe, sections: Sequence[CrossSection]) -> Fit:
    """Fit a fresh model at the last of `sections`.

    Parameters
    ----------
    recipe : Recipe
    sections : sequence of CrossSection
        All month-ends so far; the last one's outcome is not looked at.

    Notes
    -----
    BLAS and OpenMP are limited to one thread, since more threads add numbers in another order. So
    a script, parallel jobs and a cluster give the same bits.
    """
    return fit_together([(recipe, training_set(recipe, sections))])[0]


def fit_together(orders: Sequence[tuple[Recipe, TrainingSet]]) -> list[Fit]:
    """Fit a fresh model per order, side by side where that is faster, with the bits of `fit`.

    Parameters
    ----------
    orders : sequence of (Recipe, TrainingSet)
        Such as the seeds of one model in a few months. The time of shared work is split evenly.
    """
    began = time.perf_counter()
    models = [recipe.make_model(rows.month_end) for recipe, rows in orders]
    targets = [
        rows.rank if recipe.target_for(model) == "rank" else rows.top.astype(int)
        for model, (recipe, rows) in zip(models, orders, strict=True)
    ]
    with one_thread():
        data = [
            (rows.features, y, rows.weight, rows.months)
            for (_, rows), y in zip(orders, targets, strict=True)
        ]
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
                in_sample=in_sample(model, rows, recipe.topk),
                neutralize=recipe.neutralize or (),
                neutral_share=recipe.neutral_share,
            )
            for model, (recipe, rows) in zip(models, orders, strict=True)
        ]


def score(fitted: Fit, section: CrossSection) -> MonthRecord:
    """Score a cross-section of the month-end of the fit, or of a later one."""
    section = section.members()  # whoever may not be held is trained on, and never scored
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
        chance = value(fitted.model, input_of(fitted.model, features))
        if hasattr(fitted.model, "attention_weights"):
            record.attention = fitted.model.attention_weights(features)
        by_network = network_values(fitted.model, input_of(fitted.model, features))
        shuffled = shuffled_scores(section, partial(scores_of, fitted))
    record.scores = pd.Series(chance, index=pd.Index(section.assets, name="asset"), name="score")
    if by_network is not None:
        record.by_network = by_network.astype(np.float32)
    record.shuffled = shuffled
    if fitted.neutralize:
        measured = asked(fitted.neutralize, section.exposures)
        record.shuffled = neutral_shuffles(shuffled, record.scores, measured, fitted.neutral_share)
        record.scores = neutral(record.scores, measured, fitted.neutral_share)
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


def scores_of(fitted: Fit, section: CrossSection) -> NDArray[np.float64]:
    """Return what the model of a fit says of a cross-section, whatever it is made neutral to."""
    features = sequences([section], fitted.preprocess)
    return value(fitted.model, input_of(fitted.model, features, are_steps(section.columns)))
