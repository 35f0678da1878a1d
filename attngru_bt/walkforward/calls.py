"""What is handed to workers, and what becomes of it when none is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

LOST_WORKERS = 3  # how often lost workers are made good for

Call = tuple[Callable[..., Any], tuple[Any, ...]]  # a function and its arguments
Store = Callable[[int, Any], None]


class WorkersLost(OSError):
    """Nobody is left to do the tasks; those that were finished have been handed over."""


def in_worker(function: Callable[..., Any], *arguments: Any) -> Any:
    """Do one call in a worker."""
    # Once a piece this large was freed (31 MiB), the C library keeps what is freed for the next
    # array, instead of asking the system for every one: a fifth of the time of many small arrays.
    np.empty(31 << 17)
    return function(*arguments)
