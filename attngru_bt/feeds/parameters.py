"""The parameters of backtrader's classes, which it keeps behind names of its own."""

from __future__ import annotations

from typing import Any


def parameter_names(owner: Any) -> list[str]:
    """Names of the ``params`` of a strategy, an analyzer or their class."""
    return list(owner.params._getkeys())


def parameter_values(owner: Any) -> dict[str, Any]:
    """Return the ``params`` of a strategy or an analyzer; of a class its defaults.

    Anything without ``params`` has none.
    """
    if isinstance(owner, type):
        return dict(owner.params._getpairs())  # type: ignore[attr-defined]
    params = getattr(owner, "p", None) or getattr(owner, "params", None)
    return {} if params is None else dict(params._getkwargs())
