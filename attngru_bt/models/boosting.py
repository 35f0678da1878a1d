"""Boosted trees on weighted rows, whose quantiles take one sort per feature."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from attngru_bt import checks

Floats = NDArray[np.float64]


class _WeightedBins:
    """What both estimators do to weighted rows: replace each value by the number of its bin.

    scikit-learn 1.9 puts the values of a feature into bins that weigh the same, and sorts the
    feature anew for each of the 254 edges between them: on a whole market nine tenths of a fit. A
    feature with no more values than bins is not asked for quantiles. So the edges are found here,
    in one sort, and the trees are given numbers of bins. They are the trees that scikit-learn
    grows. Rows without weights are given as they are, since their quantiles take one sort there,
    too.

    Above 200,000 rows scikit-learn takes the edges of a random draw of them, and these are the
    edges of all rows.
    """

    max_bins: int
    _edges: list[Floats] | None = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the trees on rows X (n, features); NaN is a value of its own."""
        self._edges = None
        if sample_weight is not None:
            X = np.asarray(X, dtype=np.float64)
            checks.whole_number("max_bins", self.max_bins, at_least=2)
            weight = np.asarray(sample_weight, dtype=np.float64)
            self._edges = [edges(column, weight, self.max_bins) for column in X.T]
            X = self._binned(X)
        return super().fit(X, y, sample_weight)  # type: ignore[misc, no-any-return]

    def predict(self, X: Any) -> Any:
        """Return the predictions for rows X (n, features)."""
        return super().predict(self._binned(X))  # type: ignore[misc]

    def staged_predict(self, X: Any) -> Any:
        """Yield the predictions after each tree."""
        return super().staged_predict(self._binned(X))  # type: ignore[misc]

    def _binned(self, X: Any) -> Any:
        if self._edges is None:
            return X
        X = np.asarray(X, dtype=np.float64)
        out = np.empty_like(X)
        for column, ends, numbers in zip(X.T, self._edges, out.T, strict=True):
            numbers[:] = np.searchsorted(ends, column)
        out[np.isnan(X)] = np.nan
        return out


class BoostedRegressor(_WeightedBins, HistGradientBoostingRegressor):  # type: ignore[misc]
    """scikit-learn's HistGradientBoostingRegressor, faster on weighted rows."""


class BoostedClassifier(_WeightedBins, HistGradientBoostingClassifier):  # type: ignore[misc]
    """scikit-learn's HistGradientBoostingClassifier, faster on weighted rows."""

    def predict_proba(self, X: Any) -> Any:
        """Return the probabilities of the classes, (n, classes)."""
        return super().predict_proba(self._binned(X))

    def decision_function(self, X: Any) -> Any:
        """Return the margins of the classes."""
        return super().decision_function(self._binned(X))

    def staged_predict_proba(self, X: Any) -> Any:
        """Yield the probabilities of the classes after each tree."""
        return super().staged_predict_proba(self._binned(X))

    def staged_decision_function(self, X: Any) -> Any:
        """Yield the margins of the classes after each tree."""
        return super().staged_decision_function(self._binned(X))


def edges(values: Floats, weight: Floats, n_bins: int) -> Floats:
    """Return the edges between the bins of a feature, in increasing order.

    A value is in bin i if it is above edge i - 1 and at most edge i. NaN is in none.

    Parameters
    ----------
    values, weight : array of shape (n,)
    n_bins : int
        Most bins. Where there are no more values, each has its own.
    """
    known = ~np.isnan(values) & (weight > 0)
    values, weight = values[known], weight[known]
    distinct = np.unique(values)
    if len(distinct) <= n_bins:
        return np.asarray((distinct[:-1] + distinct[1:]) / 2)
    levels = np.linspace(0, 1, n_bins + 1)[1:-1]
    found = np.quantile(values, levels, weights=weight, method="inverted_cdf")
    return np.asarray(np.unique(found))
