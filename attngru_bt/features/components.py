"""Principal components with a stable sign."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from attngru_bt import checks
from attngru_bt.features.base import Floats, FrameTransformer
from attngru_bt.features.covariance import RunningCovariance

logger = logging.getLogger(__name__)


class Components(FrameTransformer):
    """Principal components, with a sign that does not flip from one fit to the next by chance.

    The loading of each component that is largest in absolute value (the first of equal ones) is
    positive.

    Parameters
    ----------
    n_components : int or float, default=24
        Number of components, or as a fraction in (0, 1) the share of the variance that they must
        explain. If there are fewer columns, all components are used, and a log line says so.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, factors)
        Loadings; each row has length 1.
    explained_variance_, explained_variance_ratio_ : ndarray of shape (n_components,)
        Variance along each component, and the same as a fraction of the total variance.
    mean_ : ndarray of shape (factors,)
    n_components_ : int

    Notes
    -----
    scikit-learn's PCA cannot be fitted on a covariance (`from_covariance`), so this code would be
    needed beside it. Its solver "covariance_eigh" also subtracts the mean from the products instead
    of the rows, which loses digits, and the sign it chooses can flip between equal loadings.
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
        """Return the components that `fit` gives on all rows that were added to a covariance.

        They agree to 1e-6, unless two components have almost the same variance.

        Parameters
        ----------
        covariance : RunningCovariance
        n_components : int or float, default=24
            See the class.
        columns : sequence of str, optional
            Factors to use, such as those a `MissingShareFilter` kept; None: all.
        """
        fitted = cls(n_components).with_names(covariance.columns if columns is None else columns)
        mean, matrix = covariance.moments(columns)
        fitted._decompose(mean, matrix, covariance.n_rows)
        return fitted

    def _check_parameters(self) -> None:
        if isinstance(self.n_components, (float, np.floating)):
            checks.number("n_components", self.n_components, above=0, below=1)
        else:
            checks.whole_number("n_components", self.n_components)

    def _learn(self, X: pd.DataFrame, values: Floats) -> None:
        self._require_known(X, values)
        mean = values.mean(axis=0)
        centered = values - mean
        self._decompose(mean, centered.T @ centered / max(len(values) - 1, 1), len(values))

    def _decompose(self, mean: Floats, covariance: Floats, n_rows: int) -> None:
        """Set the fitted attributes from mean and covariance of the rows."""
        self.mean_ = mean
        variance, vectors = np.linalg.eigh(covariance)  # in ascending order
        variance = np.maximum(variance[::-1], 0.0)
        loadings = vectors.T[::-1]  # (components, factors)
        ratio = variance / (variance.sum() or 1.0)
        most = min(len(mean), n_rows)
        if isinstance(self.n_components, (float, np.floating)):
            # the tolerance keeps rounding from adding a component
            n = int(np.searchsorted(ratio.cumsum(), self.n_components - 1e-12) + 1)
        else:
            n = int(self.n_components)
            if n > most:
                logger.info("%d components asked for, %d possible: all are used", n, most)
        n = min(n, most)
        # rounding must not decide between loadings of equal size: the first of them has the sign
        size = np.abs(loadings[:n])
        largest = np.argmax(size >= size.max(axis=1, keepdims=True) * (1 - 1e-9), axis=1)
        sign = np.where(loadings[np.arange(n), largest] < 0, -1.0, 1.0)
        self.components_ = loadings[:n] * sign[:, None]
        self.explained_variance_ = variance[:n]
        self.explained_variance_ratio_ = ratio[:n]
        self.n_components_ = n

    def _change(self, X: pd.DataFrame, values: Floats) -> Floats:
        self._require_known(X, values)
        return (values - self.mean_) @ self.components_.T

    def _columns(self, X: pd.DataFrame) -> pd.Index:
        return pd.Index(self.get_feature_names_out())

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
