"""The blend: the mean rank of several models' scores, each with its own view, rows and target."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sklearn.base import clone

from attngru_bt import checks
from attngru_bt.data.membership import Universe
from attngru_bt.features.exposures import check_neutral
from attngru_bt.models.catalog import MODELS, blend_title
from attngru_bt.models.names import JOINT, find
from attngru_bt.models.presets import BLEND
from attngru_bt.walkforward.blend_walk import BlendWalk
from attngru_bt.walkforward.driver import Driver
from attngru_bt.walkforward.named import scorer
from attngru_bt.walkforward.panels import make_panels, panel_key, without_factors
from attngru_bt.walkforward.recipe import Recipe
from attngru_bt.walkforward.record import MonthRecord
from attngru_bt.walkforward.walk import Walk

_OF_RECIPE = tuple(name for name in Recipe().get_params(deep=False) if name != "classifier")


class Blend(Driver):
    """Scores that are the mean rank of several models' scores.

    At a month-end each member ranks the stocks that it scores, from -1 (worst) to 1 (best); a
    stock's score is the weighted mean of its ranks. A stock that a member does not score gets the
    middle rank 0 from it, which is no opinion; one that no member scores has no score. A month-end
    at which a member has no scores, such as one before its first fit, has none.

    Like a `SignalGenerator` it is a signal of `MonthlyTopK`, a model of `walk_forward`,
    `attngru_bt.backtest.run` and `attngru_bt.picks.run`, and can be cloned.

    Parameters
    ----------
    models : sequence, or mapping of str to member, default ("ridge", "gbdt-rank")
        The members: names of `attngru_bt.models`, scikit-learn estimators, a `SignalGenerator` or
        `Recipe`, or anything with ``scores(bars)``. Names and estimators take the settings of
        whatever walks the blend, such as `refit` of `walk_forward`; the others have their own.
    weights : sequence of float, or mapping of name to float, default None
        One per member, above 0; only their proportions matter. None: all alike.
    neutralize, neutral_share : default None, 1.0
        Make the mean rank neutral to exposures of the same month, as `Recipe` does with the scores
        of one model. A member whose own recipe has `neutralize` is made neutral before it is
        ranked.
    universe : object with ``at(date)``, default None
        Who may be held, for members that name no universe.
    progress : callable, default None
        Called with the `MonthRecord` of each month-end.
    checkpoints : path, default None
        Folder that keeps the finished months of each member.

    Attributes
    ----------
    walk_ : BlendWalk
    records_ : list of MonthRecord

    Examples
    --------
    >>> Blend(["ridge", "gbdt-rank"]).title
    'Blend of ridge on return ranks and boosted trees on ranks'
    >>> list(Blend({"fast": "ridge", "slow": "lstm"}, weights={"fast": 2, "slow": 1}).members())
    ['fast', 'slow']
    """

    def __init__(
        self,
        models: Sequence[Any] | Mapping[str, Any] = BLEND,
        *,
        weights: Sequence[float] | Mapping[str, float] | None = None,
        neutralize: Sequence[str] | None = None,
        neutral_share: float = 1.0,
        universe: Universe | None = None,
        progress: Callable[[MonthRecord], None] | None = None,
        checkpoints: str | os.PathLike[str] | None = None,
    ) -> None:
        self.models = models
        self.weights = weights
        self.neutralize = neutralize
        self.neutral_share = neutral_share
        self.universe = universe
        self.progress = progress
        self.checkpoints = checkpoints

    # -- the parameters ---------------------------------------------------------------------------

    def check(self) -> None:
        """Raise ValueError or TypeError for a parameter out of range."""
        checks.list_of_names("models", self.models)
        if not len(self.models):
            raise ValueError("`models` of a Blend must have at least one member; got none.")
        for name, member in self.members().items():
            _check_member(name, member)
        checks.universe("universe", self.universe)
        check_neutral(self.neutralize, self.neutral_share)
        self.shares()

    def members(self) -> dict[str, Any]:
        """Return the members as they were given, by their own name or that of their class."""
        if isinstance(self.models, Mapping):
            return {str(name): model for name, model in self.models.items()}
        members: dict[str, Any] = {}
        for model in self.models:
            name = base = _name_of(model)
            number = 1
            while name in members:
                number += 1
                name = f"{base} {number}"
            members[name] = model
        return members

    def shares(self) -> dict[str, float]:
        """Return the share of each member in the mean, a fraction."""
        names = list(self.members())
        if self.weights is None:
            return dict.fromkeys(names, 1 / len(names))
        if isinstance(self.weights, Mapping):
            checks.no_unknown("`weights` of a Blend", self.weights, names)
            if missing := [name for name in names if name not in self.weights]:
                raise ValueError(f"`weights` must have a number for {missing[0]}; it has none.")
            given = [self.weights[name] for name in names]
        else:
            given = list(self.weights)
            if len(given) != len(names):
                raise ValueError(
                    f"`weights` must have a number for each of the {len(names)} members "
                    f"({', '.join(names)}); got {len(given)}."
                )
        for name, weight in zip(names, given, strict=True):
            checks.number(f"weights of {name}", weight, above=0)
        return {name: float(w) / float(sum(given)) for name, w in zip(names, given, strict=True)}

    @property
    def title(self) -> str:
        """Its title in reports."""
        names = self.members()
        return blend_title([MODELS[name].title if name in MODELS else name for name in names])

    @property
    def schedule(self) -> Any:
        """The schedule of its members; None if they take that of whatever walks them."""
        schedules = (getattr(member, "schedule", None) for member in self.members().values())
        return next((schedule for schedule in schedules if schedule is not None), None)

    @property
    def takes_settings(self) -> bool:
        """Whether any member is given by name or as an estimator, and so has no settings yet."""
        return any(
            isinstance(member, str) or not (hasattr(member, "scores") or isinstance(member, Recipe))
            for member in self.members().values()
        )

    def with_settings(self, **settings: Any) -> Blend:
        """Return the blend with each member as a recipe, or as a signal with ``scores(bars)``.

        Parameters
        ----------
        **settings
            Parameters of `Recipe` for the members given by name or as estimators. A baseline by
            name takes its own; `universe` is set on every member that has none. `progress`,
            `checkpoints`, `neutralize` and `neutral_share` are those of the blend, if it has none,
            and not of its members.
        """
        self.check()
        named = [find(m) for m in self.members().values() if isinstance(m, str)]
        of_baselines = [n for m in named if m.family == "baseline" for n in m.make().get_params()]
        of_run = ("progress", "checkpoints")
        checks.no_unknown("a Blend", settings, [*_OF_RECIPE, *of_run, *of_baselines])
        universe = settings.get("universe") if self.universe is None else self.universe
        of_blend = {"neutralize": None, "neutral_share": 1.0} | settings
        if self.neutralize is not None:
            of_blend |= {"neutralize": self.neutralize, "neutral_share": self.neutral_share}
        settings = {n: v for n, v in settings.items() if n not in ("neutralize", "neutral_share")}
        members = {
            name: _member(model, settings | {"universe": universe})
            for name, model in self.members().items()
        }
        return Blend(
            members,
            weights=self.shares(),
            neutralize=of_blend["neutralize"],
            neutral_share=of_blend["neutral_share"],
            universe=universe,
            **{name: settings.get(name, getattr(self, name)) for name in of_run},
        )

    # -- the driver -------------------------------------------------------------------------------

    def make_walk(self) -> BlendWalk:
        """Return the walk of all members, which has taken no step; see `Driver`."""
        ready = self.with_settings()
        recipes = [member for member in ready.members().values() if isinstance(member, Recipe)]
        recipes = recipes or [without_factors(self.universe)]
        made = make_panels(recipes, self.neutralize or ())
        first = made[panel_key(recipes[0])]
        walks = {}
        for name, member in ready.members().items():
            if isinstance(member, Recipe):
                folder = None if self.checkpoints is None else Path(self.checkpoints) / name
                panel = made[panel_key(member)]
                walks[name] = Walk(member, panel, model=name, checkpoints=folder)
            else:
                walks[name] = Walk(None, first, model=name, signal=member, topk=recipes[0].topk)
        return self.walk_of(walks)

    def walk_of(self, members: Mapping[str, Walk], *, model: str = "", seed: int = 0) -> BlendWalk:
        """Return the walk of the blend, given those of its members by name."""
        return BlendWalk(
            members,
            self.shares(),
            title=self.title,
            neutralize=self.neutralize or (),
            neutral_share=self.neutral_share,
            model=model,
            seed=seed,
        )


def _name_of(model: Any) -> str:
    """Return the name of a member that was given without one."""
    if isinstance(model, Recipe):
        model = "attention-gru-ranks" if model.classifier is None else model.classifier
    return model if isinstance(model, str) else type(model).__name__


def _check_member(name: str, member: Any) -> None:
    """Raise ValueError or TypeError for what cannot be a member."""
    if isinstance(member, str) and member == "equal-weight":
        raise ValueError("equal-weight scores all stocks alike: leave it out of the blend.")
    parts = list(find(member).members) if isinstance(member, str) else []
    if isinstance(member, Blend):
        parts = list(member.members())
    if parts:
        raise ValueError(
            f"`models`: {name} is a blend itself; give its members, {JOINT.join(parts)}."
        )
    if isinstance(member, Recipe):
        member.check()
    elif not isinstance(member, (str, type)) and not hasattr(member, "get_params"):
        if not hasattr(member, "scores"):
            raise TypeError(
                f"`models` must be names, estimators, recipes or what has scores(bars); got "
                f"{member!r}."
            )
    elif not isinstance(member, str) and not hasattr(member, "scores"):
        Recipe(member).check()  # says what a model must be


def _member(model: Any, settings: Mapping[str, Any]) -> Any:
    """Return a member as a fresh recipe, or as a fresh signal with ``scores(bars)``."""
    universe = settings["universe"]
    of_recipe = {name: value for name, value in settings.items() if name in _OF_RECIPE}
    if isinstance(model, str):
        named = find(model)
        signal = scorer(named, **({} if named.family == "baseline" else of_recipe))
        if not isinstance(signal, Recipe):
            parameters = signal.get_params()
            return signal.set_params(**{n: v for n, v in settings.items() if n in parameters})
    elif hasattr(model, "scores") or isinstance(model, Recipe):
        signal = model
    else:
        signal = Recipe(model, **of_recipe)
    if isinstance(signal, Recipe):
        params = {name: getattr(signal, name) for name in ("classifier", *_OF_RECIPE)}
        params["universe"] = universe if signal.universe is None else signal.universe
        recipe = Recipe(**params)
        recipe.check()
        return recipe
    if hasattr(signal, "get_params"):
        signal = clone(signal)
        if universe is not None and getattr(signal, "universe", universe) is None:
            signal.set_params(universe=universe)
    return signal
