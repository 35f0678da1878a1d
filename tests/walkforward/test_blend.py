"""The blend: the mean rank of its members, each walked by itself and fitted once."""

import logging

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.linear_model import LogisticRegression, Ridge

from attngru_bt import Blend, MonthlyTopK, SignalGenerator, backtest, compare, models
from attngru_bt.data import Market, Membership, make_market
from attngru_bt.data.bars import DataError
from attngru_bt.models.estimators import AttentionGRURegressor
from attngru_bt.models.names import find
from attngru_bt.models.presets import BLEND
from attngru_bt.walkforward import Recipe, walk_forward
from attngru_bt.walkforward.blend_walk import blended, mean_rank
from attngru_bt.walkforward.record import MonthRecord

pytestmark = pytest.mark.slow  # whole walks and backtests

FEW = ["BIAS5", "BIAS10", "BIAS20", "ROC6", "VOL5", "VOL20"]  # all factors would take minutes
SETTINGS = dict(topk=3, min_months=4, refit=2, lookback=2, n_components=5, factors=FEW)


class Counted(RegressorMixin, BaseEstimator):
    """Counts how often anything of its kind is fitted."""

    fits = 0

    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def fit(self, X, y):
        type(self).fits += 1
        self.coef_ = np.linalg.solve(X.T @ X + self.alpha * np.eye(X.shape[1]), X.T @ y)
        return self

    def predict(self, X):
        return X @ self.coef_


class Reversed(BaseEstimator):
    """Scores by the last close, and nobody whose name ends in 1."""

    def scores(self, bars):
        close = pd.Series(bars["close"][-1], index=list(bars.assets)).dropna()
        return close[~close.index.str.endswith("1")]


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=12, n_days=300, seed=3)


@pytest.fixture(scope="module")
def walks(market):
    """A network twice, a classifier, and their blend."""
    net = AttentionGRURegressor(hidden_size=4, max_epochs=2)
    own = {"net": net, "logistic": LogisticRegression()}
    walked = walk_forward(market, own | {"both": Blend(own)}, seeds=2, **SETTINGS)
    return {(walk.model, walk.seed): walk for walk in walked}


def oracle(parts, shares=None):
    """Mean rank, stock by stock, counted by hand."""
    shares = shares or [1 / len(parts)] * len(parts)
    names = sorted({name for part in parts for name in part.index})
    blended = {}
    for name in names:
        blended[name] = 0.0
        for part, share in zip(parts, shares, strict=True):
            if name not in part.index:
                continue
            worse = (part < part[name]).sum() + ((part == part[name]).sum() - 1) / 2
            blended[name] += share * (2 * worse / (len(part) - 1) - 1)
    return pd.Series(blended)


def bits(walk):
    return [
        (r.month_end, tuple(r.scores.index), r.scores.to_numpy().tobytes()) for r in walk.records
    ]


class TestScores:
    def test_they_are_the_mean_rank_of_the_members(self, walks):
        for seed in (0, 1):
            blend = walks["both", seed]
            scored = [record for record in blend.records if len(record.scores)]
            assert len(scored) >= 8
            for record in scored:
                parts = [walks[name, seed].at(record.month_end) for name in ("net", "logistic")]
                pd.testing.assert_series_equal(
                    record.scores, oracle(parts), check_names=False, rtol=1e-12
                )
        assert not walks["both", 0].scores().equals(walks["both", 1].scores())

    def test_weights_count_in_proportion(self):
        one = pd.Series([3.0, 1.0, 2.0], index=list("abc"))
        other = pd.Series([1.0, 2.0, 3.0], index=list("abc"))
        want = pd.Series([0.5, -0.75, 0.25], index=list("abc"))
        assert mean_rank([one, other], [0.75, 0.25]).tolist() == want.tolist()
        for weights in ([3, 1], {"x": 0.3, "y": 0.1}):
            shares = Blend({"x": Ridge(), "y": Ridge()}, weights=weights).shares()
            assert list(shares.values()) == pytest.approx([0.75, 0.25])

    def test_a_stock_that_a_member_does_not_score_is_in_its_middle(self):
        one = pd.Series([3.0, 1.0, 2.0], index=list("abc"))
        other = pd.Series([1.0, 2.0, np.nan], index=list("dbc"))
        got = mean_rank([one, other], [0.5, 0.5])
        assert got.to_dict() == {"a": 0.5, "b": 0.0, "c": 0.0, "d": -0.5}

    def test_a_missing_score_is_none(self):
        one, other = pd.Series([3.0, np.nan], index=list("ab")), pd.Series([1.0], index=["a"])
        assert mean_rank([one, other], [0.5, 0.5]).to_dict() == {"a": 0.0}
        assert mean_rank([one, other * np.nan], [0.5, 0.5]).empty

    def test_its_rows_are_the_most_and_it_is_found_if_all_members_are(self):
        day, scores = pd.Timestamp("2020-01-31"), pd.Series([1.0, 2.0], index=list("ab"))
        one = MonthRecord(day, scores, n_rows=10, n_months=5, found=True)
        other = MonthRecord(day, scores, n_rows=30, n_months=3)
        record = blended([one, other], [0.5, 0.5])
        assert (record.n_rows, record.n_months, record.found) == (30, 5, False)
        assert blended([one, one], [0.5, 0.5]).found

    def test_there_are_none_before_all_members_have_some(self, market):
        blend, early = walk_forward(
            market, {"both": Blend([Ridge(), "momentum"]), "ridge": Ridge()}, **SETTINGS
        )
        known = early.scores().index
        assert len(known) > len(blend.scores().index) > 0
        assert blend.scores().index[0] > known[0]
        short = Market(market.bars.until(market.bars.dates[180]), None, None, "short")
        (blend,) = walk_forward(short, {"both": Blend([Ridge(), "momentum"])}, **SETTINGS)
        assert "of momentum: momentum gave no score" in blend.why_no_scores()
        with pytest.raises(DataError, match="Ridge: the data have"):
            walk_forward(short, {"both": Blend([Ridge()])}, **SETTINGS | {"min_months": 30})

    def test_a_signal_of_ones_own_is_a_member(self, market):
        (blend,) = walk_forward(market, {"both": Blend([Ridge(), Reversed()])}, **SETTINGS)
        record = blend.records[-1]
        own = Reversed().scores(market.bars.until(record.month_end))
        ridge = blend.members["Ridge"].at(record.month_end)
        assert len(own) < len(ridge)
        pd.testing.assert_series_equal(record.scores, oracle([ridge, own]), check_names=False)


class TestWalk:
    def test_a_backtest_asks_the_same_bits(self, market, walks):
        net = AttentionGRURegressor(hidden_size=4, max_epochs=2)
        blend = Blend(
            [SignalGenerator(net, **SETTINGS), SignalGenerator(LogisticRegression(), **SETTINGS)]
        )
        strategy = backtest.run(market, MonthlyTopK, signal=blend, topk=3)
        assert bits(strategy.signal.walk_) == bits(walks["both", 0])
        pd.testing.assert_frame_equal(strategy.signal.labels(), walks["both", 0].labels())
        ahead = backtest.run(
            market, model=Blend({"n": net, "l": LogisticRegression()}), topk=3,
            **{name: value for name, value in SETTINGS.items() if name != "topk"},
        )  # fmt: skip
        assert bits(ahead.signal) == bits(walks["both", 0])
        log = [s.trade_log.frame().drop(columns="ref").to_csv() for s in (strategy, ahead)]
        assert log[0] == log[1] and "fill" in log[0]

    def test_what_came_of_the_scores(self, walks):
        blend, net = walks["both", 0].labels(), walks["net", 0].labels()
        pd.testing.assert_frame_equal(blend.drop(columns="score"), net.drop(columns="score"))

    def test_members_with_cross_sections_of_their_own(self, market):
        """Outcomes are those of all stocks that any member can score."""
        kinds = dict(min_months=4, n_components=2, topk=3)
        own = {
            "daily": Recipe(Ridge(), step="day", lookback=2, factors=FEW, **kinds),
            "few": Recipe(Ridge(), factors=["REVS5", "REVS10"], **kinds),
        }
        blend, _ = walk_forward(market, {"both": Blend(own), "few": own["few"]}, topk=3)
        assert len({id(walk.panel) for walk in blend.members.values()}) == 2
        labels = blend.labels()
        assert len(labels) == blend.scores().notna().sum().sum()
        known = labels["forward_return"].dropna().groupby("month_end")
        best = known.rank(ascending=False).le(3).astype(float)
        assert best.equals(labels["label"].reindex(best.index))

    def test_it_says_what_it_is(self, walks):
        assert repr(walks["both", 1]).endswith("blend of net, logistic>")
        assert "<table" in walks["both", 1]._repr_html_()
        record = walks["both", 0].records[-1]
        parts = [walks[name, 0].records[-1] for name in ("net", "logistic")]
        assert record.n_rows == parts[0].n_rows
        assert record.fit_seconds == sum(part.fit_seconds for part in parts)
        assert walks["both", 0].why_no_scores().startswith("the walk scored month-ends from")

    def test_nothing_after_a_month_end_is_looked_at(self, market):
        blend = Blend([SignalGenerator(Ridge(), **SETTINGS), "momentum"])
        end = pd.Timestamp("2016-01-29")
        want = clone(blend).scores(market.bars.until(end))
        lines = {name: line.copy() for name, line in market.bars.lines.items()}
        after = market.bars.dates > end
        for line in lines.values():
            line[after] *= 1.7
        changed = type(market.bars)(market.bars.dates, market.bars.assets, lines)
        (walk,) = walk_forward(Market(changed, None, None, "changed"), {"b": blend})
        np.testing.assert_allclose(walk.at(end), want, atol=1e-12)


class TestFits:
    def walk(self, market, folder=None, seeds=1, **more):
        Counted.fits = 0
        own = {
            "plain": Counted(),
            "one": Blend([Counted(), "momentum"]),
            "two": Blend([Counted(), Counted(2.0)]),
        }
        return walk_forward(market, own | more, seeds=seeds, folder=folder, **SETTINGS)

    def test_a_member_is_fitted_once(self, market):
        walks = self.walk(market)
        once = len([r for r in walks[0].records if r.refit])
        assert once >= 4 and Counted.fits == 2 * once
        assert walks[1].members["Counted"] is walks[0]
        assert walks[2].members["Counted"] is walks[0]
        assert walks[2].members["Counted 2"].recipe.classifier.alpha == 2.0
        self.walk(market, seeds={"two": 2})
        assert Counted.fits == 4 * once

    def test_members_of_one_name_are_kept_apart(self, market):
        """Their rows differ, and must not be mixed up where tasks are bundled."""
        one = Recipe(Ridge(), **SETTINGS)
        other = Recipe(Ridge(), **SETTINGS | {"n_components": 2})
        own = {"one": Blend([one, Reversed()]), "two": Blend([other, Reversed()])}
        walks = walk_forward(market, own)
        for name, walk in zip(own, walks, strict=True):
            (alone,) = walk_forward(market, {name: own[name]})
            assert bits(alone) == bits(walk)
        assert bits(walks[0]) != bits(walks[1])

    @pytest.mark.slow
    def test_a_run_goes_on_and_has_the_same_bits_whoever_works(self, market, tmp_path):
        walks = self.walk(market, tmp_path)
        n_fits = Counted.fits
        files = sorted(tmp_path.rglob("*.month"))
        assert files
        again = self.walk(market, tmp_path)
        assert Counted.fits == 0
        assert [bits(w) for w in again] == [bits(w) for w in walks]
        assert all(record.found for record in again[2].records if len(record.scores))
        for file in files[::2]:
            file.unlink()
        again = self.walk(market, tmp_path)
        assert 0 < Counted.fits < n_fits
        assert [bits(w) for w in again] == [bits(w) for w in walks]
        net = AttentionGRURegressor(hidden_size=4, max_epochs=2)
        models = {"both": Blend([net, Ridge()])}
        one, two = (walk_forward(market, models, jobs=jobs, **SETTINGS)[0] for jobs in (1, 2))
        assert bits(one) == bits(two)

    def test_a_backtest_goes_on(self, market, tmp_path):
        Counted.fits = 0
        blend = Blend([SignalGenerator(Counted(), **SETTINGS), "random"], checkpoints=tmp_path)
        first = backtest.run(market, MonthlyTopK, signal=blend, topk=3)
        n_fits = Counted.fits
        second = backtest.run(market, MonthlyTopK, signal=blend, topk=3)
        assert n_fits >= 4 and Counted.fits == n_fits
        assert bits(first.signal.walk_) == bits(second.signal.walk_)


class TestNames:
    def test_any_names_with_a_plus(self, market):
        blend = models.generator("ridge+random", topk=3, min_months=4, random_state=7, factors=FEW)
        assert blend.title == "Blend of ridge on return ranks and random"
        ridge, random = blend.members().values()
        assert isinstance(ridge, Recipe) and ridge.target == "rank" and ridge.min_months == 4
        assert random.random_state == ridge.random_state == 7
        walk = walk_forward(market, ["ridge+random"], topk=3, min_months=4, factors=FEW)[0]
        assert walk.model == "ridge+random" and len(walk.scores())
        strategy = backtest.run(market, MonthlyTopK, signal="random+momentum", topk=3)
        assert len(strategy.scores_by_month)

    def test_the_preset(self):
        assert find("blend").members == BLEND
        assert list(models.generator("blend").members()) == list(BLEND)
        assert find("rnn+xgboost").title == "Blend of RNN and XGBoost"
        assert find("gbdt+lstm+svm").title == "Blend of gradient-boosted trees, LSTM and SVM"

    @pytest.mark.parametrize(
        ("name", "why"),
        [
            ("ridge+rigde", "No model is named 'rigde'; did you mean 'ridge'"),
            ("ridge+", "on both sides of each"),
            ("ridge+ridge", "has ridge twice"),
            ("blend+gbdt", "blend is a blend itself; name its members"),
            ("ridge+equal-weight", "leave it out"),
        ],
    )
    def test_a_name_that_is_none_is_told(self, name, why):
        with pytest.raises(ValueError, match=why):
            find(name)

    @pytest.mark.slow
    def test_compared(self, market, tmp_path):
        names = "ridge,ridge+random,random"
        found = compare.run(
            market, names, topk=3, min_months=4, factors=FEW, draws=20, folder=tmp_path
        )
        assert found.titles["ridge+random"] == "Blend of ridge on return ranks and random"
        assert found.families["ridge+random"] == "blend"
        assert found.table2.loc["ridge+random"].notna().any()
        assert "Blend of ridge on return ranks and random" in (tmp_path / "table.md").read_text()
        with pytest.raises(ValueError, match="did you mean 'ridge'"):
            compare.run(market, "rigde+random")


class TestParameters:
    def test_it_can_be_cloned(self):
        blend = Blend({"a": Ridge(2.0), "b": "momentum"}, weights={"a": 1, "b": 3})
        other = clone(blend)
        assert str(other.get_params()) == str(blend.get_params())
        assert other.set_params(weights=None).shares() == {"a": 0.5, "b": 0.5}
        assert list(Blend(["ridge", Ridge(), Ridge()]).members()) == ["ridge", "Ridge", "Ridge 2"]

    def test_settings_reach_those_that_have_none(self):
        own = SignalGenerator(Ridge(), refit=9)
        members = Blend([own, Ridge(), "ridge", "momentum"]).with_settings(refit=3, months=6)
        first, second, third, fourth = members.members().values()
        assert (first.refit, second.refit, third.refit, fourth.months) == (9, 3, 3, 6)
        assert own.refit == 9

    def test_the_universe_reaches_all(self):
        rows = [("S000", "2010-01-01", None), ("S001", "2010-01-01", None)]
        members = Membership(*zip(*rows, strict=True))
        own = SignalGenerator(Ridge())
        blend = Blend([own, "ridge", "momentum"]).with_settings(universe=members)
        ready = blend.members().values()
        assert [member.universe for member in ready] == [members] * 3
        assert own.universe is None

    @pytest.mark.parametrize(
        ("blend", "why"),
        [
            (Blend([]), "at least one member"),
            (Blend("ridge"), "`models` must be a list of names"),
            (Blend([Blend()]), "is a blend itself; give its members, ridge"),
            (Blend(["blend"]), "is a blend itself"),
            (Blend(["equal-weight"]), "leave it out of the blend"),
            (Blend([Ridge]), "must be an instance"),
            (Blend([3]), "must be names, estimators, recipes"),
            (Blend([Recipe(Ridge(), topk=0)]), "`topk`"),
            (Blend(["ridge", "gbdt"], weights=[1]), "for each of the 2 members"),
            (Blend(["ridge", "gbdt"], weights=[1, 0]), "weights of gbdt"),
            (Blend(["ridge"], weights={"rigde": 1}), "did you mean 'ridge'"),
            (Blend(["ridge", "gbdt"], weights={"ridge": 1}), "must have a number for gbdt"),
            (Blend(["ridge"], universe=3), "`universe`"),
        ],
    )
    def test_what_cannot_be_is_told(self, market, blend, why):
        with pytest.raises((ValueError, TypeError), match=why):
            blend.scores(market.bars)

    def test_an_unknown_setting_is_told(self, market):
        with pytest.raises(TypeError, match="did you mean 'refit'"):
            models.generator("ridge+gbdt", refti=3)
        with pytest.raises(ValueError, match="`refit` has no effect"):
            backtest.run(market, model=Blend([SignalGenerator(Ridge())]), refit=3)

    def test_months_are_told_as_they_come(self, market, caplog):
        told = []
        blend = Blend([SignalGenerator(Ridge(), **SETTINGS), "random"], progress=told.append)
        with caplog.at_level(logging.INFO):
            backtest.run(market, MonthlyTopK, signal=blend, topk=3)
        assert len(told) > 8 and sum(len(record.scores) > 0 for record in told) > 5
