"""Characteristics by hand, exposures, and scores without them."""

import numpy as np
import pandas as pd
import pytest

from attngru_bt import make_market
from attngru_bt.data.bars import Bars
from attngru_bt.evaluation.characteristics import characteristics, groups
from attngru_bt.evaluation.exposures import exposures, group_ic, neutral_scores
from attngru_bt.evaluation.quality import rank_ic
from attngru_bt.evaluation.ranks import row_correlation


@pytest.fixture(scope="module")
def bars():
    return make_market(n_assets=9, n_days=420, seed=3).bars


@pytest.fixture(scope="module")
def month_ends(bars):
    return bars.dates[[100, 330, 419]]


class TestCharacteristics:
    def test_by_hand(self, bars, month_ends):
        found = characteristics(bars, month_ends, pd.Index(["gone", *bars.assets]))
        assert all(
            table.shape == (3, 10) and table["gone"].isna().all() for table in found.values()
        )
        close = pd.DataFrame(bars["close"], bars.dates, list(bars.assets))
        for name in bars.assets:
            closes = close[name]
            daily = (closes / closes.ffill().shift() - 1).iloc[419 - 62 : 420].dropna()
            if len(daily) >= 42:
                value = found["volatility"].loc[month_ends[2], name]
                assert value == pytest.approx(daily.std())
            known = closes.ffill()
            value = found["reversal"].loc[month_ends[1], name]
            expected = 1 - known.iloc[330] / known.iloc[330 - 21]
            assert value == pytest.approx(expected, nan_ok=True)
            value = found["momentum"].loc[month_ends[1], name]
            expected = known.iloc[330 - 21] / known.iloc[330 - 252] - 1
            assert value == pytest.approx(expected, nan_ok=True)
        assert found["momentum"].loc[month_ends[0]].isna().all()

    def test_later_bars_change_nothing(self, bars, month_ends):
        early = characteristics(bars.until(month_ends[1]), month_ends[:2], pd.Index(bars.assets))
        late = characteristics(bars, month_ends[:2], pd.Index(bars.assets))
        for name, table in early.items():
            pd.testing.assert_frame_equal(table, late[name])

    def test_groups_need_their_line(self, bars, month_ends):
        assert groups(bars, month_ends, pd.Index(bars.assets)) is None
        close = bars["close"]
        with_sector = Bars(
            bars.dates, bars.assets, {"close": close, "sector": np.full_like(close, 3.0)}
        )
        found = groups(with_sector, month_ends, pd.Index(bars.assets))
        assert (found == 3.0).all().all()


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(0)
    index = pd.date_range("2015-01-31", periods=20, freq="ME")
    size, other, skill = (pd.DataFrame(rng.normal(0, 1, (20, 60)), index) for _ in range(3))
    size[rng.random((20, 60)) < 0.1] = np.nan
    return {"size": size, "other": other}, size + 0.5 * skill, skill + 0.3 * size


class TestNeutral:
    def test_exposures(self, tables):
        kinds, scores, _ = tables
        found = exposures(scores, kinds)
        month = scores.index[3]
        assert found.loc[month, "size"] == pytest.approx(
            rank_ic(scores.loc[month], kinds["size"].loc[month])
        )
        assert found["size"].mean() > 0.8 and abs(found["other"].mean()) < 0.1

    def test_what_is_left_has_no_correlation_with_the_ranks_taken_out(self, tables):
        kinds, scores, returns = tables
        left = neutral_scores(scores, kinds)
        for kind in kinds.values():
            rank = kind.where(left.notna()).rank(axis=1)
            for month in scores.index:
                assert abs(rank.loc[month].corr(left.loc[month])) < 1e-9
        ic = row_correlation(left.to_numpy(), returns.to_numpy())
        assert np.nanmean(ic) > 0.5
        assert (left.notna() == kinds["size"].notna()).all().all()

    def test_a_score_that_is_a_characteristic_leaves_nothing(self, tables):
        kinds, _, _ = tables
        assert neutral_scores(kinds["size"] * 3 + 1, kinds).isna().all().all()
        few = {name: kind.iloc[:, :3] for name, kind in kinds.items()}
        assert neutral_scores(tables[1].iloc[:, :3], few).isna().all().all()

    def test_ic_within_groups(self, tables):
        _, scores, returns = tables
        group = pd.DataFrame(np.tile(np.arange(60) % 2, (20, 1)), scores.index).astype(float)
        group[0] = 9.0
        found = group_ic(scores, returns, group)
        assert found.index.tolist() == [0.0, 1.0]  # the third group is one stock
        own = [rank_ic(scores.iloc[i, 1::2], returns.iloc[i, 1::2]) for i in range(20)]
        assert found.loc[1.0, "mean"] == pytest.approx(np.mean(own))
