"""Registering, resolving, extending; user factors; Uqer files; the manual's page."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factor_market import make_bars, with_lines

from attngru_bt.data.bars import Bars, DataError
from attngru_bt.factors import (
    FactorHistory,
    Registry,
    compute,
    factor,
    join_factor_file,
    ops,
    registry,
    step,
)
from attngru_bt.factors.document import describe, page, scale_of
from attngru_bt.factors.engine import _latest, values_at
from attngru_bt.factors.plan import plan

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bars() -> Bars:
    return make_bars(300, 5, seed=2)


@pytest.fixture
def own() -> Registry:
    return Registry()


class TestRegistry:
    def test_has_all_factors_and_families(self) -> None:
        assert len(registry) == 185
        assert registry.families() == (
            "momentum", "technical", "sentiment", "trading", "value", "fundamental-other",
            "lines",
        )  # fmt: skip
        assert len(registry.names("momentum")) == 50
        off = {f.name for f in registry if not f.default}
        assert {"OBV", "AD", "AD6", "AD20", "PVT", "PVT6", "PVT12", "NVI", "PVI"} <= off

    def test_parameters_are_needs_and_defaults_windows(self, own: Registry) -> None:
        @factor("mine", lookback=lambda n: n + 1, degree=1, into=own)
        def Drift(close, volume=None, n=3):
            return close - ops.lag(close, n)

        drift = own["Drift"]
        assert (drift.inputs, drift.optional, dict(drift.windows)) == (
            ("close",), ("volume",), {"n": 3},
        )  # fmt: skip
        assert (drift.lookback, drift.history, drift.degree) == (4, 4, 1)

    def test_lookbacks_add_up_along_the_graph(self, own: Registry) -> None:
        @step(lookback=3, into=own)
        def first(close):
            return ops.lag(close, 2)

        @factor("mine", into=own)
        def Second(first, n=5):
            return ops.mean(first, n)

        @factor("mine", lookback=2, into=own)
        def Third(Second):
            return ops.diff(Second)

        assert [own[name].lookback for name in own.names()] == [7, 8]

    def test_duplicates_are_refused(self, own: Registry) -> None:
        def Twice(close):
            return close

        factor("mine", into=own)(Twice)
        with pytest.raises(ValueError, match="'Twice' is registered already.*replace=True"):
            factor("mine", into=own)(Twice)
        factor("mine", into=own, replace=True, degree=1)(Twice)
        assert own["Twice"].degree == 1

    def test_unknown_inputs_are_refused_with_the_nearest_name(self, own: Registry) -> None:
        with pytest.raises(ValueError, match="needs 'clsoe'.*did you mean 'close'"):

            @factor("mine", into=own)
            def Typo(clsoe):
                return clsoe

        with pytest.raises(ValueError, match=r"lines=\('my_line',\)"):

            @factor("mine", into=own)
            def Undeclared(my_line):
                return my_line

    def test_options_are_checked(self, own: Registry) -> None:
        with pytest.raises(ValueError, match="`memory` must be 'finite', .*got 'infinite'"):
            factor("mine", memory="infinite", into=own)
        with pytest.raises(ValueError, match="sets the window 'm'"):
            factor("mine", windows={"A": {"m": 3}}, into=own)(lambda close, n: close)

    def test_clocks_do_not_mix(self, own: Registry) -> None:
        @factor("mine", into=own)
        def Traded(close):
            return close

        with pytest.raises(ValueError, match="runs on the calendar clock and cannot use 'Traded'"):

            @factor("mine", clock="calendar", into=own)
            def Mixed(Traded):
                return Traded

    def test_what_is_computed_at_the_wanted_bars_only_cannot_be_looked_back_on(
        self, own: Registry
    ) -> None:
        @step(into=own)
        def sparse(close, wanted):
            return close * wanted

        with pytest.raises(ValueError, match="look-back on its inputs must be 1"):

            @factor("mine", lookback=5, into=own)
            def Mean(sparse):
                return ops.mean(sparse, 5)

    def test_names_are_found_or_the_nearest_is_named(self, bars: Bars) -> None:
        with pytest.raises(KeyError, match="did you mean 'BIAS5'"):
            registry["BIAS_5"]
        with pytest.raises(ValueError, match="'bais5' is neither.*did you mean 'BIAS5'"):
            compute(bars, ["bais5"])
        with pytest.raises(ValueError, match="Factor 'MA5' is there twice"):
            compute(bars, ["MA5", "MA5"])


class TestMissingLines:
    def test_a_close_only_panel_works_and_says_what_is_left_out(
        self, bars: Bars, caplog: pytest.LogCaptureFixture
    ) -> None:
        only = Bars(bars.dates, bars.assets, {"close": bars["close"]})
        history = FactorHistory()
        with caplog.at_level(logging.INFO):
            history.extend(only, only.dates[-1:])
            history.extend(only, only.dates[-2:])
        assert len(history.columns) >= 50
        assert "VOL5" in history.missing["turnover"]
        assert "volume" in history.missing and "benchmark" in history.missing
        assert set(history.columns).isdisjoint(n for v in history.missing.values() for n in v)
        [record] = caplog.records
        n_missing = len({n for names in history.missing.values() for n in names})
        assert record.getMessage().startswith(f"{n_missing} factors left out")
        assert "turnover (" in record.getMessage()

    def test_a_line_lacking_for_a_factor_asked_for_is_an_error(self, bars: Bars) -> None:
        only = Bars(bars.dates, bars.assets, {"close": bars["close"]})
        with pytest.raises(ValueError, match="'VOL5' needs the line 'turnover'"):
            compute(only, ["MA5", "VOL5"])

    def test_a_line_gone_later_is_an_error(self, bars: Bars) -> None:
        history = FactorHistory(["VOL5"])
        history.extend(bars, bars.dates[100:101])
        only = Bars(bars.dates, bars.assets, {"close": bars["close"]})
        with pytest.raises(ValueError, match="'VOL5' needs the line 'turnover'"):
            history.extend(only, bars.dates[150:151])


class TestUserFactors:
    def test_further_lines_are_factors_as_they_are(self, bars: Bars) -> None:
        mood = np.where(np.arange(5) % 2, bars["close"], np.inf)
        more = with_lines(bars, {"mood": mood})
        values, names = compute(more)
        assert names[-1] == "mood"
        np.testing.assert_array_equal(values[:, 1, -1], bars["close"][:, 1])
        assert np.isnan(values[:, 0, -1]).all()  # no infinities
        assert compute(more, ["mood"])[1] == ("mood",)

    def test_a_line_goes_before_the_factor_of_its_name(self, bars: Bars) -> None:
        given = with_lines(bars, {"ROE": np.full(bars["close"].shape, 7.0)})
        values, names = compute(given)
        assert names.count("ROE") == 1
        assert set(values[:, :, names.index("ROE")][bars.traded]) == {7.0}

    def test_a_users_function_works_like_the_librarys(self, bars: Bars) -> None:
        try:

            @factor("mine", lookback=lambda n: n + 1, lines=("mood",))
            def MoodChange(mood, ROC6, n=2):
                return ops.diff(mood, n) + 0 * ROC6

            more = with_lines(bars, {"mood": bars["close"] * 2})
            values, names = compute(more)
            assert "MoodChange" in names
            want = ops.diff(bars["close"][:, :1] * 2, 2)
            assert bars.traded[:, 0].all()
            np.testing.assert_allclose(values[8:, 0, names.index("MoodChange")], want[8:, 0])
            assert "MoodChange" not in compute(bars)[1]  # no such line: left out
            assert "MoodChange" in describe("MoodChange")
        finally:
            registry.remove("MoodChange")

    def test_what_others_read_too_cannot_be_changed(self, bars: Bars, own: Registry) -> None:
        """In place, the logarithm of the close would reach each factor that is computed later."""

        @factor("mine", lookback=1, into=own)
        def Log(close):
            return np.log(close, out=close)

        @factor("mine", lookback=1, into=own)
        def Close(close):
            return close

        with pytest.raises(ValueError, match="Factor Log changes an input in .*: take a copy"):
            compute(bars, ["Log", "Close"], source=own)


class TestFactorHistory:
    def test_dates_come_in_any_order_and_are_kept_sorted(self, bars: Bars) -> None:
        whole, names = compute(bars)
        history = FactorHistory()
        history.extend(bars, bars.dates[[200, 150]])
        history.extend(bars, bars.dates[[150, 100, 299]])
        assert list(history.dates) == list(bars.dates[[100, 150, 200, 299]])
        assert history.columns == names
        got, want = history.values, whole[[100, 150, 200, 299]]
        size = np.mean(np.abs(np.nan_to_num(whole)), axis=(0, 1)) + 1e-300
        np.testing.assert_allclose(got / size, want / size, rtol=1e-9, atol=1e-9)
        assert history.frame().shape == (20, len(names))
        assert history.frame().index.names == ["date", "asset"]

    def test_assets_may_be_appended_but_not_moved(self, bars: Bars) -> None:
        history = FactorHistory(["MA5"])
        history.extend(bars.select(["S0", "S1"]), bars.dates[100:101])
        history.extend(bars.select(["S0", "S1", "S3"]), bars.dates[120:121])
        assert history.values.shape == (2, 3, 1)
        assert np.isnan(history.values[0, 2, 0]) and np.isfinite(history.values[1, 2, 0])
        with pytest.raises(ValueError, match="Column 1 of the bars was 'S1' and is 'S3' now"):
            history.extend(bars.select(["S0", "S3", "S1"]), bars.dates[130:131])
        with pytest.raises(ValueError, match="Column 2 of the bars was 'S3' and is nothing now"):
            history.extend(bars.select(["S0", "S1"]), bars.dates[130:131])

    @pytest.mark.slow
    def test_assets_not_asked_for_wait_until_they_are(self, bars: Bars) -> None:
        names, days = registry.names(), bars.dates[[150, 152, 200]]
        whole, history = FactorHistory(names), FactorHistory(names)
        for at in (days[:2], days[2:]):
            whole.extend(bars, at)
        history.extend(bars, days[:2], ["S3", "S1"])
        assert np.isnan(history.values[:, [0, 2, 4]]).all()
        np.testing.assert_array_equal(history.values[:, [1, 3]], whole.values[:2, [1, 3]])
        before = history.values.copy()
        history.extend(bars, days[1:], ["S0", "S1"])
        np.testing.assert_array_equal(history.values[:, [0, 1]], whole.values[:, [0, 1]])
        np.testing.assert_array_equal(history.values[:2, 3], before[:, 3])
        again = pickle.loads(pickle.dumps(history))
        for one in (history, again):
            one.extend(bars, days)
            np.testing.assert_array_equal(one.values, whole.values)

    def test_what_was_computed_elsewhere_is_stored(self, bars: Bars) -> None:
        names, at = ["MA5", "ROC6"], bars.dates[[100, 101]]
        whole, history = FactorHistory(names), FactorHistory(names)
        whole.extend(bars, at)
        values = np.moveaxis(whole.values[:, [2, 0]], -1, 0)
        history.put(bars, at, ["S2", "S0"], values + 1)
        np.testing.assert_array_equal(history.values[:, [0, 2]], whole.values[:, [0, 2]] + 1)
        history.extend(bars, at)  # those are there, the others are not
        np.testing.assert_array_equal(history.values[:, [0, 2]], whole.values[:, [0, 2]] + 1)
        np.testing.assert_array_equal(history.values[:, [1, 3]], whole.values[:, [1, 3]])
        with pytest.raises(ValueError, match="of dates not stored yet"):
            history.put(bars, at, ["S2", "S0"], values)
        with pytest.raises(ValueError, match=r"shape \(2, 1, 1\); got \(2, 2, 2\)"):
            history.put(bars, bars.dates[[102]], ["S2"], values)

    def test_what_is_forgotten_is_gone_and_the_rest_stays(self, bars: Bars) -> None:
        names, days = ["MA5", "EMA10"], bars.dates[[150, 152, 200]]
        whole, history = FactorHistory(names), FactorHistory(names)
        for at in (days[:2], days[2:]):
            whole.extend(bars, at)
        history.extend(bars, days[:2], ["S3"])
        history.forget(days[1])
        assert list(history.dates) == [days[1]] and history.n_forgotten == 1
        np.testing.assert_array_equal(history.values[0, 3], whole.values[1, 3])
        history.extend(bars, days[1:])  # S0 is late, with the bits of a pass of both dates
        np.testing.assert_array_equal(history.values, whole.values[1:])
        history.forget(days[0])
        assert len(history.dates) == 2 and history.frame().shape == (10, 2)

    def test_assets_must_be_among_the_bars(self, bars: Bars) -> None:
        with pytest.raises(ValueError, match="'S11' is wanted and not among.*did you mean 'S1'"):
            FactorHistory(["MA5"]).extend(bars, bars.dates[[100]], ["S0", "S11"])

    @pytest.mark.slow
    @pytest.mark.parametrize("picked", [[0, 2, 1, 3], [4, 0], [3], [1, 2, 3], [2, 2]])
    def test_assets_may_be_picked_in_any_order(self, bars: Bars, picked: list[int]) -> None:
        planned, days = plan(bars, registry.names()), np.arange(240, 300)
        whole = values_at(bars, days, planned)
        some = values_at(bars, days, planned, assets=np.array(picked))
        np.testing.assert_array_equal(some, whole[:, :, picked])

    def test_an_asset_without_a_bar_costs_nothing(self, bars: Bars) -> None:
        seen = []

        @factor("mine", lookback=1)
        def Seen(close):
            seen.append(close.shape[1])
            return close

        try:
            gone = bars["close"].copy()
            gone[:, 1:3] = np.nan
            some = Bars(bars.dates, bars.assets, {"close": gone})
            values, _ = compute(some, ["Seen"], at=bars.dates[[200]])
        finally:
            registry.remove("Seen")
        there = ~np.isnan(gone[200])
        assert seen == [there.sum()]
        np.testing.assert_array_equal(~np.isnan(values[0, :, 0]), there)

    def test_dates_must_be_sessions(self, bars: Bars) -> None:
        sunday = pd.DatetimeIndex(["2010-06-06"])
        with pytest.raises(
            ValueError, match="2010-06-06 is not a session.*before it is 2010-06-04"
        ):
            FactorHistory().extend(bars, sunday)

    def test_the_order_of_assets_does_not_matter(self, bars: Bars) -> None:
        names = registry.names()
        turned = bars.select(bars.assets[::-1])
        np.testing.assert_array_equal(compute(turned, names)[0][:, ::-1], compute(bars, names)[0])

    @pytest.mark.slow
    def test_blocks_do_not_matter(self, bars: Bars, monkeypatch: pytest.MonkeyPatch) -> None:
        names = registry.names()
        wide = bars.select([bars.assets[k % 4] for k in range(4)])
        lines = {k: np.tile(v, 6) for k, v in wide.lines.items()}
        many = Bars(bars.dates, tuple(f"A{k}" for k in range(24)), lines, bars.benchmark)
        whole = compute(many, names)[0]
        monkeypatch.setattr("attngru_bt.factors.engine.BLOCK", 1)
        np.testing.assert_array_equal(compute(many, names)[0], whole)

    @pytest.mark.parametrize("raw", [True, False])
    def test_rows_cut_short_for_a_single_day_do_not_matter(
        self, raw: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bars = make_bars(760, 9, seed=4)
        late = np.arange(760)[:, None] < np.array([0, 0, 0, 0, 0, 740, 500, 200, 60])
        some = {name: np.where(late, np.nan, line) for name, line in bars.lines.items()}
        bars = Bars(bars.dates, bars.assets, some, bars.benchmark)
        planned, day = plan(bars, registry.names()), np.array([750])
        seen = []

        def spy(values, n):
            seen.append(n is not None and n < len(values))
            return _latest(values, n)

        monkeypatch.setattr("attngru_bt.factors.engine._latest", spy)
        short = values_at(bars, day, planned, raw=raw)
        assert sum(seen) > 200
        monkeypatch.setattr("attngru_bt.factors.engine._latest", lambda values, n: values)
        whole = values_at(bars, day, planned, raw=raw)
        np.testing.assert_array_equal(short, whole)
        assert np.isfinite(whole[:, 0]).mean() > 0.5

    def test_a_look_back_that_is_declared_too_short_is_not_cut(self, bars: Bars) -> None:
        @factor("mine")  # which looks back on one more bar than it says
        def Short(close, n=5):
            return close / ops.lag(close, n) - 1

        try:
            (one, _), (all_days, _) = (
                compute(bars, ["Short"], at=at) for at in (bars.dates[-1:], bars.dates)
            )
            np.testing.assert_array_equal(one[0], all_days[-1])
            assert np.isfinite(one).any()
        finally:
            registry.remove("Short")

    def test_input_is_not_changed(self, bars: Bars) -> None:
        digest = bars.digest()
        compute(bars, registry.names())
        assert bars.digest() == digest

    def test_nothing_traded_is_nothing_known(self) -> None:
        empty = Bars(
            pd.bdate_range("2020-01-01", periods=9), ("A",), {"close": np.full((9, 1), np.nan)}
        )
        assert np.isnan(compute(empty)[0]).all()


class TestUqerFile:
    @pytest.fixture
    def market(self) -> Bars:
        close = np.array([[1.0, 2.0], [1.1, np.nan], [1.2, 2.2]])
        days = pd.bdate_range("2024-01-01", periods=3)
        return Bars(days, ("sh600000", "sz000001"), {"close": close})

    def test_joins_by_ticker_and_overrides(self, market: Bars, tmp_path: Path) -> None:
        file = tmp_path / "factors.csv"
        file.write_text(
            "secID,ticker,tradeDate,REVS5,FY12P\n"
            "600000.XSHG,600000,2024-01-01,0.5,1\n"
            "000001.XSHE,000001,2024-01-02,0.6,2\n"
            "000001.XSHE,1,2024-01-03,,3\n"
            "300750.XSHE,300750,2024-01-03,0.7,4\n"
        )
        joined = join_factor_file(market, file)
        nan = np.nan
        np.testing.assert_array_equal(joined["FY12P"], [[1, nan], [nan, nan], [nan, 3]])
        values, names = compute(joined, ["REVS5", "FY12P"])
        assert names == ("REVS5", "FY12P")
        np.testing.assert_array_equal(values[:, 0, 0], [0.5, nan, nan])
        assert "FY12P" in compute(joined)[1]

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            ({"ticker": ["600000"], "X": [1]}, "must have a column `ticker`"),
            ({"ticker": ["600000"], "tradeDate": ["2024-01-01"]}, "has no factor column"),
            ({"ticker": ["9"], "tradeDate": ["2024-01-01"], "X": [1]}, "No row of .* fits"),
            ({"ticker": ["600000"] * 2, "tradeDate": ["2024-01-01"] * 2, "X": [1, 2]},
             "more than one row for sh600000 on 2024-01-01"),
            ({"ticker": ["600000"], "tradeDate": ["2024-01-01"], "X": ["high"]},
             "column 'X': 'high' for sh600000 on 2024-01-01 is not a number"),
            ({"ticker": ["600000"], "tradeDate": ["soon"], "X": [1]},
             "600000 in row 1: column 'tradeDate' must be a date .* got 'soon'"),
            ({"ticker": ["600000"], "tradeDate": ["01/02/2024"], "X": [1]}, "or 2024-01-02"),
            ({"ticker": ["600000"], "tradeDate": ["2024-01-01"], "close": [1]},
             "column 'close': is a column of the data already; leave it out or rename it"),
            ({"ticker": ["600000"], "tradeDate": ["2024-01-01"], "open": [1]},
             "column 'open': is a price, not a factor"),
        ],
    )  # fmt: skip
    def test_says_what_is_wrong(self, market: Bars, table: dict, message: str) -> None:
        with pytest.raises(DataError, match=message):
            join_factor_file(market, pd.DataFrame(table))


class TestManual:
    def test_the_page_is_current(self) -> None:
        assert (ROOT / "docs" / "factors.md").read_text() == page(), (
            "run python -m attngru_bt.factors.document > docs/factors.md"
        )

    def test_describes_a_factor(self) -> None:
        text = describe("EMV6")
        assert "high, low, volume" in text
        assert scale_of(registry["EMV6"]) == "close^2 / volume"
        assert "return mean(diff((high + low) / 2)" in text
        assert "{" not in "".join(f.summary for f in registry)


@pytest.mark.slow
@pytest.mark.real
def test_real_panel_has_every_factor_but_dividends(sse50) -> None:
    panel = sse50.bars
    index = sse50.benchmark.reindex(panel.dates)
    opened = np.repeat(index["open"].to_numpy()[:, None], len(panel.assets), axis=1)
    lines = {**panel.lines, "benchmark_open": opened}
    bars = Bars(panel.dates, panel.assets, lines, index["close"].to_numpy())
    names = [name for name in registry.names() if name not in ("CTOP", "CTP5")]
    values, _ = compute(bars, names)
    assert values.shape[2] == 183
    assert np.isfinite(values).any(axis=(0, 1)).all()
    assert not np.isinf(values).any()
    assert np.isnan(values[~bars.traded]).all()
    history = FactorHistory(names)
    history.extend(bars.rows(0, 1180), bars.dates[1179:1180])
    history.extend(bars, bars.dates[-1:])
    size = np.nanmedian(np.abs(values), axis=(0, 1))
    gap = np.abs(history.values[-1] - values[-1])
    allowed = 1e-9 * (np.abs(values[-1]) + size)
    assert (np.isnan(gap) == np.isnan(values[-1])).all()
    assert (gap <= allowed)[np.isfinite(gap)].all()


@pytest.mark.parametrize("answer", [None, 3.0, "flat"])
def test_a_function_that_returns_no_array_of_its_inputs_is_named(answer):
    @factor("momentum", lookback=1)
    def Odd(close):
        return close[:, 0] if answer == "flat" else answer

    try:
        with pytest.raises(ValueError, match=r"Factor Odd: .*\(bars, assets\); got"):
            compute(make_bars(300), ["Odd"])
    finally:
        registry.remove("Odd")


class TestRoomToSpare:
    """Months and assets are appended in place; what was handed out before does not change."""

    @pytest.fixture
    def many(self) -> Bars:
        return make_bars(420, 14, seed=11)

    def test_month_by_month_with_new_assets_equals_all_at_once(self, many: Bars) -> None:
        history, handed, ends = FactorHistory(["MA5", "ROC6", "EMA5"]), [], range(200, 420, 11)
        for k, end in enumerate(ends):
            n = min(3 + k, 14)
            seen = Bars(
                many.dates[: end + 1],
                many.assets[:n],
                {name: line[: end + 1, :n] for name, line in many.lines.items()},
            )
            history.extend(seen, many.dates[[end]])
            handed.append((history.values, history.values.copy()))
        want, _ = compute(many, history.columns, at=many.dates[list(ends)])
        for k in range(len(ends)):  # an asset is there from the month on that the bars had it
            n = min(3 + k, 14)
            np.testing.assert_allclose(history.values[k, :n], want[k, :n], rtol=1e-12)
            assert np.isnan(history.values[k, n:]).all()
        history.extend(many, many.dates[[150]])  # an earlier date: all move
        np.testing.assert_allclose(
            history.values[0], compute(many, history.columns, at=many.dates[[150]])[0][0]
        )
        for values, copy in handed:
            np.testing.assert_array_equal(values, copy)

    @pytest.mark.slow
    def test_what_is_stored_is_seldom_copied(self, many: Bars) -> None:
        history, stores = FactorHistory(["MA5"]), {}
        for end in range(20, 420):
            history.extend(many, many.dates[[end]])
            stores[id(history.values.base)] = history.values  # alive, so no address comes twice
        assert len(stores) <= 8
        assert history.values.shape == (400, 14, 1)

    def test_a_pickle_has_no_room_to_spare(self, many: Bars) -> None:
        history = FactorHistory(["MA5", "ROC6"])
        history.extend(many, many.dates[:300])
        pickled = pickle.dumps(history)
        assert len(pickled) < 1.2 * history.values.nbytes  # with room to spare 1.6 times as much
        again = pickle.loads(pickled)
        again.extend(many, many.dates[-1:])
        history.extend(many, many.dates[-1:])
        np.testing.assert_array_equal(again.values, history.values)


def test_a_registry_goes_back_to_a_snapshot(own: Registry) -> None:
    @factor("mine", into=own)
    def First(close):
        return close

    before = own.snapshot()

    @step(into=own, stands_for="amount")
    def made_up(volume):
        return volume

    @factor("mine", into=own, replace=True)
    def First(close):  # noqa: F811
        return 2 * close

    assert set(own.nodes) == {"First", "made_up"} and own.node("amount") is own.nodes["made_up"]
    own.remove("made_up")
    assert own.node("amount") is None
    own.restore(before)
    assert own == before and own["First"].function(3) == 3
    own.remove("First")
    assert "First" in before, "a snapshot stays as it is"
    with pytest.raises(TypeError):
        own.nodes["x"] = None


@pytest.mark.parametrize(
    "quotes",
    [
        '"{}"',
        "'{}'",
        'r"""{}"""',
        '''"""{}

    More of it.
    """''',
        None,
    ],
)
def test_a_formula_has_no_docstring(quotes, own: Registry, tmp_path: Path) -> None:
    doc = "" if quotes is None else "    " + quotes.format("What it is.") + "\n"
    path = tmp_path / "written.py"
    path.write_text(
        "def Written(\n    close,\n    n=3,\n):\n" + doc + "    # why\n    y = close\n\n"
        "    return 'a: \\'kept\\'' and y / n\n"
    )
    space: dict[str, object] = {}
    exec(compile(path.read_text(), str(path), "exec"), space)
    factor("mine", into=own)(space["Written"])
    assert own["Written"].formula == "# why\ny = close\n\nreturn 'a: \\'kept\\'' and y / n"
