"""Preprocessing: values, what dates see of each other, and the scikit-learn contract."""

from __future__ import annotations

import logging
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline

from attngru_bt.features.components import Components
from attngru_bt.features.missing import ConstantImputer, MissingShareFilter
from attngru_bt.features.neutralizer import Neutralizer
from attngru_bt.features.standardizer import Standardizer, Winsorizer

nan = np.nan
INDUSTRY = {f"S{j:02d}": "bank" if j % 3 else "steel" for j in range(40)}
PER_DATE = [
    Winsorizer(),
    Winsorizer("quantile", quantile=0.1),
    Standardizer("date"),
    Neutralizer(industry=INDUSTRY, size="f0"),
    ConstantImputer(),
]
ALL = [
    *PER_DATE,
    Standardizer("panel"),
    MissingShareFilter(0.9),
    make_pipeline(ConstantImputer(), Components(2)),
]


def panel(values: np.ndarray, first: str = "2020-01-31") -> pd.DataFrame:
    """Panel of an array (dates, assets, factors)."""
    n_dates, n_assets, n_factors = values.shape
    dates = pd.date_range(first, periods=n_dates, freq="ME")
    index = pd.MultiIndex.from_product(
        [dates, [f"S{j:02d}" for j in range(n_assets)]], names=["date", "asset"]
    )
    return pd.DataFrame(
        values.reshape(-1, n_factors), index=index, columns=[f"f{k}" for k in range(n_factors)]
    )


def sample(n_dates: int = 5, n_assets: int = 12, n_factors: int = 4, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    values = rng.standard_t(3, (n_dates, n_assets, n_factors)) * [1, 10, 0.1, 1e6][:n_factors] + 3
    values[rng.random(values.shape) < 0.1] = nan
    return panel(values)


panels = arrays(
    float,
    st.tuples(st.integers(2, 4), st.integers(1, 6), st.just(3)),
    elements=st.floats(-1e6, 1e6) | st.just(nan),
).map(panel)


def name_of(transformer: object) -> str:
    return repr(transformer)[:40]


@pytest.mark.parametrize("transformer", ALL, ids=name_of)
class TestContract:
    def test_clones_pickles_and_names_its_columns(self, transformer) -> None:
        X = sample()
        fitted = clone(transformer).fit(X)
        out = fitted.transform(X)
        assert isinstance(out, pd.DataFrame)
        assert out.index.equals(X.index)
        assert list(out.columns) == list(fitted.get_feature_names_out())
        again = pickle.loads(pickle.dumps(fitted)).transform(X)
        pd.testing.assert_frame_equal(out, again)
        assert clone(transformer).get_params().keys() == transformer.get_params().keys()
        pd.testing.assert_frame_equal(clone(transformer).fit_transform(X), out)

    def test_the_input_is_not_changed(self, transformer) -> None:
        X = sample()
        before = X.copy()
        clone(transformer).fit(X).transform(X)
        pd.testing.assert_frame_equal(X, before)

    def test_columns_must_be_those_fitted_on(self, transformer) -> None:
        fitted = clone(transformer).fit(sample())
        with pytest.raises(ValueError, match="feature names"):
            fitted.transform(sample()[["f1", "f0", "f2", "f3"]])

    def test_arrays_and_infinities_are_refused(self, transformer) -> None:
        with pytest.raises(TypeError, match="DataFrame indexed"):
            clone(transformer).fit(sample().to_numpy())
        X = sample()
        X.iloc[3, 2] = np.inf
        with pytest.raises(ValueError, match="infinities; got one in 'f2' on 2020-01-31 for 'S03'"):
            clone(transformer).fit(X)


@pytest.mark.parametrize("transformer", PER_DATE, ids=name_of)
class TestPerDate:
    @pytest.mark.slow
    @settings(max_examples=15)
    @given(X=panels)
    def test_dates_do_not_see_each_other(self, transformer, X: pd.DataFrame) -> None:
        fitted = clone(transformer).fit(X)
        whole = fitted.transform(X)
        for date, rows in X.groupby(level=0):
            pd.testing.assert_frame_equal(fitted.transform(rows), whole.loc[[date]])
            pd.testing.assert_frame_equal(
                clone(transformer).fit(rows).transform(rows), whole.loc[[date]]
            )

    def test_the_order_of_rows_does_not_matter(self, transformer) -> None:
        X = sample()
        shuffled = X.sample(frac=1, random_state=0)
        fitted = clone(transformer).fit(X)
        got = fitted.transform(shuffled).loc[X.index]
        pd.testing.assert_frame_equal(got, fitted.transform(X), rtol=1e-9)

    @pytest.mark.slow
    @settings(max_examples=25)
    @given(X=panels)
    def test_missing_stays_missing_until_it_is_filled(self, transformer, X: pd.DataFrame) -> None:
        out = clone(transformer).fit(X).transform(X)
        if isinstance(transformer, ConstantImputer):
            assert out.notna().all().all()
        elif isinstance(transformer, Neutralizer):
            assert out[X.isna()].isna().all().all()  # more go: where the size is not known
        else:
            pd.testing.assert_frame_equal(out.isna(), X.isna())
        assert not np.isinf(out.to_numpy()).any()


class TestValues:
    def test_missing_share_is_of_the_training_rows(self) -> None:
        X = panel(np.array([[[1, nan, nan], [1, 2, nan], [1, 2, nan], [1, 2, 3], [1, 2, 3]]]))
        fitted = MissingShareFilter(0.2).fit(X)
        np.testing.assert_allclose(fitted.missing_share_, [0, 0.2, 0.6])
        assert list(fitted.kept_) == ["f0", "f1"]
        later = X.assign(f1=nan)
        assert list(fitted.transform(later).columns) == ["f0", "f1"]
        with pytest.raises(ValueError, match="best, 'f2', lacks 60%"):
            MissingShareFilter(0.2).fit(X[["f2"]])

    def test_mad_pulls_in_to_robust_deviations(self) -> None:
        X = panel(np.array([[[1.0], [2.0], [3.0], [4.0], [100.0]]]))
        # median 3, absolute deviations 2 1 0 1 97: their median 1
        out = Winsorizer(limit=2).fit_transform(X).to_numpy()[:, 0]
        np.testing.assert_allclose(out, [1, 2, 3, 4, 3 + 2 * 1.4826])

    def test_mad_leaves_a_date_of_mostly_equal_values(self) -> None:
        X = panel(np.array([[[1.0], [1.0], [1.0], [9.0]]]))
        pd.testing.assert_frame_equal(Winsorizer().fit_transform(X), X)

    def test_quantiles_equal_numpys(self) -> None:
        X = sample(1, 40)
        out = Winsorizer("quantile", quantile=0.07).fit_transform(X)
        for name in X:
            low, high = np.nanquantile(X[name], [0.07, 0.93])
            np.testing.assert_allclose(out[name], X[name].clip(low, high), rtol=1e-12)

    def test_standardizes_each_date(self) -> None:
        out = Standardizer().fit_transform(sample())
        by_date = out.groupby(level=0)
        np.testing.assert_allclose(by_date.mean(), 0, atol=1e-12)
        np.testing.assert_allclose(by_date.std(ddof=0), 1, rtol=1e-12)

    def test_the_panels_mean_is_of_the_rows_fitted_on(self) -> None:
        X = sample(6)
        train, test = X.iloc[:36], X.iloc[36:]
        fitted = Standardizer("panel").fit(train)
        np.testing.assert_allclose(fitted.mean_, train.mean(), rtol=1e-12)
        want = (test - train.mean()) / train.std(ddof=0)
        np.testing.assert_allclose(fitted.transform(test), want, rtol=1e-9)

    @pytest.mark.parametrize("by", ["date", "panel"])
    @pytest.mark.parametrize("level", [0.0, 0.1, 1 / 3, 1e9 + 0.1])
    def test_a_constant_becomes_zero(self, by: str, level: float) -> None:
        X = panel(np.full((2, 7, 2), level))
        X.iloc[1, 0] = nan
        out = Standardizer(by).fit_transform(X)
        assert set(out["f1"]) == {0.0}
        assert set(out["f0"].dropna()) == {0.0}

    @pytest.mark.parametrize("by", ["date", "panel"])
    def test_differences_of_rounding_are_no_differences(self, by: str) -> None:
        X = panel(np.array([[[0.1 + 0.2], [0.3], [0.3], [0.3]]]))
        assert X["f0"].nunique() == 2
        assert (Standardizer(by).fit_transform(X).to_numpy() == 0).all()

    @pytest.mark.slow
    @settings(max_examples=100)
    @given(level=st.floats(1e-6, 1e12), n=st.integers(2, 60))
    def test_any_constant_becomes_zero(self, level: float, n: int) -> None:
        X = panel(np.full((1, n, 1), level))
        assert (Standardizer().fit_transform(X).to_numpy() == 0).all()

    def test_the_only_stock_of_a_date_becomes_zero(self) -> None:
        out = chain(2).fit(sample())
        alone = out.transform(sample(1, 1).fillna(1.0))
        assert np.isfinite(alone.to_numpy()).all()
        assert (Standardizer().fit_transform(panel(np.ones((3, 1, 2)))).to_numpy() == 0).all()

    def test_neutral_to_industry_is_less_the_industrys_mean(self) -> None:
        X = sample().fillna(1.0)
        out = Neutralizer(industry=INDUSTRY).fit_transform(X)
        label = X.index.get_level_values(1).map(INDUSTRY)
        want = X - X.groupby([X.index.get_level_values(0), label]).transform("mean")
        np.testing.assert_allclose(out, want, atol=1e-9 * X.abs().max().max())

    def test_neutral_to_size_is_uncorrelated_with_it(self) -> None:
        X = sample()
        out = Neutralizer(size="f0").fit_transform(X)
        pd.testing.assert_series_equal(out["f0"], X["f0"])
        assert out.loc[X["f0"].isna(), "f1"].isna().all()
        for _, rows in out.dropna().groupby(level=0):
            assert abs(np.corrcoef(out.loc[rows.index, "f0"], rows["f1"])[0, 1]) < 0.7
        both = X[["f0", "f1"]].notna().all(axis=1)
        for date in X.index.levels[0]:
            x, y = X[both].loc[date, "f0"], out[both].loc[date, "f1"]
            assert abs(np.corrcoef(x, y)[0, 1]) < 1e-9

    def test_a_stock_without_industry_is_not_known(self) -> None:
        few = {k: v for k, v in INDUSTRY.items() if k != "S05"}
        out = Neutralizer(industry=few).fit_transform(sample())
        assert out.xs("S05", level=1).isna().all().all()


class TestComponents:
    def test_equal_scikit_learns_but_for_the_sign(self) -> None:
        X = sample(20).fillna(0.0)
        X = Standardizer("panel").fit_transform(X)
        ours, theirs = Components(3).fit(X), PCA(3).fit(X.to_numpy())
        np.testing.assert_allclose(ours.explained_variance_ratio_, theirs.explained_variance_ratio_)
        np.testing.assert_allclose(np.abs(ours.components_), np.abs(theirs.components_), atol=1e-9)
        np.testing.assert_allclose(
            np.abs(ours.transform(X)), np.abs(theirs.transform(X.to_numpy()))
        )

    def test_the_largest_loading_is_positive(self) -> None:
        X = Standardizer().fit_transform(sample(20)).fillna(0.0)
        for data in (X, -X, X.sample(frac=1, random_state=1)):
            loadings = Components(4).fit(data).components_
            assert (loadings[range(4), np.abs(loadings).argmax(axis=1)] > 0).all()
        np.testing.assert_allclose(
            Components(4).fit(X).components_, Components(4).fit(-X).components_, atol=1e-12
        )

    def test_a_share_of_the_variance(self) -> None:
        X = Standardizer().fit_transform(sample(20)).fillna(0.0)
        fitted = Components(0.6).fit(X)
        share = Components(4).fit(X).explained_variance_ratio_.cumsum()
        assert fitted.n_components_ == 1 + (share < 0.6).sum()
        table = fitted.explained()
        assert list(table.columns) == ["variance", "share", "cumulative"]
        assert table["cumulative"].iloc[-1] >= 0.6
        assert list(table.index) == list(fitted.get_feature_names_out())

    def test_fewer_columns_than_components_uses_all(self, caplog) -> None:
        with caplog.at_level(logging.INFO):
            fitted = Components(24).fit(sample().fillna(0.0))
        assert fitted.n_components_ == 4
        assert "24 components asked for, 4 possible" in caplog.text

    def test_missing_values_are_refused(self) -> None:
        with pytest.raises(ValueError, match="Put ConstantImputer"):
            Components(2).fit(sample())


def chain(n_components: int, by: str = "date") -> Pipeline:
    """All transformers, in the order in which they make sense."""
    return Pipeline(
        [
            ("missing", MissingShareFilter(0.2)),
            ("winsorize", Winsorizer()),
            ("standardize", Standardizer(by=by)),
            ("fill", ConstantImputer(0.0)),
            ("components", Components(n_components)),
        ]
    )


class TestChain:
    def test_runs_from_missing_values_to_components(self) -> None:
        X = sample(20)
        X["f3"] = nan
        out = chain(2).fit(X).transform(X)
        assert list(out.columns) == ["pc1", "pc2"]
        assert out.notna().all().all()

    @pytest.mark.parametrize("by", ["date", "panel"])
    def test_later_dates_do_not_change_earlier_ones(self, by: str) -> None:
        X = sample(20)
        pipeline = chain(2, by).fit(X.iloc[:120])
        want = pipeline.transform(X.iloc[:120])
        pd.testing.assert_frame_equal(pipeline.transform(X).iloc[:120], want)


class TestValidation:
    @pytest.mark.parametrize(
        ("transformer", "message"),
        [
            (
                MissingShareFilter(1.5),
                "`max_share` must be a number of at least 0 and at most 1",
            ),
            (Winsorizer("median"), "`method` must be 'mad' or 'quantile'"),
            (Winsorizer(limit=0), "`limit` must be a number above 0; got 0"),
            (Winsorizer(quantile=0.5), "`quantile` must be"),
            (Standardizer("day"), "`by` must be 'date' or 'panel'"),
            (Neutralizer(), "`industry` or `size` must be given"),
            (Neutralizer(size="cap"), "`size` must be a column of X"),
            (ConstantImputer(nan), "`value` must be a finite number"),
            (Components(0), "`n_components` must be"),
            (Components(1.5), "`n_components` must be"),
            (Components(True), "`n_components` must be"),
        ],
    )
    def test_bad_parameters(self, transformer, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            transformer.fit(sample().fillna(0.0))


class TestLimit:
    def test_values_beyond_are_pulled_in_and_nothing_else_moves(self) -> None:
        values = np.append(np.linspace(-1, 1, 99), 50.0)
        index = pd.MultiIndex.from_product(
            [[pd.Timestamp("2020-01-31")], range(100)], names=["date", "asset"]
        )
        X = pd.DataFrame({"a": values, "b": np.where(values > 0.9, np.nan, values)}, index=index)
        for by in ("panel", "date"):
            free = Standardizer(by=by).fit_transform(X)
            held = Standardizer(by=by, limit=3.0).fit_transform(X)
            assert free["a"].iloc[-1] > 9 and held["a"].iloc[-1] == 3.0
            pd.testing.assert_frame_equal(held.iloc[:-1], free.iloc[:-1].clip(-3, 3))
            assert held["b"].isna().equals(X["b"].isna())

    @pytest.mark.parametrize("limit", [0, -1.0, np.inf])
    def test_a_limit_must_be_positive(self, limit: float) -> None:
        with pytest.raises(ValueError, match="`limit` must be a number above 0, or None"):
            Standardizer(limit=limit).fit(sample())
