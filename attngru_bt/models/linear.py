"""A ridge regression whose penalty grows with its rows."""

from __future__ import annotations

from typing import Any, Self

from sklearn.linear_model import Ridge


class RidgePerRow(Ridge):  # type: ignore[misc]
    r"""Ridge regression with a penalty per row, so that more months do not weaken it.

    .. math:: \min_w \; \frac{1}{n} \lVert y - Xw \rVert^2 + \text{penalty} \, \lVert w \rVert^2

    scikit-learn's `Ridge` adds its penalty to the sum of the squared errors: with the same `alpha`,
    each month that is added to the training rows weakens it.

    Parameters
    ----------
    penalty : float, default 0.5
        Chosen for standardized features.
    """

    def __init__(self, penalty: float = 0.5) -> None:
        super().__init__()
        self.penalty = penalty

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the coefficients on rows X (n, features) and targets y (n,)."""
        self.alpha = self.penalty * len(y)
        return super().fit(X, y, sample_weight)  # type: ignore[no-any-return]
