"""A call that a worker makes, and the error when no worker is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

MAX_RESTARTS = 3  # how many times a crashed pool of workers is restarted

Call = tuple[Callable[..., Any], tuple[Any, ...]]  # a function and its arguments
Store = Callable[[int, Any], None]


class WorkersLost(OSError):
    """The workers crashed too often; what they had finished has been stored."""


def in_worker(function: Callable[..., Any], *arguments: Any) -> Any:
    """Make one call in a worker process or thread."""
    # Freeing one large block (31 MiB) raises glibc's threshold for mmap. From then on freed arrays
    # are reused instead of being returned to the system, which saves a fifth of the time where
    # arrays are many and small.
    np.empty(31 << 17)
    return function(*arguments)
