"""The networks of `attngru_bt.models.networks` as scikit-learn estimators.

``classifiers`` and ``regressors`` hold those that users import. They share ``base`` (parameters,
training, keeping networks), ``binary`` (two classes), ``attention`` (attention weights) and
``architectures`` (networks without attention). ``checks`` says what is accepted, ``rows`` what a
fit trains on; ``tensors`` turns arrays into tensors and back; ``fitting`` fits several at once.
`ElasticNetSelection` and `SequencePipeline` put a choice of factors in front of a network. torch is
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
    """Import `fit_many`, and torch with it, when it is asked for."""
    if name == "fit_many":
        from attngru_bt.models.estimators.fitting import fit_many

        return fit_many
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
