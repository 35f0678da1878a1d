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


class Progress(ProgressBar):
    """Tells the stages and months of a run, and keeps each finished month's scores on disk.

    Parameters
    ----------
    console : Console
    months : int
        Month-ends to be scored.
    folder : path
        Where ``scores.partial.csv`` grows month by month, so that an interrupted run keeps them.
    """

    def __init__(self, console: Console, months: int, folder: Path) -> None:
        super().__init__(months, console)
        self.partial = folder / "scores.partial.csv"
        folder.mkdir(parents=True, exist_ok=True)
        self.partial.unlink(missing_ok=True)

    def stage(self, name: str, text: str = "") -> None:
        """Write the line of a stage."""
        self.stop()
        line = f"[bold]{name:<10}[/] {escape(text)}"
        self.console.print(line, highlight=False, soft_wrap=True)

    def month(self, record: MonthRecord) -> None:
        """Take note of a `MonthRecord`, and keep its scores."""
        if len(record.scores):
            self._keep(record)
        super().month(record)

    def interrupted(self) -> str:
        """Return what an interrupted run should say."""
        if not self.done:
            return "Interrupted before any month was finished."
        where = f" (scores: {self.partial})" if self.partial.exists() else ""
        return (
            f"Interrupted after {self.done} of {self.months} months{where}. "
            f"The same command goes on from there."
        )

    def _keep(self, record: MonthRecord) -> None:
        new = not self.partial.exists()
        with self.partial.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["month_end", "symbol", "score"])
            date = record.month_end.date()
            scores = record.scores.items()
            writer.writerows([date, to_cell(str(name)), repr(float(s))] for name, s in scores)
