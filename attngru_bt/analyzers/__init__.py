"""Analyzers for any backtrader strategy: fractions, sample deviations, annualization as told."""

from attngru_bt.analyzers.annualized_return import AnnualizedReturn
from attngru_bt.analyzers.information_ratio import InformationRatio
from attngru_bt.analyzers.max_drawdown import MaxDrawdown
from attngru_bt.analyzers.performance import Performance
from attngru_bt.analyzers.positions import Positions
from attngru_bt.analyzers.sharpe_ratio import SharpeRatio

__all__ = [
    "AnnualizedReturn",
    "InformationRatio",
    "MaxDrawdown",
    "Performance",
    "Positions",
    "SharpeRatio",
]
