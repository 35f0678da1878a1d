"""Which models are compared, in which order, and on which month-ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attngru_bt.checks import nearest
from attngru_bt.data.bars import DataError
from attngru_bt.models.names import ALIASES, JOINT, find, is_known

if TYPE_CHECKING:
    from attngru_bt.walkforward.scored_months import ScoredMonths

EQUAL_WEIGHT = "equal-weight"
BASELINES = (EQUAL_WEIGHT, "random", "momentum")


def chosen_names(models: str | Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the names asked for, each once; "all" stands for all known ones.

    A model with two names is called as in the catalog: "default" is "blend".

    Raises
    ------
    ValueError
        If a name is not known; the message has the nearest one.
    """
    asked = models.split(",") if isinstance(models, str) else list(models)
    stripped = [name.strip() for name in asked]
    names = list(dict.fromkeys(ALIASES.get(name, name) for name in stripped if name))
    if names == ["all"]:
        return list(known)
    if not names:
        raise ValueError("`models` must name models, or be 'all'; got none.")
    for name in names:
        if JOINT in name:
            find(name)
        elif name not in known:
            hint = f"{nearest(name, known)} There are {', '.join(known)}."
            raise ValueError(f"`models`: there is no model {name!r}{hint}")
    return names


def check_can_move(models: Mapping[str, Any]) -> None:
    """Raise ValueError for a model that brings a schedule of its own, and so cannot be moved."""
    from attngru_bt.walkforward import Blend, Recipe

    for name, model in models.items():
        members = model.members().values() if isinstance(model, Blend) else [model]
        for recipe in (member for member in members if isinstance(member, Recipe)):
            raise ValueError(
                f"`offsets` cannot move {name}, which decides by {str(recipe.schedule)!r}: give "
                f"the name of a model or an estimator, whose schedule is that of the comparison."
            )


def ordered(walks: Sequence[ScoredMonths], models: Sequence[str] | None) -> list[str]:
    """Order the rows as asked for, baselines last."""
    walked = list(dict.fromkeys(walk.model for walk in walks))
    order = [*walked, EQUAL_WEIGHT] if models is None else list(models)
    names = [name for name in order if name in walked or name == EQUAL_WEIGHT]
    return [n for n in names if n not in BASELINES] + [n for n in BASELINES if n in names]


def described(names: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return titles and families of the models; the title of a user's own model is its name."""
    models = {name: find(name) for name in names if is_known(name)}
    titles = {name: models[name].title if name in models else name for name in names}
    return titles, {name: models[name].family if name in models else "own" for name in names}


def threshold(name: str) -> float | None:
    """Return the score above which a model says yes: .5 of a probability, 0 of a distance."""
    if not is_known(name):
        return None
    model = find(name).make()
    if hasattr(model, "predict_proba"):
        return 0.5
    return 0.0 if hasattr(model, "decision_function") else None


def common_months(
    walks: Sequence[ScoredMonths], dates: pd.DatetimeIndex, start: Any = None
) -> pd.DatetimeIndex:
    """Return the month-ends at which all walks have scores; all are measured on these.

    Parameters
    ----------
    walks : sequence of Walk
    dates : DatetimeIndex of shape (n_sessions,)
        The market's sessions.
    start : date, default None
        First day to trade: month-ends whose next session is before it are left out.

    Raises
    ------
    DataError
        If there are none.
    """
    if not walks:
        raise ValueError("There are no walks to compare.")
    months: pd.DatetimeIndex | None = None
    for walk in walks:
        scored = pd.DatetimeIndex(walk.scores().dropna(how="all").index)
        if not len(scored):
            raise DataError(
                f"{walk.model}, seed {walk.seed}: has no scores at any of its {len(walk.records)} "
                f"month-ends; leave it out, or bring longer data."
            )
        months = scored if months is None else months.intersection(scored)
    assert months is not None
    if start is not None:
        # scores are traded in the session after their month-end
        traded = np.minimum(dates.searchsorted(months, side="right"), len(dates) - 1)
        months = months[dates[traded] >= pd.Timestamp(start)]
    if not len(months):
        raise DataError(
            "The walks share no month-end with scores, so there is nothing to compare them on."
        )
    return months.sort_values()
