"""Honest deep-learning stock selection for backtrader.

The public names are loaded on first use: importing this package loads neither torch, scikit-learn,
pyfolio nor matplotlib.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "AnnualizedReturn": "attngru_bt.analyzers",
    "AttentionGRUClassifier": "attngru_bt.classifier",
    "AttentionGRURegressor": "attngru_bt.classifier",
    "AttentionGRUStrategy": "attngru_bt.strategy",
    "Bars": "attngru_bt.bars",
    "Comparison": "attngru_bt.compare",
    "DataError": "attngru_bt.bars",
    "InformationRatio": "attngru_bt.analyzers",
    "Market": "attngru_bt.datasets",
    "MaxDrawdown": "attngru_bt.analyzers",
    "Membership": "attngru_bt.universe",
    "MonthlyTopK": "attngru_bt.strategy",
    "PanelFeed": "attngru_bt.feeds",
    "Performance": "attngru_bt.analyzers",
    "Positions": "attngru_bt.analyzers",
    "SharpeRatio": "attngru_bt.analyzers",
    "SignalGenerator": "attngru_bt.signals",
    "add_feeds": "attngru_bt.feeds",
    "audit": "attngru_bt.audit",
    "backtest": "attngru_bt.backtest",
    "compare": "attngru_bt.compare",
    "factor": "attngru_bt.factors",
    "load": "attngru_bt.datasets",
    "load_sp500": "attngru_bt.datasets",
    "make_market": "attngru_bt.datasets",
    "markets": "attngru_bt.markets",
    "models": "attngru_bt.models",
    "tearsheet": "attngru_bt.tearsheet",
    "walk_forward": "attngru_bt.walkforward",
}

__all__ = sorted([*_HOME, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'attngru_bt' has no attribute {name!r}")
    module = importlib.import_module(_HOME[name])
    if _HOME[name] == f"attngru_bt.{name}":
        return module
    return getattr(module, name)


def __dir__() -> list[str]:
    return __all__
