"""A bar that shows how far a walk-forward is, on a terminal and in a notebook."""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

from attngru_bt.reports.time_left import TimeLeft, duration

if TYPE_CHECKING:
    from attngru_bt.walkforward import MonthRecord
    from attngru_bt.walkforward.tasks import Task


class ProgressBar:
    """Shows how far a walk-forward is, what was fitted last, and how long the rest will take.

    On a terminal and in a notebook this is a bar that changes in place; elsewhere, such as in a
    file, it is a line now and then. The time that is left is shown once it can be told: see
    `attngru_bt.reports.time_left.TimeLeft`.

    Parameters
    ----------
    months : int or None
        Month-ends to be scored, for `month`; None: the bar has no end. `fit` is told the total.
    console : rich.console.Console or None
        Where it is written; None: stderr.

    Examples
    --------
    >>> from attngru_bt import SignalGenerator, make_market, walk_forward
    >>> from attngru_bt.reports import ProgressBar
    >>> with ProgressBar() as bar:
    ...     walks = walk_forward(make_market(12, 300), ["ridge"], topk=3, progress=bar.fit)
    >>> with ProgressBar(months=24) as bar:
    ...     signal = SignalGenerator(topk=3, progress=bar.month)  # and the backtest with it
    """

    def __init__(self, months: int | None = None, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.months = months
        self.done = 0
        self._left = TimeLeft()
        self._bar: Progress | None = None
        self._notebook: Any = None  # IPython's handle of what a cell displays

    def month(self, record: MonthRecord) -> None:
        """Take note of a `MonthRecord`; for the `progress` of a `SignalGenerator`."""
        self.done += 1
        total = self.months
        left = self._left.update(
            self.done, total or self.done, fitted=record.refit, computed=not record.found
        )
        self._show(
            self.done,
            total,
            f"{record.month_end:%Y-%m}",
            _fit(record) if record.n_rows else ["no model yet"],
            left if total else None,
            now_and_then=self.done == 1 or record.month_end.month == 1,
        )

    def fit(self, done: int, total: int, task: Task, records: list[MonthRecord]) -> None:
        """Take note of a finished fit; for the `progress` of `walk_forward`."""
        record = records[0]
        left = self._left.update(
            done,
            total,
            fitted=True,
            # of a fit of an earlier run, of which some months were missing, no time is known
            computed=record.refit and not record.found,
            kind=task.model,
            of=task.n_fits,
            seconds=record.fit_seconds,
        )
        self._show(
            done,
            total,
            f"{record.month_end:%Y-%m}  {task.model}  seed {task.seed}",
            _fit(record),
            left,
            now_and_then=done == 1 or done % max(total // 10, 1) == 0,
        )

    def stop(self) -> None:
        """Take the bar away; it comes back with the next month or fit."""
        if self._bar is not None:
            self._bar.stop()
            atexit.unregister(self._bar.stop)
        self._bar = self._notebook = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __deepcopy__(self, memo: dict[int, Any]) -> ProgressBar:
        # each run works with a copy of the signal; the copies report to the same bar
        return self

    def _show(
        self,
        done: int,
        total: int | None,
        what: str,
        details: list[str],
        left: float | None,
        *,
        now_and_then: bool,
    ) -> None:
        count = f"{done}/{total}" if total else str(done)
        ahead = [f"{duration(left)} left"] if left is not None else []
        if self.console.is_terminal or self.console.is_jupyter:
            self._draw(done, total, count, "  ".join([*ahead, what, *details]))
        elif now_and_then:
            text = "  ".join([what, count, *details, *ahead])
            self.console.print(f"training   {text}", highlight=False, markup=False, soft_wrap=True)

    def _draw(self, done: int, total: int | None, count: str, text: str) -> None:
        if self._bar is None:
            self._bar = Progress(
                TextColumn("[bold]training[/]  "),
                BarColumn(bar_width=20),
                TextColumn("{task.fields[count]}"),
                # what does not fit into a narrow terminal ends in an ellipsis
                TextColumn("{task.description}", table_column=Column(no_wrap=True, ratio=1)),
                expand=True,
                console=self.console,
                auto_refresh=False,  # no thread: workers may be forked
                transient=True,
            )
            self._bar.add_task("", total=total, count="")
            if self.console.is_jupyter:
                # rich draws in a notebook with ipywidgets only
                from IPython.display import display

                self._notebook = display(self._bar, display_id=True)  # type: ignore[no-untyped-call]
            else:
                self._bar.start()
                atexit.register(self._bar.stop)  # a script that forgets to, gets its cursor back
        self._bar.update(
            self._bar.task_ids[0],
            completed=done,
            total=total,
            description=escape(text),
            count=count,
            refresh=self._notebook is None,
        )
        if self._notebook is not None:
            self._notebook.update(self._bar)


def _fit(record: MonthRecord) -> list[str]:
    """Say on how many rows a month's model was fitted, and with which loss."""
    losses = [history[-1]["loss"] for history in record.losses if history]
    loss = [f"loss {sum(losses) / len(losses):.4f}"] if losses else []
    return [f"{record.n_rows} rows", *loss]
