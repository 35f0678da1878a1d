"""The networks of `attngru_bt.models.networks` as scikit-learn estimators.

`AttentionGRUClassifier`, `ConvolutionClassifier` and `FeedForwardClassifier` (``classifiers``),
`AttentionGRURegressor`, `ConvolutionRegressor` and `FeedForwardRegressor` (``regressors``) on what
they share: parameters, training and keeping networks (``base``), two classes (``binary``),
attention weights (``attention``), networks without them (``architectures``), what is accepted
(``checks``), what a fit trains on (``rows``), arrays to torch and back (``tensors``). ``fitting``
fits several at once.
`ElasticNetSelection` and `SequencePipeline` put a choice of factors in front of them. torch is
imported when a network is fitted or used, not before.
"""

from __future__ import annotations

from typing import Any

from attngru_bt.models.estimators.base import NetworkEstimator
from attngru_bt.models.estimators.classifiers import (
    AttentionGRUClassifier,
    ConvolutionClassifier,
    FeedForwardClassifier,
)
from attngru_bt.models.estimators.pipeline import SequencePipeline
from attngru_bt.models.estimators.regressors import (
    AttentionGRURegressor,
    ConvolutionRegressor,
    FeedForwardRegressor,
)
from attngru_bt.models.estimators.selection import ElasticNetSelection

__all__ = [
    "AttentionGRUClassifier",
    "AttentionGRURegressor",
    "ConvolutionClassifier",
    "ConvolutionRegressor",
    "ElasticNetSelection",
    "FeedForwardClassifier",
    "FeedForwardRegressor",
    "NetworkEstimator",
    "SequencePipeline",
]


def __getattr__(name: str) -> Any:
    """Load what trains several networks at once only when asked for."""
    if name == "fit_many":
        from attngru_bt.models.estimators.fitting import fit_many

        return fit_many
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
