"""Random subspaces: who sees which features, and what the mean of them is."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from attngru_bt.models.boosting import BoostedRegressor
from attngru_bt.models.names import find
from attngru_bt.models.subspaces import SubspaceRegressor


def rows(n=200, n_features=40, seed=0):
    random = np.random.default_rng(seed)
    X = random.standard_normal((n, n_features))
    return X, X[:, :20].sum(axis=1) + random.standard_normal(n), random.random(n)


@parametrize_with_checks([SubspaceRegressor(LinearRegression())])
def test_estimator_checks(estimator, check):
    check(estimator)


def test_each_feature_is_dealt_out_once_a_deal():
    X, y, _ = rows()
    model = SubspaceRegressor(LinearRegression(), n_parts=3, n_deals=2, random_state=1).fit(X, y)
    parts = [columns for columns, _ in model.models_]
    assert [len(columns) for columns in parts] == [14, 13, 13, 14, 13, 13]
    for deal in (parts[:3], parts[3:]):
        assert sorted(np.concatenate(deal)) == list(range(40))
    assert not np.array_equal(parts[0], parts[3])


def test_it_is_the_mean_of_models_on_these_features_and_weights():
    X, y, weight = rows()
    new = rows(seed=1)[0]
    model = SubspaceRegressor(LinearRegression(), random_state=1).fit(X, y, weight)
    each = [
        LinearRegression().fit(X[:, at], y, weight).predict(new[:, at]) for at, _ in model.models_
    ]
    assert len(each) == 6
    np.testing.assert_allclose(model.predict(new), np.mean(each, axis=0), rtol=1e-12)
    unweighted = SubspaceRegressor(LinearRegression(), random_state=1).fit(X, y)
    assert np.abs(unweighted.predict(new) - model.predict(new)).max() > 1e-3


@pytest.mark.parametrize(("n_features", "n_models"), [(1, 1), (15, 1), (16, 4), (23, 4), (24, 6)])
def test_few_features_are_not_split_up_further(n_features, n_models):
    X, y, _ = rows(n_features=n_features)
    model = SubspaceRegressor(LinearRegression(), random_state=0).fit(X, y)
    assert len(model.models_) == n_models


def test_the_random_state_decides_alone():
    X, y, _ = rows()
    trees = DecisionTreeRegressor(max_features=0.5)

    def predicted(seed):
        return SubspaceRegressor(trees, random_state=seed).fit(X, y).predict(rows(seed=1)[0])

    np.testing.assert_array_equal(predicted(3), predicted(3))
    assert not np.array_equal(predicted(3), predicted(4))


@pytest.mark.parametrize("name", ["n_parts", "n_deals"])
def test_a_bad_parameter_is_one_sentence(name):
    X, y, _ = rows()
    with pytest.raises(ValueError, match=f"`{name}` must be a whole number of at least 1; got 0"):
        SubspaceRegressor(LinearRegression(), **{name: 0}).fit(X, y)


def test_boosting_on_ranks_is_made_of_them():
    """Trees of few rows have leaves, too: 20 stocks over two years must not all score alike."""
    X, y, weight = rows(n=480)
    X[::7, 3] = np.nan
    model = find("gbdt-rank").make().set_params(random_state=0).fit(X, y, weight)
    assert all(isinstance(trees, BoostedRegressor) for _, trees in model.models_)
    assert np.ptp(model.predict(X)) > 1
