"""The work of a walk-forward, cut into tasks that know nothing of each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from attngru_bt.features.cross_section import CrossSection
from attngru_bt.models.contract import fits_at_once
from attngru_bt.walkforward.checkpoint import Checkpoints
from attngru_bt.walkforward.fit import fit_together, make_model, score
from attngru_bt.walkforward.generator import SignalGenerator
from attngru_bt.walkforward.record import MonthRecord
from attngru_bt.walkforward.training_set import (
    TrainingSet,
    has_choice,
    training_months,
    training_set,
)

BUNDLES = 4  # per worker, at least
MAX_ROWS = 100_000  # fitted on at once


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


def bundles(
    tasks: Mapping[int, Task], sections: Sequence[CrossSection], n_workers: int
) -> list[list[int]]:
    """Put tasks together whose networks are trained side by side: seeds of a month, then months.

    As many as pay and fit into memory, but no more than leave each worker `BUNDLES` to take in
    turn, so that none is idle for long.

    Parameters
    ----------
    tasks : mapping of number to Task
        All on the same cross-sections.
    sections : sequence of CrossSection
    n_workers : int

    Returns
    -------
    list of list of int
        Numbers of the tasks.
    """
    most = len(tasks) if n_workers == 1 else max(1, len(tasks) // (BUNDLES * n_workers))
    by_model: dict[str, list[int]] = {}
    for number, task in tasks.items():
        by_model.setdefault(task.model, []).append(number)
    found: list[list[int]] = []
    for numbers in by_model.values():
        settings = tasks[numbers[0]].settings
        width = min(most, fits_at_once(make_model(settings, sections[-1].date)))
        left = MAX_ROWS
        bundle: list[int] = []
        for number in sorted(numbers, key=lambda n: (tasks[n].months[0], tasks[n].seed)):
            known = sections[: tasks[number].months[0] + 1]
            n_rows = sum(map(len, training_months(settings, known)))
            if bundle and (len(bundle) == width or n_rows > left):
                found.append(bundle)
                bundle, left = [], MAX_ROWS
            bundle.append(number)
            left -= n_rows
        found.append(bundle)
    return found


def perform(tasks: Sequence[Task], sections: Sequence[CrossSection]) -> list[list[MonthRecord]]:
    """Fit and score the months of some tasks; of each month only those up to it are looked at."""
    rows: dict[int, TrainingSet] = {}
    orders = []
    for task in tasks:
        at = task.months[0]
        if at not in rows:
            rows[at] = training_set(task.settings, sections[: at + 1])
        orders.append((task.settings, rows[at]))
    return [
        [score(fitted, sections[now]) for now in task.months]
        for task, fitted in zip(tasks, fit_together(orders), strict=True)
    ]


def finished(
    task: Task, sections: Sequence[CrossSection], states: Sequence[str], kept: Checkpoints
) -> list[MonthRecord] | None:
    """Return what an earlier run has kept of a task; None unless every month is there."""
    done: list[MonthRecord] = []
    for path in paths(task, sections, states, kept):
        record = kept.load(path)
        if record is None:
            return None
        done.append(record)
    return done


def keep(
    task: Task,
    done: Sequence[MonthRecord],
    sections: Sequence[CrossSection],
    states: Sequence[str],
    kept: Checkpoints,
) -> None:
    """Store what a task has done."""
    for path, record in zip(paths(task, sections, states, kept), done, strict=True):
        kept.save(path, record)


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
