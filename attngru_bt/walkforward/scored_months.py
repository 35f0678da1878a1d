"""The scored months: a model's scores at each month-end, and what came of them."""

from __future__ import annotations

import datetime as dt
import html
import importlib
import os
from pathlib import Path
from typing import Any

import pandas as pd

from attngru_bt.data.schedule import Schedule
from attngru_bt.walkforward import walk_file
from attngru_bt.walkforward.alphalens import to_alphalens
from attngru_bt.walkforward.record import MonthRecord, no_scores


class ScoredMonths:
    """The scores of one model with one seed at each month-end, out of sample.

    A `Walk` adds to them month by month, a `SavedWalk` has read them from a file. `MonthlyTopK`
    trades either: ``cerebro.addstrategy(MonthlyTopK, signal=walk)``.

    Parameters
    ----------
    model : str
        Its name.
    seed : int
        From 0.
    topk : int
        How many of a month's best returns are labeled 1.
    schedule : Schedule
        The sessions after which the model scores.
    """

    def __init__(self, *, model: str, seed: int, topk: int, schedule: Schedule) -> None:
        self.model = model
        self.seed = seed
        self.topk = topk
        self.schedule = schedule
        self._records: dict[int, MonthRecord] = {}  # by position of the month-end

    @property
    def records(self) -> list[MonthRecord]:
        """The record of each month-end asked for; those before the first fit have no scores."""
        return [self._records[now] for now in sorted(self._records)]

    @property
    def assets(self) -> list[str]:
        """Names that have a score at any month-end."""
        return sorted({name for record in self.records for name in record.scores.index})

    def scores(self) -> pd.DataFrame:
        """Return the scores, month-ends × assets; NaN where an asset has none.

        Month-ends before the first fit are left out.
        """
        scored = {r.month_end: r.scores for r in self.records if len(r.scores)}
        return pd.DataFrame(scored).T.rename_axis(index="month_end", columns="asset")

    def at(self, month_end: pd.Timestamp, before: pd.Timestamp | None = None) -> pd.Series:
        """Return the scores of one month-end; empty where there are none.

        Parameters
        ----------
        month_end : Timestamp
            Any day of the month (week, quarter): a feed may lack the last session that the walk
            has.
        before : Timestamp, default None
            The current session: a month-end on it or after it gets no scores.
        """
        for record in self.records:
            end = record.month_end
            if self.schedule.same(end, month_end):
                return record.scores if before is None or end < before else no_scores()
        return no_scores()

    def labels(self) -> pd.DataFrame:
        """Return the scores beside what came of them.

        Returns
        -------
        DataFrame, index (month_end, asset), columns score, label, forward_return
            For every scored month-end. Label and forward_return (a fraction) are NaN until the
            next month-end is known.
        """
        raise NotImplementedError

    def to_alphalens(self, quantiles: int = 5) -> pd.DataFrame:
        """Return scores and outcomes as alphalens reads them: see `to_alphalens` of its module."""
        return to_alphalens(self.labels(), quantiles)

    @property
    def about(self) -> dict[str, Any]:
        """What the scores depend on: "settings" as text, "data" (a digest), package "versions"."""
        raise NotImplementedError

    @property
    def fit_seconds(self) -> float:
        """Wall-clock seconds of all fits together."""
        return sum(record.fit_seconds for record in self.records if record.refit)

    def why_no_scores(self, last: dt.date | None = None) -> str:
        """Say why the month-ends asked for, up to `last`, have no scores; it ends a sentence."""
        scored = [record.month_end for record in self.records if len(record.scores)]
        if not scored:
            return f"{self.model} gave no score."
        return (
            f"the walk scored month-ends from {scored[0].date()} to {scored[-1].date()}, and the "
            f"last one asked for is {last}."
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write records and outcomes into one file, without models and without code.

        The file is JSON, for `Walk.load` on this machine or another with the same package versions.
        """
        content = {
            **self.about,
            "model": self.model,
            "seed": self.seed,
            "topk": self.topk,
            "schedule": str(self.schedule),
        }
        return walk_file.write(path, content, self.records, self.labels())

    # -- in a notebook ----------------------------------------------------------------------------

    def __repr__(self) -> str:
        scored = [r.month_end for r in self.records if len(r.scores)]
        span = f", {scored[0]:%Y-%m} to {scored[-1]:%Y-%m}" if scored else ""
        name = f"{self.model!r}, " if self.model else ""
        count = self.schedule.counted(len(scored))
        return f"<Walk {name}seed {self.seed}: {count} scored{span}>"

    def plot(self, *, height: int = 480) -> Any:
        """Return a chart for a notebook: rank IC month by month, above its sum so far.

        Parameters
        ----------
        height : int, default 480
            Of the frame it is shown in, in pixels.

        Returns
        -------
        InlinePage
            Shows itself in a notebook; its `page` is the HTML.
        """
        return importlib.import_module("attngru_bt.reports.inline").rank_ic(self, height=height)

    def _repr_html_(self) -> str:
        """Show the walk as one line, above the best names of its last month-end."""
        line = f"<p>{html.escape(repr(self)[1:-1])}</p>"
        scored = [record for record in self.records if len(record.scores)]
        if not scored:
            return line
        best = scored[-1].scores.sort_values(ascending=False).head(self.topk)
        return line + best.rename(f"score of {scored[-1].month_end:%Y-%m-%d}").to_frame().to_html()
