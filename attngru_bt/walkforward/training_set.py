"""The training set of a month-end: rows whose outcome was known by then, preprocessed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from attngru_bt.features.components import Components
from attngru_bt.features.covariance import RunningCovariance
from attngru_bt.features.cross_section import CrossSection, row_frame, sequences
from attngru_bt.features.missing import ConstantImputer, MissingShareFilter
from attngru_bt.features.standardizer import Standardizer
from attngru_bt.features.threads import one_thread

if TYPE_CHECKING:
    from attngru_bt.walkforward.generator import SignalGenerator


@dataclass(frozen=True)
class TrainingSet:
    """What a model is fitted on at a month-end; the same for every seed.

    Attributes
    ----------
    month_end : Timestamp
    preprocess : fitted transformer or None
        What stood between cross-sections and `features`; None where nothing does.
    features : array of shape (rows, n_steps, n_features)
        Oldest step first; NaN throughout where a stock had no bar.
    top : array of shape (rows,)
        1 = among the `topk` best of its month, else 0.
    rank : array of shape (rows,)
        Rank of the return within its month, -1 worst .. 1 best.
    months : int array of shape (rows,)
        Number of each row's month, from 0.
    n_months : int
    seconds : float
        Wall-clock seconds it took.
    """

    month_end: pd.Timestamp
    preprocess: Any
    features: NDArray[np.float64]
    top: NDArray[np.float64]
    rank: NDArray[np.float64]
    months: NDArray[np.intp]
    n_months: int
    seconds: float = 0.0

    def __len__(self) -> int:
        return len(self.top)


def training_months(
    settings: SignalGenerator, sections: Sequence[CrossSection]
) -> list[CrossSection]:
    """Months to fit on at the last of `sections`: their outcome is known, its own is not."""
    labeled = [s for s in sections[:-1] if len(s)]
    return labeled if settings.window is None else labeled[-settings.window :]


def has_choice(settings: SignalGenerator, sections: Sequence[CrossSection]) -> bool:
    """Whether any training month had more than `topk` stocks, so that there is a class 0 as well.

    Both classes then exist, since the best stock of a month is always of class 1.
    """
    labels = (s.labels(settings.topk) for s in training_months(settings, sections))
    return any((month == 0).any() for month in labels)


def training_set(settings: SignalGenerator, sections: Sequence[CrossSection]) -> TrainingSet:
    """Take the training set at the last of `sections`, whose own outcome is not looked at.

    Parameters
    ----------
    settings : SignalGenerator
        Only its parameters are read.
    sections : sequence of CrossSection
        All month-ends so far.
    """
    began = time.perf_counter()
    labeled = training_months(settings, sections)
    top = np.concatenate([s.labels(settings.topk) for s in labeled])
    known = ~np.isnan(top)
    with one_thread():
        preprocess = _fitted(settings, labeled)
        features = sequences(labeled, preprocess)[known]
    return TrainingSet(
        month_end=sections[-1].date,
        preprocess=preprocess,
        features=features,
        top=top[known],
        rank=np.concatenate([s.ranks() for s in labeled])[known],
        months=np.repeat(np.arange(len(labeled)), [len(s) for s in labeled])[known],
        n_months=len(labeled),
        seconds=time.perf_counter() - began,
    )


def make_preprocess(settings: SignalGenerator) -> Any:
    """Return what stands between cross-section and model, not fitted; None for nothing."""
    if settings.preprocess is not None:
        return clone(settings.preprocess)
    stages: list[tuple[str, Any]] = [("filter", MissingShareFilter(max_share=settings.max_missing))]
    if settings.standardize == "panel":
        stages.append(("z-score", Standardizer(by="panel", limit=settings.limit)))
    stages.append(("fill", ConstantImputer()))
    if settings.n_components is not None:
        stages.append(("components", Components(n_components=settings.n_components)))
    return Pipeline(stages)


def _fitted(settings: SignalGenerator, sections: Sequence[CrossSection]) -> Any:
    """Fit what stands between cross-section and model; None for nothing."""
    parts = [section.moments for section in sections if section.moments is not None]
    if settings.preprocess is not None or len(parts) < len(sections):
        preprocess = make_preprocess(settings)
        return None if preprocess is None else preprocess.fit(row_frame(sections))
    # nothing of an earlier month has changed: sums of sums instead of all rows again
    whole = RunningCovariance(sections[0].columns)
    for part in parts:
        whole.merge(part)
    kept = MissingShareFilter.from_covariance(whole, settings.max_missing)
    names = list(kept.get_feature_names_out())
    stages: list[tuple[str, Any]] = [
        ("filter", kept),
        ("fill", ConstantImputer.from_covariance(whole, names)),
    ]
    if settings.n_components is not None:
        components = Components.from_covariance(whole, settings.n_components, names)
        stages.append(("components", components))
    return Pipeline(stages)
