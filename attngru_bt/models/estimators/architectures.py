"""Bases of the estimators without attention: which network they train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from attngru_bt.models.estimators.base import NetworkEstimator


@dataclass(kw_only=True, eq=False, repr=False)
class ConvolutionEstimator(NetworkEstimator):
    """Base of the estimators on `attngru_bt.models.networks.ConvolutionNetwork`."""

    _network: ClassVar[str] = "convolution"
    _shape: ClassVar[tuple[str, ...]] = ("kernel_size",)

    kernel_size: int = 3


@dataclass(kw_only=True, eq=False, repr=False)
class FeedForwardEstimator(NetworkEstimator):
    """Base of the estimators on `attngru_bt.models.networks.FeedForwardNetwork`."""

    _network: ClassVar[str] = "feedforward"
