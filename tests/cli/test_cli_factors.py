"""Factors on the command line: list, describe, compute; files of one's own; values in a file."""

import gzip
import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from csv_market import write_folder, write_index, write_table
from test_cli import invoke, sentence

import attngru_bt
from attngru_bt import Market, backtest, make_market
from attngru_bt.data.bars import DataError
from attngru_bt.factors import compute, join_factor_file, registry, scripts

pytestmark = pytest.mark.usefixtures("clean_registry")

MINE = """\
from __future__ import annotations

import attngru_bt
from attngru_bt.factors import ops, step


@step(lookback=2)
def my_step(close):
    return close - ops.lag(close, 1)


@attngru_bt.factor(family="mine", lookback=1)
def Sprint(my_step, close):
    \"\"\"Change of the close, as a share of it.\"\"\"
    return my_step / close


@attngru_bt.factor(family="mine", windows={"Trot3": 3, "Trot9": 9})
def Trot(close, n):
    \"\"\"Close over its {n}-bar mean.\"\"\"
    return close / ops.mean(close, n)
"""
SMALL = ["--topk=3", "--lookback=2", "--min-months=6", "--start=2015-09-01", "--no-baseline"]


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=6, n_days=230, seed=5, signal=0.3, late=1, gaps=2, delisted=0)


@pytest.fixture(scope="module")
def data(market, tmp_path_factory):
    """Files with open, high, low, close, volume, pb, and an index."""
    return write_folder(tmp_path_factory.mktemp("data") / "panel", market)


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "my_factors.py"
    path.write_text(MINE)
    return path


def ok(*arguments):
    done = invoke(*arguments)
    assert done.exit_code == 0, done.output
    return done


class TestList:
    def test_every_factor_has_a_line(self):
        lines = ok("factors", "list").stdout.splitlines()
        assert [line.split()[0] for line in lines[1:]] == list(registry.names())
        bias = next(line for line in lines if line.startswith("BIAS5 "))
        assert bias.split()[:5] == ["BIAS5", "momentum", "5", "on", "close"]
        assert "Deviation of the close" in bias
        assert next(line for line in lines if line.startswith("OBV ")).split()[2:4] == [
            "all", "off",
        ]  # fmt: skip

    def test_a_family(self):
        lines = ok("factors", "list", "--family", "value").stdout.splitlines()[1:]
        assert {line.split()[1] for line in lines} == {"value"}
        assert len(lines) == len(registry.names("value"))

    def test_an_unknown_family_names_the_nearest(self):
        text = sentence(invoke("factors", "list", "--family", "momentun"))
        assert "momentun" in text and "did you mean 'momentum'" in text

    def test_with_ones_own(self, mine):
        lines = ok("factors", "list", "--factors", mine, "--family", "mine").stdout.splitlines()
        assert [line.split()[0] for line in lines[1:]] == ["Sprint", "Trot3", "Trot9"]

    def test_chosen_names(self):
        lines = ok("factors", "list", "--factors", "RSI,BIAS5").stdout.splitlines()
        assert {line.split()[0] for line in lines[1:]} == {"RSI", "BIAS5"}

    def test_a_list_longer_than_a_file_name(self):
        names = [factor.name for factor in registry][:60]
        text = ",".join(names)
        assert len(text) > 255
        assert scripts.choose([text]).names == tuple(names)


class TestDescribe:
    def test_a_factor(self):
        text = ok("factors", "describe", "MACD").stdout
        assert text.startswith("MACD: ")
        assert "look-back" in text and "[" not in text.split("return")[0]

    def test_an_unknown_name_names_the_nearest(self):
        assert "did you mean 'BIAS5'" in sentence(invoke("factors", "describe", "bias5"))

    def test_ones_own(self, mine):
        text = ok("factors", "describe", "Trot9", "--factors", mine).stdout
        assert "Close over its 9-bar mean." in text
        assert "return close / ops.mean(close, n)" in text


class TestCompute:
    @pytest.mark.slow
    @pytest.mark.parametrize("suffix", [".parquet", ".csv", ".csv.gz"])
    def test_the_table_is_what_compute_gives(self, data, tmp_path, suffix, monkeypatch):
        """Also when it is written in several parts."""
        monkeypatch.setattr("attngru_bt.factors.table.AT_ONCE", 1)  # 21 sessions
        path = tmp_path / "new" / f"factors{suffix}"
        done = ok("factors", "compute", "--data", data, "--out", path)
        assert done.stdout.strip() == str(path)
        bars = attngru_bt.load(data).bars
        values, names = compute(bars)
        if suffix == ".parquet":
            table = pd.read_parquet(path)
        else:
            table = pd.read_csv(path, parse_dates=["date"])
        assert list(table.columns) == ["date", "symbol", *names]
        assert len(table) == bars.traded.sum()
        assert "Beta20" in names if "Beta20" in registry else "CMRA" in names  # of the benchmark
        rows = bars.dates.get_indexer(table["date"])
        columns = pd.Index(bars.assets).get_indexer(table["symbol"])
        want = values[rows, columns]
        got = table[list(names)].to_numpy()
        assert np.array_equal(np.isnan(got), np.isnan(want))
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)
        assert table[["date", "symbol"]].equals(table[["date", "symbol"]].sort_values(
            ["date", "symbol"], ignore_index=True))  # fmt: skip
        assert {p.name for p in path.parent.iterdir()} == {path.name}, "no half-written file"

    @pytest.mark.slow
    def test_says_what_was_left_out_and_why(self, data, tmp_path):
        text = ok("factors", "compute", "--data", data, "--out", tmp_path / "f.csv").stderr
        left = {line.split(": ")[0]: line.split(": ")[1].split(", ")
                for line in text.splitlines() if line.startswith("left out")}  # fmt: skip
        turnover = next(v for k, v in left.items() if k.endswith("the data have no turnover"))
        assert "VOL5" in turnover
        assert "OBV" in next(v for k, v in left.items() if k.endswith("off unless named"))
        columns = pd.read_csv(tmp_path / "f.csv", nrows=0).columns
        told = [name for names in left.values() for name in names]
        assert sorted([*told, *columns[2:]]) == sorted(registry.names()), "each in one place"

    @pytest.mark.slow
    def test_names_raw_start_and_end(self, data, tmp_path):
        path = tmp_path / "f.csv"
        ok("factors", "compute", "--data", data, "--out", path, "--names", "MA5,OBV", "--raw",
           "--start", "2015-06-03", "--end", "2015-06-30")  # fmt: skip
        table = pd.read_csv(path)
        assert list(table.columns) == ["date", "symbol", "MA5", "OBV"]
        assert (table["date"].min(), table["date"].max()) == ("2015-06-03", "2015-06-30")
        close = attngru_bt.load(data).bars.frame("close")["S001"].dropna()
        want = close.rolling(5).mean().loc["2015-06-03":"2015-06-30"]
        got = table[table["symbol"] == "S001"].set_index("date")["MA5"]
        np.testing.assert_allclose(got.to_numpy(), want.to_numpy(), rtol=1e-12)

    @pytest.mark.slow
    def test_the_benchmark_may_come_apart(self, market, tmp_path):
        panel, index = write_table(tmp_path / "prices.csv", market), tmp_path / "spx.csv"
        write_index(index, market)
        columns = {}
        for name, options in (("without", []), ("with", ["--benchmark", index])):
            path = tmp_path / f"{name}.csv"
            done = ok("factors", "compute", "--data", panel, "--out", path, *options)
            assert ("have no benchmark:" in done.stderr) == (name == "without")
            columns[name] = set(pd.read_csv(path, nrows=0).columns)
        new = columns["with"] - columns["without"]
        assert new and all("benchmark" in registry.missing(registry[n], {"close"}) for n in new)

    @pytest.mark.slow
    def test_the_embedded_data(self, tmp_path):
        path = tmp_path / "f.csv.gz"
        ok("factors", "compute", "--out", path, "--names", "REVS5", "--start", "2022-12-01")
        assert gzip.open(path, "rt").readline() == "date,symbol,REVS5\n"

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (["--names", "BIAS4"], ["BIAS4", "did you mean 'BIAS"]),
            (["--names", "VOL5"], ["VOL5", "turnover"]),
            (["--names", "RSI,RSI"], ["RSI", "twice"]),
            (["--start", "2031-01-01"], ["--start", "2031-01-01", "2015-11-18"]),
            (["--end", "2001-01-01"], ["end", "2001-01-01", "2015-01-01"]),
            (["--start", "soon"], ["--start", "soon"]),
            (["--benchmark", "no.csv"], ["no.csv"]),
            (["--factor-file", "no.csv"], ["no.csv", "check the path"]),
        ],
        ids=str,
    )
    def test_mistakes(self, data, tmp_path, options, words):
        path = tmp_path / "out" / "f.csv"
        text = sentence(invoke("factors", "compute", "--data", data, "--out", path, *options))
        assert all(word in text for word in words), text
        assert not path.exists()

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["f.xlsx", "f", "folder.csv"])
    def test_out_must_be_a_table(self, data, tmp_path, name):
        (tmp_path / "folder.csv").mkdir()
        done = invoke("factors", "compute", "--data", data, "--out", tmp_path / name)
        assert "must be a file that ends in .parquet" in sentence(done)

    @pytest.mark.slow
    def test_what_fails_half_way_leaves_the_old_file(self, data, tmp_path, monkeypatch):
        path = tmp_path / "f.csv"
        path.write_text("old")
        monkeypatch.setattr("attngru_bt.factors.table.AT_ONCE", 1)
        calls = []

        def fails_later(*args, **kwargs):
            calls.append(1)
            if len(calls) == 3:
                raise DataError("the disk is full")
            return compute(*args, **kwargs)

        monkeypatch.setattr("attngru_bt.factors.table.compute", fails_later)
        text = sentence_of(invoke("factors", "compute", "--data", data, "--out", path))
        assert "disk is full" in text
        assert path.read_text() == "old"
        assert [p.name for p in tmp_path.iterdir()] == ["f.csv"]


def sentence_of(result):
    """The error among the lines about what was left out."""
    assert result.exit_code == 2, result.output
    lines = [x for x in result.stderr.splitlines() if not x.startswith("left out")]
    assert len(lines) == 1 and lines[0].startswith("Error: "), lines
    return lines[0]


class TestOwnFile:
    @pytest.mark.slow
    def test_it_adds_to_the_default_set(self, data, mine, tmp_path):
        path = tmp_path / "f.csv"
        ok("factors", "compute", "--data", data, "--factors", mine, "--out", path)
        table = pd.read_csv(path)
        assert {"Sprint", "Trot3", "Trot9", "BIAS5"} <= set(table.columns)
        close = attngru_bt.load(data).bars.frame("close")["S001"].dropna()
        got = table[table["symbol"] == "S001"].set_index("date")["Sprint"]
        want = (close.diff() / close).to_numpy()
        np.testing.assert_allclose(got.to_numpy(), want, rtol=1e-12)

    @pytest.mark.slow
    def test_names_beside_it_select(self, data, mine, tmp_path):
        path = tmp_path / "f.csv"
        for options in (
            ["--factors", f"{mine},Trot3,RSI"],
            ["--factors", mine, "--factors", "Trot3", "--names", "RSI"],
        ):
            ok("factors", "compute", "--data", data, "--out", path, *options)
            assert list(pd.read_csv(path, nrows=0).columns) == ["date", "symbol", "Trot3", "RSI"]

    def test_twice_in_one_process_is_as_once(self, mine):
        first = scripts.load_script(mine)
        nodes = dict(registry.nodes)
        again = scripts.load_script(mine)
        assert again is first and again.names == ("Sprint", "Trot3", "Trot9")
        assert registry.nodes == nodes

    def test_imported_before_or_by_another_path_it_is_no_clash(self, mine, tmp_path):
        exec(compile(MINE, str(mine), "exec"), {"__name__": "my_factors"})
        (tmp_path / "link").symlink_to(tmp_path)
        for path in (mine, tmp_path / "link" / "my_factors.py"):
            assert scripts.load_script(path).names == ("Sprint", "Trot3", "Trot9")
        assert len(registry.names("mine")) == 3

    def test_changed_it_replaces_what_it_was(self, mine):
        before = dict(registry.nodes)
        scripts.load_script(mine)
        mine.write_text(MINE.replace("Sprint", "Dash").replace("/ close\n", "* 100\n"))
        assert scripts.load_script(mine).names == ("Dash", "Trot3", "Trot9")
        assert "Sprint" not in registry and "100" in registry["Dash"].formula
        mine.write_text("import attngru_bt\n")
        with pytest.raises(ValueError, match="registers no factor"):
            scripts.load_script(mine)
        assert "Dash" in registry, "a file that fails changes nothing"
        scripts.forget(mine)
        assert registry.nodes == before

    def test_one_of_the_library_may_be_replaced_on_purpose(self, tmp_path):
        path, old = tmp_path / "other.py", registry["RSI"]
        text = 'import attngru_bt\n@attngru_bt.factor("mine", replace=True)\ndef RSI(close):\n'
        path.write_text(text + "    return close * 0\n")
        assert scripts.load_script(path).names == ("RSI",)
        assert registry["RSI"].family == "mine"
        path.write_text(text.replace("RSI", "Other") + "    return close * 0\n")
        scripts.load_script(path)
        assert registry["RSI"] is old

    def test_it_may_import_its_neighbors(self, mine, tmp_path):
        (tmp_path / "neighbor_of_mine.py").write_text("SCALE = 2\n")
        mine.write_text(MINE + "\nfrom neighbor_of_mine import SCALE\nassert SCALE == 2\n")
        assert "Sprint" in scripts.load_script(mine).names

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("import attngru_bt\n\nx = 1 / 0\n", ["line 3", "ZeroDivisionError", "division"]),
            ("import attngru_bt\ndef f(:\n", ["line 2", "invalid syntax"]),
            ("import no_such_module\n", ["line 1", "no_such_module"]),
            ("{}['key']\n", ["line 1", "KeyError: key"]),
            ("raise AssertionError\n", ["line 1", "AssertionError"]),
            ("import sys\nsys.exit(3)\n", ["sys.exit(3)"]),
            ("import attngru_bt\n", ["registers no factor", "@attngru_bt.factor"]),
            (MINE.replace("Trot9", "RSI"), ["line 18", "'RSI' is registered already", "another"]),
            (MINE.replace("Sprint", "close"), ["line 12", "'close'", "line"]),
            (MINE.replace("(my_step, close)", "(clsoe)"), ["line 12", "'clsoe'", "'close'"]),
        ],
    )
    def test_a_file_that_fails(self, data, mine, tmp_path, text, words):
        before = dict(registry.nodes)
        mine.write_text(text)
        for _ in range(2):  # it is as wrong the second time
            said = sentence(invoke("factors", "list", "--factors", mine))
            assert all(word in said for word in ["my_factors.py", *words]), said
            assert registry.nodes == before, "nothing of it stays"

    @pytest.mark.slow
    def test_an_error_while_it_computes_says_where(self, data, mine, tmp_path):
        mine.write_text(MINE.replace("my_step / close", "my_step / clsoe"))
        path = tmp_path / "f.csv"
        done = invoke("factors", "compute", "--data", data, "--factors", f"{mine},Sprint",
                      "--out", path)  # fmt: skip
        said = sentence(done)
        assert "my_factors.py, line 15: NameError" in said and "clsoe" in said
        assert not path.exists()

    def test_brackets_in_a_message_are_no_markup(self, mine):
        mine.write_text("raise ValueError('expected [bold] or [1]')\n")
        assert "expected [bold] or [1]" in sentence(invoke("factors", "list", "--factors", mine))

    def test_no_such_file(self, tmp_path):
        for option in ("nowhere.py", "folder/factors.txt"):
            assert option in sentence(invoke("factors", "list", "--factors", option))


class TestBacktest:
    """The same options in a backtest."""

    @pytest.mark.slow
    def test_own_factors_and_a_factor_file(self, data, mine, tmp_path):
        bars = attngru_bt.load(data).bars
        table = bars.frame("pb").stack().rename_axis(["tradeDate", "ticker"]).rename("BIAS5")
        table.reset_index().assign(Mood=1.5).to_csv(tmp_path / "uqer.csv", index=False)
        out = tmp_path / "out"
        done = ok("backtest", "--data", data, "--factors", f"{mine},Sprint,Trot3,BIAS5,Mood,REVS5",
                  "--factor-file", tmp_path / "uqer.csv", "--model=ridge", "--out", out,
                  *SMALL)  # fmt: skip
        assert "Sprint, Trot3, Trot9 from my_factors.py" in " ".join(done.stderr.split())
        run = json.loads((out / "run.json").read_text())
        names = ["Sprint", "Trot3", "BIAS5", "Mood", "REVS5"]
        assert run["settings"]["factors"] == names
        assert run["digests"]["my_factors.py"] == hashlib.sha256(MINE.encode()).hexdigest()
        joined = join_factor_file(bars, tmp_path / "uqer.csv")
        assert run["digests"]["bars"] == joined.digest()
        market = attngru_bt.load(data)
        market = Market(joined, market.benchmark, market.membership, "joined")
        want = backtest.run(market, signal="ridge", factors=names, topk=3, lookback=2,
                            min_months=6, start="2015-09-01")  # fmt: skip
        assert want.signal.sections_[-1].columns == tuple(names)
        section = want.signal.sections_[-1]
        pb = joined.frame("pb").loc[section.date, list(section.assets)].astype(np.float32)
        np.testing.assert_array_equal(section.values[:, -1, names.index("BIAS5")], pb)
        scores = pd.read_csv(out / "scores.csv").set_index(["month_end", "symbol"])["score"]
        labels = want.signal.labels()["score"].sort_index()
        assert scores.sort_index().to_numpy().tobytes() == labels.to_numpy().tobytes()

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (["--factors", "BIAS55"], ["BIAS55", "did you mean 'BIAS5'"]),
            (["--factors", "VOL5"], ["VOL5", "turnover"]),
            (["--factors", "no.py"], ["no.py", "check the path"]),
            (["--factor-file", "no.csv"], ["no.csv", "check the path"]),
        ],
        ids=str,
    )
    def test_mistakes_are_told_before_anything_is_written(self, data, tmp_path, options, words):
        out = tmp_path / "out"
        text = sentence(invoke("backtest", "--data", data, "--out", out, *SMALL, *options))
        assert all(word in text for word in words), text
        assert not out.exists()


class TestFactorFile:
    @pytest.mark.slow
    def test_what_compute_wrote_comes_back_and_goes_before_the_computed(self, data, tmp_path):
        first, second = tmp_path / "first.csv", tmp_path / "second.csv"
        ok("factors", "compute", "--data", data, "--names", "RSI", "--out", first)
        table = pd.read_csv(first)
        table["RSI"] = -table["RSI"]
        table.to_csv(first, index=False)
        ok("factors", "compute", "--data", data, "--factor-file", first, "--names", "RSI",
           "--out", second)  # fmt: skip
        pd.testing.assert_frame_equal(pd.read_csv(second), table, check_exact=True)

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", ["cannot be read"]),
            ("a,b\n1,2\n", ["ticker", "tradeDate"]),
            ("ticker,tradeDate,X\nZZZ,2015-01-05,1\n", ["No row", "ZZZ"]),
            ("ticker,tradeDate,X\nS001,2015-01-05,abc\n", ["'X'", "abc", "2015-01-05"]),
            ("ticker,tradeDate,close\nS001,2015-01-05,1\n", ["'close'", "already"]),
            ("ticker,tradeDate,preclose\nS001,2015-01-05,1\n", ["'preclose'", "a price"]),
        ],
    )
    def test_mistakes(self, data, tmp_path, text, words):
        path = tmp_path / "uqer.csv"
        path.write_text(text)
        said = sentence(invoke("factors", "compute", "--data", data, "--factor-file", path,
                               "--out", tmp_path / "f.csv"))  # fmt: skip
        assert all(word in said for word in ["uqer.csv", *words]), said


def test_no_option_is_left_without_a_word_of_help():
    from typer.main import get_command

    from attngru_bt.cli import app

    for command in get_command(app).commands["factors"].commands.values():
        assert command.help
        for option in command.params:
            assert getattr(option, "help", None), option.name
