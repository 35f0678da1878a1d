"""Technical factors: averages and bands, oscillators and ranges, risk; in the order of columns."""

from __future__ import annotations

from attngru_bt.factors.library.technical import (  # isort: skip
    averages,
    oscillators,
    risk,
)

__all__ = ["averages", "oscillators", "risk"]
