"""Rank IC that is lost without a family of factors: planted, counted by hand, and of blends."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge

from attngru_bt import AttentionGRURegressor, Bars, Blend, Market, walk_forward
from attngru_bt.evaluation import permutation_drop
from attngru_bt.evaluation.permutation import drop_by_family
from attngru_bt.features.cross_section import CrossSection
from attngru_bt.features.exposures import neutral
from attngru_bt.features.families import groups_of
from attngru_bt.walkforward import Walk
from attngru_bt.walkforward.record import MonthRecord
from attngru_bt.walkforward.shuffled import (
    blended_shuffles,
    neutral_shuffles,
    repeats_of,
    shuffled_scores,
)

SETTINGS = dict(topk=3, min_months=4, lookback=1, n_components=None, refit=6)


@pytest.fixture(scope="module")
def market():
    """A market whose next month is told by the column `told`, and not by `noise`."""
    rng = np.random.default_rng(0)
    dates = pd.bdate_range("2018-01-01", "2019-12-31")
    names = tuple(f"S{i:02d}" for i in range(30))
    months = dates.to_period("M").asi8 - dates[0].to_period("M").ordinal
    told = rng.normal(size=(months[-1] + 1, len(names)))
    # a month's values are what the month after earns
    drift = np.vstack([np.zeros((1, len(names))), told[:-1]])[months] * 0.002
    close = 10 * np.exp(np.cumsum(drift + rng.normal(0, 0.01, (len(dates), len(names))), axis=0))
    lines = {"close": close, "told": told[months], "noise": rng.normal(size=close.shape)}
    return Market(Bars(dates, names, lines), None, None, "told")


@pytest.fixture(scope="module")
def walks(market):
    models = {
        "ridge": "ridge",
        "of noise": "gbdt-rank",
        "blend": Blend(["ridge", "momentum"]),
    }
    own = SETTINGS | {"factors": ["told", "noise"]}
    return {walk.model: walk for walk in walk_forward(market, models, **own)}


@pytest.mark.slow
def test_the_factor_that_tells_is_found_and_the_other_is_not(walks):
    for name in ("ridge", "of noise"):
        found = drop_by_family(permutation_drop(walks[name]))
        assert list(found.index) == ["told", "noise"]
        assert found.at["told", "mean"] > 0.4 and found.at["told", "t_hac"] > 5
        assert abs(found.at["noise", "mean"]) < 0.05
        assert (found["months"] == len(permutation_drop(walks[name]))).all()


@pytest.mark.slow
def test_the_drop_is_that_of_rank_ic(walks):
    walk = walks["ridge"]
    drop = permutation_drop(walk)
    month = drop.index[3]
    record = next(r for r in walk.records if r.month_end == month)
    returns = walk.labels().loc[month, "forward_return"]
    plain = spearmanr(record.scores, returns).statistic
    without = [spearmanr(row, returns).statistic for row in record.shuffled["told"]]
    assert drop.at[month, "told"] == pytest.approx(plain - np.mean(without))
    assert walk.labels()["forward_return"].isna().groupby(level=0).all().any() or len(drop) == len(
        [r for r in walk.records if len(r.scores)]
    )


def test_a_blend_shuffles_the_family_in_every_member_that_has_it(walks):
    blend, ridge = walks["blend"], walks["ridge"]
    record = next(r for r in blend.records if len(r.scores))
    alone = next(r for r in ridge.records if r.month_end == record.month_end)
    momentum = blend.members["momentum"].at(record.month_end)
    for repeat, row in enumerate(record.shuffled["told"]):
        ranks = pd.Series(alone.shuffled["told"][repeat], alone.scores.index).rank()
        other = momentum.reindex(record.scores.index).rank()
        mean = (2 * (ranks - 1) / 29 - 1) / 2 + (2 * (other - 1) / (other.max() - 1) - 1).fillna(
            0
        ) / 2
        np.testing.assert_allclose(row, mean, atol=1e-6)
    drop = drop_by_family(permutation_drop(blend))["mean"]
    assert drop["told"] > 0.2 > abs(drop["noise"])


@pytest.mark.slow
def test_a_saved_walk_knows_it_and_what_is_not_fitted_has_none(walks, tmp_path):
    walk = walks["ridge"]
    read = Walk.load(walk.save(tmp_path / "ridge.walk"))
    pd.testing.assert_frame_equal(permutation_drop(read), permutation_drop(walk))
    nothing = permutation_drop(walks["blend"].members["momentum"])
    assert nothing.empty and drop_by_family(nothing).empty


def section(values, columns):
    return CrossSection(
        date=pd.Timestamp("2020-01-31"),
        assets=tuple(f"S{i}" for i in range(len(values))),
        columns=columns,
        values=values[:, None, :].astype(np.float32),
        close=np.ones(len(values)),
    )


def test_values_change_stocks_and_nothing_else():
    values = np.arange(40.0).reshape(20, 2)
    asked = []

    def score(made):
        asked.append(made.values[:, -1])
        return made.values[:, -1, 0] + 1000 * made.values[:, -1, 1]

    found = shuffled_scores(section(values, ("PB", "ROC20")), score)
    again = shuffled_scores(section(values, ("PB", "ROC20")), score)
    families = list(found)
    assert len(families) == 2 and repeats_of(20) == 5
    for i, family in enumerate(families):
        np.testing.assert_array_equal(found[family], again[family])
        rows = asked[0].reshape(2, 5, 20, 2)[i]
        assert (rows[..., 1 - i] == values[:, 1 - i]).all()  # the other family stays
        for row in rows[..., i]:
            assert sorted(row) == list(values[:, i]) and (row != values[:, i]).sum() > 10


def test_columns_are_told_apart_where_all_are_of_one_family():
    assert list(groups_of(("PB", "ROC20", "x", "y"))[2:]) == ["own columns", "own columns"]
    assert list(groups_of(("x", "y"))) == ["x", "y"]
    assert list(groups_of(("LineClose-1", "LineOpen", "LineClose"))) == [
        "LineClose", "LineOpen", "LineClose",
    ]  # fmt: skip
    assert set(groups_of(tuple(f"x{i}" for i in range(21)))) == {"own columns"}
    assert [repeats_of(n) for n in (1, 20, 50, 100, 300)] == [5, 5, 3, 1, 1]


@pytest.mark.slow
def test_raw_lines_are_shuffled_as_whole_windows(market):
    """A network and a model that looks at one step: both are given cut windows in their form."""
    rng = np.random.default_rng(1)
    bars = market.bars
    lines = {"close": bars["close"], "volume": np.exp(rng.normal(10, 1, bars["close"].shape))}
    flat = Market(Bars(bars.dates, bars.assets, lines), None, None, "lines").until("2018-12-31")
    own = dict(topk=3, min_months=5, refit=12, view="lines")
    network = AttentionGRURegressor(hidden_size=2, max_epochs=1)
    for walk in walk_forward(flat, {"network": network, "ridge": Ridge()}, **own):
        drop = permutation_drop(walk)
        assert set(drop) == {"LineClose", "LineVolume"} and len(drop) > 3, walk.model


def test_shuffled_scores_are_made_neutral_as_the_scores_are():
    rng = np.random.default_rng(0)
    scores = pd.Series(rng.normal(size=12), [f"S{i}" for i in range(12)], name="score")
    size = rng.normal(size=12)
    shuffled = {"momentum": rng.normal(size=(2, 12)).astype(np.float32)}
    found = neutral_shuffles(shuffled, scores, {"size": size}, 1.0)["momentum"]
    for row, given in zip(found, shuffled["momentum"], strict=True):
        expected = neutral(pd.Series(given, scores.index), {"size": size}, 1.0)
        np.testing.assert_allclose(row, expected, atol=1e-6)
        assert abs(spearmanr(size, row).statistic) < 0.2
    few = scores.iloc[:2]
    assert neutral_shuffles({"x": np.ones((1, 2))}, few, {"size": size[:2]}, 1.0) == {}


def test_a_blend_has_none_where_a_member_has_none():
    one, two = (
        MonthRecord(pd.Timestamp("2020-01-31"), pd.Series([1.0, 2.0, 3.0], list("abc")), n_rows=9)
        for _ in range(2)
    )
    one.shuffled = {"value": np.array([[3.0, 2.0, 1.0]], dtype=np.float32)}
    names = pd.Index(list("abc"))
    assert blended_shuffles([one, two], [0.5, 0.5], names) == {}
    two.n_rows = 0  # a baseline, which is not fitted, says the same whatever is shuffled
    np.testing.assert_allclose(
        blended_shuffles([one, two], [0.5, 0.5], names)["value"], [[0.0, 0.0, 0.0]]
    )
    assert blended_shuffles([two], [1.0], names) == {}
