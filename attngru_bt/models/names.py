"""The models of the paper and its baselines by name: one word each, one walk-forward for all.

The models are in the `catalog`; `attngru_bt.models.generator` makes what scores at month-ends. Any
names with "+" between them are a model as well, the blend of these. "default" is another name for
"blend", which won the rule in docs/signal.md.
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
# further names of models, which a walk over all of them does not meet twice
ALIASES: Mapping[str, str] = MappingProxyType({DEFAULT: "blend"})


def names(family: str | None = None) -> list[str]:
    """Names of the models, those of one family if asked for, in the order of the paper."""
    return [name for name, model in MODELS.items() if family in (None, model.family)]


def find(name: str) -> Model:
    """Return the model of that name, or the blend of several: "ridge+gbdt-rank".

    "default" is the model "blend".

    Raises
    ------
    ValueError
        If there is none; the message has the nearest name. If a blend is made of one model twice,
        or of one that is a blend itself or chooses nobody.
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
    import pandas as pd  # not with the table of names, which is cheap to import

    if isinstance(model, (pd.DataFrame, pd.Series)):
        return "Given scores"
    return str(getattr(model, "title", None) or type(model).__name__)
