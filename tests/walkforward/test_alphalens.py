"""Data for alphalens: its documented contract, and its own functions on them."""

import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from attngru_bt.evaluation.deciles import decile_returns
from attngru_bt.evaluation.horizons import rank_autocorrelation
from attngru_bt.evaluation.quality import monthly_quality
from attngru_bt.evaluation.ranks import wide
from attngru_bt.walkforward import Walk
from attngru_bt.walkforward.alphalens import to_alphalens


@pytest.fixture(scope="module")
def labels():
    rng = np.random.default_rng(0)
    months = pd.date_range("2015-01-31", periods=24, freq="ME", name="month_end")
    index = pd.MultiIndex.from_product([months, [f"S{i:02}" for i in range(20)]])
    index = index.set_names(["month_end", "asset"])
    table = pd.DataFrame({"score": rng.normal(0, 1, len(index)), "label": 0.0}, index=index)
    table["forward_return"] = 0.02 * table["score"] + rng.normal(0, 0.05, len(index))
    table.loc[months[-1], "forward_return"] = np.nan
    return table


def test_a_walk_gives_them(labels):
    walk = SimpleNamespace(labels=lambda: labels)
    pd.testing.assert_frame_equal(Walk.to_alphalens(walk, 4), to_alphalens(labels, 4))


class TestContract:
    def test_index_columns_and_types(self, labels):
        data = to_alphalens(labels)
        assert list(data.columns) == ["21D", "factor", "factor_quantile"]
        assert data.index.names == ["date", "asset"] and data.index.is_monotonic_increasing
        assert isinstance(data.index.levels[0], pd.DatetimeIndex)
        assert pd.Timedelta("21D") and data["factor_quantile"].dtype == np.int64
        assert set(data["factor_quantile"]) == {1, 2, 3, 4, 5} and data.notna().all().all()
        assert len(data) == 23 * 20  # the last month has no outcome yet
        assert (data["factor"] == labels["score"].reindex(data.index)).all()

    def test_quantiles_are_of_one_month(self, labels):
        data = to_alphalens(labels, 4)
        counts = data.groupby([data.index.get_level_values(0), "factor_quantile"]).size()
        assert (counts == 5).all()

    def test_groups(self, labels):
        sectors = pd.Series({f"S{i:02}": "ab"[i % 2] for i in range(19)})
        data = to_alphalens(labels, group=sectors)
        assert list(data.columns) == ["21D", "factor", "group", "factor_quantile"]
        assert "S19" not in data.index.get_level_values(1) and data["group"].dtype == "category"

    def test_months_that_cannot_be_cut_are_left_out(self, labels):
        equal = labels.copy()
        equal.loc[equal.index.levels[0][0], "score"] = 1.0
        assert len(to_alphalens(equal)) == 22 * 20
        equal["score"] = 1.0
        with pytest.raises(ValueError, match="cut into 5 quantiles; ask for fewer"):
            to_alphalens(equal)


@pytest.fixture(scope="module")
def performance():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("alphalens.performance")


@pytest.mark.slow
class TestItsOwnFunctions:
    def test_they_find_what_we_find(self, labels, performance):
        data = to_alphalens(labels, 10)
        scores, returns = wide(labels[labels["forward_return"].notna()])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ic = performance.factor_information_coefficient(data)["21D"]
            means, _ = performance.mean_return_by_quantile(data, demeaned=False)
            same = performance.factor_rank_autocorrelation(data, 1)
        assert ic.tolist() == pytest.approx(monthly_quality(labels)["rank_ic"].dropna().tolist())
        ours = decile_returns(scores, returns).mean()
        assert means["21D"].tolist() == pytest.approx(ours.tolist())
        ours = rank_autocorrelation(scores)
        assert same.tolist()[1:] == pytest.approx(ours.tolist()[1:])

    def test_it_is_what_alphalens_makes_of_the_same(self, labels):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            utils = pytest.importorskip("alphalens.utils")
            table = labels[labels["forward_return"].notna()]
            table.index = table.index.set_names(["date", "asset"])
            expected = utils.get_clean_factor(
                table["score"], table[["forward_return"]].set_axis(["21D"], axis=1), quantiles=5
            )
        pd.testing.assert_frame_equal(
            to_alphalens(labels), expected, check_freq=False, check_index_type=False
        )
