"""AttentionGRUClassifier: a scikit-learn classifier that learns, repeats, says what is amiss."""

from __future__ import annotations

import concurrent.futures
import logging
import pickle
import random
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from rows_first import RowsFirst
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from attngru_bt.models.estimators import AttentionGRUClassifier
from attngru_bt.models.estimators.tensors import warn_that_there_is_no_gpu

SKIPPED = {
    "check_sample_weight_equivalence_on_dense_data": (
        "weights are not repetitions for anything trained on random mini-batches in float32"
    ),
}


def quick(**options):
    return AttentionGRUClassifier(**{"max_epochs": 3, "random_state": 0} | options)


def problem(n=600, steps=6, features=4, noise=1.0, seed=0):
    """Rows in time order, 20 a date; the label depends on two steps and two factors."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, steps, features))
    y = X[:, -1, 0] + 0.7 * X[:, -2, 1] + noise * rng.standard_normal(n) > 0.5
    return X, y.astype(int), np.repeat(np.arange(n // 20 + 1), 20)[:n]


@pytest.fixture(scope="module")
def data():
    return problem()


@pytest.fixture(scope="module")
def fitted(data):
    """Do not change it: shared by the tests that only read."""
    X, y, dates = data
    return quick(attention="both", n_networks=2).fit(X, y, groups=dates)


def late_listings(X):
    """Some rows begin after the first step."""
    X = X.copy()
    X[::3, :2] = np.nan
    X[1::7, :4] = np.nan
    return X


class TestScikitLearn:
    @pytest.mark.slow
    @parametrize_with_checks(
        [AttentionGRUClassifier(attention="both", max_epochs=10, lr=0.05, random_state=0)],
        expected_failed_checks=lambda estimator: SKIPPED,
    )
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
    def test_estimator_checks(self, estimator, check):
        check(estimator)

    def test_tags(self):
        tags = get_tags(AttentionGRUClassifier())
        assert tags.input_tags.three_d_array and tags.input_tags.two_d_array
        assert not tags.classifier_tags.multi_class

    def test_parameters_survive_clone_and_set_params(self):
        model = AttentionGRUClassifier(attention=None, cell="rnn", hidden_size=5, lr=0.5)
        assert clone(model).get_params() == model.get_params()
        assert model.set_params(hidden_size=6).hidden_size == 6

    def test_unknown_parameters_are_errors(self):
        with pytest.raises(TypeError, match="hiden_size"):
            AttentionGRUClassifier(hiden_size=5)
        with pytest.raises(ValueError, match="hiden_size"):
            AttentionGRUClassifier().set_params(hiden_size=5)

    @pytest.mark.slow
    def test_inside_pipeline_and_grid_search(self, data):
        X, y, dates = data
        flat = make_pipeline(StandardScaler(), quick(max_epochs=1)).fit(X[:, -1], y)
        assert flat.predict_proba(X[:, -1]).shape == (600, 2)
        search = GridSearchCV(quick(max_epochs=1), {"hidden_size": [2, 3]}, cv=2).fit(X, y)
        assert search.best_params_["hidden_size"] in (2, 3)

    @pytest.mark.slow
    def test_two_dimensions_are_one_step(self, data):
        X, y, _ = data
        flat, deep = quick().fit(X[:, -1], y), quick().fit(X[:, -1:], y)
        np.testing.assert_array_equal(flat.predict_proba(X[:, -1]), deep.predict_proba(X[:, -1:]))


class TestValues:
    @pytest.mark.slow
    def test_fitted_attributes(self, fitted):
        assert fitted.classes_.tolist() == [0, 1]
        assert fitted.n_features_in_ == 4
        assert len(fitted.networks_) == len(fitted.history_) == 2
        assert fitted.n_iter_.tolist() == [3, 3]
        for history, best in zip(fitted.history_, fitted.best_epoch_, strict=True):
            losses = [record["val_loss"] for record in history]
            assert losses[best - 1] == min(losses)
            assert set(history[0]) == {"epoch", "loss", "val_loss", "seconds"}
        for network in fitted.networks_:
            assert all(type(v) is np.ndarray and v.dtype == np.float32 for v in network.values())

    @pytest.mark.slow
    def test_probabilities_are_those_of_the_networks_averaged(self, fitted, data):
        X, _, _ = data
        each = []
        for weights in fitted.networks_:
            network = RowsFirst(n_features=4, attention="both").load(weights)
            logits = network(torch.from_numpy(X).float()).detach().double()
            each.append(torch.sigmoid(logits).numpy())
        assert np.abs(each[0] - each[1]).max() > 1e-3
        found = fitted.predict_proba(X)
        np.testing.assert_allclose(found[:, 1], np.mean(each, axis=0), rtol=0, atol=1e-6)
        np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=0, atol=1e-12)
        np.testing.assert_array_equal(fitted.predict(X), (found[:, 1] > 0.5).astype(int))

    @pytest.mark.slow
    def test_labels_may_be_anything_with_an_order(self, data):
        X, y, _ = data
        numbers = quick(max_epochs=20).fit(X, y)
        words = quick(max_epochs=20).fit(X, np.where(y == 1, "top", "rest"))
        assert words.classes_.tolist() == ["rest", "top"]
        np.testing.assert_array_equal(numbers.predict_proba(X), words.predict_proba(X))
        assert set(words.predict(X)) == {"rest", "top"}

    def test_it_starts_at_the_base_rate(self, data):
        X, _, _ = data
        y = np.zeros(600, int)
        y[::10] = 1
        model = quick(max_epochs=1, lr=1e-9, early_stopping=False).fit(X, y)
        assert abs(model.predict_proba(X)[:, 1].mean() - 0.1) < 0.01

    @pytest.mark.slow
    def test_learns_an_interaction_that_a_linear_model_cannot_see(self):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((4000, 5, 4))
        y = (X[:, -1, 0] * X[:, -3, 1] + 0.3 * rng.standard_normal(4000) > 0).astype(int)
        model = AttentionGRUClassifier(max_epochs=60, lr=0.01, random_state=0)
        network = model.fit(X[:3000], y[:3000]).predict_proba(X[3000:])[:, 1]
        flat = X.reshape(4000, -1)
        linear = LogisticRegression().fit(flat[:3000], y[:3000]).predict_proba(flat[3000:])[:, 1]
        assert roc_auc_score(y[3000:], linear) < 0.6
        assert roc_auc_score(y[3000:], network) > 0.85

    @pytest.mark.slow
    def test_attention_finds_the_factor_that_matters_for_a_row(self):
        # the first factor says which of the others counts: what attention over factors is for
        rng = np.random.default_rng(1)
        X = rng.standard_normal((4000, 1, 3))
        switch = X[:, 0, 0] > 0
        y = (np.where(switch, X[:, 0, 1], X[:, 0, 2]) > 0).astype(int)
        model = AttentionGRUClassifier(max_epochs=40, lr=0.02, random_state=0).fit(
            X[:3000], y[:3000]
        )
        assert roc_auc_score(y[3000:], model.predict_proba(X[3000:])[:, 1]) > 0.9
        weights = model.attention_weights(X[3000:], mean=False)["factor"][:, 0]
        on, off = weights[switch[3000:]].mean(0), weights[~switch[3000:]].mean(0)
        assert on[1] > on[2] and off[2] > off[1]

    def test_attention_weights(self, fitted, data):
        X = late_listings(data[0])
        present = ~np.isnan(X).all(axis=2)
        full, mean = fitted.attention_weights(X, mean=False), fitted.attention_weights(X)
        assert full["factor"].shape == (600, 6, 4) and full["temporal"].shape == (600, 6)
        assert (full["factor"] >= 0).all() and (full["temporal"] >= 0).all()
        assert (full["factor"][~present] == 0).all() and (full["temporal"][~present] == 0).all()
        np.testing.assert_allclose(full["factor"].sum(2)[present], 1, rtol=0, atol=1e-6)
        np.testing.assert_allclose(full["temporal"].sum(1), 1, rtol=0, atol=1e-6)
        expected = full["factor"][present].mean(0)
        np.testing.assert_allclose(mean["factor"], expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(mean["temporal"], full["temporal"].mean(0), rtol=0, atol=1e-12)
        plain = quick(attention=None, max_epochs=1).fit(data[0], data[1])
        assert plain.attention_weights(X) == {}


class TestWeights:
    @pytest.mark.slow
    def test_class_weights_push_the_probability_up(self, data):
        X, _, _ = data
        rng = np.random.default_rng(0)
        y = (X[:, -1, 0] + rng.standard_normal(600) > 1.8).astype(int)
        assert 0.05 < y.mean() < 0.2
        level = {}
        for name, weight in {
            "none": None,
            "balanced": "balanced",
            "down": {0: 9.0, 1: 1.0},
        }.items():
            level[name] = quick(class_weight=weight).fit(X, y).predict_proba(X)[:, 1].mean()
        assert level["down"] < 0.5 * y.mean() < level["none"] < 2 * y.mean() < level["balanced"]
        assert abs(level["balanced"] - 0.5) < 0.1

    @pytest.mark.slow
    def test_only_relative_sample_weights_matter(self, data):
        X, y, _ = data
        plain = quick().fit(X, y).predict_proba(X)
        scaled = quick().fit(X, y, sample_weight=np.full(600, 8.0)).predict_proba(X)
        np.testing.assert_array_equal(plain, scaled)

    @pytest.mark.slow
    def test_rows_of_weight_zero_are_left_out(self, data):
        X, y, dates = data
        weight = np.ones(600)
        weight[::4] = 0.0
        weighted = quick().fit(X, y, sample_weight=weight, groups=dates)
        without = quick().fit(X[weight > 0], y[weight > 0], groups=dates[weight > 0])
        np.testing.assert_array_equal(weighted.predict_proba(X), without.predict_proba(X))
        with pytest.raises(ValueError, match="Sample weights must contain at least one"):
            quick().fit(X, y, sample_weight=np.zeros(600))


class TestEarlyStopping:
    @pytest.fixture
    def split(self, monkeypatch):
        """What the training loop was given: rows trained on, rows watched."""
        from attngru_bt.models import training

        seen = {}
        original = training.train

        def spy(jobs, **options):
            (job,) = jobs
            parts = {"train": job.samples, "late": job.validation}
            for name, part in parts.items():
                seen[name] = None if part is None else part.x[:, 0, 0].numpy().astype(int)
            return original(jobs, **options)

        monkeypatch.setattr(training, "train", spy)
        return seen

    def numbered(self, n):
        X = np.zeros((n, 1, 2))
        X[:, 0, 0] = np.arange(n)
        return X * np.array([1.0, 1.0]), np.arange(n) % 2

    def test_the_last_dates_validate_and_no_date_is_split(self, split):
        X, y = self.numbered(330)
        dates = pd.bdate_range("2020-01-01", periods=11).repeat(30)
        quick(validation_fraction=0.25).fit(X, y, groups=dates)
        assert split["late"].tolist() == list(range(240, 330))  # ceil(.25 * 11) = 3 dates
        assert split["train"].tolist() == list(range(240))

    def test_a_whole_number_is_that_of_the_last_dates(self, split):
        X, y = self.numbered(480)
        months = np.arange(480) // 30
        quick(validation_fraction=12).fit(X, y, groups=months)
        assert split["late"].tolist() == list(range(120, 480))  # the last 12 of 16

    def test_dates_decide_not_the_order_of_the_rows(self, split):
        X, y = self.numbered(330)
        dates = np.repeat(np.arange(11)[::-1], 30)
        quick(validation_fraction=0.25).fit(X, y, groups=dates)
        assert split["late"].tolist() == list(range(90))

    def test_rows_without_dates_are_in_time_order(self, split):
        X, y = self.numbered(200)
        quick().fit(X, y)
        assert split["late"].tolist() == list(range(160, 200))

    def test_too_few_rows_train_all_epochs_and_say_so(self, split, caplog):
        X, y = self.numbered(60)
        with caplog.at_level(logging.INFO, logger="attngru_bt.models.estimators"):
            model = quick(max_epochs=9, patience=1).fit(X, y)
        assert split["late"] is None and len(split["train"]) == 60
        assert model.n_iter_.tolist() == model.best_epoch_.tolist() == [9]
        assert "No early stopping: of 60 rows on 60 dates" in caplog.text

    def test_one_class_on_the_last_dates_trains_all_epochs(self, split):
        X, y = self.numbered(200)
        y[150:] = 0
        quick().fit(X, y)
        assert split["late"] is None

    def test_off(self, split):
        X, y = self.numbered(400)
        quick(early_stopping=False).fit(X, y)
        assert split["late"] is None


class TestOneClass:
    @pytest.mark.parametrize("label", [0, 1])
    def test_it_is_certain_and_says_so_once(self, data, caplog, label):
        X, _, _ = data
        with caplog.at_level(logging.WARNING, logger="attngru_bt.models.estimators"):
            model = quick(n_networks=3).fit(X, np.full(600, label))
        assert len(caplog.records) == 1 and f"one class only, {label} in 600" in caplog.text
        assert model.classes_.tolist() == [label] and model.networks_ == []
        np.testing.assert_array_equal(model.predict_proba(X), np.ones((600, 1)))
        assert set(model.predict(X)) == {label}
        assert model.attention_weights(X) == {}

    @pytest.mark.slow
    def test_a_warm_start_after_it_is_a_fresh_start(self, data):
        X, y, _ = data
        model = quick(warm_start=True).fit(X, np.zeros(600, int)).fit(X, y)
        np.testing.assert_array_equal(model.predict_proba(X), quick().fit(X, y).predict_proba(X))


class TestMissingSteps:
    def test_earlier_missing_steps_change_nothing(self, fitted, data):
        X, _, _ = data
        padded = np.concatenate([np.full((600, 4, 4), np.nan), X], axis=1)
        np.testing.assert_allclose(
            fitted.predict_proba(padded), fitted.predict_proba(X), rtol=0, atol=1e-6
        )

    @pytest.mark.slow
    def test_training_with_padding_is_training_without(self, data):
        X, y, _ = data
        padded = np.concatenate([np.full((600, 2, 4), np.nan), X], axis=1)
        one, other = quick(attention="both").fit(X, y), quick(attention="both").fit(padded, y)
        np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), rtol=0, atol=1e-4)

    def test_late_listings_can_be_fitted(self, data):
        X, y, dates = data
        model = quick(attention="both").fit(late_listings(X), y, groups=dates)
        assert np.isfinite(model.predict_proba(late_listings(X))).all()


class TestBits:
    @pytest.mark.slow
    @pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
    def test_same_random_state_same_bits(self, data, cell):
        X, y, dates = data
        options = {
            "cell": cell,
            "attention": "both",
            "dropout": 0.3,
            "n_layers": 2,
            "n_networks": 2,
        }
        one = quick(**options).fit(X, y, groups=dates)
        torch.manual_seed(99)
        np.random.seed(99)  # noqa: NPY002
        other = quick(**options).fit(X, y, groups=dates)
        np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
        third = quick(**options | {"random_state": 1}).fit(X, y, groups=dates)
        assert np.abs(third.predict_proba(X) - one.predict_proba(X)).max() > 1e-3

    @pytest.mark.parametrize("random_state", [0, None])
    def test_global_generators_are_untouched(self, data, random_state):
        X, y, _ = data
        before = torch.random.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
        quick(dropout=0.5, random_state=random_state).fit(X, y).predict_proba(X)
        assert torch.equal(before[0], torch.random.get_rng_state())
        now = np.random.get_state()  # noqa: NPY002
        assert before[1][0] == now[0] and before[1][2:] == now[2:]
        np.testing.assert_array_equal(before[1][1], now[1])
        assert before[2] == random.getstate()

    @pytest.mark.slow
    def test_no_random_state_is_fresh_entropy(self, data):
        X, y, _ = data
        np.random.seed(0)  # noqa: NPY002
        one = quick(random_state=None).fit(X, y).predict_proba(X)
        np.random.seed(0)  # noqa: NPY002
        assert np.abs(one - quick(random_state=None).fit(X, y).predict_proba(X)).max() > 1e-3

    @pytest.mark.slow
    def test_random_state_instance_moves_on(self, data):
        X, y, _ = data
        state = np.random.RandomState(4)
        one, two = (quick(random_state=state).fit(X, y).predict_proba(X) for _ in range(2))
        again = quick(random_state=np.random.RandomState(4)).fit(X, y).predict_proba(X)
        assert np.abs(one - two).max() > 1e-3
        np.testing.assert_array_equal(one, again)

    @pytest.mark.slow
    def test_fewer_seeds_are_the_first_of_more(self, data):
        X, y, _ = data
        one, three = quick(n_networks=1).fit(X, y), quick(n_networks=3).fit(X, y)
        for name, value in one.networks_[0].items():
            np.testing.assert_array_equal(value, three.networks_[0][name])
        assert not np.array_equal(*(n["layers.0.input_weight"] for n in three.networks_[:2]))

    @pytest.mark.slow
    def test_threads_do_not_matter(self, data):
        X, y, dates = data
        expected = [
            quick(random_state=i).fit(X, y, groups=dates).predict_proba(X) for i in range(4)
        ]
        before = torch.get_num_threads()
        try:
            torch.set_num_threads(2)
            found = quick(random_state=0).fit(X, y, groups=dates).predict_proba(X)
            assert torch.get_num_threads() == 2
            np.testing.assert_array_equal(found, expected[0])
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                jobs = [
                    pool.submit(
                        lambda i: quick(random_state=i).fit(X, y, groups=dates).predict_proba(X), i
                    )
                    for i in range(4)
                ]
                for job, probability in zip(jobs, expected, strict=True):
                    np.testing.assert_array_equal(job.result(), probability)
        finally:
            torch.set_num_threads(before)

    def test_rows_do_not_see_each_other(self, fitted, data):
        X = late_listings(data[0])
        whole = fitted.predict_proba(X)
        for n in (1, 50, 255, 256, 257, 599):
            np.testing.assert_array_equal(fitted.predict_proba(X[:n]), whole[:n])
        order = np.random.default_rng(0).permutation(600)
        np.testing.assert_allclose(fitted.predict_proba(X[order]), whole[order], rtol=0, atol=1e-6)


class TestState:
    @pytest.mark.slow
    def test_second_fit_forgets_the_first(self, data):
        X, y, _ = data
        model = quick().fit(X, 1 - y).fit(X, y)
        np.testing.assert_array_equal(model.predict_proba(X), quick().fit(X, y).predict_proba(X))

    @pytest.mark.slow
    def test_warm_start_goes_on_from_where_it_was(self, data):
        X, y, _ = data
        cold = quick(early_stopping=False, n_networks=2).fit(X, y)
        warm = quick(early_stopping=False, n_networks=2, warm_start=True).fit(X, y)
        np.testing.assert_array_equal(cold.predict_proba(X), warm.predict_proba(X))
        before = warm.history_[1][-1]["loss"]
        still = clone(warm).set_params(lr=1e-12)
        still.networks_, still.architecture_ = warm.networks_, warm.architecture_
        still.fit(X, y)
        for old, new in zip(warm.networks_, still.networks_, strict=True):
            for name in old:
                np.testing.assert_allclose(old[name], new[name], rtol=0, atol=1e-6)
        assert all(
            a[-1]["loss"] < b[0]["loss"]
            for a, b in zip(warm.fit(X, y).history_, cold.history_, strict=True)
        )
        assert warm.history_[1][-1]["loss"] < before

    def test_warm_start_refuses_another_shape(self, data):
        X, y, _ = data
        model = quick(warm_start=True).fit(X, y)
        with pytest.raises(
            ValueError, match="cannot change hidden_size from 16 to 8; set warm_start"
        ):
            model.set_params(hidden_size=8).fit(X, y)
        model.set_params(hidden_size=16)
        with pytest.raises(ValueError, match="cannot change n_features from 4 to 3"):
            model.fit(X[:, :, :3], y)
        with pytest.raises(ValueError, match="cannot change n_networks from 1 to 2"):
            model.set_params(n_networks=2).fit(X, y)

    def test_pickles_without_torch(self, fitted, data):
        X, _, _ = data
        blob = pickle.dumps(fitted)
        assert b"torch" not in blob
        copy = pickle.loads(blob)
        np.testing.assert_array_equal(copy.predict_proba(X), fitted.predict_proba(X))

    def test_parameters_changed_after_fit_do_not_reach_the_networks(self, data):
        X, y, _ = data
        model = quick().fit(X, y)
        before = model.predict_proba(X)
        model.set_params(attention=None, hidden_size=3, cell="rnn")
        np.testing.assert_array_equal(model.predict_proba(X), before)

    @pytest.mark.slow
    def test_predicting_does_not_change_the_networks(self, data):
        X, y, _ = data
        model = quick(warm_start=True).fit(X, y)
        kept = [{k: v.copy() for k, v in n.items()} for n in model.networks_]
        given = model.networks_
        model.predict_proba(X)
        model.fit(X, y)  # continues from the arrays, must not write into them
        for old, new in zip(kept, given, strict=True):
            for name in old:
                np.testing.assert_array_equal(old[name], new[name])

    def test_inputs_are_not_changed(self, data):
        X, y, dates = late_listings(data[0]).astype(np.float32), data[1].copy(), data[2].copy()
        copies = X.copy(), y.copy(), dates.copy()
        weight = np.linspace(0.5, 2, 600)
        quick().fit(X, y, sample_weight=weight, groups=dates).predict_proba(X)
        for now, before in zip((X, y, dates), copies, strict=True):
            np.testing.assert_array_equal(now, before)
        np.testing.assert_array_equal(weight, np.linspace(0.5, 2, 600))

    @pytest.mark.slow
    def test_interrupt_leaves_the_classifier_as_it_was(self, data):
        X, y, _ = data
        model = quick(n_networks=2).fit(X, y)
        before = model.predict_proba(X)
        calls = []

        def interrupt(number, record):
            calls.append((number, record["epoch"]))
            if number == 1:
                raise KeyboardInterrupt

        threads = torch.get_num_threads()
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, 1 - y, progress=interrupt)
        assert calls == [(0, 1), (1, 1)]  # side by side
        assert torch.get_num_threads() == threads
        np.testing.assert_array_equal(model.predict_proba(X), before)

    @pytest.mark.slow
    def test_verbose_logs_epochs(self, data, caplog):
        X, y, _ = data
        with caplog.at_level(logging.INFO, logger="attngru_bt.models.estimators"):
            quick(verbose=2).fit(X, y)
        assert len([r for r in caplog.records if "'epoch':" in r.message]) == 4
        caplog.clear()
        quick().fit(X, y)
        assert not caplog.records


class TestDevice:
    @pytest.mark.slow
    def test_absent_gpu_warns_once_and_falls_back(self, data, monkeypatch):
        X, y, _ = data
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        warn_that_there_is_no_gpu.cache_clear()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(2):  # the walk-forward refits every month
                model = quick(device="cuda", n_networks=2).fit(X, y)
        assert [str(w.message) for w in caught] == [
            "device='cuda', but torch finds no usable GPU: running on the CPU."
        ]
        np.testing.assert_array_equal(
            model.set_params(device="cpu").predict_proba(X),
            quick(n_networks=2).fit(X, y).predict_proba(X),
        )

    def test_auto_takes_what_is_there_without_a_word(self, data, monkeypatch):
        X, y, _ = data
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        quick(device="auto", max_epochs=1).fit(X, y)  # warnings are errors here

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
    def test_gpu_agrees_with_cpu(self, data):
        X, y, dates = data
        cpu = quick(dropout=0.2).fit(X, y, groups=dates)
        gpu = quick(dropout=0.2, device="cuda").fit(X, y, groups=dates)
        np.testing.assert_allclose(gpu.predict_proba(X), cpu.predict_proba(X), rtol=0, atol=1e-3)


class TestValidation:
    @pytest.mark.parametrize(
        ("parameter", "value", "message"),
        [
            ("attention", "factr", r"`attention` must be .*; got 'factr'; did you mean 'factor'"),
            ("cell", "GRU", "`cell` must be 'gru', 'lstm' or 'rnn'; got 'GRU'"),
            ("reset", 1, "`reset` must be 'before' or 'after'; got 1"),
            ("hidden_size", 0, "`hidden_size` must be a whole number of at least 1; got 0"),
            ("n_layers", 1.5, "`n_layers` must be a whole number"),
            ("max_epochs", True, "`max_epochs` must be a whole number"),
            ("batch_size", -1, "`batch_size` must be"),
            ("patience", 0, "`patience` must be"),
            ("n_networks", 0, "`n_networks` must be"),
            ("dropout", 1.0, "`dropout` must be a number of at least 0 and below 1; got 1.0"),
            ("lr", 0.0, "`lr` must be a number above 0"),
            ("lr", float("nan"), "`lr` must be"),
            ("weight_decay", "much", "`weight_decay` must be a number"),
            ("validation_fraction", 1.0, "`validation_fraction` must be"),
            ("validation_fraction", 0.0, "`validation_fraction` must be a number above 0"),
            ("validation_fraction", 0, "`validation_fraction` must be a number above 0"),
            ("validation_fraction", True, "`validation_fraction` must be a number above 0"),
            ("device", "gpu", "`device` must be 'cpu', 'cuda' or 'auto'; got 'gpu'"),
            ("class_weight", "heavy", "class_weight"),
        ],
    )
    def test_bad_parameters(self, data, parameter, value, message):
        X, y, _ = data
        with pytest.raises(ValueError, match=message):
            quick(**{parameter: value}).fit(X, y)

    def test_nan_in_part_of_a_step(self, data):
        X, y, _ = data
        X = X.copy()
        X[7, 2, 1] = X[9, 0, 0] = np.nan
        message = r"row 7 lacks feature 1 of step 2 \(one of 2 such values\).*[Ii]mpute"
        with pytest.raises(ValueError, match=message):
            quick().fit(X, y)

    def test_row_without_any_step(self, fitted, data):
        X = data[0].copy()
        X[5] = np.nan
        with pytest.raises(ValueError, match=r"every step of row 5 \(one of 1 such rows\)"):
            fitted.predict_proba(X)

    def test_infinity(self, data):
        X, y, _ = data
        X = X.copy()
        X[7, 2, 1] = 1e300  # infinite in float32
        with pytest.raises(ValueError, match="infinity"):
            quick().fit(X, y)

    @pytest.mark.parametrize("shape", [(600, 6, 0), (600, 0, 4), (600, 6, 2, 2)])
    def test_shapes(self, data, shape):
        with pytest.raises(ValueError, match=r"`X` must be \(n_samples, n_steps, n_features\)"):
            quick().fit(np.zeros(shape), data[1])

    def test_other_number_of_features(self, fitted, data):
        with pytest.raises(ValueError, match="X has 3 features, but .* is expecting 4 features"):
            fitted.predict_proba(data[0][:, :, :3])

    def test_more_than_two_classes(self, data):
        with pytest.raises(ValueError, match="Only binary classification is supported"):
            quick().fit(data[0], np.arange(600) % 3)

    def test_groups(self, data):
        X, y, dates = data
        with pytest.raises(
            ValueError, match=r"one date per row, shape \(600,\); got shape \(599,\)"
        ):
            quick().fit(X, y, groups=dates[:-1])
        late = np.array(["2020-01-31"] * 599 + ["NaT"], dtype="datetime64[D]")
        with pytest.raises(ValueError, match="no date for row 599"):
            quick().fit(X, y, groups=late)
