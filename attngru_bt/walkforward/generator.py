"""The signal generator: a month-end in, a score per stock out. No backtrader inside.

At month-end t it is handed the bars up to t and nothing else, so it cannot look ahead:

    bars → factors → cross-section of the universe → (label of the month that just ended)
         → refit when due, on rows whose label is known → scores of today's cross-section
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from attngru_bt.data.bars import Bars
from attngru_bt.data.membership import Universe
from attngru_bt.factors import FactorHistory
from attngru_bt.features.panel import Panel
from attngru_bt.models.presets import DEFAULT_NETWORKS
from attngru_bt.walkforward.checkpoint import Checkpoints
from attngru_bt.walkforward.fit import Fit, check_model, fit, no_scores
from attngru_bt.walkforward.month import take_month
from attngru_bt.walkforward.record import MonthRecord, outcomes
from attngru_bt.walkforward.training_set import has_choice, training_months
from attngru_bt.walkforward.unscored import why_no_scores

logger = logging.getLogger(__name__)


class SignalGenerator(BaseEstimator):  # type: ignore[misc]
    """Walk-forward scores: fitted on the months that have ended, asked about the one to come.

    Parameters
    ----------
    classifier : scikit-learn classifier, regressor or pipeline, default None
        With `predict_proba` or `decision_function`, or a regressor; None is the network of
        `attngru_bt.models.presets`, an `AttentionGRURegressor` on the ranks of the returns. Given
        (rows, steps, features) if its tags say it takes three-dimensional input, else the features
        of the month-end itself, (rows, features).
    factors : sequence of str, default None
        Names of factors; None takes all that the bars allow, scale-free and of bounded memory, and
        any further line of the feeds under its own name.
    raw : bool, default False
        Factors by their published definition, price levels and all.
    standardize : {"date", "panel", None}, default "panel"
        Winsorizer and z-score each month-end among its own universe, or z-score over the training
        window (the paper's), or neither.
    preprocess : transformer, default None
        Replaces everything between cross-section and classifier that is fitted on the training
        window. None: missing-share filter, fill with the mean, principal components.
    max_missing : float, default 0.2
        Factors with a larger share of missing values on the training window are dropped.
    n_components : int, float or None, default 24
        Number of principal components, or the share of variance to keep; None: no PCA.
    topk : int, default 10
        How many of the next month's best returns are labeled 1.
    lookback : int, default 3
        Steps per sequence.
    step : {"month", "day"}, default "month"
        Whether a step is a month-end or a session.
    window : int, default None
        Months to train on (rolling); None trains on all so far (expanding).
    refit : int, default 1
        Months between fits.
    min_months : int, default 12
        Months with known labels before the first fit; the paper's is 2 (t = 2, 3, …).
    universe : object with ``at(date)``, default None
        Who may be held, per date. None: every asset with a bar at the month-end.
    n_networks : int, default 5
        Networks averaged into one score (only for the default network).
    random_state : int, default 0
        Each month-end draws its own seed from it; a classifier's own ``random_state`` is kept.
    device : str, default "cpu"
        "cpu", "cuda" or "auto" (only for the default network).
    progress : callable, default None
        Called with the `MonthRecord` of each month-end.
    target : {"top", "rank"}, default None
        What the model is fitted on: the 0/1 label, or the rank of the return within its month from
        -1 (worst) to 1 (best). None: classifiers on labels, regressors on ranks.
    limit : float or None, default 3
        Deviations from the mean at which z-scores over the training window end; None: nowhere.
        Without effect on ``standardize="date"``, where outliers are winsorized before.
    checkpoints : path, default None
        Folder that keeps the record of each finished month, but no model. A run that was stopped
        and is started again with the same settings and data takes them from there, bit for bit.

    Attributes
    ----------
    records_ : list of MonthRecord
    sections_ : list of CrossSection
    fit_ : Fit or None
        The fitted model in use, with what it was fitted on.
    model_, preprocess_ : the fitted model and transformer in use

    Notes
    -----
    Call `scores` with ever longer bars, once per month-end; what was computed is kept. A
    `sklearn.base.clone` starts afresh.
    """

    def __init__(
        self,
        classifier: Any = None,
        *,
        factors: Sequence[str] | None = None,
        raw: bool = False,
        standardize: str | None = "panel",
        preprocess: Any = None,
        max_missing: float = 0.2,
        n_components: int | float | None = 24,
        topk: int = 10,
        lookback: int = 3,
        step: str = "month",
        window: int | None = None,
        refit: int = 1,
        min_months: int = 12,
        universe: Universe | None = None,
        n_networks: int = DEFAULT_NETWORKS,
        random_state: int = 0,
        device: str = "cpu",
        progress: Callable[[MonthRecord], None] | None = None,
        target: str | None = None,
        limit: float | None = 3.0,
        checkpoints: str | os.PathLike[str] | None = None,
    ) -> None:
        self.classifier = classifier
        self.factors = factors
        self.raw = raw
        self.standardize = standardize
        self.preprocess = preprocess
        self.max_missing = max_missing
        self.n_components = n_components
        self.topk = topk
        self.lookback = lookback
        self.step = step
        self.window = window
        self.refit = refit
        self.min_months = min_months
        self.universe = universe
        self.n_networks = n_networks
        self.random_state = random_state
        self.device = device
        self.progress = progress
        self.target = target
        self.limit = limit
        self.checkpoints = checkpoints

    def check(self) -> None:
        """Raise ValueError or TypeError for a parameter out of range."""
        for name in ("topk", "lookback", "refit", "min_months", "n_networks"):
            value = getattr(self, name)
            if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
                raise ValueError(f"`{name}` must be a whole number of at least 1; got {value!r}.")
        if self.window is not None and self.window < 1:
            raise ValueError(f"`window` must be None or at least 1 month; got {self.window!r}.")
        if self.window is not None and self.window < self.min_months:
            raise ValueError(
                f"`window` must hold at least `min_months` months; "
                f"got window={self.window}, min_months={self.min_months}."
            )
        if self.step not in ("day", "month"):
            raise ValueError(f"`step` must be 'day' or 'month'; got {self.step!r}.")
        if self.standardize not in ("date", "panel", None):
            raise ValueError(
                f"`standardize` must be 'date', 'panel' or None; got {self.standardize!r}."
            )
        if self.limit is not None and not self.limit > 0:
            raise ValueError(f"`limit` must be None or above 0; got {self.limit!r}.")
        if isinstance(self.factors, str):
            raise TypeError(f"`factors` must be a list of names; got the string {self.factors!r}.")
        check_model(self.classifier, self.target)

    def _start(self) -> None:
        """Check the parameters and begin with no month, at the first call."""
        if hasattr(self, "records_"):
            return
        self.check()
        self.panel_ = self.panel()
        self.history_, self.sections_ = self.panel_.history, self.panel_.sections
        self.records_: list[MonthRecord] = []
        self._checkpoints = None if self.checkpoints is None else Checkpoints(self.checkpoints)
        self._fit: Fit | None = None
        self._last_fit: int | None = None
        self._warned = False

    # -- the month-end ----------------------------------------------------------------------------

    def scores(self, bars: Bars) -> pd.Series:
        """Scores of the universe at the month-end on which `bars` end.

        Parameters
        ----------
        bars : Bars
            Everything known at the month-end. Nothing after it may be in there, and nothing that
            was handed over earlier may have changed.

        Returns
        -------
        Series, index asset
            Higher is better: the expected rank of the next month's return, from -1 to 1, or of a
            classifier P(among its `topk` best). Empty before `min_months` labeled months.

        Raises
        ------
        DataError
            If the bars do not continue those of the call before.
        ValueError
            If a parameter is out of range.
        """
        self._start()
        began = time.perf_counter()
        section = self.panel_.extend(bars)
        due = self._due()
        if due:
            self._last_fit, self._fit = len(self.sections_) - 1, None
        if self._last_fit is None:
            record = MonthRecord(month_end=section.date, scores=no_scores())
        else:
            record, self._fit = take_month(
                self,
                self.sections_,
                self._last_fit,
                self._fit,
                checkpoints=self._checkpoints,
                state=self.panel_.digest,
            )
        elapsed = time.perf_counter() - began
        # a month taken from disk was fitted in an earlier run
        record.score_seconds = max(elapsed - record.fit_seconds, 0.0)
        self.records_.append(record)
        logger.info(
            "%s: %d scored, model of %d rows over %d months%s",
            record.month_end.date(),
            len(record.scores),
            record.n_rows,
            record.n_months,
            f", fitted in {record.fit_seconds:.1f} s" if due else "",
        )
        if self.progress is not None:
            self.progress(record)
        return record.scores

    def labels(self) -> pd.DataFrame:
        """Scores beside what came of them.

        Returns
        -------
        DataFrame, index (month_end, asset), columns score, label, forward_return
            For every scored month-end; label and forward_return (a fraction) are NaN until the
            next month-end was seen.
        """
        return outcomes(self.records_, self.sections_, self.topk)

    def why_no_scores(self, bars: Bars) -> str:
        """Say why the month-ends asked so far have no scores, as the rest of a sentence."""
        return why_no_scores(self, getattr(self, "sections_", []))

    @property
    def fit_(self) -> Fit | None:
        """The fit in use; None before the first one.

        Checkpoints keep no model: after a month that was found there the same fit is made again,
        now that it is asked for.
        """
        if self._fit is None and self._last_fit is not None:
            self._fit = fit(self, self.sections_[: self._last_fit + 1])
        return self._fit

    @property
    def model_(self) -> Any:
        """The fitted model in use; None before the first fit."""
        return None if self.fit_ is None else self.fit_.model

    @property
    def preprocess_(self) -> Any:
        """The fitted transformer in use; None before the first fit, or if there is none."""
        return None if self.fit_ is None else self.fit_.preprocess

    # -- steps ------------------------------------------------------------------------------------

    def panel(self) -> Panel:
        """Return an empty panel, which takes the cross-sections as these parameters want them."""
        return Panel(
            FactorHistory(self.factors, raw=self.raw),
            universe=self.universe,
            lookback=self.lookback,
            step=self.step,
            normalize=self.standardize == "date",
        )

    def _due(self) -> bool:
        """Whether to fit at the last month-end."""
        if len(training_months(self, self.sections_)) < self.min_months:
            return False
        now = len(self.sections_) - 1
        if self._last_fit is not None and now - self._last_fit < self.refit:
            return False
        if has_choice(self, self.sections_):
            return True
        logger.log(
            logging.DEBUG if self._warned else logging.WARNING,
            "%s: no month so far had more than topk=%d stocks, so there is nothing to choose "
            "and nothing was fitted.",
            self.sections_[now].date.date(),
            self.topk,
        )
        self._warned = True
        return False
