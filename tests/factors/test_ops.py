"""Rolling operations against plain pandas, and what they promise about windows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from attngru_bt.factors import ops
from attngru_bt.factors.regress import regression

ROLLING = {
    "total": (ops.total, lambda r, n: r.sum()),
    "mean": (ops.mean, lambda r, n: r.mean()),
    "std": (ops.std, lambda r, n: r.std()),
    "var": (ops.var, lambda r, n: r.var()),
    "highest": (ops.highest, lambda r, n: r.max()),
    "lowest": (ops.lowest, lambda r, n: r.min()),
    "median": (ops.median, lambda r, n: r.median()),
    "mean_deviation": (
        ops.mean_deviation,
        lambda r, n: r.apply(lambda w: abs(w - w.mean()).mean()),
    ),
    "skewness": (
        ops.skewness,
        lambda r, n: r.apply(lambda w: ((w - w.mean()) ** 3).mean() / w.std(ddof=0) ** 3),
    ),
    "slope": (ops.slope, lambda r, n: r.apply(lambda w: np.polyfit(range(n), w, 1)[0])),
    "mean_linear": (
        ops.mean_linear,
        lambda r, n: r.apply(lambda w: np.average(w, weights=range(1, n + 1))),
    ),
}  # fmt: skip


def walk(n_bars: int = 130, n_assets: int = 3, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 50 + rng.normal(size=(n_bars, n_assets)).cumsum(axis=0)


def in_windows(x: np.ndarray, n: int, oracle) -> np.ndarray:
    return oracle(pd.DataFrame(x).rolling(n), n).to_numpy()


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 3, 5, 8, 13, 20, 31, 64, 100])
@pytest.mark.parametrize("name", ROLLING)
def test_equals_pandas(name: str, n: int) -> None:
    operation, oracle = ROLLING[name]
    if name == "skewness" and n == 2:
        return  # always 0
    x = walk()
    np.testing.assert_allclose(operation(x, n), in_windows(x, n, oracle), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n", [5, 20, 61])
@pytest.mark.parametrize("name", ROLLING)
def test_a_missing_value_is_missing_in_its_windows_only(name: str, n: int) -> None:
    operation, _ = ROLLING[name]
    x = walk()
    holed = x.copy()
    holed[30, 1] = np.nan
    want = operation(x, n)
    want[30 : 30 + n, 1] = np.nan
    np.testing.assert_array_equal(operation(holed, n), want)


@pytest.mark.parametrize("name", ROLLING)
def test_a_spike_leaves_nothing_behind(name: str) -> None:
    operation, _ = ROLLING[name]
    x = walk()
    spiked = x.copy()
    spiked[30] = 1e8
    got, want = operation(spiked, 20), operation(x, 20)
    np.testing.assert_array_equal(got[50:], want[50:])
    np.testing.assert_array_equal(got[:30], want[:30])


@pytest.mark.parametrize("n", [4, 20, 33])
@pytest.mark.parametrize("name", ROLLING)
def test_it_does_not_matter_where_the_history_begins(name: str, n: int) -> None:
    operation, _ = ROLLING[name]
    x = walk()
    np.testing.assert_array_equal(operation(x[37:], n)[n - 1 :], operation(x, n)[37 + n - 1 :])


@pytest.mark.parametrize("name", ROLLING)
def test_a_window_longer_than_the_history_is_not_known(name: str) -> None:
    operation, _ = ROLLING[name]
    assert np.isnan(operation(walk(10), 11)).all()
    assert operation(walk(10), 11).shape == (10, 3)


@pytest.mark.slow
@settings(max_examples=60)
@given(
    arrays(float, st.tuples(st.integers(1, 40), st.integers(1, 3)),
           elements=st.floats(-1e6, 1e6) | st.just(np.nan)),
    st.integers(1, 12),
)  # fmt: skip
def test_extremes_and_their_age_agree_with_a_loop(x: np.ndarray, n: int) -> None:
    top, age = ops.highest(x, n), ops.since_highest(x, n)
    bottom, low_age = ops.lowest(x, n), ops.since_lowest(x, n)
    for i in range(len(x)):
        for j in range(x.shape[1]):
            window = x[max(i - n + 1, 0) : i + 1, j]
            if len(window) < n or np.isnan(window).any():
                assert np.isnan([top[i, j], age[i, j], bottom[i, j], low_age[i, j]]).all()
            else:
                assert (top[i, j], bottom[i, j]) == (window.max(), window.min())
                assert age[i, j] == np.argmax(window[::-1])
                assert low_age[i, j] == np.argmin(window[::-1])


def test_extremes_of_every_third_bar() -> None:
    x = walk()
    want = np.max([ops.lag(x, 3 * k) for k in range(5)], axis=0)
    np.testing.assert_array_equal(ops.highest(x, 5, every=3), want)


def test_known_values_only() -> None:
    x = np.array([[1.0], [np.nan], [3.0], [5.0]])
    np.testing.assert_array_equal(ops.total_known(x, 3)[:, 0], [1, 1, 4, 8])
    np.testing.assert_array_equal(ops.count(x, 3)[:, 0], [1, 1, 2, 2])
    np.testing.assert_array_equal(ops.mean_known(x, 3, least=2)[:, 0], [np.nan, np.nan, 2, 4])


class TestExponential:
    def test_equals_pandas(self) -> None:
        x = walk()
        want = pd.DataFrame(x).ewm(span=10, adjust=False).mean()
        np.testing.assert_allclose(ops.ema(x, 10), want, rtol=1e-13)

    def test_passes_over_missing_values(self) -> None:
        x = walk()
        x[:7, 0] = np.nan
        x[50:60, 1] = np.nan
        x[100:, 2] = np.nan
        got = ops.ema(x, 10)
        np.testing.assert_array_equal(np.isnan(got), np.isnan(x))
        for j in range(3):
            known = ~np.isnan(x[:, j])
            want = pd.Series(x[known, j]).ewm(span=10, adjust=False).mean()
            np.testing.assert_allclose(got[known, j], want, rtol=1e-13)

    def test_settles_after_the_bars_it_says(self) -> None:
        for n in (5, 26, 120):
            bars = ops.settle(n)
            assert (1 - 2 / (n + 1)) ** (bars - 1) <= ops.FORGOTTEN
            assert (1 - 2 / (n + 1)) ** (bars - 3) > ops.FORGOTTEN

    def test_wilder_starts_from_a_plain_mean(self) -> None:
        x = np.array([[np.nan], [1.0], [2.0], [6.0], [7.0]])
        np.testing.assert_allclose(ops.smooth(x, 3)[:, 0], [np.nan, np.nan, np.nan, 3, 13 / 3])

    @pytest.mark.parametrize("operation", [ops.ema, ops.smooth])
    def test_gaps_and_late_starts_of_other_assets_do_not_matter(self, operation) -> None:
        x = walk(60, 4)
        x[:7, 1] = x[:40, 2] = x[50:, 2] = np.nan
        x[20:30, 3] = np.nan
        got = operation(x, 5)
        for j in range(4):
            known = np.isfinite(x[:, j])
            assert np.isnan(got[~known, j]).all()
            alone = operation(x[known, j : j + 1], 5)[:, 0]
            np.testing.assert_array_equal(got[known, j], alone)


def test_variances_of_doubled_windows() -> None:
    x = walk()
    for n, got in zip((5, 10, 20, 40, 80, 160), ops.vars_doubling(x, 5, ddof=0), strict=False):
        want = pd.DataFrame(x).rolling(n).var(ddof=0).to_numpy()
        np.testing.assert_allclose(got, want, rtol=1e-9)


class TestRegression:
    @pytest.fixture(autouse=True)
    def quiet(self) -> Iterator[None]:
        with np.errstate(all="ignore"):  # as the engine does
            yield

    @pytest.fixture
    def sample(self) -> tuple[np.ndarray, list[np.ndarray]]:
        rng = np.random.default_rng(0)
        x = [rng.normal(size=(150, 4)), rng.normal(size=(150, 1)), rng.normal(size=(150, 4))]
        y = 1 + 2 * x[0] - x[1] + rng.normal(size=(150, 4))
        y[rng.random(y.shape) < 0.1] = np.nan
        x[2][60:90, 2] = np.nan
        return y, x

    @pytest.mark.parametrize("n", [20, 23, 60])
    def test_equals_least_squares_window_by_window(self, sample, n: int) -> None:
        y, x = sample
        slopes, variance = regression(y, x, n, least=10)
        for row in (5, 9, 19, 22, 63, 99, 149):
            for j in range(4):
                rows = slice(max(row - n + 1, 0), row + 1)
                a = np.column_stack([np.broadcast_to(c, y.shape)[rows, j] for c in x])
                known = np.isfinite(y[rows, j]) & np.isfinite(a).all(axis=1)
                if known.sum() < 10:
                    assert np.isnan([s[row, j] for s in slopes]).all()
                    assert np.isnan(variance[row, j])
                    continue
                a = np.column_stack([np.ones(known.sum()), a[known]])
                b = np.linalg.lstsq(a, y[rows, j][known], rcond=None)[0]
                rest = y[rows, j][known] - a @ b
                np.testing.assert_allclose([s[row, j] for s in slopes], b[1:], rtol=1e-9)
                np.testing.assert_allclose(variance[row, j], rest @ rest / (len(rest) - 4))

    def test_only_the_bars_wanted(self, sample) -> None:
        y, x = sample
        wanted = np.zeros(y.shape, dtype=bool)
        wanted[120, 1:] = True
        (slope, *_), variance = regression(y, x, 60, 10, wanted)
        (every, *_), all_variance = regression(y, x, 60, 10)
        assert np.isnan(slope[~wanted]).all()
        np.testing.assert_allclose(slope[120, 1:], every[120, 1:], rtol=1e-12)
        np.testing.assert_allclose(variance[120, 1:], all_variance[120, 1:], rtol=1e-12)

    def test_only_the_coefficients_wanted(self, sample) -> None:
        y, x = sample
        every, variance = regression(y, x, 60, 10)
        one, same = regression(y, x, 60, 10, n_slopes=1)
        np.testing.assert_array_equal(one, every[:1])
        np.testing.assert_array_equal(same, variance)

    @pytest.mark.parametrize("n", [20, 60, 400])
    def test_only_the_later_bars_wanted(self, sample, n: int) -> None:
        y, x = sample
        wanted = np.zeros(y.shape, dtype=bool)
        wanted[83:] = True
        (slope, *_), _ = regression(y, x, n, 10, wanted)
        (every, *_), _ = regression(y, x, n, 10)
        assert np.isnan(slope[:83]).all() and np.isfinite(slope[100:]).any()
        np.testing.assert_allclose(slope[83:], every[83:], rtol=1e-10)

    def test_assets_do_not_see_each_other(self) -> None:
        rng = np.random.default_rng(1)
        y, x = rng.normal(size=(100, 50)), [rng.normal(size=(100, 50)), rng.normal(size=(100, 1))]
        (many, *_), _ = regression(y, x, 20, 10)
        for j in (0, 17, 49):
            (one, *_), _ = regression(y[:, [j]], [x[0][:, [j]], x[1]], 20, 10)
            np.testing.assert_array_equal(one[:, 0], many[:, j])

    def test_a_spike_leaves_nothing_behind(self, sample) -> None:
        y, x = sample
        (want, *_), _ = regression(y, x, 20, 10)
        y[40] = 1e8
        (got, *_), _ = regression(y, x, 20, 10)
        np.testing.assert_array_equal(got[60:], want[60:])

    def test_regressors_that_repeat_each_other_have_no_answer(self, sample) -> None:
        y, x = sample
        slopes, _ = regression(y, [x[0], 2 * x[0]], 60, 10)
        assert np.isnan(slopes[0]).all()


@pytest.mark.parametrize("n_bars", [0, 1, 2, 7, 8, 9, 16, 17, 63, 64, 65, 300])
@pytest.mark.parametrize(("alpha", "seed"), [(0.3, None), (2 / 3, 50.0), (0.01, None), (1.0, None)])
def test_ema_bar_by_bar_whatever_the_length(n_bars: int, alpha: float, seed: float | None) -> None:
    x = np.random.default_rng(n_bars).normal(20, 5, (n_bars, 3))
    want = np.empty_like(x)
    for t in range(n_bars):
        last = (x[0] if seed is None else seed) if t == 0 else want[t - 1]
        want[t] = last + alpha * (x[t] - last)
    np.testing.assert_allclose(ops.ema(x, alpha=alpha, seed=seed), want, rtol=1e-13)


def test_ema_of_a_bar_does_not_see_the_next_ones() -> None:
    x = np.random.default_rng(1).normal(20, 5, (50, 3))
    for t in range(1, 50):
        np.testing.assert_array_equal(ops.ema(x[:t], 5), ops.ema(x, 5)[:t])
