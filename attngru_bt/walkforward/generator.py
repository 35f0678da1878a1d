"""The signal generator: a month-end in, a score per stock out. It knows nothing of backtrader.

At month-end t it is given the bars up to t and nothing else, so it cannot look ahead:

    bars → factors → cross-section of the universe → (label of the month that just ended)
         → refit when due, on rows whose label is known → scores of today's cross-section
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any

from attngru_bt import checks
from attngru_bt.features.cross_section import CrossSection
from attngru_bt.walkforward.driver import Driver
from attngru_bt.walkforward.fit import Fit
from attngru_bt.walkforward.recipe import Recipe
from attngru_bt.walkforward.record import MonthRecord
from attngru_bt.walkforward.walk import Walk


class SignalGenerator(Driver, Recipe):
    """Walk-forward scores: a model fitted on the months that have ended scores the one to come.

    It is the driver of a `Walk` that goes along with a backtest.

    Parameters
    ----------
    classifier : scikit-learn classifier, regressor or pipeline, default None
        None is the network of the model "attention-gru-ranks", as for a `Recipe`. (The model
        "default" of `attngru_bt.models` is a blend of several recipes, which no one generator
        walks: `attngru_bt.models.generator("default")` returns a `Blend`.)
    progress : callable, default None
        Called with the `MonthRecord` of each month-end.
    checkpoints : path, default None
        Folder that keeps the record of each finished month, but no model. A run that was stopped
        and is started again with the same settings and data takes them from there, bit for bit.
    **recipe
        All other parameters are those of `Recipe`: `factors`, `topk`, `lookback`, `refit`, …

    Attributes
    ----------
    walk_ : Walk
    records_ : list of MonthRecord
    sections_ : list of CrossSection
    fit_ : Fit or None
        The fitted model in use, with what it was fitted on.
    model_, preprocess_ : the fitted model and transformer in use

    Notes
    -----
    Call `scores` once per month-end, each time with all bars up to it; what was computed is kept. A
    `sklearn.base.clone` starts afresh.
    """

    def __init__(
        self,
        classifier: Any = None,
        *,
        progress: Callable[[MonthRecord], None] | None = None,
        checkpoints: str | os.PathLike[str] | None = None,
        **recipe: Any,
    ) -> None:
        allowed = [name for name in Recipe().get_params(deep=False) if name != "classifier"]
        checks.no_unknown(type(self).__name__, recipe, allowed)
        super().__init__(classifier, **recipe)
        self.progress = progress
        self.checkpoints = checkpoints

    @property
    def recipe(self) -> Recipe:
        """Return the parameters that decide the scores, without those of the run."""
        return Recipe(**{name: getattr(self, name) for name in Recipe().get_params(deep=False)})

    def make_walk(self) -> Walk:
        """Return the walk of these parameters, which has taken no step; see `Driver`."""
        recipe = self.recipe
        recipe.check()
        return Walk(recipe, recipe.make_panel(), checkpoints=self.checkpoints)

    @property
    def sections_(self) -> list[CrossSection]:
        """The cross-sections of all month-ends so far."""
        return self.walk_.sections

    @property
    def fit_(self) -> Fit | None:
        """The fit in use; None before the first one."""
        return self.walk_.fit

    @property
    def model_(self) -> Any:
        """The fitted model in use; None before the first fit."""
        return None if self.fit_ is None else self.fit_.model

    @property
    def preprocess_(self) -> Any:
        """The fitted transformer in use; None before the first fit, or if there is none."""
        return None if self.fit_ is None else self.fit_.preprocess


def _signature() -> inspect.Signature:
    """Return the signature of the constructor with each parameter of the recipe by name.

    scikit-learn reads the parameters of an estimator from it, and editors show it.
    """
    signature = inspect.signature(SignalGenerator.__init__)
    of_recipe = inspect.signature(Recipe.__init__).parameters
    named = {**of_recipe, **signature.parameters}
    del named["recipe"]
    return signature.replace(parameters=list(named.values()))


SignalGenerator.__init__.__signature__ = _signature()  # type: ignore[attr-defined]
