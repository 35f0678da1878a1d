"""Elastic-net selection: a few factors out of many, by the last step alone.

References
----------
Zou and Hastie (2005), Regularization and variable selection via the elastic net, Journal of the
    Royal Statistical Society B 67.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from attngru_bt import checks
from attngru_bt.models.estimators.checks import check_numbers, check_X

N_ALPHAS = 50  # along the path, from the penalty that keeps nothing down to a thousandth of it


class ElasticNetSelection(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Keep the factors, in whole sequences, that an elastic net on the last step keeps.

    The penalty falls from where no factor is kept until more than `n_factors` would be, and the
    last selection before that is taken. A least-squares elastic net on 0/1 labels ranks the factors
    as a logistic one would, in a small part of the time.

    Parameters
    ----------
    n_factors : int, default=24
        Factors kept at most; at least one is.
    l1_ratio : float in (0, 1], default=0.5
        Share of the penalty on absolute values, which is what drops factors; the rest is on
        squares, which lets related factors in together.

    Attributes
    ----------
    support_ : bool ndarray of shape (n_features,)
        Which factors are kept.
    coef_ : ndarray of shape (n_features,)
        Coefficients of the factors scaled to deviation 1; 0 where dropped.
    alpha_ : float
        The penalty.
    n_features_in_ : int

    Notes
    -----
    Steps that are NaN throughout are missing: they stay so, and the fit uses the last step of each
    row that is present.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((300, 6, 10))
    >>> y = X[:, -1, 3] - X[:, -1, 7] > 0
    >>> np.flatnonzero(ElasticNetSelection(n_factors=2).fit(X, y).support_)
    array([3, 7])
    """

    def __init__(self, n_factors: int = 24, l1_ratio: float = 0.5) -> None:
        self.n_factors = n_factors
        self.l1_ratio = l1_ratio

    def fit(self, X: Any, y: Any) -> Self:
        """Choose the factors.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, n_features) or (n_samples, n_features)
            Oldest step first.
        y : array-like of shape (n_samples,)
            Labels of two classes, or numbers.

        Returns
        -------
        self
            Itself.

        Raises
        ------
        ValueError
            If a parameter is out of range, X is NaN in part or infinite, or a row has no step.
        """
        checks.whole_number("n_factors", self.n_factors)
        checks.number("l1_ratio", self.l1_ratio, above=0, at_most=1)
        x, present = check_X(self, X, fitting=True)
        target = check_numbers(self, _codes(y), len(x))
        last = x.shape[1] - 1 - present[:, ::-1].argmax(axis=1)
        rows = x[np.arange(len(x)), last].astype(np.float64)  # (n, n_features)
        rows -= rows.mean(axis=0)
        deviation = rows.std(axis=0)
        rows /= np.where(deviation > 0, deviation, 1.0)
        coefs, alpha = self._last_that_fits(rows, target - target.mean())
        self.n_features_in_ = x.shape[2]
        self.alpha_ = alpha
        self.coef_ = coefs
        self.support_ = coefs != 0
        if not self.support_.any():  # y does not vary: every factor is as good as any
            self.support_[0] = True
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the kept factors of every step, float32, with as many axes as X."""
        check_is_fitted(self)
        x, present = check_X(self, X, fitting=False)
        kept = np.where(present[:, :, None], x[:, :, self.support_], np.float32(np.nan))
        n_axes = X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim
        return kept[:, 0] if n_axes == 2 else kept

    def _last_that_fits(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
        """Walk down the penalties until too many factors are kept; return coefficients, penalty."""
        from sklearn.linear_model import enet_path

        gram, products = x.T @ x, x.T @ y
        largest = float(np.abs(products).max()) / (len(x) * self.l1_ratio)
        coefs, alpha = np.zeros(x.shape[1]), largest
        # one penalty at a time: steps further down the path are slow, and are not needed
        for penalty in largest * np.geomspace(1.0, 1e-3, N_ALPHAS)[1:]:
            if not penalty:
                break
            _, path, _ = enet_path(
                x,
                y,
                l1_ratio=self.l1_ratio,
                alphas=[penalty],
                precompute=gram,
                Xy=products,
                coef_init=coefs.copy(),  # written into
                max_iter=10_000,
            )
            solution = path[:, 0]
            n_chosen = int((solution != 0).sum())
            if n_chosen > self.n_factors:
                if not coefs.any():  # the first factors come several at once: keep the strongest
                    strongest = np.argsort(-np.abs(solution), kind="stable")[: self.n_factors]
                    coefs[strongest], alpha = solution[strongest], float(penalty)
                break
            coefs, alpha = solution, float(penalty)
        return coefs, alpha

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn should know: needs y, 3-D input, NaN only as whole steps."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _codes(y: Any) -> Any:
    """Return labels that are no numbers as 0 and 1; numbers and None as they are."""
    labels = None if y is None else np.asarray(y)
    if labels is None or labels.dtype.kind in "biuf" or labels.ndim != 1:
        return y
    classes, codes = np.unique(labels, return_inverse=True)
    return codes if len(classes) <= 2 else y
