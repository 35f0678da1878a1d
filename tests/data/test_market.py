"""Markets: folders, the embedded data, and the synthetic market's promises."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attngru_bt.data import load, load_sp500, make_market
from attngru_bt.data.bars import DataError
from attngru_bt.data.files import read_table


def rows_of(bars) -> pd.DataFrame:
    frame = pd.DataFrame({name: bars.frame(name).stack() for name in bars.lines})
    frame = frame.rename_axis(["date", "symbol"]).reset_index()
    return frame[frame["close"].notna()].sort_values(["symbol", "date"])


def rank_ic(market) -> np.ndarray:
    """Spearman of -pb at each month-end with the return to the next, by pandas."""
    close, pb = market.bars.frame("close"), market.bars.frame("pb")
    ends = close.index.to_series().groupby(close.index.to_period("M")).max()
    close, pb = close.loc[ends], pb.loc[ends]
    forward = close.shift(-1) / close - 1
    return (-pb).corrwith(forward, axis=1, method="spearman").dropna().to_numpy()


class TestLoad:
    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["panel.csv", "panel.csv.gz", "panel.parquet"])
    def test_folder_with_a_panel(self, tmp_path, name):
        market = make_market(4, 50)
        rows = rows_of(market.bars)
        if name.endswith("parquet"):
            rows.to_parquet(tmp_path / name)
        else:
            rows.to_csv(tmp_path / name, index=False)
        market.benchmark.to_csv(tmp_path / "index.csv")
        (tmp_path / "membership.csv").write_text(
            "symbol,in_date,out_date\nS001,2015-01-01,\nS002,2015-02-01,\n"
        )
        got = load(tmp_path)
        assert got.bars.digest() == market.bars.digest()
        pd.testing.assert_frame_equal(got.benchmark, market.benchmark, check_exact=True)
        assert got.membership.at("2015-01-15") == {"S001"}
        assert got.name == tmp_path.name

    @pytest.mark.slow
    def test_table_and_folder_of_symbols(self, tmp_path):
        bars = make_market(3, 40).bars
        rows = rows_of(bars)
        rows.to_csv(tmp_path / "all.csv", index=False)
        table = load(tmp_path / "all.csv")
        assert table.bars.digest() == bars.digest()
        assert (table.benchmark, table.membership, table.name) == (None, None, "all")
        (tmp_path / "folder").mkdir()
        for symbol, part in rows.groupby("symbol"):
            part.drop(columns="symbol").to_csv(tmp_path / "folder" / f"{symbol}.csv", index=False)
        folder = load(str(tmp_path / "folder"))
        assert folder.bars.digest() == bars.digest()
        make_market(3, 40).benchmark.to_csv(tmp_path / "folder" / "index.csv")
        assert len(load(tmp_path / "folder").benchmark) == 40

    def test_the_index_close_is_the_benchmark_of_the_bars(self, tmp_path):
        """As of a benchmark feed: by date, NaN where the index has no close, no date added."""
        market = make_market(3, 40)
        np.testing.assert_array_equal(market.bars.benchmark, market.benchmark["close"])
        rows_of(market.bars).to_csv(tmp_path / "panel.csv", index=False)
        gone = market.benchmark.index[[0, 7, 39]]
        more = pd.DataFrame({"close": [5.0]}, index=[pd.Timestamp("2015-01-03")])  # a Saturday
        index = pd.concat([market.benchmark.drop(gone)[["close"]], more]).sort_index()
        index.to_csv(tmp_path / "index.csv", index_label="date")
        bars = load(tmp_path).bars
        want = [
            np.nan if i in (0, 7, 39) else close
            for i, close in enumerate(market.benchmark["close"])
        ]
        np.testing.assert_array_equal(bars.benchmark, want)
        assert bars.digest() == market.bars.digest()
        with pytest.raises(ValueError, match="read-only"):
            bars.benchmark[1] = 0.0
        for part in (bars.before("2015-02-02"), bars.until("2015-01-30"), bars.rows(0, 22)):
            np.testing.assert_array_equal(part.benchmark, want[: len(part)])
        np.testing.assert_array_equal(bars.select(["S001"]).benchmark, want)

    def test_another_index_is_another_benchmark_and_none_is_none(self):
        market = make_market(3, 40)
        half = replace(market, benchmark=market.benchmark / 2)
        np.testing.assert_array_equal(half.bars.benchmark, market.benchmark["close"] / 2)
        cut = replace(market, bars=market.bars.until("2015-01-30"))
        assert len(cut.bars.benchmark) == len(cut.bars) == 22
        assert replace(market, benchmark=None).bars.benchmark is None
        np.testing.assert_array_equal(market.bars.benchmark, market.benchmark["close"])

    @pytest.mark.parametrize(
        ("spoil", "words"),
        [
            (lambda index: index.drop(columns="close"), "a column 'close'; got columns open"),
            (lambda index: index.reset_index(), "indexed by naive dates"),
            (lambda index: index.tz_localize("UTC"), "indexed by naive dates"),
            (lambda index: index.iloc[::-1], "2015-02-24: rows are not sorted"),
            (lambda index: index.iloc[[0, 1, 1, 2]], "2015-01-02: .* a date is there twice"),
        ],
    )
    def test_a_benchmark_that_cannot_be(self, spoil, words):
        market = make_market(3, 40)
        with pytest.raises(DataError, match=words):
            replace(market, benchmark=spoil(market.benchmark))

    def test_messages(self, tmp_path):
        with pytest.raises(DataError, match="nowhere: there is no such file"):
            load(tmp_path / "nowhere")
        with pytest.raises(DataError, match="no data in this folder; expected panel.csv.gz"):
            load(tmp_path)
        (tmp_path / "panel.csv").write_text("date,symbol\n")
        with pytest.raises(DataError, match="panel.csv: column 'close' is missing"):
            load(tmp_path)
        (tmp_path / "panel.csv.gz").write_text("")
        with pytest.raises(DataError, match="panel.csv and panel.csv.gz are both there"):
            load(tmp_path)

    @pytest.mark.slow
    def test_sse50(self, sse50, sse50_path):
        """Against plain pandas on the same file."""
        raw = pd.read_csv(sse50_path / "panel.csv.gz", dtype={"symbol": str})
        raw["adjusted"] = raw["close"] * raw["adjfactor"]
        expected = raw.pivot(index="date", columns="symbol", values="adjusted")
        np.testing.assert_array_equal(sse50.bars["close"], expected.to_numpy())
        assert sse50.bars.assets == tuple(expected.columns)
        assert not sse50.bars.traded[:, :].all()
        assert np.isnan(sse50.bars["pb"][~sse50.bars.traded]).all()
        assert sse50.benchmark["close"].iloc[-1] == 3063.22
        unadjusted = read_table(sse50_path / "panel.csv.gz", adjust=False)
        shares = raw.pivot(index="date", columns="symbol", values="volume").to_numpy()
        traded = unadjusted.traded
        np.testing.assert_array_equal(unadjusted["volume"][traded], shares[traded])

    @pytest.mark.slow
    def test_csi300(self, csi300_path):
        market = load(csi300_path)
        assert market.bars["close"].shape == (2579, 645)
        assert market.bars.traded.sum() == 1_399_891
        assert len(market.membership.symbols) == 645


class TestSp500:
    def test_values(self):
        market = load_sp500()
        assert market.bars["close"].shape == (8313, 20)
        assert set(market.bars.lines) == {"close"}
        assert market.bars.frame("close").loc["1990-01-02", "AAPL"] == 0.264
        assert market.benchmark["close"].loc["1990-01-03"] == 358.76
        assert market.benchmark.index.equals(market.bars.dates)
        assert market.bars.traded.all()

    def test_without_skfolio(self, monkeypatch):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(ModuleNotFoundError, match=r'pip install "attngru_bt\[examples\]"'):
            load_sp500()


class TestMakeMarket:
    def test_same_seed_same_market_and_another_another(self):
        state = np.random.get_state()[1].copy()  # noqa: NPY002
        a, b, c = make_market(9, 80, 5), make_market(9, 80, 5), make_market(9, 80, 6)
        assert a.bars.digest() == b.bars.digest() != c.bars.digest()
        pd.testing.assert_frame_equal(a.benchmark, b.benchmark, check_exact=True)
        assert (np.random.get_state()[1] == state).all()  # noqa: NPY002

    @pytest.mark.slow
    @pytest.mark.parametrize("signal", [-0.3, 0.0, 0.1, 0.6])
    def test_the_planted_signal_has_the_rank_ic_asked_for(self, signal):
        ics = rank_ic(make_market(500, 1500, seed=11, signal=signal))
        assert len(ics) > 60
        # 500 names and 68 months: a standard error of about .0055
        assert abs(ics.mean() - signal) < 0.02

    @pytest.mark.slow
    def test_nothing_else_predicts(self):
        """What is not tied to the hidden characteristic knows nothing about next month."""
        market = make_market(500, 1500, seed=12, signal=0.6)
        bars = market.bars
        blur = np.log(bars["pe"] / bars["pb"])
        ends = np.flatnonzero(np.diff(bars.dates.month))
        ics = []
        for a, b in zip(ends[:-1], ends[1:], strict=True):
            forward = bars["close"][b] / bars["close"][a]
            ics.append(pd.Series(blur[a]).corr(pd.Series(forward), method="spearman"))
        assert abs(np.mean(ics)) < 0.02

    @pytest.mark.slow
    def test_the_characteristic_is_persistent_and_stationary(self):
        hidden = -2 * np.log(make_market(300, 1500, late=0, gaps=0, delisted=0).bars["pb"] / 2)
        assert abs(hidden[0].std() - 1) < 0.1
        assert abs(hidden[-1].std() - 1) < 0.1
        lagged = np.corrcoef(hidden[:-21].ravel(), hidden[21:].ravel())[0, 1]
        assert abs(lagged - 0.9) < 0.02

    def test_decoys_look_alike_and_change_nothing_else(self):
        plain, with_decoys = make_market(60, 300, seed=4), make_market(60, 300, seed=4, decoys=2)
        pb = with_decoys.bars["pb"]
        for line in set(plain.bars.lines) - {"turnover", "volume", "amount"}:
            np.testing.assert_array_equal(with_decoys.bars[line], plain.bars[line], line)
        known = ~np.isnan(pb)
        for name in ("decoy1", "decoy2"):
            decoy = np.log(with_decoys.bars[name][known] / 2)
            assert abs(decoy.std() - np.log(pb[known] / 2).std()) < 0.1
            assert abs(np.corrcoef(decoy, np.log(pb[known]))[0, 1]) < 0.25  # 60 persistent paths
        turnover = np.log(with_decoys.bars["turnover"][known])
        assert np.corrcoef(turnover, np.log(with_decoys.bars["decoy1"][known]))[0, 1] < -0.4
        assert abs(np.corrcoef(turnover, np.log(pb[known]))[0, 1]) < 0.25

    @pytest.mark.slow
    @settings(max_examples=10)
    @given(
        n_assets=st.integers(1, 12),
        n_days=st.integers(2, 300),
        seed=st.integers(0, 999),
        signal=st.floats(-0.9, 0.9),
    )
    def test_bars_are_valid(self, n_assets, n_days, seed, signal):
        market = make_market(n_assets, n_days, seed, signal)
        bars, traded = market.bars, market.bars.traded
        assert bars["close"].shape == (n_days, n_assets)
        assert traded.any(axis=1).all()
        for name, values in bars.lines.items():
            assert np.isnan(values[~traded]).all()
            assert np.isfinite(values[traded]).all()
            low = 0 if name in ("volume", "amount", "turnover") else np.nextafter(0, 1)
            assert (values[traded] >= low).all(), name
        o, h, lo, c = (bars[n][traded] for n in ("open", "high", "low", "close"))
        assert (h >= np.maximum(o, c)).all()
        assert (lo <= np.minimum(o, c)).all()
        assert (bars["float_cap"][traded] <= bars["market_cap"][traded]).all()
        for j in range(n_assets):
            close = bars["close"][traded[:, j], j]
            np.testing.assert_array_equal(bars["preclose"][traded[:, j], j][1:], close[:-1])
        index = market.benchmark
        assert (index["high"] >= index[["open", "close"]].max(axis=1)).all()
        assert (index["low"] <= index[["open", "close"]].min(axis=1)).all()
        # what it makes passes our own checks
        assert read_table(rows_of(bars)).dates.equals(bars.dates)

    def test_late_listings_gaps_and_delistings(self):
        traded = make_market(20, 600, seed=3, late=4, gaps=0, delisted=3).bars.traded
        first, last = traded.argmax(axis=0), 599 - traded[::-1].argmax(axis=0)
        assert (first > 0).sum() == 4
        assert (last < 599).sum() == 3
        assert first.max() <= 300
        assert last.min() >= 399
        spans = [
            traded[a : b + 1, j].all() for j, (a, b) in enumerate(zip(first, last, strict=True))
        ]
        assert all(spans)
        gappy = make_market(20, 600, seed=3, late=0, gaps=6, delisted=0).bars.traded
        assert (~gappy.all(axis=0)).sum() == 6
        plain = make_market(20, 600, seed=3, late=0, gaps=0, delisted=0).bars.traded
        assert plain.all()
        default = make_market(50, 600).bars.traded
        assert 5 <= (~default.all(axis=0)).sum() <= 11

    def test_returns_look_like_a_market(self):
        bars = make_market(100, 1400, seed=1, late=0, gaps=0, delisted=0).bars
        daily = np.diff(np.log(bars["close"]), axis=0)
        assert 0.015 < daily.std() < 0.025
        assert 0.1 < np.corrcoef(daily.T)[np.triu_indices(100, 1)].mean() < 0.4
        assert 0.2 < np.median(bars["turnover"]) < 5
        np.testing.assert_allclose(
            bars["volume"] * bars["close"] / bars["float_cap"] * 100, bars["turnover"], rtol=1e-3
        )

    def test_the_index_is_the_mean_of_the_listed_stocks(self):
        market = make_market(10, 200, seed=2)
        close = market.bars.frame("close")
        last = market.bars.frame("preclose")
        steady = market.bars.traded.all(axis=1)[1:] & market.bars.traded.all(axis=1)[:-1]
        level = market.benchmark["close"].to_numpy()
        moves = level[1:] / level[:-1] - 1
        assert len(moves[steady]) > 50
        mean = (close / last - 1).mean(axis=1).to_numpy()[1:]
        np.testing.assert_allclose(moves[steady], mean[steady], atol=1e-12)

    @pytest.mark.parametrize(
        ("kwargs", "message"),
        [
            ({"n_assets": 0}, "`n_assets` must be a whole number of at least 1"),
            ({"n_days": 1}, "`n_days` must be a whole number of at least 2; got 1"),
            (
                {"signal": 1.0},
                "`signal` must be a number of at least -0.9 and at most 0.9",
            ),
            ({"n_assets": 3, "late": 3, "delisted": 1}, "got late=3, delisted=1"),
            ({"gaps": -1}, "gaps=-1"),
        ],
    )
    def test_messages(self, kwargs, message):
        with pytest.raises(ValueError, match=message):
            make_market(**kwargs)
