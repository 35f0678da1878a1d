"""Model quality against scipy and sklearn."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from attngru_bt.evaluation import quality as evaluation
from attngru_bt.evaluation.quality import monthly_quality, summary, t_statistic

SEEDS = st.integers(0, 2**32 - 1)


def one_month(seed, n=30, ties=True):
    rng = np.random.default_rng(seed)
    score = rng.integers(0, 12, n) / 10 if ties else rng.normal(size=n)
    forward = rng.normal(0, 0.1, n).round(2)
    label = (rng.random(n) < 0.3).astype(float)
    names = [f"A{i}" for i in range(n)]
    return pd.DataFrame({"score": score, "label": label, "forward_return": forward}, index=names)


def many_months(n=9, seed=3):
    months = pd.date_range("2018-01-31", periods=n, freq="ME")
    return pd.concat(
        {m: one_month(seed + i) for i, m in enumerate(months)}, names=["month_end", "asset"]
    )


class TestOneMonth:
    @pytest.mark.slow
    @given(SEEDS)
    def test_rank_ic_is_spearmans(self, seed):
        rows = one_month(seed)
        theirs = stats.spearmanr(rows["score"], rows["forward_return"]).statistic
        ours = evaluation.rank_ic(rows["score"], rows["forward_return"])
        assert ours == pytest.approx(theirs, abs=1e-12)

    @pytest.mark.slow
    @given(SEEDS)
    def test_auc_is_sklearns(self, seed):
        rows = one_month(seed)
        if rows["label"].nunique() == 2:
            theirs = roc_auc_score(rows["label"], rows["score"])
            assert evaluation.auc(rows["score"], rows["label"]) == pytest.approx(theirs, abs=1e-12)

    def test_precision_by_hand(self):
        score = pd.Series([0.1, 0.9, 0.8, 0.7], index=list("abcd"))
        label = pd.Series([1.0, 1.0, 0.0, 1.0], index=list("abcd"))
        assert evaluation.precision_at_k(score, label, 2) == 0.5
        assert evaluation.precision_at_k(score, label, 3) == pytest.approx(2 / 3)
        assert evaluation.precision_at_k(score, label, 99) == 0.75

    def test_a_pick_that_cannot_be_judged_is_not_replaced_by_the_next(self):
        score = pd.Series([0.9, 0.8, 0.7], index=list("abc"))
        label = pd.Series([np.nan, 0.0, 1.0], index=list("abc"))
        assert evaluation.precision_at_k(score, label, 2) == 0.0

    def test_unknown_rows_are_left_out(self):
        rows = one_month(5)
        rows.iloc[:7, 0] = np.nan
        rows.iloc[5:12, 1:] = np.nan
        known = rows.dropna()
        assert evaluation.rank_ic(rows["score"], rows["forward_return"]) == evaluation.rank_ic(
            known["score"], known["forward_return"]
        )
        assert evaluation.auc(rows["score"], rows["label"]) == evaluation.auc(
            known["score"], known["label"]
        )

    def test_what_cannot_be_told_is_nan(self):
        same = pd.Series([1.0, 1.0, 1.0])
        other = pd.Series([1.0, 2.0, 3.0])
        nothing = pd.Series([np.nan] * 3)
        assert np.isnan(evaluation.rank_ic(same, other))
        assert np.isnan(evaluation.rank_ic(other, same))
        assert np.isnan(evaluation.rank_ic(other[:1], other[:1]))
        assert np.isnan(evaluation.auc(other, same))
        assert np.isnan(evaluation.auc(other, nothing))
        assert np.isnan(evaluation.precision_at_k(other, nothing, 2))


class TestMonths:
    def test_every_month_is_measured_by_itself(self):
        labels = many_months()
        labels.iloc[[3, 40], labels.columns.get_indexer(["label", "forward_return"])] = np.nan
        monthly = evaluation.monthly_quality(labels, k=5)
        assert list(monthly.columns) == ["rank_ic", "precision", "auc", "base_rate", "assets"]
        for month, rows in labels.groupby(level=0):
            rows = rows.droplevel(0)
            found = monthly.loc[month]
            assert found["rank_ic"] == evaluation.rank_ic(rows["score"], rows["forward_return"])
            assert found["precision"] == evaluation.precision_at_k(rows["score"], rows["label"], 5)
            assert found["auc"] == evaluation.auc(rows["score"], rows["label"])
            assert found["base_rate"] == rows["label"].mean()
            assert found["assets"] == 30

    def test_a_month_not_yet_known_is_nan(self):
        labels = many_months()
        last = labels.index.get_level_values(0) == labels.index[-1][0]
        labels.loc[last, ["label", "forward_return"]] = np.nan
        monthly = evaluation.monthly_quality(labels)
        assert monthly.iloc[-1][["rank_ic", "precision", "auc", "base_rate"]].isna().all()
        assert evaluation.summary(monthly)["months"].tolist() == [8, 8, 8]

    def test_t_is_scipys_test_against_no_skill(self):
        monthly = evaluation.monthly_quality(many_months(), k=5)
        found = evaluation.summary(monthly)
        for name, chance in (("rank_ic", 0.0), ("auc", 0.5)):
            theirs = stats.ttest_1samp(monthly[name], chance).statistic
            assert found.loc[name, "t"] == pytest.approx(theirs, abs=1e-12)
            assert found.loc[name, "mean"] == pytest.approx(monthly[name].mean())
            assert found.loc[name, "chance"] == chance
        theirs = stats.ttest_rel(monthly["precision"], monthly["base_rate"]).statistic
        assert found.loc["precision", "t"] == pytest.approx(theirs, abs=1e-12)
        assert found.loc["precision", "chance"] == pytest.approx(monthly["base_rate"].mean())

    def test_perfect_scores_are_perfect(self):
        labels = many_months()
        labels["score"] = labels["forward_return"]
        labels["label"] = (
            labels["score"].groupby(level=0).rank(ascending=False, method="first") <= 10
        ).astype(float)
        found = evaluation.summary(evaluation.monthly_quality(labels, k=10))
        assert found["mean"].tolist() == pytest.approx([1, 1, 1], abs=0.01)

    def test_no_months_give_nan(self):
        empty = many_months().iloc[:0]
        found = evaluation.summary(evaluation.monthly_quality(empty))
        assert found["months"].tolist() == [0, 0, 0] and found["mean"].isna().all()


class TestValidation:
    def test_a_missing_column_is_named(self):
        with pytest.raises(ValueError, match="forward_return is missing"):
            evaluation.monthly_quality(many_months().drop(columns="forward_return"))

    def test_the_index_must_have_two_levels(self):
        with pytest.raises(ValueError, match=r"indexed \(month_end, asset\); got 1 level"):
            evaluation.monthly_quality(one_month(0))

    def test_double_rows_are_named(self):
        labels = many_months()
        with pytest.raises(ValueError, match="two rows of A0 on 2018-01-31"):
            evaluation.monthly_quality(pd.concat([labels, labels.iloc[:1]]))


class TestWithoutSpread:
    """A series that differs by rounding only has no t."""

    def test_two_months_have_one(self):
        assert t_statistic(pd.Series([1.0, 3.0])) == pytest.approx(2.0)
        assert np.isnan(t_statistic(pd.Series([1.0])))

    @pytest.mark.parametrize("value", [0.3, 1 / 3, 0.1 + 0.2])
    def test_of_equal_months_there_is_no_t(self, value):
        rounded = pd.Series([value, np.nextafter(value, 1), value, np.nextafter(value, 0)])
        assert rounded.max() > rounded.min()
        assert np.isnan(t_statistic(rounded))

    def test_nor_of_a_distance_from_chance_that_never_changes(self):
        precision = pd.Series([0.3, 0.5, 0.7])
        beyond = precision - (precision - 0.1)
        assert beyond.max() > beyond.min()
        assert np.isnan(t_statistic(beyond))

    def test_a_leaked_score_has_a_rank_ic_and_no_t(self):
        """Scores that are next month's ranks, more or less: equal ICs, summed in other orders."""
        rng = np.random.default_rng(0)
        rows = []
        for month in pd.bdate_range("2020-01-31", periods=12, freq="BME"):
            returns = rng.normal(size=23)
            for asset, value in enumerate(returns):
                rows.append((month, f"A{asset}", value * 2 + 1, float(value > 1), value))
        table = pd.DataFrame(rows, columns=["m", "a", "score", "label", "forward_return"])
        found = summary(monthly_quality(table.set_index(["m", "a"]), 3)).loc["rank_ic"]
        assert found["mean"] == pytest.approx(1.0) and np.isnan(found["t"])
