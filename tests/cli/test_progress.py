"""What a run says while it goes: month, model, seed, loss, time left; scores of finished months."""

import io
from types import SimpleNamespace

import pandas as pd
import pytest
from rich.console import Console

from attngru_bt.cli.progress import Progress
from attngru_bt.walkforward.record import MonthRecord


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved."""
    now = SimpleNamespace(time=100.0)
    monkeypatch.setattr("attngru_bt.cli.progress.time.monotonic", lambda: now.time)
    return now


def record(date, **given):
    scores = pd.Series({"A": 0.25, "B": 1 / 3}, name="score")
    given = {"scores": scores, "n_rows": 40, "losses": [[{"loss": 0.5}], [{"loss": 0.25}]]} | given
    return MonthRecord(month_end=pd.Timestamp(date), **given)


class Run:
    """A run of so many months or fits, and the lines it has written."""

    def __init__(self, tmp_path, total, terminal=False):
        self.file = io.StringIO()
        console = Console(file=self.file, width=200, force_terminal=terminal)
        self.progress = Progress(console, total, tmp_path / "run")
        self.total, self.done = total, 0
        self.told = []
        self.progress._tell = lambda text, now_and_then: self.told.append((text, now_and_then))

    def fit(self, date="2020-01-31", **given):
        self.done += 1
        task = SimpleNamespace(model="ridge", seed=2)
        self.progress.fit(self.done, self.total, task, [record(date, **given)])
        return self.told[-1][0]


class TestFits:
    def test_month_model_seed_rows_loss_and_time_left(self, tmp_path, clock):
        run = Run(tmp_path, 10)
        clock.time += 3
        assert run.fit() == "2020-01  ridge  seed 2  1/10  40 rows  loss 0.3750"
        clock.time += 3
        assert run.fit().endswith("2/10  40 rows  loss 0.3750  24 s left")
        assert run.fit(losses=[]).endswith("3/10  40 rows  14 s left")

    def test_what_an_earlier_run_has_done_does_not_make_the_rest_look_quick(self, tmp_path, clock):
        run = Run(tmp_path, 100)
        for _ in range(90):
            clock.time += 0.01  # read from disk
            assert "left" not in run.fit(found=True)
        clock.time += 6
        assert run.fit().endswith("91/100  40 rows  loss 0.3750  54 s left")

    def test_elsewhere_than_on_a_terminal_a_line_now_and_then(self, tmp_path, clock):
        run = Run(tmp_path, 50)
        for _ in range(50):
            run.fit()
        shown = [text.split("  ")[3] for text, now_and_then in run.told if now_and_then]
        assert shown == ["1/50", *(f"{n}/50" for n in range(5, 51, 5))]


class TestMonths:
    def test_months_are_told_and_their_scores_kept(self, tmp_path, clock):
        run = Run(tmp_path, 3)
        clock.time += 2
        run.progress.month(record("2020-01-31", scores=pd.Series(dtype=float), n_rows=0))
        clock.time += 2
        run.progress.month(record("2020-02-28"))
        assert [text for text, _ in run.told] == [
            "2020-01  1/3  no model yet",
            "2020-02  2/3  40 rows  loss 0.3750  2 s left",
        ]
        kept = pd.read_csv(run.progress.partial)
        assert kept.to_numpy().tolist() == [
            ["2020-02-28", "A", 0.25], ["2020-02-28", "B", 1 / 3],
        ]  # fmt: skip

    def test_after_an_interruption_it_says_what_there_is(self, tmp_path):
        run = Run(tmp_path, 3)
        assert run.progress.interrupted() == "Interrupted before any month was finished."
        run.progress.month(record("2020-01-31", scores=pd.Series(dtype=float), n_rows=0))
        assert run.progress.interrupted() == (
            "Interrupted after 1 of 3 months. The same command goes on from there."
        )
        run.progress.month(record("2020-02-28"))
        assert f"2 of 3 months (scores: {run.progress.partial})" in run.progress.interrupted()

    def test_scores_of_an_earlier_run_go(self, tmp_path):
        Run(tmp_path, 3).progress.month(record("2020-02-28"))
        assert not Run(tmp_path, 3).progress.partial.exists()


@pytest.mark.parametrize("terminal", [False, True])
def test_a_line_that_changes_is_for_terminals_only(tmp_path, terminal):
    file = io.StringIO()
    console = Console(file=file, width=100, force_terminal=terminal)
    progress = Progress(console, 30, tmp_path)
    progress.stage("data", "50 stocks")
    for date in pd.date_range("2019-11-30", periods=4, freq="ME"):
        progress.month(record(date))
    progress.stop()
    text = file.getvalue()
    assert "data       50 stocks\n" in text.replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert ("\x1b[" in text) == terminal
    lines = [line for line in text.splitlines() if line.startswith("training")]
    if not terminal:  # the first month, then each January
        assert [line.split()[1] for line in lines] == ["2019-11", "2020-01"]
