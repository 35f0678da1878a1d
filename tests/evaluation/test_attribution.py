"""Attention traced back to factors and families."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attngru_bt.evaluation.attribution import OWN, factor_shares, family_shares, top_factors
from attngru_bt.factors import registry
from attngru_bt.features.components import Components
from attngru_bt.features.windows import step_names

JANUARY, FEBRUARY = pd.Timestamp("2020-01-31"), pd.Timestamp("2020-02-28")


def record(date, weights, loadings, columns):
    return SimpleNamespace(
        month_end=date,
        attention={"factor": np.asarray(weights)},
        loadings=pd.DataFrame(loadings, columns=columns),
    )


class TestFactorShares:
    def test_by_hand(self):
        # the first component is half a and half b, the second is c
        half = np.sqrt(0.5)
        given = record(JANUARY, [0.7, 0.3], [[half, -half, 0.0], [0.0, 0.0, 1.0]], ["a", "b", "c"])
        found = factor_shares([given])
        assert found.index.name == "month_end" and found.index[0] == JANUARY
        assert found.loc[JANUARY].to_dict() == pytest.approx({"a": 0.35, "b": 0.35, "c": 0.3})
        even = factor_shares([given], even=True)
        assert even.loc[JANUARY].to_dict() == pytest.approx({"a": 0.25, "b": 0.25, "c": 0.5})

    def test_a_factor_the_model_was_not_given_is_not_known(self):
        months = [
            record(JANUARY, [1.0], [[0.6, 0.8]], ["a", "b"]),
            record(FEBRUARY, [1.0], [[0.8, 0.6]], ["b", "c"]),
        ]
        found = factor_shares(months)
        assert list(found.columns) == ["a", "b", "c"]
        assert found.loc[JANUARY].tolist()[:2] == pytest.approx([0.36, 0.64])
        assert np.isnan(found.loc[JANUARY, "c"]) and np.isnan(found.loc[FEBRUARY, "a"])
        assert found.sum(axis=1).tolist() == pytest.approx([1.0, 1.0])

    @pytest.mark.slow
    @given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(6, 12))
    @settings(max_examples=40)
    def test_shares_sum_to_one_and_do_not_depend_on_order(self, seed, n_components, n_factors):
        rng = np.random.default_rng(seed)
        loadings = np.linalg.qr(rng.normal(size=(n_factors, n_components)))[0].T
        weights = rng.random(n_components) + 1e-3
        weights /= weights.sum()
        names = [f"f{i}" for i in range(n_factors)]
        found = factor_shares([record(JANUARY, weights, loadings, names)]).loc[JANUARY]
        assert (found >= 0).all()
        assert found.sum() == pytest.approx(1.0)
        order = rng.permutation(n_components)
        swapped = record(JANUARY, weights[order], -loadings[order], names)
        assert factor_shares([swapped]).loc[JANUARY].to_numpy() == pytest.approx(found.to_numpy())

    def test_of_standardized_factors_they_are_squared_correlations(self):
        """With all weight on one component, shares are as the squared correlations with it."""
        rng = np.random.default_rng(0)
        raw = rng.normal(size=(400, 5)) @ rng.normal(size=(5, 5))
        values = (raw - raw.mean(axis=0)) / raw.std(axis=0)
        index = pd.MultiIndex.from_product([[JANUARY], [f"S{i}" for i in range(400)]])
        X = pd.DataFrame(values, index=index.set_names(["date", "asset"]), columns=list("abcde"))
        fitted = Components(n_components=2).fit(X)
        scores = np.asarray(fitted.transform(X))[:, 0]
        squares = np.array([np.corrcoef(values[:, j], scores)[0, 1] ** 2 for j in range(5)])
        given = record(JANUARY, [1.0, 0.0], fitted.components_, list("abcde"))
        found = factor_shares([given]).loc[JANUARY].to_numpy()
        assert found == pytest.approx(squares / squares.sum())

    def test_without_components_the_weights_are_the_factors(self):
        given = SimpleNamespace(
            month_end=JANUARY,
            attention={"factor": np.array([0.75, 0.25])},
            loadings=None,
            factors=("a", "b"),
        )
        assert factor_shares([given]).loc[JANUARY].to_dict() == {"a": 0.75, "b": 0.25}
        assert factor_shares([given], even=True).loc[JANUARY].tolist() == [0.5, 0.5]
        given.factors = ("a", "b", "c")  # weights of two components that nobody knows
        assert len(factor_shares([given])) == 0

    def test_of_raw_lines_the_sessions_of_a_step_are_added_up(self):
        names = step_names(("LineOpen", "LineClose"))
        given = SimpleNamespace(
            month_end=JANUARY,
            attention={"factor": np.array([0.1, 0.2, 0.1, 0.2, 0.1, 0.3])},
            loadings=None,
            factors=names,
        )
        found = factor_shares([given]).loc[JANUARY]
        assert found.to_dict() == pytest.approx({"LineOpen": 0.3, "LineClose": 0.7})
        assert family_shares(found.to_frame().T).iloc[0].to_dict() == found.to_dict()

    def test_months_without_weights_or_loadings_are_left_out(self):
        known = record(FEBRUARY, [1.0], [[1.0]], ["a"])
        without = SimpleNamespace(month_end=JANUARY, attention=None, loadings=None)
        temporal = record(JANUARY, [1.0], [[1.0]], ["a"])
        temporal.attention = {"temporal": np.ones(3) / 3}
        assert list(factor_shares([without, temporal, known]).index) == [FEBRUARY]
        assert factor_shares([without]).shape == (0, 0)

    def test_what_does_not_fit_is_named(self):
        with pytest.raises(ValueError, match="2020-01-31: 2 attention weights but loadings of 1"):
            factor_shares([record(JANUARY, [0.5, 0.5], [[1.0]], ["a"])])
        with pytest.raises(ValueError, match="component 2 has no loading"):
            factor_shares([record(JANUARY, [0.5, 0.5], [[1.0, 0.0], [0.0, 0.0]], ["a", "b"])])


class TestFamilies:
    def test_by_hand(self):
        shares = pd.DataFrame({"a": [0.2, np.nan], "b": [0.5, 0.4], "x": [0.3, 0.6]})
        found = family_shares(shares, {"a": "one", "b": "two", "c": "three"})
        assert list(found.columns) == ["one", "two", OWN]
        assert found[["two", OWN]].to_numpy().tolist() == [[0.5, 0.3], [0.4, 0.6]]
        assert found["one"].iloc[0] == 0.2 and np.isnan(found["one"].iloc[1])

    def test_registered_factors_go_to_their_families(self):
        first = [next(f for f in registry if f.family == name) for name in registry.families()]
        names = [f.name for f in reversed(first)]
        shares = pd.DataFrame([np.full(len(names), 1 / len(names))], columns=names)
        found = family_shares(shares)
        assert list(found.columns) == [f.family for f in first]
        assert found.sum(axis=1).tolist() == pytest.approx([1.0])


def test_top_factors_count_missing_months_as_no_share():
    shares = pd.DataFrame({"a": [0.6, np.nan], "b": [0.4, 1.0]})
    even = pd.DataFrame({"a": [0.5, np.nan], "b": [0.5, 1.0]})
    found = top_factors(shares, even, count=2)
    assert list(found.index) == ["b", "a"]
    assert found["share"].tolist() == pytest.approx([0.7, 0.3])
    assert found["even"].tolist() == pytest.approx([0.75, 0.25])
