"""The signal generator: a month-end in, a score per stock out. No backtrader inside.

At month-end t it is handed the bars up to t and nothing else, so it cannot look ahead:

    bars → factors → cross-section of the universe → (label of the month that just ended)
         → refit when due, on rows whose label is known → scores of today's cross-section
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from attngru_bt.bars import Bars, DataError
from attngru_bt.factors import FactorHistory
from attngru_bt.preprocessing import (
    Components,
    FillMissing,
    MissingShareFilter,
    Standardise,
    Winsorise,
)
from attngru_bt.samples import (
    CrossSection,
    forward_returns,
    month_ends,
    row_frame,
    sequences,
    step_positions,
)
from attngru_bt.universe import Universe

logger = logging.getLogger(__name__)


@dataclass
class MonthRecord:
    """What happened at one month-end, kept for reports.

    Attributes
    ----------
    month_end : Timestamp
    scores : Series, index asset
        P(among the `topk` best of the next month); only the order matters. Empty before the first
        fit.
    n_rows, n_months : int
        Rows and month-ends the model in use was fitted on.
    refit : bool
        Whether the model was fitted at this month-end.
    fit_seconds, score_seconds : float
        Wall-clock seconds for the fit (0 without one) and for factors and scoring.
    explained_variance : array of shape (n_components,) or None
        Share of variance per principal component.
    attention : dict of arrays or None
        Mean attention weights on this cross-section: "factor" of shape (n_components,),
        "temporal" of shape (n_steps,).
    losses : list
        Per seed the training history, a list of dicts per epoch.
    factors : tuple of str
        Factors the model was given.
    dropped : dict of str to float
        Factors left out for missing values, with their missing share on the training window.
    """

    month_end: pd.Timestamp
    scores: pd.Series
    n_rows: int = 0
    n_months: int = 0
    refit: bool = False
    fit_seconds: float = 0.0
    score_seconds: float = 0.0
    explained_variance: NDArray[np.float64] | None = None
    attention: dict[str, NDArray[np.float64]] | None = None
    losses: list[Any] = field(default_factory=list)
    factors: tuple[str, ...] = ()
    dropped: dict[str, float] = field(default_factory=dict)


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
        section = self._observe(bars)
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
        self.history_ = FactorHistory(self.factors, raw=self.raw)
        self.sections_: list[CrossSection] = []
        self.records_: list[MonthRecord] = []
        self.model_: Any = None
        self.preprocess_: Any = None
        self._dates = pd.DatetimeIndex([])
        self._last_close = np.empty(0)
        self._last_fit: int | None = None
        self._fit_rows = self._fit_months = 0

    def _observe(self, bars: Bars) -> CrossSection:
        """Take the cross-sections that have become known; label the months that have ended."""
        seen = len(self._dates)
        if not len(bars):
            raise DataError("No bars yet: a month-end needs at least one session to look back on.")
        if len(bars) <= seen or not bars.dates[:seen].equals(self._dates):
            raise DataError(
                f"Bars must continue those of the call before, which ended on "
                f"{self._dates[-1].date()}; got {len(bars)} sessions up to "
                f"{bars.dates[-1].date()}. Start afresh with sklearn.base.clone(generator)."
            )
        ends = month_ends(bars.dates)
        ends = ends[ends >= seen]
        steps = {
            int(end): step_positions(bars.dates, int(end), self.lookback, self.step) for end in ends
        }
        needed = np.unique(np.concatenate(list(steps.values())))
        needed = needed[needed >= 0]
        self.history_.extend(bars, bars.dates[needed])

        close = bars["close"]
        self._last_close = np.append(
            self._last_close, np.full(close.shape[1] - len(self._last_close), np.nan)
        )
        start = seen
        for end in ends:
            for day in close[start : end + 1]:  # the last known close, carried over suspensions
                known = ~np.isnan(day)
                self._last_close[known] = day[known]
            start = end + 1
            if self.sections_:
                previous = self.sections_[-1]
                column = {a: i for i, a in enumerate(bars.assets)}
                rows = [column[a] for a in previous.assets]
                previous.returns = forward_returns(previous.close, self._last_close[rows])
            self.sections_.append(self._cross_section(bars, int(end), steps[int(end)]))
        self._dates = bars.dates
        return self.sections_[-1]

    def _cross_section(self, bars: Bars, end: int, steps: NDArray[np.intp]) -> CrossSection:
        """Factors of the universe at one month-end, normalised among themselves if asked to."""
        date = bars.dates[end]
        members = None if self.universe is None else self.universe.at(date)
        traded = ~np.isnan(bars["close"][end])
        candidates = [
            (asset, i)
            for i, asset in enumerate(bars.assets)
            if traded[i] and (members is None or asset in members)
        ]
        # sorted by name, so that the order of the feeds changes nothing
        candidates.sort()
        columns = np.array([i for _, i in candidates], dtype=np.intp)
        present = steps >= 0
        values = np.full(
            (len(candidates), len(steps), len(self.history_.columns)), np.nan, dtype=np.float32
        )
        if len(candidates):
            days = self.history_.dates.get_indexer(bars.dates[steps[present]])
            picked = self.history_.values[days[:, None], columns[None, :]]  # (steps, n, factors)
            values[:, present] = picked.transpose(1, 0, 2)  # (n, steps, factors)
        known = ~np.isnan(values[:, -1]).all(axis=1)
        values, names = values[known], [candidates[i][0] for i in np.flatnonzero(known)]
        if self.standardise == "date" and len(values):
            values[:, present] = self._normalise(values[:, present], bars.dates[steps[present]])
        return CrossSection(
            date=date,
            assets=tuple(names),
            columns=self.history_.columns,
            values=values,
            close=bars["close"][end][columns[known]],
        )

    def _normalise(
        self, values: NDArray[np.float32], dates: pd.DatetimeIndex
    ) -> NDArray[np.float32]:
        """Winsorise and z-score each step of a cross-section among its own stocks."""
        n, n_steps, n_factors = values.shape
        index = pd.MultiIndex.from_product([dates, range(n)], names=["date", "asset"])
        rows = pd.DataFrame(
            values.transpose(1, 0, 2).reshape(-1, n_factors),  # (n_steps * n, n_factors)
            index=index,
            columns=list(self.history_.columns),
        )
        normalise = Pipeline([("winsorise", Winsorise()), ("z-score", Standardise(by="date"))])
        out = np.asarray(normalise.fit_transform(rows), dtype=np.float32)
        return out.reshape(n_steps, n, n_factors).transpose(1, 0, 2)  # (n, n_steps, n_factors)

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
        if _takes_sequences(self.model_):
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
        if _takes_sequences(self.model_):
            value = _value(self.model_, features)
            if hasattr(self.model_, "attention_weights"):
                record.attention = self.model_.attention_weights(features)
            record.losses = getattr(self.model_, "history_", [])
        else:
            value = _value(self.model_, features[:, -1])
        record.scores = pd.Series(value, index=pd.Index(section.assets, name="asset"), name="score")
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


def is_scorer(model: Any) -> bool:
    """Whether a model can tell how likely label 1 is."""
    return hasattr(model, "predict_proba") or hasattr(model, "decision_function")


def _value(model: Any, features: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(label 1), or the distance from the border of classifiers that know no probabilities."""
    if hasattr(model, "predict_proba"):
        return model.predict_proba(features)[:, list(model.classes_).index(1)]
    return model.decision_function(features)


def _takes_sequences(model: Any) -> bool:
    """Whether a classifier takes (rows, steps, features) rather than (rows, features)."""
    return bool(get_tags(model).input_tags.three_d_array)
