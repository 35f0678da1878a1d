"""``attngru-bt fetch``: a folder to run on, one sentence per mistake, and Ctrl-C loses nothing."""

import functools
import re
import shlex
import sys

import pandas as pd
import pytest
import typer
import vendor_modules as standin
from typer.testing import CliRunner

import attngru_bt
from attngru_bt.cli import fetch as command
from attngru_bt.data.vendors import Patience

app = typer.Typer()
app.callback()(lambda: None)  # so that the command keeps its name
app.command("fetch", epilog=command.EXAMPLES)(command.fetch)


def invoke(*arguments):
    return CliRunner().invoke(app, ["fetch", *(str(a) for a in arguments)])


def span(folder, universe="sse50", source="baostock"):
    return [
        *("--source", source, "--universe", universe),
        *("--start", "2020-01-02", "--end", "2020-01-08", "--out", folder),
    ]


def error_of(result):
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, result.stderr
    return lines[0]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No waiting."""
    waits = []
    monkeypatch.setattr(command, "Patience", functools.partial(Patience, sleep=waits.append))
    return waits


def test_help_shows_examples_that_parse():
    text = " ".join(invoke("--help").output.split())
    known = set(re.findall(r"(--[a-z-]+)", text.split("Examples")[0]))
    used = set(re.findall(r"(--[a-z-]+)", text.split("Examples")[1]))
    assert used and used <= known


@pytest.mark.slow
def test_a_fetched_folder_loads_with_its_members(bs, tmp_path):
    done = invoke(*span(tmp_path / "sse50"))
    assert done.exit_code == 0, done.output
    market = attngru_bt.load(tmp_path / "sse50")
    assert len(market.bars.assets) == 3 and len(market.membership) == 3
    assert [line.split("/")[-1] for line in done.stdout.split()] == [
        "panel.parquet",
        "membership.csv",
        "index.csv",
    ]
    assert "Warning" not in done.stderr and "3 symbols" in done.stderr
    assert bs.log.calls[-1] == ("logout",)


@pytest.mark.slow
def test_todays_members_are_called_survivors(ak, tmp_path):
    done = invoke(*span(tmp_path, source="akshare"))
    assert done.exit_code == 0, done.output
    assert not (tmp_path / "membership.csv").exists()
    assert "Warning: who was a member when is not known" in done.stderr
    assert "attngru-bt audit looks for that" in done.stderr


def test_rate_limit_then_success(ak, tmp_path, quick):
    ak.log.errors = [None, ConnectionError("429 Too Many Requests")]
    done = invoke(*span(tmp_path, "600000", "akshare"), "--pause", 0, "--verbose")
    assert done.exit_code == 0, done.output
    assert len(quick) == 1 and 1 <= quick[0] <= 3
    assert "once more in" in done.stderr and "429 Too Many Requests" in done.stderr


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished_and_says_how_to_go_on(bs, tmp_path):
    answers = bs.query_history_k_data_plus

    def stop_at_the_second(code, *rest, **given):
        if code == "sh.600036":
            raise KeyboardInterrupt
        return answers(code, *rest, **given)

    bs.query_history_k_data_plus = stop_at_the_second
    done = invoke(*span(tmp_path / "a folder"))
    assert done.exit_code == 130
    assert "Interrupted: 1 of 3 symbols are finished and kept. Go on with: " in done.stderr
    again = shlex.split(done.stderr.split("Go on with: ")[1])
    assert again[:2] == ["attngru-bt", "fetch"] and bs.log.calls[-1] == ("logout",)
    bs.query_history_k_data_plus = answers
    bs.log.calls.clear()
    done = invoke(*again[2:])
    assert done.exit_code == 0, done.output
    assert "3 symbols, 1 of them finished by an earlier start and skipped" in done.stderr
    assert not [call for call in bs.log.calls if call[:2] == ("bars", "sh.600000")]
    assert len(attngru_bt.load(tmp_path / "a folder").bars.assets) == 3


@pytest.mark.slow
def test_failed_symbols_are_named_and_nothing_half_is_written(bs, tmp_path):
    answers = bs.query_history_k_data_plus

    def one_refused(code, *rest, **given):
        if code == "sh.600036":
            return standin.Answer(error_code="10004011", error_msg="无效的证券代码")
        return answers(code, *rest, **given)

    bs.query_history_k_data_plus = one_refused
    done = invoke(*span(tmp_path))
    assert done.exit_code == 1
    assert "1 symbols failed: 600036.SH; baostock: 600036.SH: baostock says 10004011" in done.stderr
    assert "No panel was written: 2 of 3 symbols are finished and kept." in done.stderr
    assert not (tmp_path / "panel.parquet").exists()
    done = invoke(*span(tmp_path), "--allow-missing")
    assert done.exit_code == 0
    assert len(attngru_bt.load(tmp_path).bars.assets) == 2


def test_a_vendor_that_is_down_is_one_sentence(bs, tmp_path, quick):
    bs.answers = [("10002007", "网络接收错误。")] * 99
    said = error_of(invoke(*span(tmp_path), "--retries", 2))
    assert "members of sse50 on 2020-01-02: tried 3 times without success; " in said
    assert "baostock says 10002007 网络接收错误。" in said
    assert len([wait for wait in quick if wait > 0.5]) == 2


@pytest.mark.slow
def test_an_empty_symbol_is_a_warning(bs, tmp_path):
    done = invoke(*span(tmp_path, "600000,999999"))
    assert done.exit_code == 0
    assert "Warning: 1 symbols have no bar in this time: 999999.SH." in done.stderr


@pytest.mark.slow
def test_without_an_end_it_is_yesterday_and_then_that_of_the_fetch_begun(bs, tmp_path):
    given = ["--source", "baostock", "--universe", "600000", "--start", "2020-01-02"]
    invoke(*given, "--out", tmp_path)
    yesterday = pd.Timestamp.now().normalize() - pd.Timedelta(days=1)
    assert f"2020-01-02 .. {yesterday:%Y-%m-%d}" in invoke(*given, "--out", tmp_path).stderr
    other = tmp_path / "other"
    invoke(*given, "--end", "2020-01-08", "--out", other)
    assert "2020-01-02 .. 2020-01-08" in invoke(*given, "--out", other).stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            ["--source", "baostok"],
            "'baostock' or 'yfinance'; got 'baostok'; did you",
        ),
        (["--start", "soon"], "--start must be a date such as 2017-01-31; got 'soon'"),
        (["--universe", "csi3000"], "did you mean 'csi300'?"),
        (["--format", "xlsx"], "`form` must be 'csv.gz' or 'parquet'; got 'xlsx'"),
        (["--pause", "-1"], "`pause` must be a number of at least 0"),
        (["--end", "2019-01-01"], "`start` 2020-01-02 is after `end` 2019-01-01"),
    ],
)
def test_mistakes_are_one_sentence(bs, tmp_path, change, says):
    assert says in error_of(invoke(*span(tmp_path), *change))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("source", ["akshare", "baostock", "yfinance"])
def test_a_missing_library_is_one_sentence(source, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, source, None)
    said = error_of(invoke(*span(tmp_path, "600000", source)))
    assert said == (
        f"Error: the {source} library is not installed; install it with pip install "
        f"'attngru_bt[{source}]'."
    )


@pytest.mark.slow
def test_another_fetch_in_the_folder_is_said(bs, tmp_path):
    invoke(*span(tmp_path, "600000"))
    assert "with universe 600000, not 600036" in error_of(invoke(*span(tmp_path, "600036")))
    assert invoke(*span(tmp_path, "600036"), "--fresh").exit_code == 0


@pytest.mark.slow
def test_a_damaged_piece_is_fetched_again_and_named(bs, tmp_path):
    assert invoke(*span(tmp_path)).exit_code == 0
    (tmp_path / ".parts" / "bars-600036.SH.parquet").write_bytes(b"")
    done = invoke(*span(tmp_path))
    assert done.exit_code == 0, done.output
    assert "bars-600036.SH.parquet: is not what the fetch wrote" in " ".join(done.stderr.split())
    assert "3 symbols, 2 of them finished by an earlier start and skipped" in done.stderr
    assert "WARNING" not in invoke(*span(tmp_path)).stderr


@pytest.mark.slow
def test_a_damaged_plan_is_no_end_of_the_fetch(bs, tmp_path):
    given = ["--source", "baostock", "--universe", "600000", "--start", "2020-01-02"]
    assert invoke(*given, "--end", "2020-01-08", "--out", tmp_path).exit_code == 0
    (tmp_path / ".parts" / "plan.json").write_bytes(b"{")
    done = invoke(*given, "--end", "2020-01-08", "--out", tmp_path)
    assert done.exit_code == 0 and "plan.json" in done.stderr
    (tmp_path / ".parts" / "plan.json").write_bytes(b"{")
    assert invoke(*given, "--out", tmp_path).exit_code == 0  # the end is not known: yesterday


@pytest.mark.slow
def test_forty_symbols_between_commas(ak, tmp_path):
    symbols = ",".join(f"{600000 + n}.SH" for n in range(40))
    done = invoke(*span(tmp_path, symbols, "akshare"), "--pause", 0)
    assert done.exit_code == 0, done.output
    assert "40 symbols" in done.stderr
