"""Messages of a run in progress: a line per stage, a bar of the fits, what to do after Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape

from attngru_bt.cli.console import tell
from attngru_bt.reports.partial import PartialScores
from attngru_bt.reports.progress import ProgressBar

if TYPE_CHECKING:
    from attngru_bt.walkforward.record import MonthRecord
    from attngru_bt.walkforward.tasks import Task


INTERRUPTED = 130  # exit code of a command that Ctrl-C has stopped


class Progress(ProgressBar):
    """Prints the stages and fits of a run, and keeps the scores of each fit on disk.

    Parameters
    ----------
    console : Console
    partial : PartialScores, default None
        Keeps the scores so far; None: they are not kept.
    """

    def __init__(self, console: Console, partial: PartialScores | None = None) -> None:
        super().__init__(console=console)
        self.partial = partial

    def stage(self, name: str, text: str = "") -> None:
        """Print the line of a stage."""
        self.stop()
        line = f"[bold]{name:<10}[/] {escape(text)}"
        self.console.print(line, highlight=False, soft_wrap=True)

    def fit(self, done: int, total: int, task: Task, records: list[MonthRecord]) -> None:
        """Show a finished fit, and keep the scores of its months."""
        if self.partial is not None:
            if done == 1:  # an earlier run may have left some
                self.partial.remove()
            self.partial.append(records)
        super().fit(done, total, task, records)

    @contextmanager
    def resumable(self) -> Iterator[None]:
        """End the command on Ctrl-C with a sentence that says how to go on."""
        try:
            yield
        except KeyboardInterrupt as stopped:
            text = str(stopped) or "Interrupted: the same command goes on from what is finished."
            if self.partial is not None and self.partial.path.exists():
                text += f"\nScores so far: {self.partial.path}"
            self.stop()  # the bar would be drawn over the text
            tell(f"\n{text}")
            raise typer.Exit(INTERRUPTED) from None
        finally:
            self.stop()
