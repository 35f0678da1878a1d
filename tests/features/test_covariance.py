"""A covariance kept up to date gives the components of all its rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from attngru_bt.data import make_market
from attngru_bt.features.components import Components
from attngru_bt.features.covariance import RunningCovariance
from attngru_bt.features.cross_section import month_ends
from attngru_bt.features.missing import ConstantImputer, MissingShareFilter
from attngru_bt.features.rows import row_frame, sequences
from attngru_bt.walkforward.recipe import Recipe
from attngru_bt.walkforward.training_set import training_set


def months(sizes, n_factors=6, seed=0, missing=0.1, level=0.0):
    """Panels of correlated factors, a month each."""
    rng = np.random.default_rng(seed)
    mix = rng.standard_normal((n_factors, n_factors))
    panels = []
    for m, n in enumerate(sizes):
        values = level + rng.standard_normal((n, n_factors)) @ mix + 0.1 * m
        values[rng.random(values.shape) < missing] = np.nan
        date = pd.Timestamp("2020-01-31") + pd.offsets.MonthEnd(m)
        index = pd.MultiIndex.from_product(
            [[date], [f"S{i:03d}" for i in range(n)]], names=["date", "asset"]
        )
        panels.append(pd.DataFrame(values, index, [f"f{k}" for k in range(n_factors)]))
    return panels


def running(panels, **options):
    made = RunningCovariance(panels[0].columns, **options)
    for panel in panels:
        made.add(panel)
    return made


def same(ours, theirs, atol=1e-9):
    np.testing.assert_allclose(ours.components_, theirs.components_, atol=atol)
    np.testing.assert_allclose(ours.mean_, theirs.mean_, atol=atol)
    np.testing.assert_allclose(ours.explained_variance_, theirs.explained_variance_, atol=atol)
    np.testing.assert_allclose(
        ours.explained_variance_ratio_, theirs.explained_variance_ratio_, atol=atol
    )


class TestValues:
    def test_by_hand(self):
        rows = pd.DataFrame({"a": [1.0, 3.0], "b": [2.0, np.nan]})
        made = RunningCovariance(["a", "b"], fill=4.0).add(rows).add(rows * [2, 1])
        mean, covariance = made.moments()
        np.testing.assert_allclose(mean, [3.0, 3.0])  # a: 1 3 2 6, b: 2 4 2 4
        np.testing.assert_allclose(covariance, [[14 / 3, 2.0], [2.0, 4 / 3]])
        np.testing.assert_allclose(made.missing_share(), [0.0, 0.5])
        assert made.n_rows == 4

    def test_scikit_learn_finds_the_same_in_every_month(self):
        panels = months((40, 55, 31, 60))
        made = RunningCovariance(panels[0].columns)
        for m, panel in enumerate(panels):
            made.add(panel)
            ours = Components.from_covariance(made, 4)
            seen = pd.concat(panels[: m + 1]).fillna(0.0).to_numpy()
            theirs = PCA(4, svd_solver="full").fit(seen)
            sign = np.sign((ours.components_ * theirs.components_).sum(1))[:, None]
            np.testing.assert_allclose(ours.components_, sign * theirs.components_, atol=1e-9)
            np.testing.assert_allclose(ours.explained_variance_, theirs.explained_variance_)

    @pytest.mark.parametrize("n_components", [3, 0.9])
    def test_it_is_a_fitted_transformer(self, n_components):
        panels = months((40, 55, 31))
        rows = ConstantImputer().fit_transform(pd.concat(panels))
        theirs = Components(n_components).fit(rows)
        ours = Components.from_covariance(running(panels), n_components)
        same(ours, theirs)
        pd.testing.assert_frame_equal(ours.transform(rows), theirs.transform(rows))
        assert ours.get_feature_names_out().tolist() == theirs.get_feature_names_out().tolist()
        pd.testing.assert_frame_equal(ours.explained(), theirs.explained())

    def test_columns_that_a_filter_keeps(self):
        panels = months((40, 55, 31))
        panels[1]["f2"] = np.nan
        rows, made = pd.concat(panels), running(panels)
        kept = MissingShareFilter(0.2).fit(rows)
        np.testing.assert_allclose(made.missing_share(), kept.missing_share_)
        columns = made.columns[:2] + made.columns[3:]
        assert kept.get_feature_names_out().tolist() == list(columns)
        theirs = Components(4).fit(ConstantImputer().fit_transform(kept.transform(rows)))
        same(Components.from_covariance(made, 4, columns), theirs)
        back = Components.from_covariance(made, 4, columns[::-1])  # any order
        np.testing.assert_allclose(np.abs(back.components_[:, ::-1]), np.abs(theirs.components_))


class TestProperties:
    @pytest.mark.slow
    @given(
        sizes=st.lists(st.integers(0, 30), min_size=1, max_size=8),
        n_factors=st.integers(1, 8),
        seed=st.integers(0, 1000),
        level=st.sampled_from([0.0, 1e5]),
        fill=st.sampled_from([0.0, -2.5]),
    )
    @settings(max_examples=30)
    def test_months_one_by_one_or_all_at_once(self, sizes, n_factors, seed, level, fill):
        sizes = [*sizes, 2]  # some rows at least
        panels = months(sizes, n_factors, seed, level=level)
        rows = pd.concat(panels).fillna(fill).to_numpy()
        made = running(panels, fill=fill)
        mean, covariance = made.moments()
        expected = np.cov(rows, rowvar=False).reshape(n_factors, n_factors)
        np.testing.assert_allclose(mean, rows.mean(0), rtol=1e-12, atol=1e-12)
        scale = max(np.abs(expected).max(), 1.0)
        np.testing.assert_allclose(covariance / scale, expected / scale, atol=1e-9)
        # what the components leave of the rows does not depend on signs or ties
        ours = Components.from_covariance(made, n_factors)
        span = ours.components_.T @ np.diag(ours.explained_variance_) @ ours.components_
        if made.n_rows >= n_factors:
            np.testing.assert_allclose(span / scale, expected / scale, atol=1e-6)

    def test_merged_months_are_a_rolling_window(self):
        panels = months((40, 55, 31, 60, 28))
        parts = [running([panel]) for panel in panels]
        window = RunningCovariance(panels[0].columns)
        for part in parts[2:]:
            window.merge(part)
        same(
            Components.from_covariance(window, 4),
            Components(4).fit(ConstantImputer().fit_transform(pd.concat(panels[2:]))),
        )
        assert parts[2].n_rows == 31  # what is merged stays as it is

    def test_rows_are_not_changed(self):
        (panel,) = months((20,))
        before = panel.copy()
        running([panel])
        pd.testing.assert_frame_equal(panel, before)


class TestValidation:
    def test_other_columns(self):
        panels = months((10, 10))
        with pytest.raises(ValueError, match="got 6, 'f1' where 'f0' belongs"):
            running(panels).add(panels[1][["f1", "f0", "f2", "f3", "f4", "f5"]])
        with pytest.raises(ValueError, match="the 6 columns .* got 5"):
            running(panels).add(panels[1].drop(columns="f5"))
        with pytest.raises(ValueError, match="among those added; got 'f9'"):
            Components.from_covariance(running(panels), 2, ["f0", "f9"])
        with pytest.raises(ValueError, match=r"same columns and fill; .* fill=1\.0"):
            running(panels).merge(running(panels, fill=1.0))

    def test_infinities_no_rows_and_parameters(self):
        (panel,) = months((10,))
        panel.iloc[3, 2] = np.inf
        with pytest.raises(ValueError, match="infinities; got one in 'f2'.*S003"):
            running([panel])
        with pytest.raises(ValueError, match="No rows so far"):
            RunningCovariance(["a"]).moments()
        with pytest.raises(ValueError, match="`fill` must be a finite number"):
            RunningCovariance(["a"], fill=np.nan)
        with pytest.raises(ValueError, match="`n_components` must be"):
            Components.from_covariance(running(months((10,))), 0)


@pytest.fixture(scope="module")
def panel():
    """Cross-sections normalized at their own month-end, month after month."""
    market = make_market(30, 400, seed=3)
    made = Recipe(standardize="date").make_panel()
    for end in month_ends(market.bars.dates)[:-1]:
        made.extend(market.bars.until(market.bars.dates[end]))
    return made


class TestInTheWalk:
    """Where no later month changes a cross-section, its moments are kept instead of its rows."""

    @pytest.mark.slow
    @pytest.mark.parametrize("window", [None, 5])
    @pytest.mark.parametrize("n_components", [24, 0.9, None])
    def test_it_is_what_a_fit_from_scratch_gives(self, panel, window, n_components):
        settings = Recipe(standardize="date", window=window, n_components=n_components)
        ours = training_set(settings, panel.sections)
        labeled = settings.training_months(panel.sections)
        assert len(labeled) == (5 if window else len(panel.sections) - 1)
        scratch = settings.make_preprocess().fit(row_frame(labeled))
        known = ~np.isnan(np.concatenate([s.labels(settings.topk) for s in labeled]))
        theirs = sequences(labeled, scratch)[known]
        np.testing.assert_allclose(ours.features, theirs, atol=1e-6)
        assert [name for name, _ in ours.preprocess.steps] == [name for name, _ in scratch.steps]
        for mine, other in zip(ours.preprocess, scratch, strict=True):
            assert mine.get_params() == other.get_params()
            assert list(mine.get_feature_names_out()) == list(other.get_feature_names_out())
        shares = ours.preprocess["filter"].missing_share_, scratch["filter"].missing_share_
        np.testing.assert_allclose(*shares, rtol=1e-12)
        assert shares[0].max() > 0.2 > shares[0].min()  # something was dropped
        if n_components is not None:
            same(ours.preprocess["components"], scratch["components"], atol=1e-6)

    @pytest.mark.slow
    def test_the_rows_are_not_gone_through_again(self, panel, monkeypatch):
        def never(self, X, y=None):
            raise AssertionError("fitted from scratch")

        monkeypatch.setattr(Components, "fit", never)
        training_set(Recipe(standardize="date"), panel.sections)
        with pytest.raises(AssertionError, match="from scratch"):
            training_set(Recipe(standardize="date", preprocess=Components()), panel.sections)

    def test_z_scores_over_the_window_have_no_moments(self):
        market = make_market(12, 120, seed=3)
        panel = Recipe(standardize="panel").make_panel()
        panel.extend(market.bars)
        assert all(section.moments is None for section in panel.sections)
