"""The walk-forward of many models and seeds: every fit a task, on one core or on a cluster."""

from attngru_bt.walkforward.run import walk_forward
from attngru_bt.walkforward.walk import Walk

__all__ = ["Walk", "walk_forward"]
