"""The estimators beside the classifier of the paper: same machinery, same promises."""

from __future__ import annotations

import logging
import pickle

import numpy as np
import pytest
import torch
from rows_first import RowsFirst
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from attngru_bt.models.estimators import (
    AttentionGRUClassifier,
    AttentionGRURegressor,
    ConvolutionClassifier,
    ConvolutionRegressor,
    FeedForwardClassifier,
    FeedForwardRegressor,
)

SKIPPED = {
    "check_sample_weight_equivalence_on_dense_data": (
        "weights are not repetitions for anything trained on random mini-batches in float32"
    ),
}
QUICK = {"max_epochs": 3, "random_state": 0}
EACH = pytest.mark.parametrize(
    "model",
    [
        ConvolutionClassifier(**QUICK),
        FeedForwardClassifier(**QUICK),
        ConvolutionRegressor(**QUICK),
        FeedForwardRegressor(**QUICK),
        AttentionGRURegressor(attention="both", **QUICK),
        AttentionGRUClassifier(skip=True, schedule="cosine", **QUICK),
    ],
    ids=lambda model: type(model).__name__,
)


def problem(n=600, steps=6, features=4, seed=0):
    """Rows in time order, 20 a date; the outcome depends on the last step and the one before."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, steps, features))
    y = X[:, -1, 0] + 0.7 * X[:, -2, 1] + 0.5 * rng.standard_normal(n)
    return X, y, np.repeat(np.arange(n // 20), 20)


@pytest.fixture(scope="module")
def data():
    return problem()


def target(model, y):
    return y if is_regressor(model) else (y > 0.5).astype(int)


def outcome(model, X):
    return model.predict(X) if is_regressor(model) else model.predict_proba(X)[:, 1]


def fitted(model, data, **options):
    X, y, dates = data
    return clone(model).set_params(**options).fit(X, target(model, y), groups=dates)


class TestScikitLearn:
    @pytest.mark.slow
    @parametrize_with_checks(
        [
            ConvolutionClassifier(random_state=0, max_epochs=10, lr=0.05),
            FeedForwardClassifier(random_state=0, max_epochs=10, lr=0.05),
            AttentionGRURegressor(random_state=0, max_epochs=20, lr=0.05),
        ],
        expected_failed_checks=lambda estimator: SKIPPED,
    )
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
    def test_estimator_checks(self, estimator, check):
        check(estimator)

    @EACH
    def test_tags(self, model):
        tags = get_tags(model)
        assert tags.input_tags.three_d_array and tags.input_tags.two_d_array
        assert is_classifier(model) != is_regressor(model)
        assert tags.target_tags.required

    @EACH
    def test_parameters_survive_clone(self, model):
        changed = clone(model).set_params(hidden_size=5, lr=0.5, skip=True, schedule="cosine")
        assert clone(changed).get_params() == changed.get_params()
        with pytest.raises(ValueError, match="hiden_size"):
            model.set_params(hiden_size=5)

    @pytest.mark.slow
    def test_inside_a_grid_search(self, data):
        X, y, _ = data
        search = GridSearchCV(AttentionGRURegressor(max_epochs=1), {"hidden_size": [2, 3]}, cv=2)
        assert search.fit(X, y).best_params_["hidden_size"] in (2, 3)


@EACH
class TestPromises:
    @pytest.mark.slow
    def test_it_learns(self, model, data):
        X, y, _ = data
        found = outcome(fitted(model, data, max_epochs=15), X)
        assert np.corrcoef(found, y)[0, 1] > 0.5

    @pytest.mark.slow
    def test_outcomes_are_those_of_the_networks_averaged(self, model, data):
        X, _, _ = data
        two = fitted(model, data, n_networks=2)
        each = []
        for weights in two.networks_:
            assert all(type(v) is np.ndarray and v.dtype == np.float32 for v in weights.values())
            network = RowsFirst(**two.architecture_).load(weights)
            output = network(torch.from_numpy(X).float()).detach().double()
            if is_regressor(model):
                each.append(two.y_mean_ + two.y_scale_ * output.numpy())
            else:
                each.append(torch.sigmoid(output).numpy())
        assert np.abs(each[0] - each[1]).max() > 1e-3
        np.testing.assert_allclose(outcome(two, X), np.mean(each, axis=0), rtol=0, atol=1e-6)

    @pytest.mark.slow
    def test_same_random_state_same_bits(self, model, data):
        X, _, _ = data
        options = {"dropout": 0.3, "n_layers": 2, "n_networks": 2}
        one = outcome(fitted(model, data, **options), X)
        torch.manual_seed(99)
        before = torch.random.get_rng_state()
        np.testing.assert_array_equal(one, outcome(fitted(model, data, **options), X))
        assert torch.equal(before, torch.random.get_rng_state())
        assert np.abs(one - outcome(fitted(model, data, **options, random_state=1), X)).max() > 1e-3

    @pytest.mark.slow
    def test_missing_steps_in_front_change_nothing(self, model, data):
        X, y, dates = data
        padded = np.concatenate([np.full((600, 3, 4), np.nan), X], axis=1)
        done = fitted(model, data)
        np.testing.assert_allclose(outcome(done, padded), outcome(done, X), rtol=0, atol=1e-6)
        other = fitted(model, (padded, y, dates))
        np.testing.assert_allclose(outcome(other, X), outcome(done, X), rtol=0, atol=1e-4)

    @pytest.mark.slow
    def test_rows_do_not_see_each_other(self, model, data):
        X = data[0].copy()
        X[::3, :2] = np.nan
        done = fitted(model, data)
        whole = outcome(done, X)
        for n in (1, 255, 256, 257, 599):
            np.testing.assert_array_equal(outcome(done, X[:n]), whole[:n])
        order = np.random.default_rng(0).permutation(600)
        np.testing.assert_allclose(outcome(done, X[order]), whole[order], rtol=0, atol=1e-6)

    @pytest.mark.slow
    def test_pickles_without_torch(self, model, data):
        blob = pickle.dumps(fitted(model, data))
        assert b"torch" not in blob
        np.testing.assert_array_equal(
            outcome(pickle.loads(blob), data[0]), outcome(fitted(model, data), data[0])
        )

    @pytest.mark.slow
    def test_the_last_dates_validate(self, model, data):
        X, y, dates = data
        scrambled = y.copy()
        scrambled[480:] = scrambled[480:][::-1]  # 6 of 30 dates are held out: rows 480 on
        one, other = fitted(model, data), fitted(model, (X, scrambled, dates))
        losses = [[r["val_loss"] for r in m.history_[0]] for m in (one, other)]
        assert losses[0] != losses[1] and None not in losses[0]
        if not is_regressor(model):  # the mean of y, which includes late rows, stays as well
            assert [r["loss"] for r in one.history_[0]] == [r["loss"] for r in other.history_[0]]

    @pytest.mark.slow
    def test_warm_start_goes_on_and_refuses_another_shape(self, model, data):
        X, y, dates = data
        warm = fitted(model, data, warm_start=True, early_stopping=False)
        before = warm.history_[0][-1]["loss"]
        assert warm.fit(X, target(model, y), groups=dates).history_[0][-1]["loss"] < before
        with pytest.raises(ValueError, match="cannot change hidden_size from 16 to 8"):
            warm.set_params(hidden_size=8).fit(X, target(model, y))
        warm.set_params(hidden_size=16, skip=not warm.skip)
        with pytest.raises(ValueError, match="cannot change skip"):
            warm.fit(X, target(model, y))

    @pytest.mark.slow
    def test_second_fit_forgets_the_first(self, model, data):
        X, y, dates = data
        twice = clone(model).fit(X, target(model, -y)).fit(X, target(model, y), groups=dates)
        np.testing.assert_array_equal(outcome(twice, X), outcome(fitted(model, data), X))

    def test_bad_parameters(self, model, data):
        for parameter, value, message in [
            ("hidden_size", 0, "`hidden_size` must be a whole number of at least 1"),
            ("skip", "yes", "`skip` must be True or False; got 'yes'"),
            ("schedule", "cosin", "`schedule` must be 'constant' or 'cosine'"),
            ("device", "gpu", "`device` must be"),
        ]:
            with pytest.raises(ValueError, match=message):
                fitted(model, data, **{parameter: value})


class TestRegressor:
    def test_units_of_y_change_nothing_but_those_of_the_predictions(self, data):
        X, y, dates = data
        plain = AttentionGRURegressor(**QUICK).fit(X, y, groups=dates)
        other = AttentionGRURegressor(**QUICK).fit(X, 1e4 * y + 5e6, groups=dates)
        np.testing.assert_allclose(other.predict(X), 1e4 * plain.predict(X) + 5e6, rtol=1e-6)

    def test_ranks_from_minus_one_to_one_keep_their_scale(self, data):
        X, _, _ = data
        ranks = np.tile(np.linspace(-1, 1, 300), 2)
        model = AttentionGRURegressor(**QUICK).fit(X, ranks)
        assert abs(model.y_mean_) < 1e-12
        assert model.y_scale_ == pytest.approx((301 / 299) ** 0.5)  # sqrt(3) x deviation of ranks

    def test_it_starts_at_the_mean(self, data):
        X, y, _ = data
        model = AttentionGRURegressor(max_epochs=1, lr=1e-9, random_state=0).fit(X, y + 7)
        assert abs(model.predict(X).mean() - (y + 7).mean()) < 0.2 * y.std()
        assert model.y_mean_ == pytest.approx((y + 7).mean())

    def test_the_loss_is_the_mean_of_squares(self, data):
        X, y, dates = data
        model = AttentionGRURegressor(**QUICK).fit(X, y, groups=dates)
        late = dates >= 24
        errors = (model.predict(X) - y)[late] / model.y_scale_
        best = model.history_[0][model.best_epoch_[0] - 1]["val_loss"]
        assert best == pytest.approx(np.mean(errors**2), rel=1e-4)

    @pytest.mark.slow
    def test_weights_weigh(self, data):
        X, _, _ = data
        y = np.tile([0.0, 1.0], 300)
        weight = np.tile([3.0, 1.0], 300)
        model = AttentionGRURegressor(max_epochs=15, random_state=0)
        assert abs(model.fit(X, y).predict(X).mean() - 0.5) < 0.1
        heavy = clone(model).fit(X, y, sample_weight=weight)
        assert heavy.y_mean_ == 0.25 and abs(heavy.predict(X).mean() - 0.25) < 0.1
        some = clone(model).fit(X, y, sample_weight=np.tile([1.0, 0.0], 300)).predict(X)
        np.testing.assert_array_equal(some, clone(model).fit(X[::2], y[::2]).predict(X))

    @pytest.mark.slow
    def test_a_constant_is_predicted(self, data):
        model = AttentionGRURegressor(max_epochs=20, random_state=0).fit(data[0], np.full(600, 4.0))
        assert model.y_scale_ == 1.0
        np.testing.assert_allclose(model.predict(data[0]), 4.0, atol=0.1)

    @pytest.mark.slow
    def test_it_sees_an_interaction_that_a_ridge_does_not(self):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((3000, 2, 4))
        y = X[:, -1, 0] * X[:, -2, 1] + 0.3 * rng.standard_normal(3000)
        model = AttentionGRURegressor(max_epochs=30, random_state=0).fit(X[:2000], y[:2000])
        ridge = Ridge().fit(X[:2000].reshape(2000, -1), y[:2000])
        assert ridge.score(X[2000:].reshape(1000, -1), y[2000:]) < 0.05
        assert model.score(X[2000:], y[2000:]) > 0.5

    def test_attention_weights(self, data):
        X, y, dates = data
        model = AttentionGRURegressor(attention="both", **QUICK).fit(X, y, groups=dates)
        weights = model.attention_weights(X)
        assert weights["factor"].sum() == pytest.approx(1) and weights["temporal"].shape == (6,)

    def test_too_few_rows_train_all_epochs_and_say_so(self, caplog):
        X, y, _ = problem(80)
        with caplog.at_level(logging.INFO, logger="attngru_bt.models.estimators"):
            model = AttentionGRURegressor(max_epochs=4, patience=1, random_state=0).fit(X, y)
        assert model.n_iter_.tolist() == [4]
        assert "do not hold 20 rows and as many before them" in caplog.text

    @pytest.mark.parametrize(
        ("y", "message"),
        [
            (None, "requires y to be passed"),
            (np.full(600, np.nan), "NaN"),
            (np.full(600, np.inf), "infinity"),
            (np.zeros((600, 2)), "1d array"),
            (np.zeros(599), "inconsistent numbers of samples"),
        ],
    )
    def test_bad_y(self, data, y, message):
        with pytest.raises(ValueError, match=message):
            AttentionGRURegressor(**QUICK).fit(data[0], y)


class TestSkip:
    @pytest.mark.slow
    def test_it_follows_a_line_beyond_where_units_saturate(self):
        rng = np.random.default_rng(0)
        X = 4 * rng.standard_normal((800, 1, 4))
        y = X[:, -1] @ np.array([0.5, -0.25, 0.0, 0.1])
        options = {"hidden_size": 1, "attention": None, "max_epochs": 40, "random_state": 0}
        plain = AttentionGRURegressor(**options).fit(X, y)
        skip = AttentionGRURegressor(skip=True, **options).fit(X, y)
        assert 1 - skip.score(X, y) < 1e-6 < 1e-3 < 1 - plain.score(X, y)
        line = skip.y_scale_ * skip.networks_[0]["skip_weight"]
        np.testing.assert_allclose(line, [0.5, -0.25, 0.0, 0.1], atol=0.02)

    @pytest.mark.slow
    def test_before_training_it_changes_nothing(self, data):
        X, y, _ = data
        options = {"max_epochs": 1, "lr": 1e-12, "random_state": 0}
        for estimator in (AttentionGRUClassifier, ConvolutionClassifier, FeedForwardClassifier):
            one, other = (estimator(skip=s, **options).fit(X, y > 0) for s in (False, True))
            np.testing.assert_allclose(
                one.predict_proba(X), other.predict_proba(X), rtol=0, atol=1e-6
            )


class TestConvolution:
    @pytest.mark.parametrize("width", [0, 1.5])
    def test_bad_kernel_size(self, data, width):
        with pytest.raises(ValueError, match="`kernel_size` must be a whole number of at least 1"):
            ConvolutionClassifier(kernel_size=width).fit(data[0], data[1] > 0)

    @pytest.mark.slow
    def test_it_finds_a_pattern_wherever_it_is(self):
        # a rise of the first factor from one step to the next, at any place
        rng = np.random.default_rng(0)
        X = 0.3 * rng.standard_normal((2000, 8, 2))
        y = rng.random(2000) > 0.5
        place = rng.integers(0, 7, 2000)
        X[y, place[y], 0] -= 1.0
        X[y, place[y] + 1, 0] += 1.0
        model = ConvolutionClassifier(random_state=0, max_epochs=15).fit(X[:1200], y[:1200])
        assert model.score(X[1200:], y[1200:]) > 0.9


class TestFeedForward:
    def test_earlier_steps_change_nothing(self, data):
        X, y, dates = data
        whole = FeedForwardClassifier(**QUICK).fit(X, y > 0, groups=dates)
        last = FeedForwardClassifier(**QUICK).fit(X[:, -1], y > 0, groups=dates)
        np.testing.assert_array_equal(whole.predict_proba(X), last.predict_proba(X[:, -1]))

    def test_one_class(self, data, caplog):
        model = FeedForwardClassifier(**QUICK).fit(data[0], np.zeros(600, int))
        assert "one class only" in caplog.text
        np.testing.assert_array_equal(model.predict_proba(data[0]), np.ones((600, 1)))
