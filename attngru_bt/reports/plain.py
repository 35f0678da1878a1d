"""Values of a run in a form that JSON can hold."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def plain(value: object) -> Any:
    """Convert a value to what JSON can hold: NaN and infinities to null, dates to ISO text.

    An estimator becomes its class and parameters, a table its shape, any other object its `repr`.
    An object whose `repr` has a memory address becomes its class, so that the same run gives the
    same file.
    """
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is pd.NaT:
        return None
    if isinstance(value, datetime.datetime):
        midnight = value.tzinfo is None and value == value.replace(hour=0, minute=0, second=0)
        return value.date().isoformat() if midnight else value.isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (pd.DataFrame, pd.Series)):
        return f"{type(value).__name__} of shape {value.shape}"
    if isinstance(value, np.ndarray):
        return plain(value.tolist()) if value.size <= 100 else f"array of shape {value.shape}"
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, type) or callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    if hasattr(value, "get_params"):
        return {"class": _class(value), **plain(value.get_params(deep=False))}
    text = repr(value)
    return _class(value) if _ADDRESS.search(text) or len(text) > 300 else text


def _class(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
