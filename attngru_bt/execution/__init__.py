"""From a rebalance to orders: sells first, sized with commission, never short of cash."""

from attngru_bt.execution.cashcap import CashCap
from attngru_bt.execution.orders import Execution
from attngru_bt.execution.sizing import Lots, PlainLots, affordable, cost

__all__ = ["CashCap", "Execution", "Lots", "PlainLots", "affordable", "cost"]
