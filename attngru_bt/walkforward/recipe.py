"""The recipe: the parameters of a walk-forward, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from attngru_bt import checks
from attngru_bt.data.beside import Beside
from attngru_bt.data.market import Market
from attngru_bt.data.membership import Universe
from attngru_bt.data.schedule import schedule_of
from attngru_bt.factors import FactorHistory, registry
from attngru_bt.features.components import Components
from attngru_bt.features.cross_section import CrossSection
from attngru_bt.features.exposures import check_neutral
from attngru_bt.features.missing import ConstantImputer, MissingShareFilter
from attngru_bt.features.panel import Panel
from attngru_bt.features.roster import RowWeights, beside_of, check_train_on, is_market
from attngru_bt.features.standardizer import Standardizer
from attngru_bt.features.windows import SESSIONS
from attngru_bt.models.contract import check_model, target_of
from attngru_bt.models.presets import RANKS_NETWORKS, ranks_model


class Recipe(BaseEstimator):  # type: ignore[misc]
    """The parameters of a walk-forward: which rows, which features, which model, fitted when.

    A recipe has no state. It checks its parameters, says which months are trained on and when a fit
    is due, and makes the panel, the preprocessing and the model. A `Walk` walks it.

    Parameters
    ----------
    classifier : scikit-learn classifier, regressor or pipeline, default None
        With `predict_proba` or `decision_function`, or a regressor; None is the network of
        the model "attention-gru-ranks", an `AttentionGRURegressor` on ranks of returns. It is given
        (rows, steps, features) if its tags say that it takes three-dimensional input, else the
        features of the month-end itself, (rows, features).
    factors : sequence of str, default None
        Names of factors; None takes all that the bars allow, scale-free and of bounded memory, and
        any further line of the feeds under its own name.
    view : {"factors", "lines"}, default "factors"
        What the model sees of a stock: factors; or the last 60 sessions of its open, high, low,
        close, average price and volume as sequences (those that the data have), from which networks
        gain more than from factors. With "lines", `factors`, `raw`, `standardize`, `preprocess`,
        `max_missing`, `n_components`, `lookback` and `step` have no effect.
    raw : bool, default False
        Factors by their published definition, price levels and all.
    standardize : {"date", "panel", None}, default "panel"
        Winsorize and z-score each month-end among its own universe, or z-score over the training
        window (the paper's), or neither.
    preprocess : transformer, default None
        Replaces everything between cross-section and classifier that is fitted on the training
        window. None: a filter of factors that are often missing, z-scores, filling with the mean,
        and principal components.
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
        Months with known labels before the first fit; in the paper 2 (t = 2, 3, …).
    universe : object with ``at(date)``, default None
        Who may be held, per date. None: every asset with a bar at the month-end.
    train_on : {"members", "all"}, object with ``at(date)``, Market or path, default "members"
        The stocks on whose rows the model is fitted beside those of the universe, which alone is
        scored, traded and judged. "all" is every stock with a bar, without its first 60 sessions. A
        Market, or its file or folder, brings bars beside the feeds, also of month-ends before their
        first bar; see `attngru_bt.data.beside.Beside`.
    sample : {"month", "week"} or int, default "month"
        When the rows are taken that the model is fitted on: at month-ends, with the return to the
        next one; or on the first session of each week, or every so many sessions, with the return
        over the next 20 sessions. A row exists once that return is known, so none reaches into the
        month that is predicted.
    within : str or None, default "auto"
        Rank returns within deciles of a line, among all trained stocks; "size" is the market value
        (`market_cap` or `float_cap`). Below 100 stocks there are fewer groups. "members": place all
        returns among those of the members. None: among all.
        "auto": by size where others than the members are trained on and the data have it.
    row_weights : {"size", "auto"}, callable or None, default "auto"
        Weigh rows by likeness in size to the members; see `CrossSection.row_weights`. None: all
        count alike. A callable is given, for each date that rows are taken at, the names of the
        members then and the `Bars` known, and returns a number of at least 0 for each stock by
        name; rows of 0 are left out.
    schedule : str or Schedule, default "month"
        The sessions after which the model scores and the portfolio is changed: "month"
        (month-ends), "week" or "quarter"; "month+5" is the fifth session after each month-end.
        Labels are of the returns from one of these sessions to the next, which are also the steps
        of ``step="month"``; `window`, `refit` and `min_months` stay numbers of months.
    n_networks : int, default 5
        Networks averaged into one score (only where `classifier` is None).
    random_state : int, default 0
        Each month-end derives its own seed from it; a classifier's own ``random_state`` is kept.
    device : str, default "cpu"
        "cpu", "cuda" or "auto" (only where `classifier` is None).
    target : {"top", "rank"}, default None
        What the model is fitted on: the 0/1 label, or the rank of the return within its month from
        -1 (worst) to 1 (best). None: classifiers on labels, regressors on ranks.
    limit : float or None, default 3
        Deviations from the mean at which z-scores over the training window end; None: nowhere.
        Without effect on ``standardize="date"``, where outliers are winsorized before.
    neutralize : sequence of {"size", "volatility", "turnover", "beta"}, default None
        Make the scores of each month-end neutral to these exposures of the same month; see
        `attngru_bt.features.exposures`. ("known",): to those whose lines the data have.
    neutral_share : float, default 1.0
        Share of the neutral score in the result, from 0 to 1; the rest is the rank of the score.
    """

    def __init__(
        self,
        classifier: Any = None,
        *,
        factors: Sequence[str] | None = None,
        view: str = "factors",
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
        train_on: Universe | Market | os.PathLike[str] | str = "members",
        sample: int | str = "month",
        within: str | None = "auto",
        row_weights: str | RowWeights | None = "auto",
        schedule: Any = "month",
        n_networks: int = RANKS_NETWORKS,
        random_state: int = 0,
        device: str = "cpu",
        target: str | None = None,
        limit: float | None = 3.0,
        neutralize: Sequence[str] | None = None,
        neutral_share: float = 1.0,
    ) -> None:
        self.classifier = classifier
        self.factors = factors
        self.view = view
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
        self.train_on = train_on
        self.sample = sample
        self.within = within
        self.row_weights = row_weights
        self.schedule = schedule
        self.n_networks = n_networks
        self.random_state = random_state
        self.device = device
        self.target = target
        self.limit = limit
        self.neutralize = neutralize
        self.neutral_share = neutral_share

    def check(self) -> None:
        """Raise ValueError or TypeError for a parameter out of range."""
        for name in ("topk", "lookback", "refit", "min_months", "n_networks"):
            checks.whole_number(name, getattr(self, name))
        checks.whole_number("window", self.window, or_none=True)
        if self.window is not None and self.window < self.min_months:
            raise ValueError(
                f"`window` must hold at least `min_months` months; "
                f"got window={self.window}, min_months={self.min_months}."
            )
        checks.one_of("view", self.view, ["factors", "lines"])
        if isinstance(self.sample, str):
            checks.one_of("sample", self.sample, ["month", "week"])
        else:
            checks.whole_number("sample", self.sample)
        checks.one_of("step", self.step, ["day", "month"])
        checks.one_of("standardize", self.standardize, ["date", "panel", None])
        checks.number("limit", self.limit, above=0, or_none=True)
        checks.list_of_names("factors", self.factors)
        if self.factors is not None and not len(self.factors):
            raise ValueError("`factors` must name at least one factor, or be None for all.")
        checks.universe("universe", self.universe)
        check_train_on(self.train_on)
        if not callable(self.row_weights):
            checks.one_of("row_weights", self.row_weights, ["auto", "size", None])
        checks.one_of("device", self.device, ["cpu", "cuda", "auto"])
        schedule_of(self.schedule)
        check_neutral(self.neutralize, self.neutral_share)
        check_model(self.classifier, self.target)

    # -- which rows -------------------------------------------------------------------------------

    @property
    def trains_beside(self) -> bool:
        """Whether `train_on` is a market, or the path of one."""
        return is_market(self.train_on)

    def make_beside(self) -> Beside | None:
        """Return the market of `train_on`, read if it is a path; None where it is none."""
        return beside_of(self.train_on)

    def make_panel(self, beside: Beside | None = None) -> Panel:
        """Return an empty panel, which takes the cross-sections that these parameters describe.

        Parameters
        ----------
        beside : Beside, default None
            The one of another panel for the same bars, to share it; None: its own, if any.
        """
        beside = self.make_beside() if beside is None else beside
        train_on: Any = self.train_on
        if beside is not None:
            train_on = "all" if beside.market.membership is None else beside
        lines = self.view == "lines"
        return Panel(
            self._history(),
            universe=self.universe,
            view=self.view,
            lookback=SESSIONS if lines else self.lookback,
            step="day" if lines else self.step,
            normalize=not lines and self.standardize == "date",
            sample=self.sample,
            train_on=train_on,
            beside=beside,
            within=self.within,
            row_weights=self.row_weights,
            schedule=schedule_of(self.schedule),
            exposures=self.neutralize or (),
        )

    def _history(self) -> FactorHistory:
        if self.view == "lines":
            return FactorHistory(registry.names("lines"), partial=True)
        return FactorHistory(self.factors, raw=self.raw)

    def n_sections(self, months: int) -> int:
        """Return how many cross-sections there are in a number of months."""
        return schedule_of(self.schedule).periods(months)

    def training_months(self, sections: Sequence[CrossSection]) -> list[CrossSection]:
        """Return the months to fit on at the last of `sections`, whose own outcome is not known."""
        labeled = [s for s in sections[:-1] if len(s)]
        return labeled if self.window is None else labeled[-self.n_sections(self.window) :]

    def training_sections(self, sections: Sequence[CrossSection]) -> list[CrossSection]:
        """Return the cross-sections to fit on at the last of `sections`.

        These are the training months, or days within them: the days whose outcome became known by
        a month-end are kept with it.
        """
        if self.sample == "month":
            return self.training_months(sections)
        since = 0
        if self.window is not None:
            since = max(len(sections) - self.n_sections(self.window), 0)
        return [sample for s in sections[since:] for sample in s.samples if len(sample)]

    def has_choice(self, sections: Sequence[CrossSection]) -> bool:
        """Whether any training month had more than `topk` stocks, so that there is a class 0 too.

        Both classes then exist, since the best stock of a month is always of class 1.
        """
        n_members = sections[-1].n_members
        months = self.training_months(sections)
        targets = (month.top_targets(self.topk, n_members) for month in months)
        return any((month == 0).any() for month in targets)

    def is_due(self, sections: Sequence[CrossSection], last_fit: int | None) -> bool:
        """Whether to fit at the last of `sections`, if there is something to choose from.

        Parameters
        ----------
        sections : sequence of CrossSection
            All month-ends so far.
        last_fit : int or None
            Position of the month-end of the fit before; None: there was none.
        """
        if len(self.training_months(sections)) < self.n_sections(self.min_months):
            return False
        return last_fit is None or len(sections) - 1 - last_fit >= self.n_sections(self.refit)

    # -- which features and model -----------------------------------------------------------------

    def make_preprocess(self) -> Any:
        """Return the preprocessing between cross-section and model, not fitted; None for none."""
        if self.view == "lines":
            return None
        if self.preprocess is not None:
            return clone(self.preprocess)
        stages: list[tuple[str, Any]] = [("filter", MissingShareFilter(max_share=self.max_missing))]
        if self.standardize == "panel":
            stages.append(("z-score", Standardizer(by="panel", limit=self.limit)))
        stages.append(("fill", ConstantImputer()))
        if self.n_components is not None:
            stages.append(("components", Components(n_components=self.n_components)))
        return Pipeline(stages)

    def make_model(self, month_end: pd.Timestamp) -> Any:
        """Return a fresh model, seeded by the month so that a run started later agrees."""
        entropy = [self.random_state, month_end.year * 12 + month_end.month]
        seed = int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)
        if self.classifier is None:
            return ranks_model(n_networks=self.n_networks, device=self.device, random_state=seed)
        model = clone(self.classifier)
        for part in model.get_params(deep=True).values():
            # what deals out folds is no estimator, and copied by `clone`: its seed is no parameter
            if not hasattr(part, "get_params") and getattr(part, "random_state", 0) is None:
                part.random_state = seed
        unseeded = {
            key: seed
            for key, value in model.get_params(deep=True).items()
            if (key == "random_state" or key.endswith("__random_state")) and value is None
        }
        return model.set_params(**unseeded)

    def target_for(self, model: Any) -> str:
        """Return what a model is fitted on: "top" (the labels) or "rank"."""
        return self.target or target_of(model)
