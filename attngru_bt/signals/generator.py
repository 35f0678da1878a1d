"""The signal generator: a month-end in, a score per stock out. No backtrader inside.

At month-end t it is handed the bars up to t and nothing else, so it cannot look ahead:

    bars → factors → cross-section of the universe → (label of the month that just ended)
         → refit when due, on rows whose label is known → scores of today's cross-section
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from attngru_bt.bars import Bars
from attngru_bt.factors import FactorHistory
from attngru_bt.preprocessing import (
    Components,
    FillMissing,
    MissingShareFilter,
    Standardise,
)
from attngru_bt.samples import (
    CrossSection,
    row_frame,
    sequences,
)
from attngru_bt.signals.model import is_scorer, takes_sequences, value
from attngru_bt.signals.panel import Panel
from attngru_bt.signals.record import MonthRecord
from attngru_bt.universe import Universe

logger = logging.getLogger(__name__)


class SignalGenerator(BaseEstimator):  # type: ignore[misc]
    """Walk-forward scores: fitted on the months that have ended, asked about the one to come.

    Parameters
    ----------
    classifier : scikit-learn classifier or pipeline, default None
        With `predict_proba` or `decision_function`; None is an `AttentionGRUClassifier`. Given
        (rows, steps, features) if its tags say it takes three-dimensional input, else the features
        of the month-end itself, (rows, features).
    factors : sequence of str, default None
        Names of factors; None takes all that the bars allow, scale-free and of bounded memory, and
        any further line of the feeds under its own name.
    raw : bool, default False
        Factors by their published definition, price levels and all.
    standardise : {"date", "panel", None}, default "date"
        Winsorise and z-score each month-end among its own universe, or z-score over the training
        window (the paper's), or neither.
    preprocess : transformer, default None
        Replaces everything between cross-section and classifier that is fitted on the training
        window. None: missing-share filter, fill with the mean, principal components.
    max_missing : float, default 0.2
        Factors with a larger share of missing values on the training window are dropped.
    n_components : int, float or None, default 24
        Number of principal components, or the share of variance to keep; None: no PCA.
    topk : int, default 10
        How many of the next month's best returns are labelled 1.
    lookback : int, default 6
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
    seeds : int, default 1
        Networks averaged into one score (only for the default classifier).
    random_state : int, default 0
        Each month-end draws its own seed from it; a classifier's own ``random_state`` is kept.
    device : str, default "cpu"
        "cpu", "cuda" or "auto" (only for the default classifier).
    progress : callable, default None
        Called with the `MonthRecord` of each month-end.

    Attributes
    ----------
    records_ : list of MonthRecord
    sections_ : list of CrossSection
    model_, preprocess_ : the fitted classifier and transformer in use

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
        standardise: str | None = "date",
        preprocess: Any = None,
        max_missing: float = 0.2,
        n_components: int | float | None = 24,
        topk: int = 10,
        lookback: int = 6,
        step: str = "month",
        window: int | None = None,
        refit: int = 1,
        min_months: int = 12,
        universe: Universe | None = None,
        seeds: int = 1,
        random_state: int = 0,
        device: str = "cpu",
        progress: Callable[[MonthRecord], None] | None = None,
    ) -> None:
        self.classifier = classifier
        self.factors = factors
        self.raw = raw
        self.standardise = standardise
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
        self.seeds = seeds
        self.random_state = random_state
        self.device = device
        self.progress = progress

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
            P(among the `topk` best of the next month). Empty before `min_months` labelled months.

        Raises
        ------
        DataError
            If the bars do not continue those of the call before.
        ValueError
            If a parameter is out of range.
        """
        if not hasattr(self, "records_"):
            self._start()
        began = time.perf_counter()
        section = self.panel_.extend(bars)
        observed = time.perf_counter() - began
        due = self._train_if_due()
        fitted = time.perf_counter() - began - observed
        record = self._score(section)
        record.refit = due
        record.fit_seconds = fitted if due else 0.0
        record.score_seconds = time.perf_counter() - began - (fitted if due else 0.0)
        self.records_.append(record)
        logger.info(
            "%s: %d scored, model of %d rows over %d months%s",
            record.month_end.date(),
            len(record.scores),
            record.n_rows,
            record.n_months,
            f", fitted in {fitted:.1f} s" if due else "",
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
        sections = {s.date: s for s in self.sections_}
        parts = []
        for record in self.records_:
            section = sections[record.month_end]
            part = pd.DataFrame(
                {"label": section.labels(self.topk), "forward_return": np.nan},
                index=pd.Index(section.assets, name="asset"),
            )
            if section.returns is not None:
                part["forward_return"] = section.returns
            part.insert(0, "score", record.scores)
            parts.append(part[part["score"].notna()])
        if not parts:
            index = pd.MultiIndex.from_arrays([[], []], names=["month_end", "asset"])
            return pd.DataFrame(index=index, columns=["score", "label", "forward_return"])
        return pd.concat(parts, keys=[r.month_end for r in self.records_], names=["month_end"])

    # -- steps ------------------------------------------------------------------------------------

    def _start(self) -> None:
        for name in ("topk", "lookback", "refit", "min_months", "seeds"):
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
        if self.standardise not in ("date", "panel", None):
            raise ValueError(
                f"`standardise` must be 'date', 'panel' or None; got {self.standardise!r}."
            )
        if isinstance(self.factors, str):
            raise TypeError(f"`factors` must be a list of names; got the string {self.factors!r}.")
        model = self.classifier
        if isinstance(model, type):
            raise TypeError(
                f"`classifier` must be an instance; got the class {model.__name__}: "
                f"write {model.__name__}()."
            )
        if model is not None and not is_scorer(model):
            raise TypeError(
                f"`classifier` must be a scikit-learn classifier with predict_proba or "
                f"decision_function; got {type(model).__name__}."
            )
        self._warned = False
        self.panel_ = Panel(
            FactorHistory(self.factors, raw=self.raw),
            universe=self.universe,
            lookback=self.lookback,
            step=self.step,
            normalise=self.standardise == "date",
        )
        self.history_, self.sections_ = self.panel_.history, self.panel_.sections
        self.records_: list[MonthRecord] = []
        self.model_: Any = None
        self.preprocess_: Any = None
        self._last_fit: int | None = None
        self._fit_rows = self._fit_months = 0

    def _train_if_due(self) -> bool:
        """Refit on the month-ends whose label is known, every `refit` months. Returns whether."""
        now = len(self.sections_) - 1
        labelled = [s for s in self.sections_[:now] if len(s)]
        if self.window is not None:
            labelled = labelled[-self.window :]
        if len(labelled) < self.min_months:
            return False
        if self._last_fit is not None and now - self._last_fit < self.refit:
            return False
        y = np.concatenate([s.labels(self.topk) for s in labelled])
        known = ~np.isnan(y)
        if len(np.unique(y[known])) < 2:
            logger.log(
                logging.DEBUG if self._warned else logging.WARNING,
                "%s: no month so far had more than topk=%d stocks, so there is nothing to choose "
                "and nothing was fitted.",
                self.sections_[now].date.date(),
                self.topk,
            )
            self._warned = True
            return False
        self.preprocess_ = self._make_preprocess()
        if self.preprocess_ is not None:
            self.preprocess_.fit(row_frame(labelled))
        features = sequences(labelled, self.preprocess_)[known]
        dates = np.repeat(np.arange(len(labelled)), [len(s) for s in labelled])[known]
        self.model_ = self._make_classifier(self.sections_[now].date)
        if takes_sequences(self.model_):
            self.model_.fit(features, y[known].astype(int), groups=dates)
        else:
            self.model_.fit(features[:, -1], y[known].astype(int))
        self._last_fit = now
        self._fit_rows, self._fit_months = int(known.sum()), len(labelled)
        return True

    def _score(self, section: CrossSection) -> MonthRecord:
        record = MonthRecord(
            month_end=section.date,
            scores=pd.Series(dtype=float, name="score", index=pd.Index([], name="asset")),
            n_rows=self._fit_rows,
            n_months=self._fit_months,
        )
        if self.model_ is None or not len(section):
            return record
        features = sequences([section], self.preprocess_)
        if takes_sequences(self.model_):
            chance = value(self.model_, features)
            if hasattr(self.model_, "attention_weights"):
                record.attention = self.model_.attention_weights(features)
            record.losses = getattr(self.model_, "history_", [])
        else:
            chance = value(self.model_, features[:, -1])
        record.scores = pd.Series(
            chance, index=pd.Index(section.assets, name="asset"), name="score"
        )
        record.factors = section.columns
        for stage in getattr(self.preprocess_, "named_steps", {}).values():
            if hasattr(stage, "explained_variance_ratio_"):
                record.explained_variance = stage.explained_variance_ratio_
            if hasattr(stage, "missing_share_"):
                kept = set(stage.get_feature_names_out())
                share = dict(zip(section.columns, stage.missing_share_, strict=True))
                record.dropped = {k: float(v) for k, v in share.items() if k not in kept}
                record.factors = tuple(k for k in section.columns if k in kept)
        return record

    # -- parts ------------------------------------------------------------------------------------

    def _make_preprocess(self) -> Any:
        if self.preprocess is not None:
            return clone(self.preprocess)
        stages: list[tuple[str, Any]] = [("filter", MissingShareFilter(max_share=self.max_missing))]
        if self.standardise == "panel":
            stages.append(("z-score", Standardise(by="panel")))
        stages.append(("fill", FillMissing()))
        if self.n_components is not None:
            stages.append(("components", Components(n_components=self.n_components)))
        return Pipeline(stages)

    def _make_classifier(self, month_end: pd.Timestamp) -> Any:
        """Return a fresh classifier, seeded by the month so that a run started later agrees."""
        seed = int(
            np.random.SeedSequence(
                [self.random_state, month_end.year * 12 + month_end.month]
            ).generate_state(1)[0]
            >> 1
        )
        if self.classifier is None:
            from attngru_bt.classifier import AttentionGRUClassifier

            return AttentionGRUClassifier(n_seeds=self.seeds, device=self.device, random_state=seed)
        model = clone(self.classifier)
        unseeded = {
            key: seed
            for key, value in model.get_params(deep=True).items()
            if (key == "random_state" or key.endswith("__random_state")) and value is None
        }
        return model.set_params(**unseeded)
