"""Missing values: factors to leave out, and a value for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from attngru_bt import checks
from attngru_bt.features.base import Floats, FrameTransformer
from attngru_bt.features.covariance import RunningCovariance


class MissingShareFilter(FrameTransformer):
    """Drop factors with too many missing values in the training rows.

    Parameters
    ----------
    max_share : float, default=0.2
        Largest share of missing values, as a fraction, with which a factor is kept.

    Attributes
    ----------
    missing_share_ : ndarray of shape (factors,)
        Share of missing values per factor in the training rows.
    kept_ : ndarray of str
        Names of the factors that are kept.
    """

    def __init__(self, max_share: float = 0.2) -> None:
        self.max_share = max_share

    @classmethod
    def from_covariance(cls, covariance: RunningCovariance, max_share: float = 0.2) -> Self:
        """Return the filter that `fit` gives on all rows that were added to a covariance."""
        fitted = cls(max_share).with_names(covariance.columns)
        fitted._decide(covariance.missing_share())
        return fitted

    def _check_parameters(self) -> None:
        checks.number("max_share", self.max_share, at_least=0, at_most=1)

    def _learn(self, X: pd.DataFrame, values: Floats) -> None:
        self._decide(np.isnan(values).mean(axis=0))

    def _decide(self, share: Floats) -> None:
        """Keep the factors of which at most `max_share` of the values are missing."""
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
        """Names of the factors that are kept."""
        check_is_fitted(self, "kept_")
        return np.asarray(self.kept_)

    def _change(self, X: pd.DataFrame, values: Floats) -> Floats:
        return values[:, self.support_]

    def _columns(self, X: pd.DataFrame) -> pd.Index:
        return X.columns[self.support_]


class ConstantImputer(FrameTransformer):
    """Replace missing values by a constant; after standardizing, 0 is the mean.

    scikit-learn's SimpleImputer would do the same, but would need more code around it than this:
    for a DataFrame with its index, and for a fit without rows.

    Parameters
    ----------
    value : float, default=0.0
    """

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    @classmethod
    def from_covariance(cls, covariance: RunningCovariance, columns: Sequence[str]) -> Self:
        """Return an imputer for these columns, with the value that a covariance was given."""
        return cls(covariance.fill).with_names(columns)

    def _check_parameters(self) -> None:
        checks.number("value", self.value)

    def _change(self, X: pd.DataFrame, values: Floats) -> Floats:
        return np.where(np.isnan(values), self.value, values)
