"""``attngru-bt audit`` as its users meet it: verdicts, first offenders, exit codes, JSON."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import typer
from csv_market import write_folder
from typer.testing import CliRunner

from attngru_bt import audit as engine
from attngru_bt import make_market
from attngru_bt.cli import audit

pytestmark = pytest.mark.usefixtures("clean_registry")

CLEAN = """\
import attngru_bt
from attngru_bt.factors import ops


@attngru_bt.factor(family="mine")
def Trot(close, n=9):
    return close / ops.mean(close, n)
"""
CENTRED = """\
import numpy as np
import attngru_bt


@attngru_bt.factor(family="mine")
def Centered(close):
    ahead = np.vstack([close[3:], np.full((3, close.shape[1]), np.nan)])
    return ahead / close - 1
"""
ZSCORE = """\
import numpy as np
import attngru_bt


@attngru_bt.factor(family="mine")
def Whole(close):
    known = np.where(np.isnan(close), 0.0, close)
    return (close - known.mean(axis=0)) / known.std(axis=0)
"""
SMALL = ["--topk=3", "--min-months=4", "--cuts=1"]
FEW = "BIAS5,PB,ROC20,OBV"
NO_REPLAY = "--skip=scores,orders,same day,label shift,accuracy,account"


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=10, n_days=270, seed=5, signal=0.1, late=1, delisted=0)


@pytest.fixture(scope="module")
def data(market, tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("audit") / "now", market)


@pytest.fixture(scope="module")
def earlier(market, tmp_path_factory):
    until = market.bars.dates[240]
    return write_folder(tmp_path_factory.mktemp("audit") / "then", market, until=until)


def invoke(*arguments):
    app = typer.Typer(rich_markup_mode="markdown", pretty_exceptions_enable=False)
    app.command("audit", epilog=audit.EXAMPLES)(audit.audit)
    return CliRunner().invoke(app, [str(a) for a in arguments])


def statuses(done):
    """Check -> status, as printed."""
    lines = re.findall(r"^(pass|fail|skipped) +([a-z ]+):", done.stdout, re.MULTILINE)
    return {name: status for status, name in lines}


def script(tmp_path, text):
    path = tmp_path / "my_factors.py"
    path.write_text(text)
    return path


class TestVerdict:
    @pytest.mark.slow
    def test_a_clean_market_with_a_factor_of_ones_own(self, data, earlier, tmp_path):
        mine = script(tmp_path, CLEAN)
        report = tmp_path / "audit.json"
        done = invoke(
            "--data", data, "--against", earlier, "--factors", mine, "--factors", f"Trot,{FEW}",
            "--json", report, *SMALL,
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        want = dict.fromkeys(engine.CHECKS, "pass") | {"members": "skipped"}
        assert statuses(done) == want
        passed = f"{len(engine.CHECKS) - 1} passed, 0 failed, 1 skipped"
        assert passed in done.stdout and str(report) in done.stdout
        assert "Trot from my_factors.py" in done.stderr
        written = json.loads(report.read_text())
        assert written["passed"] is True and written["data"] == "now"
        assert {c["name"]: c["status"] for c in written["checks"]} == want

    @pytest.mark.slow
    def test_factors_that_see_the_future(self, data, tmp_path, no_fresh_process):
        report = tmp_path / "audit.json"
        mine = script(tmp_path, CENTRED + ZSCORE)
        done = invoke(
            "--data", data, "--factors", mine, "--factors", "Centered,Whole,BIAS5",
            "--json", report, NO_REPLAY, "--cuts", 2,
        )  # fmt: skip
        assert done.exit_code == 1, done.output
        assert statuses(done)["factors"] == "fail"
        first = next(line for line in done.stdout.splitlines() if "first:" in line)
        written = json.loads(report.read_text())
        assert written["passed"] is False
        findings = written["checks"][0]["findings"]
        assert findings[0]["sentence"] in first
        said = {finding["subject"]: finding["sentence"] for finding in findings}
        sights = {"Centered": "3 sessions ahead", "Whole": "to the very last bar"}
        assert set(said) == set(sights)
        for name, sight in sights.items():
            assert re.match(rf"{name} of S\d\d\d on \d{{4}}-\d\d-\d\d is ", said[name])
            assert sight in said[name]

    @pytest.mark.slow
    def test_history_that_changed(self, data, earlier, tmp_path):
        changed = tmp_path / "changed"
        shutil.copytree(earlier, changed)
        table = pd.read_csv(changed / "S003.csv")
        table.loc[40, "volume"] += 7
        table.to_csv(changed / "S003.csv", index=False)
        done = invoke("--data", data, "--against", changed, NO_REPLAY, "--factors", "BIAS5")
        assert done.exit_code == 1
        assert statuses(done)["changed history"] == "fail"
        assert f"first: S003 on {table['date'][40]}: volume was" in done.stdout

    @pytest.mark.slow
    def test_prices_that_know_a_later_split(self, data, earlier, tmp_path):
        forward = tmp_path / "forward"
        shutil.copytree(data, forward)
        table = pd.read_csv(forward / "S002.csv")
        for line in ("open", "high", "low", "close"):
            table.loc[:249, line] /= 2
        table.to_csv(forward / "S002.csv", index=False)
        done = invoke("--data", forward, "--against", earlier, NO_REPLAY, "--factors", "BIAS5")
        assert done.exit_code == 1
        assert statuses(done)["adjustment"] == "fail"
        assert f"first: S002 on {table['date'][0]}: close" in done.stdout
        assert "0.5 times as much" in done.stdout

    @pytest.mark.slow
    def test_scores_that_know_the_answer(self, data, tmp_path):
        rng = np.random.default_rng(0)
        dates = pd.date_range("2015-01-31", periods=20, freq="ME")
        index = pd.MultiIndex.from_product(
            [dates, [f"S{i:03d}" for i in range(50)]], names=["month_end", "symbol"]
        )
        table = pd.DataFrame({"score": rng.random(1000)}, index=index)
        table["label"] = (table["score"].groupby(level=0).rank() > 40).astype(int)
        path = tmp_path / "scores.csv"
        table.to_csv(path, date_format="%Y-%m-%d")
        done = invoke(
            "--data",
            data,
            "--scores",
            path,
            "--factors",
            "BIAS5",
            "--cuts",
            1,
            "--skip=scores,orders,same day,label shift,account",
        )
        assert done.exit_code == 1
        assert statuses(done)["accuracy of the scores given"] == "fail"
        best = table.xs(dates[0])["score"].idxmax()
        assert f"first: at the month-end 2015-01-31 10 of the best 10 scores came true, {best}" in (
            done.stdout
        )

    @pytest.mark.slow
    def test_the_embedded_data_fail_survivorship_and_nothing_else(self):
        done = invoke(NO_REPLAY, "--cuts", 1, "--factors", "BIAS5", "--start", "2013-01-01")
        assert done.exit_code == 1
        found = statuses(done)
        assert [name for name, status in found.items() if status == "fail"] == ["survivorship"]
        assert "the 20 stocks are the same on all dates" in done.stdout
        done = invoke(NO_REPLAY, "--skip", "survivorship", "--cuts", 1, "--factors", "BIAS5")
        assert done.exit_code == 0


class TestMistakes:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--skip", "survivor"], "did you mean 'survivorship'?"),
            (["--model", "best"], "`model` must be 'fast' or 'network'; got 'best'"),
            (["--start", "soon"], "--start must be a date"),
            (["--scores", "none.csv"], "none.csv: there is no such file"),
            (["--against", "nowhere"], "nowhere"),
            (["--json", "no/such/folder/audit.json"], "there is no folder"),
            (["--factors", "BIAS55"], "'BIAS55' is neither a factor"),
        ],
    )
    def test_one_sentence_and_exit_code_2(self, data, arguments, words):
        done = invoke("--data", data, *arguments)
        assert done.exit_code == 2
        assert words in done.stderr and len(done.stderr.strip().splitlines()) <= 2
        assert "Traceback" not in done.output

    @pytest.mark.slow
    def test_a_factor_that_breaks_is_named_with_its_line(self, data, tmp_path):
        text = CLEAN.replace("return close /", "return nothing /")
        done = invoke("--data", data, "--factors", script(tmp_path, text))
        assert done.exit_code == 2
        assert "my_factors.py, line 7: NameError" in done.stderr


class TestHelp:
    def test_examples_parse(self):
        text = " ".join(invoke("--help").output.split())
        known = set(re.findall(r"(--[a-z-]+)", text.split("Examples")[0]))
        used = set(re.findall(r"(--[a-z-]+)", text.split("Examples")[1]))
        assert used and used <= known

    def test_every_option_has_a_word_of_help(self):
        from typer.main import get_command

        app = typer.Typer()
        app.command("audit")(audit.audit)
        for option in get_command(app).params:
            if option.name not in ("install_completion", "show_completion"):
                assert getattr(option, "help", None), option.name
