"""The work of a walk-forward, cut into independent tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attngru_bt.features.cross_section import CrossSection
from attngru_bt.models.contract import fits_at_once
from attngru_bt.walkforward.fit import fit_together, score
from attngru_bt.walkforward.recipe import Recipe
from attngru_bt.walkforward.record import MonthRecord
from attngru_bt.walkforward.training_set import TrainingSet, training_set

BUNDLES = 4  # least number of bundles per worker
MAX_ROWS = 100_000  # most training rows per bundle


@dataclass(frozen=True)
class Task:
    """One fit, and the month-ends it is to score.

    Attributes
    ----------
    model : str
    seed : int
    recipe : Recipe
        With the random state of the seed.
    fit_at : int
        Position of the month-end of the fit among the panel's.
    months : tuple of int
        Positions of the month-ends to score, from the one of the fit on.
    n_fits : int
        Fits of the model in the whole run, this one included.
    """

    model: str
    seed: int
    recipe: Recipe
    fit_at: int
    months: tuple[int, ...]
    n_fits: int = 1


def bundles(
    tasks: Mapping[int, Task], sections: Sequence[CrossSection], n_workers: int
) -> list[list[int]]:
    """Group tasks whose networks are trained side by side: seeds of one month first, then months.

    A bundle is as large as training profits from and memory allows, but small enough that each
    worker gets at least `BUNDLES`, so that none is idle for long.

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
    together: list[list[int]] = []
    for numbers in by_model.values():
        recipe = tasks[numbers[0]].recipe
        width = min(most, fits_at_once(recipe.make_model(sections[-1].date)))
        left = MAX_ROWS
        bundle: list[int] = []
        for number in sorted(numbers, key=lambda n: (tasks[n].fit_at, tasks[n].seed)):
            past = sections[: tasks[number].fit_at + 1]
            n_rows = sum(map(len, recipe.training_sections(past)))
            if bundle and (len(bundle) == width or n_rows > left):
                together.append(bundle)
                bundle, left = [], MAX_ROWS
            bundle.append(number)
            left -= n_rows
        together.append(bundle)
    return together


def perform(tasks: Sequence[Task], sections: Sequence[CrossSection]) -> list[list[MonthRecord]]:
    """Fit and score the months of some tasks; a month is scored from those up to it alone."""
    rows: dict[int, TrainingSet] = {}
    orders = []
    for task in tasks:
        if task.fit_at not in rows:
            rows[task.fit_at] = training_set(task.recipe, sections[: task.fit_at + 1])
        orders.append((task.recipe, rows[task.fit_at]))
    return [
        [score(fitted, sections[now]) for now in task.months]
        for task, fitted in zip(tasks, fit_together(orders), strict=True)
    ]
