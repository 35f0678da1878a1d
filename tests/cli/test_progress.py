"""What a command says while it goes: its stages, and scores of finished months."""

import io
import logging
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest
from rich.console import Console

from attngru_bt.cli import console
from attngru_bt.cli.progress import Progress
from attngru_bt.reports.partial import PartialScores
from attngru_bt.walkforward.record import MonthRecord

TASK = SimpleNamespace(model="ridge", seed=0, n_fits=2)
SCORED = MonthRecord(pd.Timestamp("2020-02-28"), pd.Series({"A": 0.25, "B": 1 / 3}), n_rows=40)


def test_scores_of_finished_months_are_kept(tmp_path):
    progress = Progress(Console(file=io.StringIO(), width=100), PartialScores(tmp_path))
    progress.fit(1, 3, TASK, [SCORED])
    progress.fit(2, 3, TASK, [replace(SCORED, month_end=pd.Timestamp("2020-03-31"))])
    assert pd.read_csv(progress.partial.path).to_numpy().tolist() == [
        ["2020-02-28", "A", 0.25], ["2020-02-28", "B", 1 / 3],
        ["2020-03-31", "A", 0.25], ["2020-03-31", "B", 1 / 3],
    ]  # fmt: skip


def test_scores_of_an_earlier_run_go_once_there_are_new_ones(tmp_path):
    for _ in range(2):
        progress = Progress(Console(file=io.StringIO(), width=100), PartialScores(tmp_path))
        progress.fit(1, 3, TASK, [SCORED])
    assert len(pd.read_csv(progress.partial.path)) == 2


@pytest.mark.parametrize("terminal", [False, True])
def test_a_line_per_stage_and_the_bar_goes_before_it(tmp_path, terminal):
    file = io.StringIO()
    progress = Progress(
        Console(file=file, width=100, force_terminal=terminal), PartialScores(tmp_path)
    )
    progress.stage("data", "50 stocks, [none] left out")
    progress.fit(1, 3, TASK, [SCORED])
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
    progress = Progress(console.err, PartialScores(tmp_path))
    progress.fit(1, 3, TASK, [SCORED])
    logging.getLogger("attngru_bt").warning("A [word] of warning.")
    progress.stop()
    # the bar's line is emptied first
    assert "\x1b[2KWARNING A [word] of warning.\n" in file.getvalue()
