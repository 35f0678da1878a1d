"""Factors: one number per asset and day, computed from bars; NaN means unknown.

``library`` has the factors of this package, a file per family. A script adds its own with `factor`,
any further line of the bars is a factor as it is, and `join_factor_file` reads values from a file.
"""

from __future__ import annotations

from attngru_bt.factors import library
from attngru_bt.factors.declaration import Factor
from attngru_bt.factors.decorators import factor, step
from attngru_bt.factors.engine import compute
from attngru_bt.factors.history import FactorHistory
from attngru_bt.factors.registry import Registry, registry
from attngru_bt.factors.scripts import load_script
from attngru_bt.factors.table import write_table
from attngru_bt.factors.uqer import join_factor_file

__all__ = [
    "Factor",
    "FactorHistory",
    "Registry",
    "compute",
    "factor",
    "join_factor_file",
    "load_script",
    "registry",
    "step",
    "write_table",
]

_ = library  # registers its factors when it is imported
