"""Honest deep-learning stock selection for backtrader.

The public names are loaded on first use: importing this package loads neither torch, scikit-learn,
pyfolio nor matplotlib.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.2.0"

_HOME = {
    "AnnualizedReturn": "attngru_bt.analyzers",
    "AttentionGRUClassifier": "attngru_bt.models.estimators",
    "AttentionGRURegressor": "attngru_bt.models.estimators",
    "AttentionGRUStrategy": "attngru_bt.trading",
    "Bars": "attngru_bt.data",
    "Blend": "attngru_bt.walkforward",
    "Comparison": "attngru_bt.compare",
    "DataError": "attngru_bt.data",
    "InformationRatio": "attngru_bt.analyzers",
    "Market": "attngru_bt.data",
    "MaxDrawdown": "attngru_bt.analyzers",
    "Membership": "attngru_bt.data",
    "MonthlyTopK": "attngru_bt.trading",
    "PanelBroker": "attngru_bt.feeds",
    "PanelCerebro": "attngru_bt.feeds",
    "PanelFeed": "attngru_bt.feeds",
    "Performance": "attngru_bt.analyzers",
    "Positions": "attngru_bt.analyzers",
    "SharpeRatio": "attngru_bt.analyzers",
    "SignalGenerator": "attngru_bt.walkforward",
    "add_feeds": "attngru_bt.feeds",
    "audit": "attngru_bt.audit",
    "backtest": "attngru_bt.backtest",
    "compare": "attngru_bt.compare",
    "factor": "attngru_bt.factors",
    "load": "attngru_bt.data",
    "load_sp500": "attngru_bt.data",
    "make_market": "attngru_bt.data",
    "markets": "attngru_bt.markets",
    "models": "attngru_bt.models",
    "picks": "attngru_bt.picks",
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
