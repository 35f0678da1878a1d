"""The walk: a recipe being walked, month-end after month-end."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.data.bars import Bars
from attngru_bt.features.cross_section import CrossSection
from attngru_bt.features.exposures import asked
from attngru_bt.features.panel import Panel
from attngru_bt.models.given import check_scores
from attngru_bt.walkforward.checkpoint import Checkpoints, origin, package_versions, settings_of
from attngru_bt.walkforward.fit import Fit, fit, score
from attngru_bt.walkforward.recipe import Recipe
from attngru_bt.walkforward.record import MonthRecord, no_scores, outcomes
from attngru_bt.walkforward.saved_walk import SavedWalk
from attngru_bt.walkforward.scored_months import ScoredMonths
from attngru_bt.walkforward.unscored import why_no_scores

logger = logging.getLogger(__name__)


class Walk(ScoredMonths):
    """The scores of one model with one seed at each month-end, out of sample, and their origin.

    Both drivers fill it: `SignalGenerator` one month-end at a time, along with a backtest, and
    `walk_forward` all months at once. When a fit is due, where a finished month is looked up and
    how a score is made is decided here alone, so that the two agree.

    `MonthlyTopK` trades a finished walk: ``cerebro.addstrategy(MonthlyTopK, signal=walk)``.

    Parameters
    ----------
    recipe : Recipe or None
        None for a `signal` that is not fitted, such as a baseline.
    panel : Panel
        The cross-sections; walks whose recipes want the same ones share a panel.
    model : str
        Its name.
    seed : int
        From 0; the recipe's `random_state` has it added already.
    signal : object with ``scores(bars)``, default None
        What is asked for scores where there is no recipe; it belongs to this walk alone.
    topk : int, default None
        How many of a month's best returns are labeled 1; None: as the recipe says.
    checkpoints : path, default None
        Folder that keeps the record of each finished month.
    """

    def __init__(
        self,
        recipe: Recipe | None,
        panel: Panel,
        *,
        model: str = "",
        seed: int = 0,
        signal: Any = None,
        topk: int | None = None,
        checkpoints: str | os.PathLike[str] | None = None,
    ) -> None:
        topk = topk or (10 if recipe is None else recipe.topk)
        super().__init__(model=model, seed=seed, topk=topk, schedule=panel.schedule)
        self.recipe = recipe
        self.panel = panel
        self.signal = signal
        self._checkpoints = None if checkpoints is None else Checkpoints(checkpoints)
        self._fitted_at: dict[int, int] = {}  # month-end → that of the fit which scores it
        self._last_fit: int | None = None
        self._fit: Fit | None = None
        self._warned = False

    # -- what is known ----------------------------------------------------------------------------

    @property
    def sections(self) -> list[CrossSection]:
        """All month-ends so far, each with its outcome once known."""
        return self.panel.sections

    def labels(self) -> pd.DataFrame:
        """Return the scores beside what came of them; see `ScoredMonths.labels`."""
        return outcomes(self.records, self.sections, self.topk)

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the recipe; none where there is no recipe."""
        return {} if self.recipe is None else self.recipe.get_params(deep=False)

    @property
    def about(self) -> dict[str, Any]:
        """What the scores depend on: settings, data up to the last month-end, versions."""
        digests = self.panel.digests()
        return {
            "settings": settings_of(self.parameters),
            "data": digests[-1] if digests else "",
            "versions": package_versions(),
        }

    @staticmethod
    def load(path: str | os.PathLike[str]) -> SavedWalk:
        """Read a walk that `save` has written.

        It has `scores`, `at`, `labels` and `records` and can be traded, but has no fits and takes
        no further step.

        Raises
        ------
        ValueError
            If the file is no walk, is damaged, or was made with other versions of the packages.
        """
        return SavedWalk(path)

    def why_no_scores(self, last: dt.date | None = None) -> str:
        """Say why the month-ends asked for have no scores; see `ScoredMonths.why_no_scores`."""
        if self.recipe is None or any(len(record.scores) for record in self.records):
            return super().why_no_scores(last)
        asked = max(self._records, default=len(self.sections) - 1)
        return why_no_scores(self.recipe, self.sections[: asked + 1])

    # -- the walk ---------------------------------------------------------------------------------

    def step(self, bars: Bars) -> MonthRecord:
        """Take one month-end: extend the panel, fit if due, score.

        Parameters
        ----------
        bars : Bars
            Everything known at the month-end on which they end. They continue those of the step
            before.

        Raises
        ------
        DataError
            If they do not.
        """
        began = time.perf_counter()
        self.panel.extend(bars)
        record = self.take(bars)
        # a month that was read from disk was fitted in an earlier run
        record.score_seconds = max(time.perf_counter() - began - record.fit_seconds, 0.0)
        return record

    def take(self, bars: Bars) -> MonthRecord:
        """Fit if due and score, at the last month-end of the panel, on which `bars` end."""
        now = len(self.sections) - 1
        if self.recipe is None:
            date = self.sections[now].date
            scores = check_scores(self.signal.scores(bars), self.signal)
            record: MonthRecord | None = MonthRecord(date, scores)
        else:
            self.fits_for([now])
            record = self.look_up(now)
        if record is None:
            fitted = self.fit
            assert fitted is not None  # without a fit `look_up` returns an empty record
            record = score(fitted, self.sections[now])
        self.keep(now, record)
        return record

    def positions(self, month_ends: Sequence[pd.Timestamp]) -> list[int]:
        """Return the positions of month-ends; a market beside the feeds may have earlier ones."""
        of_date = {section.date: number for number, section in enumerate(self.sections)}
        return [of_date[date] for date in month_ends]

    def fits_for(self, asked: Sequence[int]) -> dict[int, list[int]]:
        """Decide which fit scores each month-end that is asked for; this is decided here alone.

        Parameters
        ----------
        asked : sequence of int
            Positions of month-ends, increasing, after those of earlier calls.

        Returns
        -------
        dict of int to list of int
            The month-end of each fit → the month-ends that it scores. Those before the first fit
            are in none.
        """
        assert self.recipe is not None
        scored_by: dict[int, list[int]] = {}
        for now in asked:
            known = self.sections[: now + 1]
            if self.recipe.is_due(known, self._last_fit):
                if self.recipe.has_choice(known):
                    self._last_fit, self._fit = now, None
                else:
                    self._warn_of_no_choice(known[-1])
            if self._last_fit is not None:
                self._fitted_at[now] = self._last_fit
                scored_by.setdefault(self._last_fit, []).append(now)
        return scored_by

    def look_up(self, now: int) -> MonthRecord | None:
        """Return the record of a scheduled month-end that takes no work, else None.

        It takes none before the first fit, and where an earlier run has kept the month.
        """
        if now not in self._fitted_at:
            return MonthRecord(month_end=self.sections[now].date, scores=no_scores())
        return None if self._checkpoints is None else self._checkpoints.load(self._path(now))

    def keep(self, now: int, record: MonthRecord) -> None:
        """Take the record of a month-end, and store it unless it was read from there."""
        self._records[now] = record
        logger.info(
            "%s: %d scored, model of %d rows over %d months%s",
            record.month_end.date(),
            len(record.scores),
            record.n_rows,
            record.n_months,
            f", fitted in {record.fit_seconds:.1f} s" if record.refit else "",
        )
        if self._checkpoints is not None and now in self._fitted_at and not record.found:
            assert self.recipe is not None
            about = origin(self.recipe, self.panel.digests()[now])
            self._checkpoints.save(self._path(now), record, about)

    @property
    def fit(self) -> Fit | None:
        """The fit in use; None before the first one.

        Checkpoints keep no model: if the month of the fit was found there, the same fit is made
        again when it is first asked for.
        """
        if self._fit is None and self._last_fit is not None and self.recipe is not None:
            self._fit = fit(self.recipe, self.sections[: self._last_fit + 1])
        return self._fit

    def _path(self, now: int) -> Path:
        """Return the file that keeps a month-end."""
        assert self._checkpoints is not None and self.recipe is not None
        fitted_at = self.sections[self._fitted_at[now]].date
        state = self.panel.digests()[now]
        measured = asked(self.recipe.neutralize or (), self.sections[now].exposures)
        for exposure in measured.values():  # only the scores of this month depend on these
            state = hashlib.sha256(state.encode() + np.asarray(exposure).tobytes()).hexdigest()
        return self._checkpoints.path(self.recipe, self.sections[now].date, state, fitted_at)

    def _warn_of_no_choice(self, section: CrossSection) -> None:
        """Log that there is nothing to choose from: a warning the first time."""
        logger.log(
            logging.DEBUG if self._warned else logging.WARNING,
            "%s: no month so far had more than topk=%d stocks, so there is nothing to choose "
            "and nothing was fitted.",
            section.date.date(),
            self.topk,
        )
        self._warned = True
