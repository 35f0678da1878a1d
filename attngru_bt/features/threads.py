"""One thread for BLAS and OpenMP: with more, sums are ordered differently."""

from __future__ import annotations

import functools
from typing import Any

from threadpoolctl import ThreadpoolController


@functools.cache
def _pools() -> ThreadpoolController:
    return ThreadpoolController()  # looking for the libraries takes milliseconds: once


def one_thread() -> Any:
    """Hold BLAS and OpenMP to one thread in a with-block; torch sees to its own."""
    return _pools().limit(limits=1)
