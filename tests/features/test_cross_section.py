"""Cross-sections, labels and sequences."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from attngru_bt.features import rows as samples
from attngru_bt.features.components import Components
from attngru_bt.features.cross_section import CrossSection, month_ends, step_positions
from attngru_bt.features.labels import forward_returns, mean_ranks, rank_targets, top_labels
from attngru_bt.features.rows import row_frame, sequences

DATES = pd.bdate_range("2020-01-28", "2020-04-03")


def section(date, assets, values, close=None):
    values = np.asarray(values, dtype=np.float32)
    columns = tuple(f"f{i}" for i in range(values.shape[2]))
    close = np.ones(len(assets)) if close is None else np.asarray(close)
    return CrossSection(pd.Timestamp(date), tuple(assets), columns, values, close)


class TestValues:
    def test_month_ends_are_last_sessions_and_the_last_date(self):
        assert [str(d.date()) for d in DATES[month_ends(DATES)]] == [
            "2020-01-31", "2020-02-28", "2020-03-31", "2020-04-03",
        ]  # fmt: skip

    def test_a_year_between_two_januaries_is_two_months(self):
        dates = pd.DatetimeIndex(["2020-01-30", "2021-01-04"])
        assert list(month_ends(dates)) == [0, 1]

    def test_no_dates_no_month_ends(self):
        assert len(month_ends(pd.DatetimeIndex([]))) == 0

    def test_daily_steps_end_at_the_month_end(self):
        assert list(step_positions(DATES, 3, 3, "day")) == [1, 2, 3]
        assert list(step_positions(DATES, 1, 4, "day")) == [-1, -1, 0, 1]

    def test_monthly_steps_are_month_ends(self):
        march = month_ends(DATES)[2]
        january, february = month_ends(DATES)[:2]
        assert list(step_positions(DATES, march, 4, "month")) == [-1, january, february, march]

    def test_labels_mark_the_best_returns(self):
        returns = np.array([0.1, np.nan, 0.3, -0.2, 0.3])
        np.testing.assert_array_equal(top_labels(returns, 2), [0, np.nan, 1, 0, 1])

    def test_ties_go_to_the_first_name(self):
        np.testing.assert_array_equal(top_labels(np.array([0.1, 0.1, 0.1]), 1), [1, 0, 0])

    def test_forward_returns_are_fractions(self):
        returns = forward_returns(np.array([10.0, 8.0, np.nan]), np.array([11.0, 6.0, 5.0]))
        np.testing.assert_allclose(returns, [0.1, -0.25, np.nan])

    def test_labels_are_unknown_before_the_month_has_ended(self):
        s = section("2020-01-31", "AB", np.zeros((2, 1, 1)))
        assert np.isnan(s.labels(1)).all()
        s.returns = np.array([0.1, 0.2])
        np.testing.assert_array_equal(s.labels(1), [0, 1])

    def test_rows_carry_date_and_asset(self):
        jan = section("2020-01-31", "BC", [[[1, 2]], [[3, 4]]])
        feb = section("2020-02-28", "AC", [[[5, 6]], [[7, 8]]])
        frame = row_frame([jan, feb])
        assert list(frame.index) == [
            (jan.date, "B"), (jan.date, "C"), (feb.date, "A"), (feb.date, "C"),
        ]  # fmt: skip
        np.testing.assert_array_equal(frame["f1"], [2, 4, 6, 8])

    def test_sequences_keep_steps_in_order_and_missing_steps_missing(self):
        values = np.array([[[np.nan, np.nan], [3, 4]], [[5, np.nan], [7, 8]]])
        out = sequences([section("2020-01-31", "AB", values)], None)
        assert out.shape == (2, 2, 2)
        np.testing.assert_array_equal(out, values)

    def test_filling_does_not_reach_missing_steps(self):
        class Fill:
            def transform(self, frame):
                return frame.fillna(0.0)

        values = np.array([[[np.nan, np.nan], [3, np.nan]]])
        out = sequences([section("2020-01-31", "A", values)], Fill())
        np.testing.assert_array_equal(out, [[[np.nan, np.nan], [3, 0]]])


def test_blocks_of_rows_change_no_bit(monkeypatch):
    rng = np.random.default_rng(0)
    months = [section(f"2020-{m:02d}-28", "ABCDE", rng.normal(size=(5, 3, 2))) for m in range(1, 8)]
    prepare = Components(n_components=1).fit(row_frame(months))
    whole = sequences(months, prepare)
    seen = []
    monkeypatch.setattr(samples, "BLOCK", 12)
    monkeypatch.setattr(
        samples, "_block", lambda s, t, real=samples._block: seen.append(len(s)) or real(s, t)
    )
    assert sequences(months, prepare).tobytes() == whole.tobytes()
    assert seen == [3, 3, 1]  # months stay whole


class TestProperties:
    @pytest.mark.slow
    @given(
        st.lists(st.floats(-0.9, 5) | st.just(float("nan")), min_size=1, max_size=60),
        st.integers(1, 70),
    )
    def test_top_labels_count_and_order(self, returns, topk):
        returns = np.array(returns)
        labels = top_labels(returns, topk)
        known = ~np.isnan(returns)
        assert np.array_equal(np.isnan(labels), ~known)
        assert np.nansum(labels) == min(topk, known.sum())
        if 0 < np.nansum(labels) < known.sum():
            assert returns[labels == 1].min() >= returns[labels == 0].max()

    @pytest.mark.slow
    @given(st.lists(st.sampled_from([-0.5, -0.0, 0.0, 0.1, 0.7]) | st.floats(-1, 1), max_size=40))
    def test_mean_ranks_are_those_of_scipy_to_the_bit(self, values):
        values = np.array(values, dtype=float)
        assert mean_ranks(values).tobytes() == rankdata(values).tobytes()

    @pytest.mark.slow
    @given(st.lists(st.sampled_from([-0.5, 0.0, 0.1, 0.2, 0.7, float("nan")]), max_size=30))
    def test_ranks_run_from_minus_one_to_one(self, returns):
        returns = np.array(returns, dtype=float)
        ranks = rank_targets(returns)
        known = ~np.isnan(returns)
        assert np.array_equal(np.isnan(ranks), ~known)
        assert abs(ranks[known].sum()) < 1e-9 and (np.abs(ranks[known]) <= 1).all()
        order = np.argsort(returns[known], kind="stable")
        assert (np.diff(ranks[known][order]) >= 0).all()
        if len(set(returns[known])) == known.sum() > 1:
            np.testing.assert_allclose(np.sort(ranks[known]), np.linspace(-1, 1, known.sum()))


@pytest.mark.parametrize("step", ["day", "month"])
def test_steps_use_nothing_after_the_month_end(step):
    for end in range(len(DATES)):
        cut = step_positions(DATES[: end + 1], end, 5, step)
        full = step_positions(DATES, end, 5, step)
        np.testing.assert_array_equal(cut, full)
        assert full.max() == end
