"""The signal generator: what it is trained on, when, and what it answers."""

import logging
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from attngru_bt.data import make_market
from attngru_bt.data.bars import Bars, DataError
from attngru_bt.models.estimators import AttentionGRUClassifier
from attngru_bt.walkforward.generator import SignalGenerator
from attngru_bt.walkforward.recipe import Recipe

SMALL = dict(topk=2, min_months=2, lookback=2, factors=["mine"], n_components=None)


class Spy(ClassifierMixin, BaseEstimator):
    """Keeps what it was fitted on; scores by the first feature."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        self.X_, self.y_, self.classes_ = X, y, np.array([0, 1])
        return self

    def predict_proba(self, X):
        p = 1 / (1 + np.exp(-X[:, 0]))
        return np.column_stack([1 - p, p])


class SequenceSpy(Spy):
    """The same for classifiers that take sequences."""

    def fit(self, X, y, groups=None):
        self.groups_ = groups
        return super().fit(X, y)

    def predict_proba(self, X):
        return super().predict_proba(X[:, -1])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


@pytest.fixture
def bars():
    """Five stocks, half a year; the extra line `mine` says the month and the stock."""
    dates = pd.bdate_range("2020-01-01", "2020-06-30")
    rng = np.random.default_rng(0)
    close = 10 * np.exp(np.cumsum(rng.normal(0, 0.02, (len(dates), 5)), axis=0))
    mine = dates.month.to_numpy()[:, None] + np.arange(5) / 10
    return Bars(dates, tuple("ABCDE"), {"close": close, "mine": np.array(mine, dtype=float)})


def month_end(bars, month):
    return bars.dates[bars.dates.month == month][-1]


def walk(generator, bars, months):
    for month in months:
        scores = generator.scores(bars.until(month_end(bars, month)))
    return scores


class TestValues:
    def test_trains_on_months_whose_label_is_known_and_on_nothing_else(self, bars):
        generator = SignalGenerator(Spy(), standardize=None, **SMALL)
        generator.scores(bars.until(month_end(bars, 4)))
        want = [m + a / 10 for m in (1, 2, 3) for a in range(5)]  # April's label is not known
        np.testing.assert_allclose(generator.model_.X_[:, 0], want, rtol=1e-6)

    def test_labels_are_the_best_of_the_next_month_close_to_close(self, bars):
        generator = SignalGenerator(Spy(), standardize=None, **SMALL)
        generator.scores(bars.until(month_end(bars, 4)))
        close = bars.frame("close")
        want = []
        for month in (1, 2, 3):
            start, end = (close.loc[month_end(bars, m)] for m in (month, month + 1))
            want += list(((end / start).rank(ascending=False) <= 2).astype(int))
        assert list(generator.model_.y_) == want

    def test_no_score_before_min_months_then_one_per_member(self, bars):
        generator = SignalGenerator(Spy(), **SMALL)
        assert generator.scores(bars.until(month_end(bars, 2))).empty
        assert list(generator.scores(bars.until(month_end(bars, 3))).index) == list("ABCDE")

    def test_scores_are_the_probability_of_class_one(self, bars):
        generator = SignalGenerator(Spy(), standardize=None, **SMALL)
        scores = generator.scores(bars.until(month_end(bars, 4)))
        want = 1 / (1 + np.exp(-(4 + np.arange(5) / 10)))
        np.testing.assert_allclose(scores, want, rtol=1e-6)

    def test_sequences_end_at_the_month_end(self, bars):
        daily = SignalGenerator(SequenceSpy(), standardize=None, step="day", **SMALL)
        daily.scores(bars.until(month_end(bars, 4)))
        assert daily.model_.X_.shape == (15, 2, 1)
        np.testing.assert_allclose(daily.model_.X_[0, :, 0], [1, 1])
        monthly = SignalGenerator(SequenceSpy(), standardize=None, step="month", **SMALL)
        monthly.scores(bars.until(month_end(bars, 4)))
        np.testing.assert_allclose(monthly.model_.X_[0, :, 0], [np.nan, 1])
        np.testing.assert_allclose(monthly.model_.X_[5, :, 0], [1, 2])
        assert list(monthly.model_.groups_) == [0] * 5 + [1] * 5 + [2] * 5

    @pytest.mark.slow
    def test_refit_every_so_many_months(self, bars):
        generator = SignalGenerator(Spy(), refit=2, **SMALL)
        walk(generator, bars, [2, 3, 4, 5, 6])
        assert [r.refit for r in generator.records_] == [False, True, False, True, False]
        assert [r.n_months for r in generator.records_] == [0, 2, 2, 4, 4]

    def test_a_rolling_window_forgets(self, bars):
        generator = SignalGenerator(Spy(), standardize=None, window=2, **SMALL)
        walk(generator, bars, [5])
        np.testing.assert_allclose(np.unique(np.floor(generator.model_.X_)), [3, 4])

    def test_z_scores_are_among_the_stocks_of_a_date(self, bars):
        generator = SignalGenerator(Spy(), standardize="date", **SMALL)
        generator.scores(bars.until(month_end(bars, 4)))
        each = generator.model_.X_.reshape(3, 5)
        np.testing.assert_allclose(each.mean(axis=1), 0, atol=1e-5)
        np.testing.assert_allclose(each[0], each[2], atol=1e-5)

    @pytest.mark.slow
    def test_records_hold_what_reports_need(self, market):
        network = AttentionGRUClassifier(hidden_size=4, max_epochs=2)
        generator = SignalGenerator(network, topk=4, min_months=3, lookback=4, n_components=5)
        generator.scores(market.bars)
        record = generator.records_[-1]
        assert record.month_end == market.bars.dates[-1]
        assert record.refit and record.fit_seconds > 0 and record.score_seconds > 0
        assert record.explained_variance.shape == (5,)
        assert record.attention["factor"].shape == (5,)
        assert record.attention["factor"].sum() == pytest.approx(1)
        assert len(record.losses) == 1 and "loss" in record.losses[0][0]
        assert set(record.factors).isdisjoint(record.dropped)
        assert set(record.factors) | set(record.dropped) == set(generator.sections_[-1].columns)
        labels = generator.labels()
        assert labels.index.names == ["month_end", "asset"]
        assert labels["label"].isna().all()  # the next month has not ended

    def test_labels_become_known_a_month_later(self, bars):
        generator = SignalGenerator(Spy(), **SMALL)
        walk(generator, bars, [3, 4])
        labels = generator.labels()
        assert labels.loc[month_end(bars, 3), "label"].sum() == 2
        assert labels.loc[month_end(bars, 4), "label"].isna().all()
        close = bars.frame("close")
        want = close.loc[month_end(bars, 4)] / close.loc[month_end(bars, 3)] - 1
        got = labels.loc[month_end(bars, 3), "forward_return"]
        np.testing.assert_allclose(got, want[got.index])


class TestUniverse:
    class Members:
        """A, B, C until March; then B, C, D, E."""

        def at(self, date):
            return frozenset("ABC") if date < pd.Timestamp("2020-03-31") else frozenset("BCDE")

    def test_members_of_each_month_are_scored_labeled_and_trained_on(self, bars):
        settings = {**SMALL, "topk": 1}
        generator = SignalGenerator(Spy(), standardize=None, universe=self.Members(), **settings)
        scores = generator.scores(bars.until(month_end(bars, 4)))
        assert list(scores.index) == list("BCDE")
        rows = [1.0, 1.1, 1.2, 2.0, 2.1, 2.2, 3.1, 3.2, 3.3, 3.4]
        np.testing.assert_allclose(generator.model_.X_[:, 0], rows, rtol=1e-6)
        assert generator.model_.y_[:3].sum() == 1

    def test_a_suspended_stock_is_not_scored(self, bars):
        lines = {k: v.copy() for k, v in bars.lines.items()}
        last = bars.dates.get_loc(month_end(bars, 4))
        for line in lines.values():
            line[last, 1] = np.nan
        gappy = Bars(bars.dates, bars.assets, lines)
        scores = SignalGenerator(Spy(), **SMALL).scores(gappy.until(month_end(bars, 4)))
        assert list(scores.index) == list("ACDE")

    def test_a_suspension_over_the_month_end_labels_with_the_last_known_close(self, bars):
        lines = {k: v.copy() for k, v in bars.lines.items()}
        april = np.flatnonzero(bars.dates.month == 4)
        for line in lines.values():
            line[april[5:], 0] = np.nan
        generator = SignalGenerator(Spy(), **SMALL)
        generator.scores(Bars(bars.dates, bars.assets, lines).until(month_end(bars, 4)))
        march = generator.sections_[-2]
        close = lines["close"][:, 0]
        want = close[april[4]] / close[april[0] - 1] - 1
        assert march.returns[march.assets.index("A")] == pytest.approx(want)

    def test_an_empty_universe_gives_no_scores(self, bars):
        class Nobody:
            def at(self, date):
                return frozenset()

        generator = SignalGenerator(Spy(), universe=Nobody(), **SMALL)
        assert walk(generator, bars, [3, 4, 5]).empty

    def test_no_more_stocks_than_topk_means_nothing_to_learn(self, bars, caplog):
        generator = SignalGenerator(Spy(), **{**SMALL, "topk": 5})
        with caplog.at_level(logging.WARNING):
            assert walk(generator, bars, [4]).empty
        assert "nothing to choose" in caplog.text


class TestProperties:
    @pytest.mark.slow
    def test_the_order_of_the_assets_changes_nothing(self, market):
        generator = SignalGenerator(
            AttentionGRUClassifier(hidden_size=4, max_epochs=2), topk=4, min_months=3, lookback=4
        )
        want = clone(generator).scores(market.bars)
        back = market.bars.select(tuple(reversed(market.bars.assets)))
        pd.testing.assert_series_equal(clone(generator).scores(back), want, check_exact=True)

    @pytest.mark.slow
    def test_same_random_state_same_bits_and_another_one_others(self, market):
        def scores(random_state):
            return SignalGenerator(
                AttentionGRUClassifier(hidden_size=4, max_epochs=2),
                topk=4,
                min_months=3,
                lookback=4,
                random_state=random_state,
            ).scores(market.bars)

        pd.testing.assert_series_equal(scores(0), scores(0), check_exact=True)
        assert (scores(0) != scores(1)).any()

    def test_folds_that_are_drawn_at_random_are_the_same_again(self):
        """What deals out folds is no estimator; its draws were those of the whole process."""
        folds = KFold(3, shuffle=True)
        search = GridSearchCV(Ridge(), {"alpha": [1.0, 10.0]}, cv=folds)

        def drawn(date, **settings):
            model = SignalGenerator(search, **settings).recipe.make_model(pd.Timestamp(date))
            return [test.tolist() for _, test in model.cv.split(np.zeros((30, 1)))]

        assert drawn("2020-01-31") == drawn("2020-01-31")
        assert drawn("2020-01-31") != drawn("2020-02-28")
        assert drawn("2020-01-31") != drawn("2020-01-31", random_state=1)
        assert folds.random_state is None
        search.set_params(cv=KFold(3, shuffle=True, random_state=5))
        assert drawn("2020-01-31") == drawn("2020-02-28")

    def test_a_classifiers_own_random_state_is_kept(self, bars):
        generator = SignalGenerator(Spy(random_state=7), **SMALL)
        walk(generator, bars, [4])
        assert generator.model_.random_state == 7
        generator = SignalGenerator(Spy(), **SMALL)
        walk(generator, bars, [4])
        assert generator.model_.random_state is not None
        piped = Recipe(make_pipeline(StandardScaler(), Spy())).make_model(bars.dates[-1])
        assert piped.get_params()["spy__random_state"] is not None

    def test_clone_starts_afresh_and_pickles(self, bars):
        generator = SignalGenerator(LogisticRegression(), **SMALL)
        walk(generator, bars, [4])
        again = pickle.loads(pickle.dumps(generator))
        want = generator.scores(bars.until(month_end(bars, 5)))
        pd.testing.assert_series_equal(again.scores(bars.until(month_end(bars, 5))), want)
        assert not hasattr(clone(generator), "records_")

    def test_any_sklearn_pipeline_plugs_in(self, bars):
        pipeline = make_pipeline(StandardScaler(), LogisticRegression())
        scores = SignalGenerator(pipeline, **SMALL).scores(bars.until(month_end(bars, 4)))
        assert scores.between(0, 1).all()

    @pytest.mark.slow
    def test_it_learns_a_planted_signal(self):
        market = make_market(n_assets=40, n_days=500, seed=1, signal=0.4)
        generator = SignalGenerator(
            LogisticRegression(C=0.1), topk=8, min_months=12, lookback=1, n_components=None,
            factors=["PB", "PE", "BIAS5", "ROC20", "VOL20", "RSI", "OBV"],
        )  # fmt: skip
        bars = market.bars
        ends = bars.dates[np.flatnonzero(bars.dates.month[1:] != bars.dates.month[:-1])]
        for t in ends[13:]:
            generator.scores(bars.until(t))
        labels = generator.labels().dropna()
        ic = [
            g["score"].corr(g["forward_return"], method="spearman")
            for _, g in labels.groupby("month_end")
        ]
        assert np.mean(ic) > 0.1, np.mean(ic)


class TestValidation:
    @pytest.mark.parametrize(
        ("params", "message"),
        [
            (dict(topk=0), "`topk` must be a whole number of at least 1; got 0"),
            (dict(lookback=1.5), "`lookback` must be a whole number"),
            (dict(window=0), "`window` must be a whole number of at least 1, or None"),
            (dict(window=3, min_months=5), "`window` must hold at least `min_months` months"),
            (dict(step="week"), "`step` must be 'day' or 'month'; got 'week'"),
            (dict(standardize="row"), "`standardize` must be 'date', 'panel' or None"),
        ],
    )
    def test_bad_parameters(self, bars, params, message):
        with pytest.raises(ValueError, match=message):
            SignalGenerator(Spy(), **{**SMALL, **params}).scores(bars)

    @pytest.mark.parametrize(
        ("model", "params", "message"),
        [
            (Spy(), dict(device="mps"), "`device` must be 'cpu', 'cuda' or 'auto'; got 'mps'"),
            (AttentionGRUClassifier(hidden_size=0), {}, "`hidden_size` must be a whole number"),
            (
                make_pipeline(StandardScaler(), AttentionGRUClassifier(device="gpu")),
                {},
                "`device` must be 'cpu', 'cuda' or 'auto'; got 'gpu'",
            ),
        ],
    )
    def test_a_network_is_checked_before_anything_is_computed(self, model, params, message):
        with pytest.raises(ValueError, match=message):
            SignalGenerator(model, **{**SMALL, **params}).recipe.check()

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            (lambda X: X[:, :1], r"for each of \d+ rows; it gave an array of shape \(\d+, 1\)"),
            (lambda X: X[1:, 0], r"it gave an array of shape"),
            (lambda X: X[:, 0] * 1j, "it gave complex128"),
            (lambda X: X[:, 0].astype(str), "it gave <U"),
            (lambda X: np.where(np.arange(len(X)) == 1, np.nan, 0.0), r"it gave NaN for 1 of them"),
        ],
        ids=["column", "short", "complex", "text", "missing"],
    )
    def test_a_model_that_predicts_no_numbers_is_told(self, bars, given, told):
        """A stock without a prediction would be sold, and none would be bought."""

        class Predicts(RegressorMixin, BaseEstimator):
            def fit(self, X, y):
                return self

            def predict(self, X):
                return given(X)

        generator = SignalGenerator(Predicts(), **SMALL)
        with pytest.raises(ValueError, match=f"Predicts.predict must give a number .*{told}"):
            for end in ("2020-02-28", "2020-03-31", "2020-04-30"):
                generator.scores(bars.until(end))

    def test_what_is_no_estimator_is_told(self):
        class Plain:
            def fit(self, X, y): ...

            def predict(self, X): ...

        with pytest.raises(TypeError, match="must be a scikit-learn classifier .*; got Plain"):
            SignalGenerator(Plain()).check()

    def test_bars_must_continue_those_before(self, bars):
        generator = SignalGenerator(Spy(), **SMALL)
        walk(generator, bars, [3])
        with pytest.raises(DataError, match="continue those of the call before.*2020-03-31"):
            generator.scores(bars.until(month_end(bars, 3)))
        with pytest.raises(DataError, match="Start afresh"):
            generator.scores(bars.rows(1, len(bars)))

    def test_no_bars(self, bars):
        with pytest.raises(DataError, match="No bars yet"):
            SignalGenerator(Spy(), **SMALL).scores(bars.rows(0, 0))
