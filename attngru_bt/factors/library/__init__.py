"""The built-in factors, a file per family; they register on import, in the order of columns."""

from __future__ import annotations

from attngru_bt.factors.library import (  # isort: skip
    shared,
    momentum,
    technical,
    sentiment,
    trading,
    value,
    lines,
)

__all__ = ["lines", "momentum", "sentiment", "shared", "technical", "trading", "value"]
