"""Missing values: which factors to leave out, and what stands for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from attngru_bt.features.base import Floats, PanelTransformer
from attngru_bt.features.covariance import RunningCovariance


class MissingShareFilter(PanelTransformer):
    """Drop factors of which too many values are missing in the training rows.

    Parameters
    ----------
    max_share : float, default=0.2
        Largest share of missing values, a fraction, at which a factor is kept.

    Attributes
    ----------
    missing_share_ : ndarray of shape (factors,)
        Share of missing values per factor, in the rows fitted on.
    kept_ : ndarray of str
        Factors kept.
    """

    def __init__(self, max_share: float = 0.2) -> None:
        self.max_share = max_share

    @classmethod
    def from_covariance(cls, covariance: RunningCovariance, max_share: float = 0.2) -> Self:
        """Return what `fit` gives on all rows that a running covariance has seen."""
        made = cls(max_share)._named(covariance.columns)
        made._decide(covariance.missing_share())
        return made

    def _check_parameters(self) -> None:
        if not 0 <= self.max_share <= 1:
            raise ValueError(f"`max_share` must be in [0, 1]; got max_share={self.max_share!r}.")

    def _learn(self, X: pd.DataFrame, values: Floats) -> None:
        self._decide(np.isnan(values).mean(axis=0))

    def _decide(self, share: Floats) -> None:
        """Keep the factors of which no more is missing than `max_share`."""
        self.missing_share_ = share
        self.support_ = share <= self.max_share
        if not self.support_.any():
            best = self.feature_names_in_[share.argmin()]
            raise ValueError(
                f"No factor has at most {self.max_share:.0%} of its values missing; the best, "
                f"{best!r}, lacks {share.min():.0%}. Raise `max_share` or use factors with less "
                "look-back."
            )
        self.kept_ = np.asarray(self.feature_names_in_, dtype=object)[self.support_]

    def get_feature_names_out(self, input_features: object = None) -> NDArray[Any]:
        """Names of the factors kept."""
        check_is_fitted(self, "kept_")
        return np.asarray(self.kept_)

    def _change(self, X: pd.DataFrame, values: Floats) -> Floats:
        return values[:, self.support_]


class ConstantImputer(PanelTransformer):
    """Fill what is not known with one value; after standardizing, 0 is the mean.

    Parameters
    ----------
    value : float, default=0.0
    """

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    @classmethod
    def from_covariance(cls, covariance: RunningCovariance, columns: Sequence[str]) -> Self:
        """Return what fills these columns as a running covariance has filled them."""
        return cls(covariance.fill)._named(columns)

    def _check_parameters(self) -> None:
        if not np.isfinite(self.value):
            raise ValueError(f"`value` must be a finite number; got value={self.value!r}.")

    def _change(self, X: pd.DataFrame, values: Floats) -> Floats:
        return np.where(np.isnan(values), self.value, values)
