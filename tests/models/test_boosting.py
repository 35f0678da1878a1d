"""Boosted trees on weighted rows: those of scikit-learn, found with less work."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from attngru_bt.models.boosting import BoostedClassifier, BoostedRegressor, edges
from attngru_bt.models.names import find

SETTINGS = dict(max_iter=8, max_depth=3, early_stopping=False, max_bins=15)


def rows(n=400, seed=0):
    """Rows of continuous, clipped, coarse, constant and often missing features."""
    random = np.random.default_rng(seed)
    X = random.standard_normal((n, 5))
    X[:, 1] = np.clip(X[:, 1], -1, 1)
    X[:, 2] = np.round(X[:, 2])
    X[:, 3] = 2.0
    X[random.random(n) < 0.3, 4] = np.nan
    y = X[:, 0] - np.abs(X[:, 1]) + 0.3 * np.nan_to_num(X[:, 4], nan=1) + random.standard_normal(n)
    return X, y, np.where(random.random(n) < 0.1, 0.0, random.random(n))


@pytest.mark.parametrize("weighted", [True, False])
def test_the_trees_are_those_of_scikit_learn(weighted):
    X, y, weight = rows()
    new, weight = rows(seed=1)[0], weight if weighted else None
    theirs = HistGradientBoostingRegressor(**SETTINGS).fit(X, y, weight)
    ours = BoostedRegressor(**SETTINGS).fit(X, y, weight)
    assert np.ptp(ours.predict(new)) > 0.5
    np.testing.assert_array_equal(ours.predict(new), theirs.predict(new))
    staged = [list(model.staged_predict(new)) for model in (ours, theirs)]
    np.testing.assert_array_equal(*staged)


def test_the_classifier_is_that_of_scikit_learn():
    X, y, weight = rows()
    new = rows(seed=1)[0]
    theirs = HistGradientBoostingClassifier(**SETTINGS).fit(X, y > 0, weight)
    ours = BoostedClassifier(**SETTINGS).fit(X, y > 0, weight)
    for method in ("predict", "predict_proba", "decision_function"):
        np.testing.assert_array_equal(getattr(ours, method)(new), getattr(theirs, method)(new))
        staged = [list(getattr(model, f"staged_{method}")(new)) for model in (ours, theirs)]
        np.testing.assert_array_equal(*staged)


def test_a_fit_without_weights_forgets_the_bins_of_the_one_before():
    X, y, weight = rows()
    again = BoostedRegressor(**SETTINGS).fit(X, y, weight).fit(X, y)
    np.testing.assert_array_equal(
        again.predict(X), BoostedRegressor(**SETTINGS).fit(X, y).predict(X)
    )


def test_bins_weigh_the_same():
    random = np.random.default_rng(0)
    values, weight = random.standard_normal(5000), random.random(5000)
    ends = edges(values, weight, 10)
    shares = np.bincount(np.searchsorted(ends, values), weight) / weight.sum()
    assert len(ends) == 9
    np.testing.assert_allclose(shares, 0.1, atol=weight.max() / weight.sum())


def test_models_by_name_use_them():
    assert isinstance(find("gbdt-rank").make().estimator, BoostedRegressor)
    assert isinstance(find("gbdt").make(), BoostedClassifier)
