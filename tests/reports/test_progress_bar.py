"""The bar of a run: what it says on a terminal, in a file and in a notebook, and the time left."""

import copy
import io
from types import SimpleNamespace

import pandas as pd
import pytest
from rich.console import Console
from sklearn.base import clone

from attngru_bt.reports import ProgressBar, time_left
from attngru_bt.reports.time_left import TimeLeft, duration
from attngru_bt.walkforward import SignalGenerator
from attngru_bt.walkforward.record import MonthRecord


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved."""
    now = SimpleNamespace(time=100.0)
    monkeypatch.setattr(time_left.time, "monotonic", lambda: now.time)
    return now


def record(date="2020-01-31", **given):
    scores = pd.Series({"A": 0.25, "B": 1 / 3}, name="score")
    losses = [[{"loss": 0.5}], [{"loss": 0.25}]]
    given = {
        "scores": scores, "n_rows": 40, "refit": True, "losses": losses, "fit_seconds": 1.5
    } | given  # fmt: skip
    return MonthRecord(month_end=pd.Timestamp(date), **given)


class Run:
    """A run of so many fits that take so many seconds, and the estimates after each of them."""

    def __init__(self, clock, total):
        self.clock, self.total, self.done, self.left = clock, total, 0, TimeLeft()

    def step(self, elapsed=0.0, fitted=True, computed=True, **kind):
        self.clock.time += elapsed
        self.done += 1
        return self.left.update(self.done, self.total, fitted=fitted, computed=computed, **kind)

    def steps_of(self, count, elapsed, **kind):
        return [self.step(elapsed, **kind) for _ in range(count)]

    def steps(self, *seconds):
        return [self.step(s) for s in seconds]


class TestTimeLeft:
    def test_the_start_of_a_run_does_not_count(self, clock):
        # 13 s until the first fit, then 2.5 s each: 22 times the first fit would be 286 s
        estimates = Run(clock, 22).steps(13, *[2.5] * 21)
        assert estimates[:4] == [None] * 4
        assert estimates[4:] == [2.5 * left for left in range(17, -1, -1)]

    def test_not_before_a_tenth_of_the_work_or_twenty_fits(self, clock):
        estimates = Run(clock, 101).steps(*[1] * 15)
        assert estimates[10:12] == [None, 89]
        estimates = Run(clock, 1000).steps(*[1] * 30)
        assert estimates[20:22] == [None, 1000 - 22]

    def test_what_an_earlier_run_has_done_does_not_make_the_rest_look_quick(self, clock):
        run = Run(clock, 100)
        assert {run.step(0.06, computed=False) for _ in range(90)} == {None}
        assert run.steps(30, 6, 6, 6, 6)[-1] == 5 * 6

    def test_months_without_a_fit_count_once_there_was_one(self, clock):
        run = Run(clock, 30)
        assert {run.step(1, fitted=False) for _ in range(12)} == {None}
        # a fit of 9 s every third month, and 1 s for each of the two after it
        estimates = [run.step(*month) for month in [(9, True), (1, False), (1, False)] * 5]
        assert estimates[:10] == [None] * 10 and estimates[10] == pytest.approx(33 / 9 * 7)

    def test_fits_of_a_batch_come_all_at_once(self, clock):
        run = Run(clock, 60)
        for _ in range(2):
            assert set(run.steps(5, *[0.001] * 9)) == {None}
        assert run.steps(5, *[0.001] * 9) == pytest.approx(
            [0.5 * left for left in range(39, 29, -1)], rel=1e-2
        )

    def test_not_before_a_fit_of_each_model(self, clock):
        run = Run(clock, 24)
        ridge, net = dict(kind="ridge", of=20), dict(kind="net", of=4)
        estimates = [run.step(1, **ridge) for _ in range(10)]
        assert set(estimates) == {None}
        run.step(30, seconds=30, **net)
        assert run.step(1, **ridge) == 9 * 1 + 3 * 30
        # two at a time: both take as long by themselves, in half the time
        fast = Run(clock, 24)
        fast.steps_of(8, 0.5, **ridge)
        fast.step(15, seconds=30, **net)
        assert fast.step(0.5, **ridge) == (11 * 1 + 3 * 30) / 2

    def test_what_an_earlier_run_has_done_of_a_model_is_not_left(self, clock):
        run = Run(clock, 14)
        ridge, net = dict(kind="ridge", of=10), dict(kind="net", of=4)
        for kind in [ridge, ridge, net, net, net]:
            assert run.step(0, computed=False, **kind) is None
        run.step(30, seconds=30, **net)
        assert [run.step(1, **ridge) for _ in range(5)][-1] == 3 * 1

    def test_a_second_run_begins_anew(self, clock):
        run = Run(clock, 10)
        assert run.steps(*[1] * 6)[-1] == 4
        run.done = 0
        assert run.steps(*[2] * 6) == [None] * 4 + [10, 8]

    def test_in_the_unit_that_a_person_would_use(self):
        seconds = (0.4, 119, 120, 3 * 3600)
        assert [duration(s) for s in seconds] == ["0 s", "119 s", "2 min", "3.0 h"]


def bar_in_a_file(total=None, **console):
    file = io.StringIO()
    return ProgressBar(total, Console(file=file, width=200, **console)), file


class TestLines:
    """In a file: a line now and then, and no bar."""

    def test_a_fit(self, clock):
        bar, file = bar_in_a_file()
        for done in range(1, 51):
            clock.time += 3
            task = SimpleNamespace(model="ridge", seed=2, n_fits=50)
            bar.fit(done, 50, task, [record(losses=[])])
        lines = file.getvalue().splitlines()
        assert lines[0] == "training   2020-01  ridge  seed 2  1/50  40 rows"
        assert lines[1] == "training   2020-01  ridge  seed 2  5/50  40 rows"
        assert lines[2] == "training   2020-01  ridge  seed 2  10/50  40 rows  2 min left"
        assert [line.split()[5] for line in lines] == [
            "1/50",
            *(f"{n}/50" for n in range(5, 51, 5)),
        ]

    def test_months_are_told_first_and_then_each_january(self):
        bar, file = bar_in_a_file(30)
        bar.month(record("2019-10-31", scores=pd.Series(dtype=float), n_rows=0, refit=False))
        for date in pd.date_range("2019-11-30", periods=4, freq="ME"):
            bar.month(record(date))
        assert file.getvalue().splitlines() == [
            "training   2019-10  1/30  no model yet",
            "training   2020-01  4/30  40 rows  loss 0.3750",
        ]

    def test_without_a_known_end_months_are_counted(self):
        bar, file = bar_in_a_file()
        bar.month(record("2020-01-31"))
        assert file.getvalue() == "training   2020-01  1  40 rows  loss 0.3750\n"


class TestTerminal:
    def test_a_bar_that_changes_and_goes(self):
        bar, file = bar_in_a_file(3, force_terminal=True)
        with bar:
            bar.month(record("2020-01-31"))
            bar.month(record("2020-02-29"))
            text = file.getvalue()
            assert "2020-01" in text and "2/3" in text and "loss 0.3750" in text
            assert "\x1b[?25l" in text and "\x1b[?25h" not in text  # the cursor is hidden
        assert "\x1b[?25h" in file.getvalue()[len(text) :]

    def test_names_are_no_markup(self):
        bar, file = bar_in_a_file(force_terminal=True)
        with bar:
            task = SimpleNamespace(model="[red]mine[/nothing]", seed=0, n_fits=2)
            bar.fit(1, 2, task, [record()])
        assert "[red]mine[/nothing]" in file.getvalue()


def test_in_a_notebook_a_cell_shows_the_bar_and_is_updated(monkeypatch):
    shown = []
    handle = SimpleNamespace(update=lambda bar: shown.append(bar._repr_mimebundle_([], [])))
    monkeypatch.setattr("IPython.display.display", lambda bar, display_id: handle)
    bar, file = bar_in_a_file(3, force_jupyter=True)
    bar.month(record("2020-01-31"))
    bar.month(record("2020-02-29"))
    assert [("1/3" in it["text/html"], "2/3" in it["text/html"]) for it in shown] == [
        (True, False),
        (False, True),
    ]
    assert not file.getvalue()


def test_copies_of_a_signal_report_to_the_same_bar():
    bar, file = bar_in_a_file(3, force_terminal=True)
    with bar:
        signal = SignalGenerator(progress=bar.month)
        clone(signal).progress(record())
        copy.deepcopy(signal).progress(record())
        assert bar.done == 2
