"""The parameters of the engine's classes: the public attributes of their ``params``."""

from __future__ import annotations

from typing import Any


def parameter_names(owner: Any) -> list[str]:
    """Names of the ``params`` of a strategy, an analyzer or their class, in their order."""
    params = owner.params if isinstance(owner.params, type) else type(owner.params)
    # each class of the owner has a class of parameters; the first one of all has none
    *kinds, first, _ = params.__mro__
    names = dict.fromkeys(
        name for kind in reversed(kinds) for name in vars(kind) if not name.startswith("__")
    )
    return [name for name in names if not hasattr(first, name)]


def parameter_values(owner: Any) -> dict[str, Any]:
    """Return the ``params`` of a strategy or an analyzer; of a class its defaults.

    Anything without ``params`` has none.
    """
    params = getattr(owner, "params", None)
    return (
        {} if params is None else {name: getattr(params, name) for name in parameter_names(owner)}
    )
