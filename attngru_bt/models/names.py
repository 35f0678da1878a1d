"""Models by name: those of the `catalog`, and blends of them.

Names with "+" between them are the blend of these models. "default" is another name for "blend",
which was chosen by the rule in docs/signal.md. `attngru_bt.models.generator` makes the
walk-forward of a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attngru_bt.checks import nearest
from attngru_bt.models.catalog import MODELS, Model, blend_of
from attngru_bt.models.presets import BLEND

DEFAULT = "default"
JOINT = "+"  # between the names of a blend's members
# second names of models, which `names` leaves out
ALIASES: Mapping[str, str] = MappingProxyType({DEFAULT: "blend"})


def names(family: str | None = None) -> list[str]:
    """Return the names of the models, or of those of one family, in the order of the paper."""
    return [name for name, model in MODELS.items() if family in (None, model.family)]


def find(name: str) -> Model:
    """Return the model of that name, or the blend of several: "ridge+gbdt-rank".

    "default" is the model "blend".

    Raises
    ------
    ValueError
        If there is no such model, with the nearest name; or if a blend has a model twice, a model
        that is a blend itself, or one that scores all stocks alike.
    """
    if JOINT in name:
        return _blend(name, tuple(part.strip() for part in name.split(JOINT)))
    name = ALIASES.get(name, name)
    if name not in MODELS:
        hint = nearest(name, [*MODELS, *ALIASES])
        raise ValueError(
            f"No model is named {name!r}{hint} There are {', '.join(MODELS)}, and blends of them "
            f"such as {JOINT.join(BLEND)}."
        )
    return MODELS[name]


def is_known(name: str) -> bool:
    """Whether `find` returns a model of that name, or a blend."""
    try:
        find(name)
    except ValueError:
        return False
    return True


def _blend(name: str, members: tuple[str, ...]) -> Model:
    """Return the blend of these models."""
    for member in members:
        if not member:
            raise ValueError(
                f"{name!r} must have the name of a model on both sides of each {JOINT}."
            )
        if members.count(member) > 1:
            raise ValueError(f"{name!r} has {member} twice: to weigh it more, use Blend(weights=).")
        if parts := find(member).members:
            raise ValueError(
                f"{name!r}: {member} is a blend itself; name its members, {JOINT.join(parts)}."
            )
        if member == "equal-weight":
            raise ValueError(f"{name!r}: equal-weight scores all stocks alike; leave it out.")
    return blend_of(name, members)


def title_of(model: Any) -> str:
    """Return what a report calls the model that made its scores: a name, an object or a table."""
    if isinstance(model, str):
        return find(model).title
    import pandas as pd  # here, so that the names alone are quick to import

    if isinstance(model, (pd.DataFrame, pd.Series)):
        return "Given scores"
    return str(getattr(model, "title", None) or type(model).__name__)
