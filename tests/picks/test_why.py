"""Why each name, how unusual the month is, and how good the scores were of late."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LogisticRegression, Ridge

from attngru_bt import AttentionGRURegressor, Blend, make_market, picks, walk_forward
from attngru_bt.features.cross_section import CrossSection
from attngru_bt.picks.band import rank_ic_band
from attngru_bt.picks.drift import feature_drift, stability
from attngru_bt.picks.tables import contribution_table, family_table

SETTINGS = dict(
    topk=3, factors=["PB", "BIAS5", "ROC20", "MA20"], min_months=4, lookback=2, n_components=3,
    start="2015-12-01", asof="2015-12-31", cash=100_000,
)  # fmt: skip
OF_MODEL = ("factors", "min_months", "lookback", "n_components")  # a baseline has none of them


@pytest.fixture(scope="module")
def market():
    return make_market(10, 280, seed=2, signal=0.3, gaps=0, delisted=0, late=0)


class Sealed(RegressorMixin, BaseEstimator):
    """A ridge that does not show its coefficients."""

    def fit(self, X, y):
        self.inner_ = Ridge(alpha=1.0).fit(X, y)
        return self

    def predict(self, X):
        return self.inner_.predict(X)


@pytest.mark.slow
def test_parts_of_a_linear_model_add_up_to_its_scores(market):
    found = picks.run(market, model=Ridge(alpha=1.0), holdings={"S009": 10}, **SETTINGS)
    parts = found.contributions
    assert parts.exact
    scores = found.scores
    expected = (scores - scores.mean()) / scores.std(ddof=0)
    assert parts.table.sum(axis=1).to_numpy() == pytest.approx(expected[parts.table.index])
    assert set(parts.table.index) == set(found.concerned["symbol"])
    assert (parts.table.abs().max() > 0.01).all()
    table = contribution_table(found)
    assert table.columns[-1].heading == "Together"
    shown = [float(row.cells[-1].text.replace("\u2212", "-")) for row in table.rows]
    assert shown == pytest.approx(expected[parts.table.index].to_numpy(), abs=0.0051)


@pytest.mark.slow
def test_permutation_finds_the_same_parts(market):
    seen, sealed = (
        picks.run(market, model=model, **SETTINGS).contributions
        for model in (Ridge(alpha=1.0), Sealed())
    )
    assert seen.exact and not sealed.exact and "Together" not in sealed.table
    pd.testing.assert_frame_equal(seen.table, sealed.table[list(seen.table)])


@pytest.mark.slow
def test_parts_of_a_linear_classifier_add_up_to_its_margin(market):
    model = LogisticRegression(C=0.1)
    parts = picks.run(market, model=model, **SETTINGS | {"n_components": None}).contributions
    assert parts.exact
    # of a probability above that of another stock the margin is above, too
    sums = parts.table.sum(axis=1)
    assert sums.is_monotonic_decreasing and sums.iloc[0] > 0


@pytest.mark.slow
def test_a_blend_shows_the_ranks_of_its_members_and_their_mean_parts(market, tmp_path):
    blend = Blend({"one": Ridge(1.0), "two": Ridge(50.0), "luck": "random"}, weights=[1, 3, 2])
    found = picks.run(market, model=blend, out=tmp_path, **SETTINGS)
    parts, names = found.contributions, found.contributions.table.index
    settings = SETTINGS | {"holdings": dict.fromkeys(names, 100.0)}
    luck = {name: value for name, value in settings.items() if name not in OF_MODEL}
    alone = {
        "one": picks.run(market, model=Ridge(1.0), **settings),
        "two": picks.run(market, model=Ridge(50.0), **settings),
        "luck": picks.run(market, model="random", **luck),
    }
    for name, other in alone.items():
        ranks = other.scores.rank(ascending=False)
        assert parts.ranks[name].tolist() == ranks[names].tolist()
    mean = sum(
        share * alone[name].contributions.table.loc[names]
        for name, share in (("one", 0.25), ("two", 0.75))
    )
    pd.testing.assert_frame_equal(parts.table, mean)
    assert found.drift is not None and found.band is not None
    page = (tmp_path / "picks.html").read_text()
    assert "Blend of one, two and luck" in page and "Rank by luck" in page


@pytest.mark.slow
def test_attention_stands_beside_the_families(market):
    network = AttentionGRURegressor(hidden_size=2, max_epochs=1, n_networks=2)
    found = picks.run(market, model=network, **SETTINGS)
    # the network is fitted by itself here, and beside that of November in a walk over all data
    recipe = {n: v for n, v in SETTINGS.items() if n not in ("asof", "cash")}
    (walk,) = walk_forward(market, {"network": network}, **recipe)
    pd.testing.assert_series_equal(found.scores, walk.at(found.month.end), check_exact=True)
    assert not found.contributions.exact
    assert found.attention.sum().to_numpy() == pytest.approx([1.0, 1.0])
    table = family_table(found)
    assert [column.heading for column in table.columns][-2:] == ["Attention", "Even"]


def test_a_model_that_is_not_fitted_has_no_parts(market):
    given = {name: SETTINGS[name] for name in ("topk", "asof", "cash")}
    found = picks.run(market, model="random", **given)
    assert found.contributions is None and found.drift is None and found.n_scored == 0
    assert found.changes.before == pd.Timestamp("2015-11-30")


# -- drift -----------------------------------------------------------------------------------------


def section(values, month=1):
    values = np.asarray(values, dtype=np.float32)
    return CrossSection(
        date=pd.Timestamp(2020, month, 28),
        assets=tuple(f"S{i:03d}" for i in range(len(values))),
        columns=("PB", "BIAS5"),
        values=values[:, None, :],
        close=np.ones(len(values)),
    )


def test_the_index_is_known_for_known_shares():
    training = np.arange(100.0)[:, None]
    assert stability(training, training)[0] == pytest.approx(0.0, abs=1e-12)
    # all of the month in the last bin: p is 1 there and (almost) 0 elsewhere, q a tenth everywhere
    floor = 1e-3
    expected = 0.9 * np.log(10) + 9 * (floor - 0.1) * np.log(floor / 0.1)
    assert stability(training, np.full((5, 1), 99.0))[0] == pytest.approx(expected)
    assert np.isnan(stability(training, np.full((5, 1), np.nan))[0])


def test_a_shifted_factor_is_found_and_only_it():
    rng = np.random.default_rng(0)
    training = [section(rng.standard_normal((60, 2)), month) for month in range(1, 9)]
    today = rng.standard_normal((60, 2))
    today[:, 0] += 4.0
    drift = feature_drift(training, section(today, 9), ("PB", "BIAS5"))
    assert drift.at["value", "psi"] > 3 * drift.at["value", "psi_most"]
    assert drift.at["value", "far"] > 0.7 and drift.at["value", "far_training"] < 0.02
    other = drift.drop(index="value").iloc[0]
    assert other["psi"] < 2 * other["psi_most"] and other["far"] < 0.05


# -- rank IC ---------------------------------------------------------------------------------------


def band(before, recent):
    days = pd.date_range("2015-01-31", periods=len(before) + len(recent), freq="ME")
    return rank_ic_band(pd.Series([*before, *recent], index=days))


def test_within_noise():
    earlier = [0.11 + 0.17, 0.11 - 0.17] * 36
    told = band(earlier, [0.02] * 12)
    assert told.error == pytest.approx(np.std(earlier, ddof=1) * (1 / 12 + 1 / 72) ** 0.5)
    assert told.sentence == (
        "Rank IC of the last 12 months: expected 0.11 ± 0.05, seen 0.02: within noise."
    )


def test_beyond_noise():
    told = band([0.28, -0.06] * 36, [-0.02] * 12)
    assert told.sentence == (
        "Rank IC of the last 12 months: expected 0.11 ± 0.05, seen −0.02: below what chance "
        "explains (2.4 standard errors)."
    )


def test_too_few_months():
    assert band([0.1, 0.2] * 5, [0.1] * 12).sentence == (
        "Rank IC: 22 scored months have a known outcome, and 24 are needed to say whether the "
        "last 12 are within noise."
    )
