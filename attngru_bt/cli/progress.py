"""What a run says while it goes: a line per stage, and where the training stands."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from attngru_bt.data.names import to_cell
from attngru_bt.reports.progress import ProgressBar

if TYPE_CHECKING:
    from attngru_bt.walkforward import MonthRecord
    from attngru_bt.walkforward.tasks import Task

PARTIAL = "scores.partial.csv"  # of a run that is not finished


class Progress(ProgressBar):
    """Tells the stages and fits of a run, and keeps each finished month's scores on disk.

    Parameters
    ----------
    console : Console
    folder : path, default None
        Where `PARTIAL` grows fit by fit, so that an interrupted run keeps them; None:
        nowhere.
    """

    def __init__(self, console: Console, folder: Path | None = None) -> None:
        super().__init__(console=console)
        self.partial = None if folder is None else folder / PARTIAL

    def stage(self, name: str, text: str = "") -> None:
        """Write the line of a stage."""
        self.stop()
        line = f"[bold]{name:<10}[/] {escape(text)}"
        self.console.print(line, highlight=False, soft_wrap=True)

    def fit(self, done: int, total: int, task: Task, records: list[MonthRecord]) -> None:
        """Take note of a finished fit, and keep the scores of its months."""
        if self.partial is not None:
            if done == 1:  # whatever an earlier run has left
                self.partial.unlink(missing_ok=True)
            for record in records:
                _append(self.partial, record)
        super().fit(done, total, task, records)


def _append(path: Path, record: MonthRecord) -> None:
    """Append the scores of a month."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["month_end", "symbol", "score"])
        date = record.month_end.date()
        scores = record.scores.items()
        writer.writerows([date, to_cell(str(name)), repr(float(s))] for name, s in scores)
