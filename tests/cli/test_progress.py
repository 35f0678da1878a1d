"""What a command says while it goes: its stages, and scores of finished months."""

import io
import logging

import pandas as pd
import pytest
from rich.console import Console

from attngru_bt.cli import console
from attngru_bt.cli.progress import Progress
from attngru_bt.walkforward.record import MonthRecord


@pytest.fixture
def progress(tmp_path):
    return Progress(Console(file=io.StringIO(), width=100), 3, tmp_path / "run")


NO_MODEL = MonthRecord(pd.Timestamp("2020-01-31"), pd.Series(dtype=float))
SCORED = MonthRecord(pd.Timestamp("2020-02-28"), pd.Series({"A": 0.25, "B": 1 / 3}), n_rows=40)


def test_scores_of_finished_months_are_kept(progress):
    progress.month(NO_MODEL)
    assert not progress.partial.exists()
    progress.month(SCORED)
    assert pd.read_csv(progress.partial).to_numpy().tolist() == [
        ["2020-02-28", "A", 0.25], ["2020-02-28", "B", 1 / 3],
    ]  # fmt: skip


def test_after_an_interruption_it_says_what_there_is(progress):
    assert progress.interrupted() == "Interrupted before any month was finished."
    progress.month(NO_MODEL)
    assert progress.interrupted() == (
        "Interrupted after 1 of 3 months. The same command goes on from there."
    )
    progress.month(SCORED)
    assert f"2 of 3 months (scores: {progress.partial})" in progress.interrupted()


def test_scores_of_an_earlier_run_go(progress, tmp_path):
    progress.month(SCORED)
    assert not Progress(progress.console, 3, tmp_path / "run").partial.exists()


@pytest.mark.parametrize("terminal", [False, True])
def test_a_line_per_stage_and_the_bar_goes_before_it(tmp_path, terminal):
    file = io.StringIO()
    progress = Progress(Console(file=file, width=100, force_terminal=terminal), 3, tmp_path)
    progress.stage("data", "50 stocks, [none] left out")
    progress.month(SCORED)
    progress.stage("report")
    text = file.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert "data       50 stocks, [none] left out\n" in text
    assert ("\x1b[" in text) == terminal
    if terminal:  # the cursor comes back before the next stage
        assert "\x1b[?25h" in text.split("report")[0]


def test_a_warning_goes_above_the_bar(tmp_path, monkeypatch):
    file = io.StringIO()
    monkeypatch.setattr(console, "err", Console(file=file, width=100, force_terminal=True))
    console.log_to_stderr(logging.WARNING)
    progress = Progress(console.err, 3, tmp_path)
    progress.month(SCORED)
    logging.getLogger("attngru_bt").warning("A [word] of warning.")
    progress.stop()
    # the bar's line is emptied first
    assert "\x1b[2KWARNING A [word] of warning.\n" in file.getvalue()
