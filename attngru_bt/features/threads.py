"""One thread for BLAS and OpenMP: several would add up in another order and change bits."""

from __future__ import annotations

import functools
from typing import Any

from threadpoolctl import ThreadpoolController


@functools.cache
def _pools() -> ThreadpoolController:
    return ThreadpoolController()  # cached: finding the libraries takes milliseconds


def one_thread() -> Any:
    """Limit BLAS and OpenMP to one thread in a with-block; torch has a limit of its own."""
    return _pools().limit(limits=1)
