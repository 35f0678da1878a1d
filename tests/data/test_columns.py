"""Columns beside the known ones: named when they become factors, left out when asked, refused."""

import gzip
import logging
import re

import numpy as np
import pandas as pd
import pytest
from csv_market import write_folder
from typer.testing import CliRunner

import attngru_bt
from attngru_bt import DataError, make_market
from attngru_bt.cli import app
from attngru_bt.data.columns import MARKET_COLUMNS, MAX_COLUMNS, is_adjusted
from attngru_bt.data.files import read_folder, read_index, read_table
from attngru_bt.factors import join_factor_file
from attngru_bt.factors.registry import LINES
from attngru_bt.feeds.engine import bt


def table(**columns):
    rows = {"date": ["2020-01-02", "2020-01-03"], "symbol": ["A", "A"], "close": [10.0, 10.5]}
    return pd.DataFrame(rows | columns)


def warnings_in(caplog):
    return [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]


class TestFactorsUnasked:
    def test_they_are_named_in_one_line_that_says_how_to_leave_them_out(self, caplog):
        bars = read_table(table(target=[0, 1], tradestatus=["1", "1"], pb=[1.0, 1.1]))
        assert set(bars.lines) == {"close", "pb", "target", "tradestatus"}
        (line,) = warnings_in(caplog)
        assert "2 further columns become factors: 'target', 'tradestatus'" in line
        assert "ignore=['target', 'tradestatus'] (--ignore target,tradestatus)" in line

    def test_known_columns_need_no_word(self, caplog):
        read_table(table(pb=[1.0, 1.1], st=[0, 0], dividend_yield=[0.1, 0.1], traded=[1, 1]))
        assert not warnings_in(caplog)

    def test_what_is_not_named_is_no_factor(self):
        """The list of known columns is the engine's list of lines that are no factors."""
        assert set(MARKET_COLUMNS) == set(LINES) - {"wanted"}

    def test_a_folder_of_files_is_told_once(self, tmp_path, caplog):
        for symbol in "ABC":
            frame = table(**{"isST": [0, 0], "Adj Open": [9.0, 9.5]}).drop(columns="symbol")
            frame.to_csv(tmp_path / f"{symbol}.csv", index=False)
        bars = read_folder(tmp_path)
        assert set(bars.lines) == {"close", "isst"}
        adjusted, further = warnings_in(caplog)
        assert "column 'adj open' is left out" in adjusted and "know the future" in adjusted
        assert '--ignore "adj open"' in adjusted
        assert "1 further column becomes a factor: 'isst'" in further

    def test_a_long_list_is_cut(self, caplog):
        read_table(table(**{f"c{i}": [1.0, 2.0] for i in range(15)}))
        assert "and 5 more" in warnings_in(caplog)[0]

    def test_dates_are_no_factors(self, caplog):
        stamps = pd.to_datetime(["2020-01-02", "2020-01-03"])
        assert set(read_table(table(announced=stamps)).lines) == {"close"}


class TestIgnore:
    def test_ignored_columns_are_not_there_and_nothing_is_said(self, caplog):
        frame = table(Target=[0, 1], junk=["a", "b"], **{"Adj Close": [1.0, 2.0]})
        bars = read_table(frame, ignore=["TARGET", "adj close", "junk"])
        assert set(bars.lines) == {"close"}
        assert not warnings_in(caplog)

    def test_a_misspelt_one_is_an_error_with_the_nearest(self):
        with pytest.raises(DataError, match="'targt', which is not there; did you mean 'target'"):
            read_table(table(target=[0, 1]), ignore=["targt"])

    def test_what_is_needed_cannot_be_left_out(self):
        with pytest.raises(DataError, match="cannot leave out 'close'"):
            read_table(table(), ignore=["close"])

    def test_one_string_is_no_list(self):
        with pytest.raises(TypeError, match="`ignore` must be a list of names"):
            read_table(table(target=[0, 1]), ignore="target")

    @pytest.mark.slow
    def test_every_command_that_reads_data_takes_it(self, tmp_path):
        market = make_market(4, 60, seed=1, late=0, delisted=0)
        data = write_folder(tmp_path / "data", market)
        for file in data.glob("S*.csv"):
            frame = pd.read_csv(file)
            frame.assign(target=frame["close"], tradestatus=1).to_csv(file, index=False)
        assert set(attngru_bt.load(data, ignore=["target"]).bars.lines) >= {"tradestatus"}
        out = tmp_path / "factors.csv"
        options = ["--data", str(data), "--names", "BIAS5,target", "--out", str(out)]
        run = CliRunner().invoke(app, ["factors", "compute", *options])
        assert run.exit_code == 0 and "target" in out.read_text().splitlines()[0]
        assert "--ignore target,tradestatus" in run.stderr
        run = CliRunner().invoke(app, ["factors", "compute", *options, "--ignore", "target,x"])
        assert run.exit_code == 2 and "'x', which is not there" in run.stderr
        run = CliRunner().invoke(app, ["factors", "compute", *options, "--ignore", "target"])
        assert run.exit_code == 2 and "'target' is neither a factor" in " ".join(run.stderr.split())
        for command in ("backtest", "compare", "audit"):
            run = CliRunner().invoke(app, [command, "--data", str(data), "--ignore", "targt"])
            assert run.exit_code == 2 and "did you mean 'target'" in " ".join(run.stderr.split())
            run = CliRunner().invoke(app, [command, "--ignore", "target"])
            assert run.exit_code == 2 and "--ignore has no effect" in " ".join(run.stderr.split())

    @pytest.mark.slow
    def test_the_audit_says_what_it_was_given(self, tmp_path):
        market = make_market(4, 90, seed=1, late=0, delisted=0)
        data = write_folder(tmp_path / "data", market)
        for file in data.glob("S*.csv"):
            pd.read_csv(file).assign(mood=1.5).to_csv(file, index=False)
        skip = "--skip=factors,scores,orders,label shift,accuracy"
        run = CliRunner().invoke(app, ["audit", "--data", str(data), skip])
        assert "1 further column becomes a factor: 'mood'" in " ".join(run.stderr.split())


class WithLines(bt.feeds.PandasData):
    lines = ("mood", "adj_close")
    params = (("mood", -1), ("adj_close", -1))


class Columns(attngru_bt.MonthlyTopK):
    """Says which lines the signal saw."""


class Watch:
    def __init__(self):
        self.seen = None

    def scores(self, bars):
        self.seen = set(bars.lines)
        return pd.Series(1.0, index=list(bars.assets))


def feeds_run(**params):
    market = make_market(3, 60, seed=1, late=0, gaps=0, delisted=0)
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    for asset in market.bars.assets:
        frame = pd.DataFrame({n: market.bars.frame(n)[asset] for n in ("open", "close", "volume")})
        frame = frame.assign(mood=1.5, adj_close=2.0)
        frame["high"] = frame[["open", "close"]].max(axis=1)
        frame["low"] = frame[["open", "close"]].min(axis=1)
        cerebro.adddata(WithLines(dataname=frame), name=asset)
    cerebro.addstrategy(Columns, signal=Watch(), topk=1, **params)
    return cerebro.run()[0].signal.seen


class TestFeeds:
    def test_further_lines_of_feeds_are_named_once_and_adjusted_closes_left_out(self, caplog):
        assert feeds_run() == {"open", "high", "low", "close", "volume", "mood"}
        told = [line for line in warnings_in(caplog) if "feeds:" in line]
        assert len(told) == 2 and "column 'adj_close' is left out" in told[0]
        assert "1 further column becomes a factor: 'mood'" in told[1]

    def test_they_can_be_ignored(self, caplog):
        assert feeds_run(ignore=["mood", "adj_close"]) == {"open", "high", "low", "close", "volume"}
        assert not [line for line in warnings_in(caplog) if "feeds:" in line]

    def test_a_market_that_was_read_is_not_told_again(self, tmp_path, caplog):
        market = make_market(3, 60, seed=1, late=0, gaps=0, delisted=0)
        lines = {"close": market.bars["close"], "mood": market.bars["close"] * 0 + 1.5}
        bars = attngru_bt.Bars(market.bars.dates, market.bars.assets, lines)
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
        attngru_bt.add_feeds(cerebro, bars)
        cerebro.addstrategy(Columns, signal=Watch(), topk=1)
        cerebro.run()
        assert "further column" not in caplog.text


@pytest.mark.parametrize(
    ("name", "adjusted"),
    [("adj close", True), ("Adj. Close", True), ("adj_close", True), ("closeadj", True),
     ("adjusted_close", True), ("close_qfq", True), ("adjvolume", True), ("close", False),
     ("adjfactor", False), ("adj", False), ("target", False), ("close_hfq", False)],
)  # fmt: skip
def test_names_of_adjusted_prices(name, adjusted):
    assert is_adjusted(name) == adjusted


class TestObjects:
    @pytest.mark.parametrize(
        ("columns", "said"),
        [
            ({"blob": [b"x", b"y"]}, "column 'blob' is binary .*--ignore blob"),
            ({"close": [b"1.0", b"1.1"]}, "column 'close' is binary .*write it as text or numbers"),
            ({"symbol": [b"A", b"A"]}, "column 'symbol' is binary"),
            ({"symbol": [["A"], ["A"]]}, "column 'symbol' is made of objects"),
            ({"date": [b"2020-01-02", b"2020-01-03"]}, "column 'date' is binary"),
            ({"extra": [{"a": 1}, {"a": 2}]}, "column 'extra' is made of objects .*a dict"),
            ({"pb": [[1.0], [2.0]]}, "column 'pb' is made of objects"),
        ],
    )
    def test_of_a_parquet_file_get_a_sentence(self, columns, said, tmp_path):
        path = tmp_path / "all.parquet"
        table().assign(**columns).to_parquet(path)
        with pytest.raises(DataError, match=re.escape(str(path)) + ": " + said):
            read_table(path)

    def test_of_a_data_frame_too(self):
        with pytest.raises(DataError, match="column 'x' is made of objects .row 2 holds a set"):
            read_table(table(x=[1.0, {1}]))

    def test_an_ignored_one_is_not_looked_at(self, tmp_path):
        path = tmp_path / "all.parquet"
        table(blob=[b"x", b"y"]).to_parquet(path)
        assert set(read_table(path, ignore=["blob"]).lines) == {"close"}

    def test_of_an_index_get_a_sentence(self, tmp_path):
        table(close=[b"1", b"2"]).drop(columns="symbol").to_parquet(tmp_path / "index.parquet")
        with pytest.raises(DataError, match="column 'close' is binary"):
            read_index(tmp_path / "index.parquet")


class TestWide:
    """A table with a column per symbol is refused by its header; its rows are not parsed."""

    @pytest.fixture(params=["csv", "csv.gz", "parquet"])
    def wide(self, request, tmp_path):
        path = tmp_path / f"wide.{request.param}"
        names = ["date", *(f"S{i:06d}" for i in range(MAX_COLUMNS))]
        if request.param == "parquet":
            pd.DataFrame([[1.0] * len(names)], columns=names).to_parquet(path)
        else:
            data = (",".join(names) + '\n"never read\n').encode()
            path.write_bytes(gzip.compress(data) if request.param == "csv.gz" else data)
        return path

    @pytest.mark.slow
    def test_it_gets_a_sentence(self, wide):
        with pytest.raises(DataError, match="has 5,001 columns, at most 5,000 are read.*melt"):
            read_table(wide)

    @pytest.mark.slow
    def test_as_a_file_of_factors_too(self, wide):
        bars = make_market(2, 30, delisted=0).bars
        with pytest.raises(DataError, match="has 5,001 columns"):
            join_factor_file(bars, wide)

    def test_a_data_frame_too(self):
        frame = pd.DataFrame(np.ones((1, MAX_COLUMNS + 1))).rename(columns=str)
        with pytest.raises(DataError, match="has 5,001 columns"):
            read_table(frame)


def test_no_word_on_the_embedded_data(caplog):
    with caplog.at_level(logging.WARNING):
        attngru_bt.load_sp500()
    assert not warnings_in(caplog)
