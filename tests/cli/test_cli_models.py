"""``attngru-bt models`` as its users meet it."""

import os
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

from attngru_bt.cli import app, console
from attngru_bt.data.lock import sole_use
from attngru_bt.walkforward import MonthRecord, record_file


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    monkeypatch.setattr(console, "out", Console(emoji=False, width=200))


def invoke(*arguments):
    return CliRunner().invoke(app, ["models", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path):
    """Two months, the second twice, and a damaged file; the first is of an earlier version."""
    for number, (month, digest) in enumerate(
        [("2020-01-31", "aa"), ("2020-02-28", "aa"), ("2020-02-28", "bb"), ("2020-03-31", "cc")]
    ):
        scores = pd.Series([0.5, 0.1], index=pd.Index(["A", "B"], name="asset"), name="score")
        record = MonthRecord(
            pd.Timestamp(month), scores, n_rows=1200 + number, n_months=12, refit=True,
            in_sample={"auc": 0.75},
        )  # fmt: skip
        file = tmp_path / f"{month}-{digest}.month"
        about = {
            "settings": {"topk": f"{number}"},
            "data": f"{number}" * 64,
            "versions": {"numpy": "2.4"},
        }
        content = record_file.to_bytes(record, file.stem, about if number else None)
        file.write_bytes(content if digest != "cc" else content[:-5])
        os.utime(file, (number, number))
    return tmp_path


@pytest.mark.slow
def test_list_and_show(folder):
    listed = invoke("list", folder)
    assert listed.exit_code == 0, listed.output
    for text in ("2020-01-31", "2020-02-28", "1,202"):
        assert text in listed.stdout
    shown = invoke("show", folder)
    assert "2020-02-28" in shown.stdout and "0.750" in shown.stdout
    assert "2020-03-31-cc.month: cannot be used (its content does not match" in shown.stdout


def test_show_tells_settings_data_and_versions_once(folder):
    shown = invoke("show", folder).stdout
    row = next(line for line in shown.splitlines() if "2020-02-28" in line)
    assert [cell.strip() for cell in row.split("│")[1:-1]] == [
        "2020-02-28", "2", "1,201", "12", "yes", "0", "auc 0.750", "111111111111", "aa", "1 KiB",
    ]  # fmt: skip
    lines = shown.splitlines()
    assert lines[lines.index("  settings: topk=1") + 1] == "  versions: numpy=2.4"
    assert "  settings: topk=2" in lines
    assert "1 files of an earlier version do not tell their settings, data and versions" in shown


def test_show_says_so_where_nothing_is_kept(tmp_path):
    assert invoke("show", tmp_path).stdout == f"{tmp_path}: nothing is kept here.\n"


@pytest.mark.slow
def test_prune(folder):
    def left():
        return sorted(path.name[5:13] for path in folder.iterdir())

    assert "2 files would be removed" in invoke(
        "prune", folder, "--superseded", "--damaged", "--dry-run"
    ).stdout  # fmt: skip
    assert len(left()) == 4
    assert "1 files removed" in invoke("prune", folder, "--superseded").stdout
    assert left() == ["01-31-aa", "02-28-bb", "03-31-cc"], "the one written last stays"
    invoke("prune", folder, "--before", "2020-02-01")
    assert left() == ["02-28-bb", "03-31-cc"]
    invoke("prune", folder, "--damaged")
    assert left() == ["02-28-bb"]


@pytest.mark.slow
@pytest.mark.parametrize("where", ["run", "run/checkpoints", "run/checkpoints/seed0"])
@pytest.mark.parametrize("asked", ["run", "run/checkpoints", "run/checkpoints/seed0"])
def test_prune_is_refused_where_a_run_works(folder, tmp_path, where, asked):
    """Whether the run's folder is the one that is asked for, one above it or one below it."""
    kept = tmp_path / "run" / "checkpoints" / "seed0"
    kept.mkdir(parents=True)
    for file in list(tmp_path.glob("*.month")):
        file.rename(kept / file.name)
    with sole_use(tmp_path / where):
        refused = invoke("prune", tmp_path / asked, "--superseded")
        assert refused.exit_code == 2
        told = f"Error: {tmp_path / where}: another run is working in this folder"
        assert told in " ".join(refused.stderr.split())
        assert len(list(kept.glob("*.month"))) == 4
        shown = invoke("prune", tmp_path / asked, "--superseded", "--dry-run")
        assert "1 files would be" in shown.stdout
    assert "1 files removed" in invoke("prune", tmp_path / asked, "--superseded").stdout
    assert not list(tmp_path.rglob(".lock"))


def test_two_prunes_at_once(folder, monkeypatch):
    """The second one is refused while the first one works, whichever it is."""
    second = []
    unlink = Path.unlink

    def while_it_works(path, **keywords):
        if path.suffix == ".month":
            second.append(invoke("prune", folder, "--damaged"))
        unlink(path, **keywords)

    monkeypatch.setattr(Path, "unlink", while_it_works)
    assert "1 files removed" in invoke("prune", folder, "--superseded").stdout
    assert [done.exit_code for done in second] == [2]
    assert "another run is working in this folder" in second[0].stderr
    assert (folder / "2020-03-31-cc.month").exists()


def test_a_file_that_goes_meanwhile_is_passed_over(folder, monkeypatch):
    real = Path.read_bytes

    def gone(path):
        if path.name.startswith("2020-01"):
            raise FileNotFoundError(path)
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", gone)
    assert "2020-01-31" not in invoke("show", folder).stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["list", "nowhere"], "nowhere: there is no such folder"),
        (["prune", "."], "Say what to remove"),
        (["prune", ".", "--before", "soon"], "must be a date"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments)
    assert result.exit_code == 2 and told in " ".join(result.stderr.split())
