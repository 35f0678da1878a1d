"""``attngru-bt compare`` as its users meet it."""

import json
import re

import pandas as pd
import pytest
import typer
from csv_market import write_folder
from typer.main import get_command
from typer.testing import CliRunner

from attngru_bt import compare, load, make_market, walkforward
from attngru_bt.cli import compare as command

MODELS = "logistic,ridge,equal-weight,random"
SETTINGS = dict(topk=3, min_months=4, refit=3, draws=20, seeds=2)
SMALL = [f"--{name.replace('_', '-')}={value}" for name, value in SETTINGS.items()]
FACTORS = "MA5,MA20,RSI,BIAS5,ROC6"
END = "2015-10-15"  # of a market that goes on until 2015-11-18


def invoke(*arguments):
    app = typer.Typer()
    app.command("compare", epilog=command.EXAMPLES)(command.compare)
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    market = make_market(n_assets=10, n_days=230, seed=5, signal=0.3, late=1, delisted=0)
    return write_folder(tmp_path_factory.mktemp("compare") / "data", market)


def asked(data, folder):
    return ["--data", data, "--factors", FACTORS, "--end", END, "--out", folder, *SMALL]


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare") / "whole"
    done = invoke("--models", MODELS, *asked(data, folder), "--title", "Two models")
    assert done.exit_code == 0, done.output
    return done, folder


@pytest.mark.slow
class TestRun:
    def test_writes_every_file_and_names_it(self, whole):
        done, folder = whole
        names = {path.name for path in folder.iterdir() if path.is_file()}
        assert names == {
            "compare.html", "table2.csv", "table3.csv", "monthly.csv", "compare.json", "table.md",
        }  # fmt: skip
        assert all(str(folder / name) in done.stdout for name in names)
        assert "<h1>Two models</h1>" in (folder / "compare.html").read_text()

    def test_prints_the_figures_of_the_tables(self, whole):
        done, folder = whole
        table = pd.read_csv(folder / "table3.csv", index_col="model")
        assert f"{table.loc['ridge', 'sharpe']:.2f}".replace("-", "\u2212") in done.stdout
        text = " ".join(done.stdout.split())
        for words in (
            "Accuracy, in-sample and out of sample",
            "Earned, out of sample, after costs",
        ):
            assert words in text

    def test_tells_the_stages_on_stderr(self, whole):
        stages = [line.split()[0] for line in whole[0].stderr.splitlines() if line.strip()]
        assert [s for s in stages if s != "training"] == ["data", "backtest", "report", "done"]
        assert "training" in stages

    def test_is_the_comparison_of_the_python_api(self, whole, data, tmp_path):
        names = tuple(FACTORS.split(","))
        found = compare.run(load(data), MODELS, end=END, factors=names, **SETTINGS)
        read = pd.read_csv(whole[1] / "table3.csv", index_col="model")
        pd.testing.assert_frame_equal(read, found.table3, check_names=False, check_dtype=False)

    def test_a_second_time_nothing_is_fitted(self, whole, data, monkeypatch):
        folder = whole[1]
        before = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
        again = invoke("--models", MODELS, *asked(data, folder), "--title", "Two models")
        assert again.exit_code == 0, again.output
        # fit seconds are those of the first time
        assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before

    def test_settings_are_kept(self, whole):
        about = json.loads((whole[1] / "compare.json").read_text())["about"]
        assert about["end"] <= END and about["seeds"] == 2 and about["topk"] == 3
        assert about["settings"]["refit"] == 3 and about["trading"]["cash"] == 1_000_000


class TestMistakes:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["--models", "logstic"], "there is no model 'logstic'; did you mean 'logistic'?"),
            (["--models", "equal-weight"], "at least one that makes scores"),
            (["--models", "ridge", "--start", "soon"], "--start must be a date"),
            (["--models", "ridge", "--min-months", "40"], "min_months=40"),
        ],
    )
    def test_one_sentence(self, data, tmp_path, arguments, sentence):
        done = invoke(*asked(data, tmp_path), *arguments)
        assert done.exit_code == 2
        assert "Traceback" not in done.output
        lines = [line for line in done.stderr.splitlines() if not line.startswith("data ")]
        assert len(lines) == 1 and sentence in lines[0], done.stderr

    @pytest.mark.slow
    def test_a_report_without_a_place_is_an_error_before_anything_is_fitted(self, data, tmp_path):
        (tmp_path / "results.md").write_text("# Results\n")
        done = invoke(
            "--models", "ridge", *asked(data, tmp_path), "--into", tmp_path / "results.md"
        )
        assert done.exit_code == 2 and "no place for the tables" in done.stderr
        assert not (tmp_path / "walks").exists()

    @pytest.mark.slow
    def test_interrupted_it_says_how_to_go_on(self, data, tmp_path, monkeypatch):
        def stopped(*args, **kwargs):
            raise KeyboardInterrupt("Stopped after 3 of 8 fits; the same call goes on from there.")

        monkeypatch.setattr(walkforward, "walk_forward", stopped)
        done = invoke("--models", "ridge", *asked(data, tmp_path))
        assert done.exit_code == 130
        assert "Stopped after 3 of 8 fits" in done.stderr


class TestHelp:
    def test_every_option_has_a_word_of_help(self):
        app = typer.Typer()
        app.command()(command.compare)
        for option in get_command(app).params:
            assert getattr(option, "help", None) or option.name in ("install", "help"), option.name

    @pytest.mark.slow
    def test_examples_parse(self):
        text = " ".join(invoke("--help").output.split())
        known = set(re.findall(r"(--[a-z-]+)", text.split("Examples")[0]))
        used = set(re.findall(r"(--[a-z-]+)", command.EXAMPLES))
        assert used and used <= known
