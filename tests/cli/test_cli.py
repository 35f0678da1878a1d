"""The command line as its users meet it: files, figures, one sentence per mistake, Ctrl-C."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import TIME_LIMIT
from csv_market import write_folder
from typer.testing import CliRunner

import attngru_bt
from attngru_bt import backtest, make_market
from attngru_bt.cli import app, inputs
from attngru_bt.cli.inputs import with_groups
from attngru_bt.data.bars import DataError

COMMAND = Path(sys.executable).parent / "attngru-bt"
FILES = {
    "tearsheet.html",
    "metrics.json",
    "equity.csv",
    "scores.csv",
    "orders.csv",
    "positions.csv",
    "attention.csv",
    "run.json",
}
N_DAYS = 230
END = "2015-10-15"  # of a market that goes on until 2015-11-18
FACTORS = "ROC6,BIAS5,MACD,RSI,OBV,PB,HBETA,PSY,EMA10,ATR14,REVS5,VEMA10"
PARAMS = dict(topk=3, lookback=3, step="month", min_months=4)
NETWORK = ["--model", "attention-gru-ranks"]  # one model, with attention and losses
SMALL = [f"--{name.replace('_', '-')}={value}" for name, value in PARAMS.items()]
BASELINES = [SMALL[0], SMALL[3]]  # what those take, too
SMALL.append(f"--factors={FACTORS}")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    market = make_market(n_assets=10, n_days=N_DAYS, seed=5, signal=0.3, late=1, delisted=0)
    return write_folder(tmp_path_factory.mktemp("cli") / "data", market)


@pytest.fixture(scope="module")
def little(tmp_path_factory):
    """Fewer stocks, where nothing comes of them."""
    market = make_market(n_assets=4, n_days=N_DAYS, seed=5, late=1, gaps=1, delisted=0)
    return write_folder(tmp_path_factory.mktemp("cli") / "little", market)


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
    market = make_market(n_assets=10, n_days=N_DAYS, seed=5, signal=0.3, late=1, delisted=0)
    return write_folder(tmp_path_factory.mktemp("cli") / "cut", market, until=END)


def invoke(*arguments):
    """Run the command in this process."""
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """A run on data that go on after --end: its result and its folder."""
    folder = tmp_path_factory.mktemp("cli") / "whole"
    done = invoke("backtest", "--data", data, "--end", END, "--out", folder, *NETWORK, *SMALL)
    assert done.exit_code == 0, done.output
    return done, folder


class TestHelp:
    @pytest.mark.slow
    def test_help_shows_examples_that_parse(self):
        text = " ".join(invoke("backtest", "--help").output.split())
        assert "Examples" in text
        assert "attngru-bt backtest --data" in text
        known = set(re.findall(r"(--[a-z-]+)", text.split("Examples")[0]))
        used = set(re.findall(r"(--[a-z-]+)", text.split("Examples")[1]))
        assert used and used <= known

    @pytest.mark.slow
    def test_without_a_command_it_helps(self):
        assert "backtest" in invoke().output

    def test_version(self):
        done = invoke("--version")
        assert (done.exit_code, done.stdout.split()[-1]) == (0, attngru_bt.__version__)

    @pytest.mark.parametrize("command", ["backtest", "picks"])
    def test_the_model_is_the_default_unless_named(self, command):
        from typer.main import get_command

        (model,) = (p for p in get_command(app).commands[command].params if p.name == "model")
        assert model.default == "default"

    def test_no_option_is_left_without_a_word_of_help(self):
        from typer.main import get_command

        for option in get_command(app).commands["backtest"].params:
            assert getattr(option, "help", None), option.name


@pytest.mark.slow
class TestRun:
    def test_writes_every_file_and_names_it(self, whole):
        done, folder = whole
        there = {path.name for path in folder.iterdir()}
        assert there == FILES | {"checkpoints"}, "scores.partial.csv must go"
        for name in FILES:
            assert str(folder / name) in done.output

    def test_prints_the_metrics_of_metrics_json(self, whole):
        done, folder = whole
        figures = json.loads((folder / "metrics.json").read_text())["strategy"]
        text = done.stdout.lower()
        for words in ("annual", "sharpe", "drawdown", "information ratio", "turnover"):
            assert words in text
        assert f"{100 * figures['annual_return']:.1f}" in text
        assert f"{figures['sharpe']:.2f}" in text

    def test_attention_is_traced_back_to_factors_and_families(self, whole):
        table = pd.read_csv(whole[1] / "attention.csv")
        scores = pd.read_csv(whole[1] / "scores.csv")
        assert set(table["month_end"]) == set(scores["month_end"])
        np.testing.assert_allclose(table.groupby("month_end")["share"].sum(), 1)
        assert set(table["family"]) <= {"momentum", "technical", "trading", "sentiment", "value"}
        page = (whole[1] / "tearsheet.html").read_text()
        assert "Attention per" in page

    def test_says_that_the_figures_are_out_of_sample(self, whole):
        assert "out of sample" in whole[0].output.lower().replace("-", " ")

    def test_shows_progress_and_no_log(self, whole):
        stages = [line.split()[0] for line in whole[0].stderr.splitlines() if line.strip()]
        assert [s for s in stages if s != "training"][:2] == ["data", "factors"]
        assert "training" in stages
        assert "INFO" not in whole[0].output

    def test_members_only(self, whole):
        scores = pd.read_csv(whole[1] / "scores.csv")
        left = scores.loc[scores["symbol"] == "S009", "month_end"]
        assert len(left) and left.max() < "2015-08-10"
        assert scores["month_end"].max() > "2015-09-01"

    def test_is_the_run_of_the_python_api(self, whole, data):
        how = {"factors": FACTORS.split(","), **PARAMS}
        strategy = backtest.run(attngru_bt.load(data), model=NETWORK[1], end=END, **how)
        scores = pd.read_csv(whole[1] / "scores.csv", parse_dates=["month_end"])
        scores = scores.set_index(["month_end", "symbol"])["score"].sort_index()
        want = strategy.signal.labels()["score"].sort_index()
        assert list(scores.index) == list(want.index)
        assert scores.to_numpy().tobytes() == want.to_numpy().tobytes()
        fills = pd.read_csv(whole[1] / "orders.csv").query("event == 'fill'")
        log = strategy.trade_log.frame().query("event == 'fill'")
        assert len(log) >= 6
        assert fills["size"].tolist() == log["size"].tolist()
        assert fills["price"].tolist() == log["price"].tolist()

    def test_data_beyond_end_change_no_byte(self, whole, cut, tmp_path):
        done = invoke("backtest", "--data", cut, "--out", tmp_path / "cut", *NETWORK, *SMALL)
        assert done.exit_code == 0, done.output
        for name in ("metrics.json", "scores.csv", "orders.csv", "equity.csv", "positions.csv"):
            assert (tmp_path / "cut" / name).read_bytes() == (whole[1] / name).read_bytes(), name

    def test_the_data_did_go_on_after_end(self, data):
        bars = attngru_bt.load(data).bars
        assert (bars.dates > END).sum() > 20


def sentence(result):
    """The one sentence on stderr; anything but stages and that sentence fails."""
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    stages = ("data ", "factors ", "training ")
    lines = [line for line in result.stderr.splitlines() if line and not line.startswith(stages)]
    assert len(lines) == 1, lines
    assert lines[0].startswith("Error: ")
    return lines[0]


@pytest.fixture
def broken(data, tmp_path):
    """A copy of the data to spoil."""
    return Path(shutil.copytree(data, tmp_path / "broken"))


def spoil(file, row, column, value):
    """Put `value` into one cell of a CSV; answers the date of the row."""
    table = pd.read_csv(file, dtype=str)
    table.loc[row, column] = value
    table.to_csv(file, index=False)
    return table.loc[row, "date"]


class TestMistakes:
    @pytest.fixture(scope="class")
    @staticmethod
    def data(little):
        return little

    @pytest.fixture(autouse=True)
    def out(self, tmp_path):
        self.folder = tmp_path / "out"

    def fails(self, *arguments):
        result = invoke("backtest", "--out", self.folder, *SMALL, *arguments)
        text = sentence(result)
        assert not self.folder.exists() or not any(self.folder.iterdir()), "nothing half-written"
        return text

    @pytest.mark.slow
    def test_wrong_path(self, tmp_path):
        text = self.fails("--data", tmp_path / "nowhere")
        assert "nowhere" in text and "check the path" in text

    def test_empty_folder(self, tmp_path):
        (tmp_path / "empty").mkdir()
        assert "expected panel.csv.gz" in self.fails("--data", tmp_path / "empty")

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("column", "value"),
        [("open", ""), ("close", "abc"), ("close", "-1"), ("low", "9999"), ("date", "2015-13-01")],
    )
    def test_a_bad_cell(self, broken, column, value):
        date = spoil(broken / "S003.csv", 50, column, value)
        text = self.fails("--data", broken)
        assert "S003.csv" in text and column in text
        assert date in text

    @pytest.mark.slow
    def test_a_date_twice(self, broken):
        file = broken / "S003.csv"
        last = file.read_text().splitlines()[-1]
        with file.open("a") as out:
            out.write(last + "\n")
        text = self.fails("--data", broken)
        assert "S003.csv" in text and last[:10] in text

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("topk", "0"),
            ("lookback", "0"),
            ("refit", "0"),
            ("min-months", "0"),
            ("n-networks", "0"),
            ("window", "0"),
            ("window", "2"),
            ("step", "week"),
            ("rebalance", "some"),
            ("start", "yesterday-ish"),
            ("end", "2015-13-45"),
            ("start", "2030-01-01"),
            ("device", "gpu"),
            ("cash", "-5"),
            ("cash", "nan"),
            ("commission", "-0.001"),
            ("commission", "5"),
            ("slippage", "-0.1"),
            ("periods", "0"),
        ],
    )
    def test_a_bad_value(self, data, option, value):
        text = self.fails("--data", data, f"--{option}", value)
        assert re.search(rf"\b{option.replace('-', '[-_]')}\b", text), text
        assert value in text, text

    @pytest.mark.slow
    def test_end_before_the_data(self, data):
        text = self.fails("--data", data, "--end", "1999-12-31")
        assert "2015-01-01" in text and "1999-12-31" in text

    @pytest.mark.slow
    def test_end_before_start(self, data):
        text = self.fails("--data", data, "--start", "2015-09-01", "--end", "2015-08-01")
        assert "start" in text and "2015-09-01" in text

    @pytest.mark.slow
    def test_too_few_months_to_train_on(self, data):
        text = self.fails("--data", data, "--topk", "3", "--min-months", "40")
        assert "min_months=40 are needed" in text

    @pytest.mark.slow
    def test_no_benchmark_file(self, data):
        assert "no.csv" in self.fails("--data", data, "--benchmark", "no.csv")

    @pytest.mark.slow
    def test_no_membership_file(self, data):
        assert "no.csv" in self.fails("--data", data, "--membership", "no.csv")

    @pytest.mark.slow
    def test_members_without_bars(self, data, tmp_path):
        members = tmp_path / "members.csv"
        members.write_text("symbol,in_date,out_date\n600000,2014-01-01,\n600004,2014-01-01,\n")
        text = self.fails("--data", data, "--membership", members)
        assert "members.csv" in text and "600000" in text

    @pytest.mark.slow
    def test_out_is_a_file(self, data, tmp_path):
        file = tmp_path / "taken"
        file.write_text("mine")
        text = sentence(invoke("backtest", "--data", data, *SMALL, "--out", file))
        assert "taken" in text
        assert file.read_text() == "mine"

    def test_an_unknown_option_names_the_nearest(self):
        done = invoke("backtest", "--topkk", "3")
        assert done.exit_code == 2
        assert "--topk" in done.output and "Traceback" not in done.output

    def test_debug_shows_the_traceback(self, tmp_path):
        done = invoke("backtest", "--debug", "--data", tmp_path / "nowhere")
        assert isinstance(done.exception, attngru_bt.DataError)


@pytest.mark.slow
def test_some_members_without_bars_are_named_and_the_run_goes_on(data, cut, tmp_path, caplog):
    """An index has names that a user's data lack: that must be said, and is no reason to stop."""
    members = tmp_path / "members.csv"
    members.write_text((data / "membership.csv").read_text() + "600000,2014-01-01,\n")
    done = invoke(
        "backtest", "--data", cut, "--membership", members, "--no-baseline", *SMALL,
        "--model=ridge", "--start", "2015-09-01", "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len([text for text in warnings if "600000" in text]) == 1


@pytest.fixture(scope="module")
def interrupted(data, tmp_path_factory):
    """A run that got Ctrl-C after some months: its exit code, what it wrote, its folder."""
    folder = tmp_path_factory.mktemp("cli") / "interrupted"
    partial, log = folder / "scores.partial.csv", folder.parent / "log.txt"
    command = [COMMAND, "backtest", "--data", data, "--out", folder, "--verbose", *NETWORK, *SMALL]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--min-months=1", "--n-networks=6"],  # the last word counts
            stdout=output,
            stderr=output,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            # a shell's background job ignores SIGINT, and so would its children
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
    try:
        deadline = time.monotonic() + TIME_LIMIT
        while process.poll() is None and time.monotonic() < deadline:
            if partial.exists() and len(partial.read_text().splitlines()) > 15:
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=TIME_LIMIT)
    finally:
        process.kill()
    return code, log.read_text(), folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--model", "gdbt"), "No model is named 'gdbt'; did you mean 'gbdt'?"),
        (
            ("--model", "momentum", "--lookback", 3),
            "`lookback` has no effect with the model 'momentum'",
        ),
        (("--model", "equal-weight"), "'equal-weight' scores all stocks alike"),
        (("--rules", "ashare", "--commission", 0.001), "--commission has no effect beside"),
        (("--rules", "nyse"), "nyse"),
        (("--jobs", 0), "`jobs` must be at least 1"),
        (("--jobs", 2, "--dask", "tcp://127.0.0.1:1"), "no Dask scheduler answers"),
        (
            ("--dask", "tls://127.0.0.1:1", "--dask-tls-ca", "a.pem", "--dask-tls-cert", "b.pem"),
            "`tls`: a.pem: there is no such file",
        ),
        (("--dask", "tls://127.0.0.1:1", "--dask-tls-ca", "a.pem"), "'cert' too (--dask-tls-cert)"),
        (("--dask-tls-cert", "b.pem"), "`tls` is for the address of a scheduler, tls://"),
    ],
)
def test_what_cannot_be_is_one_sentence(little, tmp_path, options, message, monkeypatch):
    monkeypatch.setattr("attngru_bt.walkforward.cluster.PATIENCE", 0.5)
    done = invoke("backtest", "--data", little, "--out", tmp_path, *BASELINES, *options)
    assert done.exit_code == 2
    assert message in done.output
    assert "Traceback" not in done.output and done.output.count("Error:") == 1


@pytest.mark.slow
def test_a_baseline_by_name_under_the_rules_of_a_market(data, tmp_path):
    tmp_path = tmp_path / "[/a] [red]b:dog:"  # a folder's name is no markup
    done = invoke(
        "backtest", "--data", data, "--model", "random", "--rules", "ashare", "--topk", 3,
        "--start", "2015-06-01", "--out", tmp_path,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert f"  {tmp_path}/metrics.json\n" in done.stdout
    assert "Random, best 3 of each month" in (tmp_path / "tearsheet.html").read_text()
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "cause"),
    [
        (("--model", "momentum"), "momentum over 12 months needs 13 month-ends, and the data have"),
        (
            ("--model", "ridge", "--topk", 10, "--min-months", 30),
            "topk=10 and at most 10 stocks at",
        ),
        (
            ("--model", "ridge", "--topk", 3, "--min-months", 30),
            "min_months=30 are needed before the first",
        ),
        (("--model", "random", "--start", "2030-01-01"), "2030-01-01 is after the last session"),
    ],
)
def test_a_run_that_never_trades_says_why_once(data, tmp_path, options, cause):
    done = invoke("backtest", "--data", data, "--out", tmp_path, *options)
    assert done.exit_code == 2
    assert done.output.count(cause) == 1, done.output
    assert "Bring longer data" not in done.output and done.output.count("Error:") == 1


@pytest.mark.slow
def test_a_baseline_that_buys_nothing_is_said(data, tmp_path):
    """Cash for one share is none for a tenth of each."""
    done = invoke(
        "backtest", "--data", data, "--model", "random", "--topk", 1, "--cash", 60,
        "--start", "2015-10-01", "--out", tmp_path,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "WARNING The baseline bought nothing: 2 decisions led to no fill" in done.output


@pytest.mark.slow
class TestInterrupt:
    """Ctrl-C in the middle of a long run, as a terminal sends it."""

    def test_ends_with_130_and_a_sentence(self, interrupted):
        code, text, folder = interrupted
        assert code == 130, text
        assert "Stopped after" in text
        assert "Traceback" not in text
        assert str(folder / "scores.partial.csv") in text.replace("\n", "")

    def test_keeps_the_months_that_were_done(self, interrupted):
        partial = pd.read_csv(interrupted[2] / "scores.partial.csv")
        assert list(partial.columns) == ["month_end", "symbol", "score"]
        assert partial["month_end"].nunique() >= 2
        kept = {path.name for path in interrupted[2].iterdir()}
        assert kept == {"scores.partial.csv", "checkpoints"}

    def test_the_same_command_goes_on_and_ends_as_if_nothing_had_been(
        self, interrupted, data, tmp_path
    ):
        command = ["backtest", "--data", data, *NETWORK, *SMALL]
        command += ["--min-months=1", "--n-networks=6"]
        before = {p: p.stat().st_mtime_ns for p in interrupted[2].rglob("*.month")}
        assert invoke(*command, "--out", interrupted[2]).exit_code == 0
        assert {p: p.stat().st_mtime_ns for p in before} == before
        assert invoke(*command, "--out", tmp_path).exit_code == 0
        for name in ("scores.csv", "orders.csv", "equity.csv", "metrics.json"):
            assert (interrupted[2] / name).read_bytes() == (tmp_path / name).read_bytes(), name

    def test_verbose_logs_each_month(self, interrupted):
        text = interrupted[1]
        assert "INFO" in text
        assert re.search(r"INFO 2015-0\d-\d\d: \d+ scored", text)

    @pytest.mark.parametrize("stage", ["inputs.load", "backtest.Progress"])
    def test_before_any_month_it_ends_alike(self, data, tmp_path, monkeypatch, stage):
        def stop(*args, **kwargs):
            raise KeyboardInterrupt

        monkeypatch.setattr(f"attngru_bt.cli.{stage}", stop)
        done = invoke("backtest", "--data", data, "--out", tmp_path / "out")
        assert done.exit_code == 130
        assert "Traceback" not in done.output


@pytest.mark.slow
def test_scores_made_elsewhere_are_traded(data, tmp_path):
    """The scores of a run, read from its own scores.csv, lead to its orders."""
    first = invoke("backtest", "--data", data, "--model", "ridge", *SMALL, "--out", tmp_path / "a")
    assert first.exit_code == 0, first.output
    again = invoke(
        "backtest", "--data", data, "--scores", tmp_path / "a" / "scores.csv", "--topk", 3,
        "--out", tmp_path / "b",
    )  # fmt: skip
    assert again.exit_code == 0, again.output
    assert (tmp_path / "a/orders.csv").read_bytes() == (tmp_path / "b/orders.csv").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--model", "ridge", "--scores", "s.csv"), "--model ridge has no effect beside --scores"),
        (("--scores", "nowhere.csv"), "nowhere.csv: there is no such file; check the path"),
    ],
)
def test_scores_that_cannot_be_used_are_one_sentence(little, tmp_path, options, message):
    done = invoke("backtest", "--data", little, *options, "--out", tmp_path / "out")
    assert done.exit_code == 2 and message in " ".join(done.output.split())


def test_none_switches_off_what_a_model_brings():
    given = dict(within="none", row_weights="none", neutralize="none", sample=None)
    assert inputs.given(**given) == {"within": None, "row_weights": None, "neutralize": None}


class TestGroups:
    def test_a_file_is_read_and_a_column_is_a_word(self, tmp_path):
        file = tmp_path / "groups.csv"
        file.write_text("symbol,group\nA,banks\n")
        assert with_groups({"groups": str(file), "keep": 3}) == {
            "groups": {"A": "banks"},
            "keep": 3,
        }
        for options in ({"groups": "industry"}, {"groups": None}, {"keep": 3}):
            assert with_groups(options) == options
        with pytest.raises(DataError, match=r"none.csv: there is no such file of groups"):
            with_groups({"groups": "none.csv"})
