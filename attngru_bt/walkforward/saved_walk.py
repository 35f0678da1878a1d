"""A saved walk: the scores and outcomes of a walk, read from a file."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd

from attngru_bt.data.bars import Bars
from attngru_bt.data.schedule import schedule_of
from attngru_bt.walkforward import walk_file
from attngru_bt.walkforward.record import MonthRecord
from attngru_bt.walkforward.scored_months import ScoredMonths


class SavedWalk(ScoredMonths):
    """A walk that was read from a file; it takes no further step.

    Parameters
    ----------
    path : path
        A file that `Walk.save` has written.

    Raises
    ------
    ValueError
        If it is no such file, is damaged, or was made with other versions of the packages.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        stored = walk_file.read(path)
        super().__init__(
            model=stored["model"],
            seed=stored["seed"],
            topk=stored["topk"],
            schedule=schedule_of(stored["schedule"]),
        )
        self._about = {name: stored[name] for name in ("settings", "data", "versions")}
        self._labels: pd.DataFrame = stored["labels"]
        self._records = dict(enumerate(stored["records"]))

    @property
    def about(self) -> dict[str, Any]:
        """Settings of the recipe, digest of the data and versions of the packages, as saved."""
        return dict(self._about)

    def labels(self) -> pd.DataFrame:
        """Return the scores beside what came of them, as far as known when the walk was saved."""
        return self._labels.copy()

    def step(self, bars: Bars) -> MonthRecord:
        """Refuse: a saved walk has neither cross-sections nor a model."""
        raise TypeError(
            "A walk read from a file takes no further step: walk its recipe over the longer data "
            "again, from the checkpoints of its run."
        )
