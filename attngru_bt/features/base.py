"""Base of the transformers: a DataFrame in and out, rows by date, and stable moments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

Floats = NDArray[np.float64]

ROUNDING = 1e-12  # a spread smaller than this share of the largest value is a rounding error


class FrameTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Base of the transformers: checks parameters and rows, and returns a DataFrame.

    A subclass defines ``_change``, and ``_learn`` if it learns something from the rows.
    """

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Check the parameters, remember the columns, and learn from the rows.

        Parameters
        ----------
        X : DataFrame of shape (rows, factors), indexed (date, asset)
        y : ignored
        """
        self._check_parameters()
        values = self._values(X, reset=True)
        self._learn(X, values)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the transformed rows; X itself is not changed.

        Parameters
        ----------
        X : DataFrame of shape (rows, factors), indexed (date, asset)

        Returns
        -------
        DataFrame with the rows of X
        """
        if not hasattr(self, "n_features_in_"):  # asked here, as scikit-learn asks for long
            check_is_fitted(self, "n_features_in_")
        values = self._change(X, self._values(X, reset=False))
        # `_change` returns a new array, so pandas need not copy it
        return pd.DataFrame(values, index=X.index, columns=self._columns(X), copy=False)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[Any]:
        """Names of the columns that `transform` returns."""
        check_is_fitted(self, "n_features_in_")
        return np.asarray(self.feature_names_in_, dtype=object)

    def with_names(self, columns: Sequence[str]) -> Self:
        """Check the parameters and set the columns, as `fit` would; for fits without rows."""
        self._check_parameters()
        self.feature_names_in_ = np.asarray(columns, dtype=object)
        self.n_features_in_ = len(columns)
        return self

    def _values(self, X: pd.DataFrame, *, reset: bool) -> Floats:
        if not isinstance(X, pd.DataFrame) or X.index.nlevels != 2:
            raise TypeError(
                f"`X` must be a DataFrame indexed (date, asset) with one column per factor; got "
                f"{type(X).__name__}."
            )
        if not len(X):
            raise ValueError("`X` must have at least one row; got none.")
        # scikit-learn's check takes longer than most transformers do: it is spared where it passes
        if reset or not np.array_equal(X.columns.to_numpy(), self.feature_names_in_):
            validate_data(self, X, reset=reset, skip_check_array=True)
        values = np.asarray(X.to_numpy(dtype=np.float64))
        if np.isinf(values).any():
            row, column = np.argwhere(np.isinf(values))[0]
            date, asset = X.index[row]
            raise ValueError(
                f"`X` must not contain infinities; got one in {X.columns[column]!r} on "
                f"{pd.Timestamp(date).date()} for {asset!r}. Write NaN for an unknown value."
            )
        return values

    def _check_parameters(self) -> None:
        """Raise ValueError for a parameter out of bounds."""

    def _learn(self, X: pd.DataFrame, values: Floats) -> None:
        """Set fitted attributes; a transformer that works per date has none."""

    def _change(self, X: pd.DataFrame, values: Floats) -> Floats:
        """Return the transformed values, as an array of its own."""
        raise NotImplementedError

    def _columns(self, X: pd.DataFrame) -> pd.Index:
        """Return the columns of the transformed rows, which `get_feature_names_out` names too."""
        return X.columns

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def dates_of(X: pd.DataFrame) -> Iterator[slice | NDArray[np.intp]]:
    """Return the rows of each date, as slices if the rows of every date are adjacent."""
    codes = X.index.codes[0] if isinstance(X.index, pd.MultiIndex) else None
    codes = np.asarray(codes)
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    if len(np.unique(codes[starts])) == len(starts):  # slices are views, and so much faster
        for start, end in zip(starts, np.r_[starts[1:], len(codes)], strict=True):
            yield slice(int(start), int(end))
        return
    order = np.argsort(codes, kind="stable")
    cuts = np.flatnonzero(np.diff(codes[order])) + 1
    yield from np.split(order, cuts)


def moments(values: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation (divided by n) of the known values of each column.

    The deviation is 0 if a column is constant up to rounding.
    """
    unknown = np.isnan(values)
    n = np.maximum(len(values) - unknown.sum(axis=0), 1)
    deviation = values.copy()
    np.copyto(deviation, 0.0, where=unknown)
    largest = np.maximum(deviation.max(axis=0), -deviation.min(axis=0))
    center = deviation.sum(axis=0) / n
    deviation -= center
    np.copyto(deviation, 0.0, where=unknown)
    # two passes: if all values are large, the first mean is rounded, and this is its error
    error = deviation.sum(axis=0) / n
    square = np.einsum("ij,ij->j", deviation, deviation) / n
    spread = np.sqrt(np.maximum(square - error * error, 0.0))
    spread[spread <= ROUNDING * largest] = 0.0
    return center + error, spread
