"""Elastic-net selection of factors, and the pipeline that takes sequences."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import ElasticNet
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from attngru_bt.models.estimators import (
    AttentionGRUClassifier,
    ElasticNetSelection,
    SequencePipeline,
)


@pytest.fixture(scope="module")
def data():
    """Thirty factors of which 4, 11 and 20 matter, on the last step only."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((800, 5, 30))
    y = X[:, -1, 4] + X[:, -1, 11] - 0.8 * X[:, -1, 20] + rng.standard_normal(800) > 1
    return X, y.astype(int)


class TestSelection:
    @pytest.mark.slow
    @parametrize_with_checks([ElasticNetSelection()])
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
    def test_estimator_checks(self, estimator, check):
        check(estimator)

    def test_it_finds_the_factors_that_matter(self, data):
        X, y = data
        chosen = ElasticNetSelection(n_factors=3).fit(X, y)
        assert np.flatnonzero(chosen.support_).tolist() == [4, 11, 20]
        assert np.sign(chosen.coef_[[4, 11, 20]]).tolist() == [1, 1, -1]

    @pytest.mark.parametrize("n", [1, 2, 5, 12, 30, 99])
    def test_never_more_than_asked_for(self, data, n):
        X, y = data
        chosen = ElasticNetSelection(n_factors=n).fit(X, y)
        assert 1 <= chosen.support_.sum() <= n
        assert chosen.support_[[4, 11]].any()
        assert chosen.support_.sum() >= min(n, 30) - 3

    def test_coefficients_are_those_of_scikit_learn(self, data):
        X, y = data
        chosen = ElasticNetSelection(n_factors=8).fit(X, y)
        last = StandardScaler().fit_transform(X[:, -1].astype(np.float32).astype(float))
        model = ElasticNet(alpha=chosen.alpha_, l1_ratio=0.5, tol=1e-8).fit(last, y)
        np.testing.assert_allclose(chosen.coef_, model.coef_, atol=1e-3)
        assert 0 < (model.coef_ != 0).sum() <= 8

    @pytest.mark.slow
    def test_only_the_last_step_counts(self, data):
        X, y = data
        other = X.copy()
        other[:, :-1] = 7.0
        one, two = ElasticNetSelection(8).fit(X, y), ElasticNetSelection(8).fit(other, y)
        np.testing.assert_array_equal(one.support_, two.support_)
        flat = ElasticNetSelection(8).fit(X[:, -1], y)
        np.testing.assert_array_equal(one.coef_, flat.coef_)

    def test_the_last_step_that_is_present_counts(self, data):
        X, y = data
        late = np.concatenate([X, np.full((800, 1, 30), np.nan)], axis=1)
        one, two = ElasticNetSelection(8).fit(X, y), ElasticNetSelection(8).fit(late, y)
        np.testing.assert_array_equal(one.coef_, two.coef_)

    def test_transform_keeps_steps_and_missing_ones(self, data):
        X, y = data
        X = X.copy()
        X[::3, :2] = np.nan
        chosen = ElasticNetSelection(8).fit(X, y)
        out = chosen.transform(X)
        assert out.shape == (800, 5, chosen.support_.sum()) and out.dtype == np.float32
        np.testing.assert_array_equal(out, X[:, :, chosen.support_].astype(np.float32))
        assert chosen.transform(X[:, -1]).shape == (800, chosen.support_.sum())

    def test_scale_and_units_of_factors_do_not_matter(self, data):
        X, y = data
        scaled = X * np.geomspace(1e-3, 1e3, 30) + 5
        one, two = ElasticNetSelection(8).fit(X, y), ElasticNetSelection(8).fit(scaled, y)
        np.testing.assert_array_equal(one.support_, two.support_)

    def test_words_and_numbers_as_labels(self, data):
        X, y = data
        words = ElasticNetSelection(8).fit(X, np.where(y == 1, "top", "rest"))
        np.testing.assert_array_equal(words.coef_, ElasticNetSelection(8).fit(X, y).coef_)

    def test_constant_factors_and_labels(self, data):
        X, y = data
        X = X.copy()
        X[:, :, 4] = 1.0
        assert not ElasticNetSelection(8).fit(X, y).support_[4]
        assert ElasticNetSelection(8).fit(X, np.ones(800)).support_.sum() == 1

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"n_factors": 0}, "`n_factors` must be a whole number of at least 1; got 0"),
            ({"n_factors": 2.5}, "`n_factors` must be"),
            ({"l1_ratio": 0.0}, "`l1_ratio` must be a number above 0 and at most 1; got 0.0"),
            ({"l1_ratio": 2}, "`l1_ratio` must be"),
        ],
    )
    def test_bad_parameters(self, data, settings, message):
        with pytest.raises(ValueError, match=message):
            ElasticNetSelection(**settings).fit(*data)


class TestSequencePipeline:
    def make(self):
        network = AttentionGRUClassifier(max_epochs=2, random_state=0)
        return SequencePipeline([("select", ElasticNetSelection(6)), ("gru", network)])

    def test_it_says_that_it_takes_sequences(self):
        assert get_tags(self.make()).input_tags.three_d_array
        plain = Pipeline(self.make().steps)
        assert not get_tags(plain).input_tags.three_d_array  # the reason for the class
        flat = SequencePipeline([("scale", StandardScaler()), ("scale again", StandardScaler())])
        assert not get_tags(flat).input_tags.three_d_array

    @pytest.mark.slow
    def test_it_is_the_steps_one_after_the_other(self, data):
        X, y = data
        dates = np.repeat(np.arange(40), 20)
        both = clone(self.make()).fit(X, y, gru__groups=dates)
        select, network = (clone(step) for _, step in self.make().steps)
        kept = select.fit(X, y).transform(X)
        network.fit(kept, y, groups=dates)
        np.testing.assert_array_equal(both.predict_proba(X), network.predict_proba(kept))
        assert both.history_ == both[1].history_
        assert [r["val_loss"] for r in both.history_[0]] == [
            r["val_loss"] for r in network.history_[0]
        ]
