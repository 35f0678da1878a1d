"""The work of a walk-forward, cut into tasks that know nothing of each other."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from attngru_bt.samples import CrossSection
from attngru_bt.signals import Checkpoints, Fit, MonthRecord, SignalGenerator
from attngru_bt.signals.fit import has_choice, training_months
from attngru_bt.signals.month import take_month

Done = list[tuple[MonthRecord, Fit | None]]  # per month; the model where it was fitted


@dataclass(frozen=True)
class Task:
    """One fit, and the month-ends it scores until the next one.

    Attributes
    ----------
    model : str
    seed : int
    settings : SignalGenerator
        With the random state of the seed; only its parameters are read.
    months : tuple of int
        Positions of the month-ends among the panel's; the model is fitted at the first.
    """

    model: str
    seed: int
    settings: SignalGenerator
    months: tuple[int, ...]


def schedule(
    settings: SignalGenerator, sections: Sequence[CrossSection], asked: Sequence[int]
) -> list[tuple[int, ...]]:
    """Which of the `asked` month-ends each fit scores; those before the first fit are left out."""
    groups: list[list[int]] = []
    for now in asked:
        so_far = sections[: now + 1]
        enough = len(training_months(settings, so_far)) >= settings.min_months
        due = enough and (not groups or now - groups[-1][0] >= settings.refit)
        if due and has_choice(settings, so_far):
            groups.append([now])
        elif groups:
            groups[-1].append(now)
    return [tuple(group) for group in groups]


def perform(task: Task, sections: Sequence[CrossSection]) -> Done:
    """Fit and score the months of a task; of each month only those up to it are looked at."""
    done: Done = []
    fitted: Fit | None = None
    for now in task.months:
        record, fitted = take_month(task.settings, sections[: now + 1], fitted)
        done.append((record, fitted if record.refit else None))
    return done


def perform_in_worker(
    number: int, task: Task, sections: Sequence[CrossSection]
) -> tuple[int, Done]:
    """As `perform`, in a worker process: Ctrl-C is for the process that hands out the tasks."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return number, perform(task, sections)


def finished(
    task: Task, sections: Sequence[CrossSection], states: Sequence[str], kept: Checkpoints
) -> Done | None:
    """Return what an earlier run has kept of a task; None unless every month is there."""
    done: Done = []
    for path in paths(task, sections, states, kept):
        month = kept.load(path)
        if month is None:
            return None
        done.append(month)
    return done


def keep(
    task: Task,
    done: Done,
    sections: Sequence[CrossSection],
    states: Sequence[str],
    kept: Checkpoints,
) -> None:
    """Store what a task has done."""
    for path, (record, fitted) in zip(paths(task, sections, states, kept), done, strict=True):
        kept.save(path, record, fitted)


def paths(
    task: Task, sections: Sequence[CrossSection], states: Sequence[str], kept: Checkpoints
) -> list[Path]:
    """Files of a task's months."""
    fitted_at = sections[task.months[0]].date
    folder = Checkpoints(kept.folder / task.model / f"seed{task.seed}")
    return [
        folder.path(task.settings, sections[now].date, states[now], fitted_at)
        for now in task.months
    ]
