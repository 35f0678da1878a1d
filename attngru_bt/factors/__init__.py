"""Factors: bars in, one number per asset and day out; NaN = not known.

The library's own are in one file per family. A script adds its own with `factor`; further columns
of the bars are factors as they are; `join_factor_file` takes values computed elsewhere.
"""

from __future__ import annotations

from attngru_bt.factors import library
from attngru_bt.factors.engine import compute
from attngru_bt.factors.history import FactorHistory
from attngru_bt.factors.registry import Factor, Registry, factor, registry, step
from attngru_bt.factors.uqer import join_factor_file

__all__ = [
    "Factor",
    "FactorHistory",
    "Registry",
    "compute",
    "factor",
    "join_factor_file",
    "registry",
    "step",
]

_ = library  # its factors register on import
