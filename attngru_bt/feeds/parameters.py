"""The parameters of the engine's classes: the public attributes of their ``params``."""

from __future__ import annotations

from typing import Any


def parameter_names(owner: Any) -> list[str]:
    """Names of the ``params`` of a strategy, an analyzer or their class, in their order."""
    params = owner.params if isinstance(owner.params, type) else type(owner.params)
    # backtrader makes a class of parameters for each class; their common base declares none
    *declaring, base, _ = params.__mro__
    names = dict.fromkeys(
        name for kind in reversed(declaring) for name in vars(kind) if not name.startswith("__")
    )
    return [name for name in names if not hasattr(base, name)]


def parameter_values(owner: Any) -> dict[str, Any]:
    """Return the ``params`` of a strategy or an analyzer; of a class its defaults.

    Anything without ``params`` has none.
    """
    params = getattr(owner, "params", None)
    if params is None:
        return {}
    return {name: getattr(params, name) for name in parameter_names(owner)}
