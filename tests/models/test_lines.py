"""Estimators on windows of raw lines: what they do on the same rows as an array."""

import numpy as np
import pytest
from sklearn.base import is_regressor
from sklearn.linear_model import Ridge

from attngru_bt import make_market
from attngru_bt.features.windows import concatenated
from attngru_bt.models.contract import fit_models, input_of, value
from attngru_bt.models.estimators import (
    AttentionGRUClassifier,
    AttentionGRURegressor,
    ConvolutionClassifier,
    ConvolutionRegressor,
    FeedForwardClassifier,
    FeedForwardRegressor,
)
from attngru_bt.walkforward import Recipe

SMALL = dict(hidden_size=3, max_epochs=2, batch_size=32, random_state=0, early_stopping=False)


@pytest.fixture(scope="module")
def windows():
    panel = Recipe(view="lines", sample="week").make_panel()
    panel.extend(make_market(n_assets=5, n_days=200, seed=2).bars)
    return concatenated([row.values for s in panel.sections for row in s.samples])


@pytest.fixture(scope="module")
def target(windows):
    return np.random.default_rng(0).uniform(-1, 1, len(windows))


def parameters(model):
    return [array for network in model.networks_ for array in network.values()]


@pytest.mark.slow
@pytest.mark.parametrize("attention", ["factor", None])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_networks_learn_and_say_the_same_of_windows_and_of_arrays(
    windows, target, attention, early_stopping
):
    settings = SMALL | dict(attention=attention, early_stopping=early_stopping, n_networks=2)
    months = np.arange(len(windows)) // 5
    cut = AttentionGRURegressor(**settings).fit(windows, target, groups=months)
    whole = AttentionGRURegressor(**settings).fit(np.asarray(windows), target, groups=months)
    for one, other in zip(parameters(cut), parameters(whole), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(cut.predict(windows), whole.predict(np.asarray(windows)))
    assert cut.attention_weights(windows).keys() == whole.attention_weights(windows).keys()


@pytest.mark.parametrize(
    "kind",
    [
        AttentionGRUClassifier,
        ConvolutionClassifier,
        FeedForwardClassifier,
        AttentionGRURegressor,
        ConvolutionRegressor,
        FeedForwardRegressor,
    ],
)
def test_every_network_reads_all_sessions(windows, target, kind):
    model = kind(**SMALL)
    y = target if is_regressor(model) else (target > 0).astype(int)
    fit_models([model], [(windows, y, None, np.arange(len(y)))])
    # a network that looked at the last step alone would not see a change of the first one
    changed = np.array(np.asarray(windows))
    changed[:, 0] += 1.0
    scores, other = (value(model, input_of(model, rows, True)) for rows in (windows, changed))
    assert not np.allclose(scores, other)


def test_other_models_get_all_steps_side_by_side(windows, target):
    model = Ridge(10.0)
    fit_models([model], [(windows, target, None, np.arange(len(target)))])
    assert model.n_features_in_ == 360
    by_hand = Ridge(10.0).fit(np.asarray(windows).reshape(len(windows), -1), target)
    np.testing.assert_allclose(model.coef_, by_hand.coef_)
    assert input_of(model, windows).shape == (len(windows), 360)


def test_the_wrong_number_of_lines_is_refused(windows, target):
    model = AttentionGRURegressor(**SMALL).fit(np.asarray(windows)[:, :, :4], target)
    with pytest.raises(ValueError, match="X has 18 features"):
        model.predict(windows)


@pytest.mark.slow
def test_the_weights_of_the_last_epochs_are_averaged(windows, target):
    X = np.asarray(windows)

    def after(epochs, **settings):
        return AttentionGRURegressor(**SMALL | dict(max_epochs=epochs) | settings).fit(X, target)

    three = [parameters(after(epochs)) for epochs in (2, 3, 4)]
    mean = [np.mean([p[i] for p in three], axis=0) for i in range(len(three[0]))]
    averaged = parameters(after(4, n_averaged=3))
    for one, other in zip(averaged, mean, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    assert any(not np.allclose(a, b) for a, b in zip(averaged, three[-1], strict=True))
    with pytest.raises(ValueError, match="n_averaged"):
        after(2, n_averaged=3)
