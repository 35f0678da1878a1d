"""Random subspaces: the mean of many models, each of which sees a part of the features."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from attngru_bt import checks

LEAST_FEATURES = 8  # with fewer in a part, factors could hardly be combined

Floats = NDArray[np.float64]


class SubspaceRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """The mean prediction of models that each see some of the features [1]_.

    The features are dealt out at random into parts of equal size, and a model is fitted on each
    part; then they are dealt out again. So each feature is in `n_deals` of the models. Models of
    different features err differently, and their mean errs less than one model of all features,
    above all where features resemble each other, as factors do.

    scikit-learn's `BaggingRegressor` with ``max_features`` does nearly that. But it draws the
    features of each model anew, so that some are in none, and draws rows by their
    weights instead of weighting them.

    Parameters
    ----------
    estimator : regressor
        Whose `fit` takes ``sample_weight``, if rows are weighted.
    n_parts : int, default=3
        Parts that the features are dealt out into; fewer where a part would have less than
        `LEAST_FEATURES` of them.
    n_deals : int, default=2
        How often they are dealt out.
    random_state : int, RandomState or None, default=None
        Of the deals, and of models without a random state of their own.

    Attributes
    ----------
    models_ : list of (int array, regressor)
        The features of a model, and the model.

    References
    ----------
    .. [1] T. K. Ho, "The random subspace method for constructing decision forests", IEEE
       Transactions on Pattern Analysis and Machine Intelligence 20 (8), 1998.
    """

    models_: list[tuple[NDArray[np.intp], Any]]

    def __init__(
        self, estimator: Any, *, n_parts: int = 3, n_deals: int = 2, random_state: Any = None
    ) -> None:
        self.estimator = estimator
        self.n_parts = n_parts
        self.n_deals = n_deals
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the models.

        Parameters
        ----------
        X : array of shape (rows, features)
            NaN as the models take it.
        y : array of shape (rows,)
        sample_weight : array of shape (rows,), default=None
        """
        checks.whole_number("n_parts", self.n_parts)
        checks.whole_number("n_deals", self.n_deals)
        X, y = validate_data(self, X, y, y_numeric=True, ensure_all_finite=self._finite())
        n_parts = min(self.n_parts, max(1, self.n_features_in_ // LEAST_FEATURES))
        # dealing all features to one model twice would give the same model twice
        n_deals = self.n_deals if n_parts > 1 else 1
        random = check_random_state(self.random_state)
        weight = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.models_ = []
        for _ in range(n_deals):
            for part in np.array_split(random.permutation(self.n_features_in_), n_parts):
                model = clone(self.estimator)
                if "random_state" in model.get_params() and model.random_state is None:
                    model.set_params(random_state=int(random.randint(2**31 - 1)))
                columns = np.sort(part)
                self.models_.append((columns, model.fit(X[:, columns], y, **weight)))
        return self

    def predict(self, X: Any) -> Floats:
        """Return the mean prediction of the models for rows X (rows, features)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, ensure_all_finite=self._finite())
        mean: Floats = np.mean([model.predict(X[:, at]) for at, model in self.models_], axis=0)
        return mean

    def _finite(self) -> bool | str:
        """Return whether `validate_data` refuses NaN, or leaves it to the models."""
        return "allow-nan" if get_tags(self.estimator).input_tags.allow_nan else True

    def __sklearn_tags__(self) -> Any:
        """Return the tags; missing values are taken where the models take them."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = get_tags(self.estimator).input_tags.allow_nan
        return tags
