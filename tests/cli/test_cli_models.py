"""``attngru-bt models`` as its users meet it."""

import os

import pandas as pd
import pytest
from typer.testing import CliRunner

from attngru_bt.cli import app
from attngru_bt.walkforward import MonthRecord, record_file


def invoke(*arguments):
    return CliRunner().invoke(app, ["models", *map(str, arguments)], env={"COLUMNS": "200"})


@pytest.fixture
def folder(tmp_path):
    """Two months, the second twice, and a damaged file."""
    for number, (month, digest) in enumerate(
        [("2020-01-31", "aa"), ("2020-02-28", "aa"), ("2020-02-28", "bb"), ("2020-03-31", "cc")]
    ):
        scores = pd.Series([0.5, 0.1], index=pd.Index(["A", "B"], name="asset"), name="score")
        record = MonthRecord(
            pd.Timestamp(month), scores, n_rows=1200 + number, n_months=12, refit=True,
            in_sample={"auc": 0.75},
        )  # fmt: skip
        file = tmp_path / f"{month}-{digest}.month"
        content = record_file.to_bytes(record, file.stem)
        file.write_bytes(content if digest != "cc" else content[:-5])
        os.utime(file, (number, number))
    return tmp_path


def test_list_and_show(folder):
    listed = invoke("list", folder)
    assert listed.exit_code == 0, listed.output
    for text in ("2020-01-31", "2020-02-28", "1,202"):
        assert text in listed.stdout
    shown = invoke("show", folder)
    assert "2020-02-28" in shown.stdout and "0.750" in shown.stdout
    assert "2020-03-31-cc.month: cannot be used (its content does not match" in shown.stdout


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
