"""What every registered factor must keep, and that a factor which does not is caught."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from factor_market import PRICES, make_bars, with_lines

from attngru_bt.data.bars import Bars
from attngru_bt.factors import FactorHistory, Registry, compute, factor, registry
from attngru_bt.factors.engine import total_lookback

NAMES = registry.names()
CUTS = (301, 950, 1001, 1333, 1899)


def close_enough(got: np.ndarray, want: np.ndarray, tolerance: float = 1e-9) -> None:
    """Equal to 1e-9 relative; near zero, of the factor's own median size."""
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    size = np.abs(want[np.isfinite(want)])
    unit = np.median(size) if len(size) else 0.0
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * unit)


def scrambled(bars: Bars, after: int, seed: int = 1) -> Bars:
    rng = np.random.default_rng(seed)
    lines = {}
    for name, values in bars.lines.items():
        lines[name] = values.copy()
        lines[name][after + 1 :] *= rng.uniform(0.2, 5, values[after + 1 :].shape)
    lost = rng.random(bars["close"].shape) < 0.3
    lost[: after + 1] = False
    for values in lines.values():
        values[lost] = np.nan
    market = bars.benchmark.copy()
    market[after + 1 :] *= rng.uniform(0.5, 2, len(market) - after - 1)
    return Bars(bars.dates, bars.assets, lines, market)


# Each check takes whatever registry it is given: the library's, or one with a planted bug.


def check_future(bars: Bars, names: tuple[str, ...], source: Registry = registry) -> None:
    whole = compute(bars, names, source=source)[0]
    for cut in CUTS:
        day = bars.dates[cut : cut + 1]
        past, _ = compute(bars.rows(0, cut + 1), names, source=source)
        np.testing.assert_array_equal(past, whole[: cut + 1])
        other, _ = compute(scrambled(bars, cut), names, at=bars.dates[: cut + 1], source=source)
        np.testing.assert_array_equal(other, whole[: cut + 1])
        one, _ = compute(bars, names, at=day, source=source)
        for j in range(len(names)):
            close_enough(one[0, :, j], whole[cut, :, j])


def check_lookback(smooth: Bars, name: str, raw: bool, source: Registry = registry) -> None:
    n = total_lookback(source[name], raw, source)
    if n is None:
        return
    assert n <= len(smooth), f"the test's bars are too few for {name}: {n}"
    want, _ = compute(smooth, [name], raw=raw, at=smooth.dates[-1:], source=source)
    tail = smooth.rows(len(smooth) - n, len(smooth))
    got, _ = compute(tail, [name], raw=raw, at=smooth.dates[-1:], source=source)
    assert np.isfinite(want).all()
    close_enough(got, want)


def check_degree(smooth: Bars, name: str, source: Registry = registry) -> None:
    factor = source[name]
    amounts = {"amount": smooth["amount"]}
    wanted = {raw: compute(smooth, [name], raw=raw, source=source)[0] for raw in (True, False)}
    for lines, degree in (
        ({k: smooth[k] * 3.7 for k in PRICES} | amounts, factor.degree),
        ({"volume": smooth["volume"] * 3.7}, factor.volume_degree),
        ({"amount": smooth["amount"] * 3.7}, factor.amount_degree),
    ):
        other = with_lines(smooth, lines)
        for raw, want in wanted.items():
            got = compute(other, [name], raw=raw, source=source)[0]
            close_enough(got, want * 3.7 ** (degree if raw else 0))


def check_alone(bars: Bars, names: tuple[str, ...], source: Registry = registry) -> None:
    whole = compute(bars, names, source=source)[0]
    for j, asset in enumerate(bars.assets):
        alone, _ = compute(bars.select([asset]), names, source=source)
        np.testing.assert_array_equal(alone[:, 0], whole[:, j])


def check_history(smooth: Bars, name: str, source: Registry = registry) -> None:
    values = compute(smooth.rows(0, 1100), [name], source=source)[0][:, :, 0]
    first = np.isfinite(values).argmax(axis=0)
    if name in ("DDNBT", "DDNCR", "DDNSR"):  # begin with the twentieth day of a falling market
        assert (first >= source[name].history - 1).all()
    else:
        np.testing.assert_array_equal(first, source[name].history - 1)
    assert np.isfinite(values[first.max() :]).all()


@pytest.fixture(scope="module")
def bars() -> Bars:
    return make_bars()


@pytest.fixture(scope="module")
def smooth() -> Bars:
    return make_bars(n_days=2050, n_assets=2, seed=3, rough=False)


class TestEveryFactor:
    @pytest.mark.slow
    def test_does_not_change_when_the_future_does(self, bars: Bars) -> None:
        check_future(bars, NAMES)

    @pytest.mark.parametrize("raw", [True, False])
    @pytest.mark.parametrize("name", NAMES)
    def test_declared_lookback_reproduces_the_last_value(
        self, smooth: Bars, name: str, raw: bool
    ) -> None:
        check_lookback(smooth, name, raw)

    @pytest.mark.slow
    @pytest.mark.parametrize("name", NAMES)
    def test_scales_by_its_declared_degree(self, smooth: Bars, name: str) -> None:
        check_degree(smooth.rows(0, 1100), name)

    @pytest.mark.slow
    def test_is_the_same_for_a_symbol_alone(self, bars: Bars) -> None:
        check_alone(bars, NAMES)

    @pytest.mark.parametrize("name", NAMES)
    def test_begins_when_there_is_enough_history(self, smooth: Bars, name: str) -> None:
        check_history(smooth, name)

    @pytest.mark.parametrize("raw", [True, False])
    def test_has_no_infinities_and_nothing_without_a_trade(self, bars: Bars, raw: bool) -> None:
        values, _ = compute(bars, NAMES, raw=raw)
        assert not np.isinf(values).any()
        assert np.isnan(values[~bars.traded]).all()
        assert np.isfinite(values).any(axis=(0, 1)).all()

    @pytest.mark.slow
    @pytest.mark.parametrize("exact", [True, False], ids=["exact", "grouped"])
    @pytest.mark.parametrize("raw", [True, False], ids=["raw", "scaled"])
    def test_extended_month_by_month_equals_a_full_computation(
        self, bars: Bars, raw: bool, exact: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole, _ = compute(bars, NAMES, raw=raw)
        if exact:  # each factor gets the bars it declares, not the more of its group
            spans = {total_lookback(f, raw) for f in registry}
            monkeypatch.setattr(
                "attngru_bt.factors.engine.GROUPS", tuple(sorted(s for s in spans if s))
            )
        history = FactorHistory(NAMES, raw=raw)
        stops = [1500, 1501, 1522, 1543, 1790, 1880, 1900]
        for stop in stops:
            history.extend(bars.rows(0, stop), bars.dates[stop - 1 : stop])
        assert list(history.dates) == [bars.dates[stop - 1] for stop in stops]
        for j, name in enumerate(NAMES):
            want = whole[:, :, j]
            size = np.nanmedian(np.abs(want))
            got, want = history.values[:, :, j], want[[stop - 1 for stop in stops]]
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9 * size, err_msg=name)


class TestSuspensions:
    @pytest.mark.slow
    def test_days_without_a_trade_do_not_exist_on_the_traded_clock(self, bars: Bars) -> None:
        names = tuple(f.name for f in registry if f.clock == "traded")
        whole = compute(bars, names)[0][:, 4]
        here = bars.traded[:, 4]
        lines = {name: values[here, 4:5] for name, values in bars.lines.items()}
        moved = Bars(bars.dates[: here.sum()], ("S4",), lines, bars.benchmark[here])
        np.testing.assert_array_equal(compute(moved, names)[0][:, 0], whole[here])

    def test_the_calendar_clock_carries_the_close_forward(self) -> None:
        bars = make_bars(60, 1, rough=False)
        close = bars["close"].copy()
        close[20:30] = np.nan
        gappy = with_lines(bars, {"close": close})
        values, _ = compute(gappy, ["RC12", "ROC6"], raw=True)
        assert np.isnan(values[20:30]).all()
        assert values[35, 0, 0] == close[35, 0] / close[19, 0]  # 12 sessions ago: suspended
        # six bars before day 35 is day 19: of the gap's ten days none counts
        assert values[35, 0, 1] == 100 * (close[35, 0] / close[19, 0] - 1)


@pytest.fixture
def planted() -> Iterator[Registry]:
    yield Registry()


class TestPlantedBugs:
    """A factor with a classical mistake does not pass."""

    def test_a_centered_window_is_caught(self, bars: Bars, planted: Registry) -> None:
        @factor("bug", lookback=5, into=planted)
        def centered(close, n=5):
            out = np.full_like(close, np.nan)
            out[2:-2] = np.lib.stride_tricks.sliding_window_view(close, n, axis=0).mean(-1)
            return out / close

        with pytest.raises(AssertionError):
            check_future(bars, ("centered",), planted)

    def test_a_full_sample_score_is_caught(self, bars: Bars, planted: Registry) -> None:
        @factor("bug", into=planted)
        def scored(close):
            return close / np.where(np.isnan(close), 0.0, close).max(axis=0)

        with pytest.raises(AssertionError):
            check_future(bars, ("scored",), planted)

    def test_a_backward_fill_is_caught(self, bars: Bars, planted: Registry) -> None:
        @factor("bug", into=planted)
        def filled(turnover):
            import pandas as pd

            return pd.DataFrame(turnover).bfill().to_numpy()

        with pytest.raises(AssertionError):
            check_future(bars, ("filled",), planted)

    @pytest.mark.parametrize("short", [5, 9])
    def test_a_short_lookback_is_caught(self, smooth: Bars, planted: Registry, short: int) -> None:
        @factor("bug", lookback=short, history=1, memory="ema", into=planted)
        def remembered(close):
            from attngru_bt.factors.ops import ema, mean_known

            return mean_known(close, 10, 1) / ema(close, 3)

        with pytest.raises(AssertionError):
            check_lookback(smooth, "remembered", raw=True, source=planted)

    def test_a_wrong_degree_is_caught(self, smooth: Bars, planted: Registry) -> None:
        @factor("bug", degree=0, into=planted)
        def level(close):
            return close - 1

        with pytest.raises(AssertionError):
            check_degree(smooth, "level", planted)

    def test_a_glance_at_other_symbols_is_caught(self, bars: Bars, planted: Registry) -> None:
        @factor("bug", into=planted)
        def relative(close):
            return close / np.where(np.isnan(close), 0.0, close).sum(axis=1, keepdims=True)

        with pytest.raises(AssertionError):
            check_alone(bars, ("relative",), planted)

    def test_a_value_before_its_history_is_caught(self, smooth: Bars, planted: Registry) -> None:
        @factor("bug", lookback=10, history=5, into=planted)
        def early(close, n=10):
            from attngru_bt.factors.ops import mean

            return mean(close, n) / close

        with pytest.raises(AssertionError):
            check_history(smooth, "early", planted)
