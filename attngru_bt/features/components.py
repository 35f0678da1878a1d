"""Principal components with a stable sign."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from attngru_bt.features.base import Floats, PanelTransformer
from attngru_bt.features.covariance import RunningCovariance

logger = logging.getLogger(__name__)


class Components(PanelTransformer):
    """Principal components, with a sign that does not flip from one fit to the next by chance.

    Each component's largest loading (in absolute value; the first of equal ones) is positive.

    Parameters
    ----------
    n_components : int or float, default=24
        Number of components, or as a fraction in (0, 1) the share of the variance that they must
        explain. More than there are columns: all of them, and a log line says so.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, factors)
        Loadings; rows have length 1.
    explained_variance_, explained_variance_ratio_ : ndarray of shape (n_components,)
        Variance along each component, and as a fraction of the factors' total.
    mean_ : ndarray of shape (factors,)
    n_components_ : int
    """

    def __init__(self, n_components: int | float = 24) -> None:
        self.n_components = n_components

    @classmethod
    def from_covariance(
        cls,
        covariance: RunningCovariance,
        n_components: int | float = 24,
        columns: Sequence[str] | None = None,
    ) -> Self:
        """Return what `fit` gives on all rows that a running covariance has seen.

        Up to rounding: components agree to 1e-6 unless the variances along two of them do.

        Parameters
        ----------
        covariance : RunningCovariance
        n_components : int or float, default=24
            As for the class.
        columns : sequence of str, optional
            Factors to use, such as those a `MissingShareFilter` kept; None: all.
        """
        made = cls(n_components)._named(covariance.columns if columns is None else columns)
        mean, matrix = covariance.moments(columns)
        made._decompose(mean, matrix, covariance.n_rows)
        return made

    def _check_parameters(self) -> None:
        n = self.n_components
        whole = isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= 1
        if not whole and not (isinstance(n, (float, np.floating)) and 0 < n < 1):
            raise ValueError(
                f"`n_components` must be a whole number >= 1 or a fraction in (0, 1); got "
                f"n_components={n!r}."
            )

    def _learn(self, X: pd.DataFrame, values: Floats) -> None:
        self._require_known(X, values)
        mean = values.mean(axis=0)
        centered = values - mean
        self._decompose(mean, centered.T @ centered / max(len(values) - 1, 1), len(values))

    def _decompose(self, mean: Floats, covariance: Floats, n_rows: int) -> None:
        """Set what is learnt from rows of this mean and covariance."""
        self.mean_ = mean
        variance, vectors = np.linalg.eigh(covariance)
        variance = np.maximum(variance[::-1], 0.0)
        loadings = vectors.T[::-1]
        ratio = variance / (variance.sum() or 1.0)
        most = min(len(mean), n_rows)
        if isinstance(self.n_components, (float, np.floating)):
            n = int(np.searchsorted(ratio.cumsum(), self.n_components - 1e-12) + 1)
        else:
            n = int(self.n_components)
            if n > most:
                logger.info("%d components asked for, %d possible: all are used", n, most)
        n = min(n, most)
        # nearly equal loadings must not swap the choice of sign by rounding: ties go to the first
        size = np.abs(loadings[:n])
        first = np.argmax(size >= size.max(axis=1, keepdims=True) * (1 - 1e-9), axis=1)
        sign = np.where(loadings[np.arange(n), first] < 0, -1.0, 1.0)
        self.components_ = loadings[:n] * sign[:, None]
        self.explained_variance_ = variance[:n]
        self.explained_variance_ratio_ = ratio[:n]
        self.n_components_ = n

    def _change(self, X: pd.DataFrame, values: Floats) -> Floats:
        self._require_known(X, values)
        return (values - self.mean_) @ self.components_.T

    def _require_known(self, X: pd.DataFrame, values: Floats) -> None:
        if np.isnan(values).any():
            row, column = np.argwhere(np.isnan(values))[0]
            date, asset = X.index[row]
            raise ValueError(
                f"Components need every value; {X.columns[column]!r} is NaN on "
                f"{pd.Timestamp(date).date()} for {asset!r}. Put ConstantImputer() before."
            )

    def get_feature_names_out(self, input_features: object = None) -> NDArray[Any]:
        """Names of the components: pc1, pc2, ..."""
        check_is_fitted(self, "components_")
        return np.asarray([f"pc{k + 1}" for k in range(self.n_components_)], dtype=object)

    def explained(self) -> pd.DataFrame:
        """Explained variance per component, as in the paper's Table 1.

        Returns
        -------
        DataFrame indexed by component
            Columns `variance`, `share` and `cumulative` (fractions).
        """
        check_is_fitted(self, "components_")
        share = self.explained_variance_ratio_
        return pd.DataFrame(
            {"variance": self.explained_variance_, "share": share, "cumulative": share.cumsum()},
            index=pd.Index(self.get_feature_names_out(), name="component"),
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = False
        return tags
