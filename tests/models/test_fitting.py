"""Several estimators fitted at once: what each one's own fit would set, to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from attngru_bt.models.estimators import (
    AttentionGRUClassifier,
    AttentionGRURegressor,
    FeedForwardClassifier,
    fit_many,
)
from attngru_bt.models.estimators.fitting import max_batch_fits


def estimator_data(n, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 4, 3))
    X[: n // 5, :2] = np.nan  # listed lately
    y = X[:, -1, 0] + rng.standard_normal(n)
    return X, y, rng.random(n) + 0.5, np.arange(n) // 20


def losses(model):
    return [[(r["loss"], r["val_loss"]) for r in history] for history in model.history_]


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"cell": "lstm", "dropout": 0.2}], ids=str)
def test_what_each_own_fit_would_set(options):
    settings = {"n_networks": 2, "max_epochs": 6, "batch_size": 64} | options
    data = [estimator_data(n, n) for n in (300, 260, 340)]
    data = [(X, (y > 0).astype(int), weight, dates) for X, y, weight, dates in data]
    models = [AttentionGRUClassifier(random_state=s, **settings) for s in range(3)]
    assert fit_many(models, iter(data)) == models
    for s, (model, (X, y, weight, dates)) in enumerate(zip(models, data, strict=True)):
        alone = AttentionGRUClassifier(random_state=s, **settings)
        alone.fit(X, y, sample_weight=weight, groups=dates)
        assert losses(model) == losses(alone)
        assert model.architecture_ == alone.architecture_
        assert model.n_iter_.tolist() == alone.n_iter_.tolist()
        assert model.best_epoch_.tolist() == alone.best_epoch_.tolist()
        np.testing.assert_array_equal(model.predict_proba(X), alone.predict_proba(X))


@pytest.mark.slow
def test_regressors_and_other_kinds_and_settings_mix():
    X, y, _, _ = estimator_data(200, 1)
    models = [
        AttentionGRURegressor(random_state=0, max_epochs=3),
        AttentionGRUClassifier(random_state=0, max_epochs=3),
        AttentionGRUClassifier(random_state=0, max_epochs=3, cell="lstm"),
        FeedForwardClassifier(random_state=0, max_epochs=2),
    ]
    data = [(X, y), (X, y > 0), (X, y > 0), (X, y > 0)]
    seen = []
    fit_many(models, data, lambda model, network, record: seen.append((model, network)))
    assert [len(model.history_[0]) for model in models] == [3, 3, 3, 2]
    assert {n: seen.count((n, 0)) for n in range(4)} == {0: 3, 1: 3, 2: 3, 3: 2}
    alone = AttentionGRURegressor(random_state=0, max_epochs=3).fit(X, y)
    np.testing.assert_array_equal(models[0].predict(X), alone.predict(X))


def test_a_month_of_one_class_goes_through(caplog):
    X, y, _, _ = estimator_data(200, 1)
    models = [AttentionGRUClassifier(random_state=0, max_epochs=2) for _ in range(2)]
    fit_many(models, [(X, np.ones(200)), (X, y > 0)])
    assert models[0].networks_ == []
    assert len(models[1].networks_) == 1
    assert "one class only" in caplog.text


def test_every_model_needs_its_rows():
    with pytest.raises(ValueError, match="zip"):
        fit_many([AttentionGRUClassifier()], [])


def test_wide_networks_are_fitted_in_smaller_bundles():
    sizes = [(4, 4), (8, 5), (64, 1), (64, 20)]
    models = [AttentionGRUClassifier(hidden_size=h, n_networks=n) for h, n in sizes]
    assert [max_batch_fits(model) for model in models] == [5, 4, 8, 1]
