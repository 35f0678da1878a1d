"""What a run says while it goes: one line per stage, and where the training stands."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from attngru_bt.data.names import to_cell


class Progress:
    """Tells the stages and months of a run, and keeps each finished month's scores on disk.

    On a terminal the current month is a line that changes; elsewhere a line is written for the
    first month and then for each January.

    Parameters
    ----------
    console : Console
    months : int
        Month-ends to be scored.
    folder : path
        Where ``scores.partial.csv`` grows month by month, so that an interrupted run keeps them.
    """

    def __init__(self, console: Console, months: int, folder: Path) -> None:
        self.console = console
        self.months = months
        self.done = 0
        self.partial = folder / "scores.partial.csv"
        self._began = time.monotonic()
        self._found = 0  # done by an earlier run: they say nothing about the time that is left
        self._status: Status | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.partial.unlink(missing_ok=True)

    def stage(self, name: str, text: str = "") -> None:
        """Write the line of a stage."""
        self.stop()
        line = f"[bold]{name:<10}[/] {escape(text)}"
        self.console.print(line, highlight=False, soft_wrap=True)

    def month(self, record: Any) -> None:
        """Take note of a `MonthRecord`; called by the signal generator at each month-end."""
        self.done += 1
        if len(record.scores):
            self._keep(record)
        left = self._left(self.done, self.months, record.found)
        losses = [h[-1]["loss"] for h in record.losses if h]
        text = f"{record.month_end:%Y-%m}  {self.done}/{self.months}  "
        if record.n_rows:
            text += f"{record.n_rows} rows"
            text += f"  loss {sum(losses) / len(losses):.4f}" if losses else ""
            text += left
        else:
            text += "no model yet"
        self._tell(text, now_and_then=self.done == 1 or record.month_end.month == 1)

    def _tell(self, text: str, now_and_then: bool) -> None:
        """Change the line of a terminal; elsewhere write one now and then."""
        if self.console.is_terminal:
            if self._status is None:
                self._status = self.console.status("")
                self._status.start()
            self._status.update(f"[bold]training[/]   {escape(text)}")
        elif now_and_then:
            self.console.print(f"training   {text}", highlight=False, markup=False)

    def fit(self, done: int, total: int, task: Any, records: list[Any]) -> None:
        """Take note of a finished fit; called by the walk-forward of several processes."""
        left = self._left(done, total, records[0].found)
        losses = [history[-1]["loss"] for history in records[0].losses if history]
        text = f"{records[0].month_end:%Y-%m}  {task.model}  seed {task.seed}  {done}/{total}  "
        text += f"{records[0].n_rows} rows"
        text += f"  loss {sum(losses) / len(losses):.4f}" if losses else ""
        text += left
        self._tell(text, now_and_then=done == 1 or done % max(total // 10, 1) == 0)

    def _left(self, done: int, total: int, found: bool) -> str:
        """Say how long it will take, as long as what this run has computed took; or nothing yet."""
        if found:
            self._began, self._found = time.monotonic(), done
        computed = done - self._found
        if not computed or done == 1:
            return ""
        each = (time.monotonic() - self._began) / computed
        return f"  {each * max(total - done, 0):.0f} s left"

    def interrupted(self) -> str:
        """Return what an interrupted run should say."""
        if not self.done:
            return "Interrupted before any month was finished."
        where = f" (scores: {self.partial})" if self.partial.exists() else ""
        return (
            f"Interrupted after {self.done} of {self.months} months{where}. "
            f"The same command goes on from there."
        )

    def _keep(self, record: Any) -> None:
        new = not self.partial.exists()
        with self.partial.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["month_end", "symbol", "score"])
            date = record.month_end.date()
            scores = record.scores.items()
            writer.writerows([date, to_cell(name), repr(float(s))] for name, s in scores)

    def stop(self) -> None:
        """End the line that changes."""
        if self._status is not None:
            self._status.stop()
            self._status = None
