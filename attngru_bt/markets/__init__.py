"""Trading rules of exchanges, as parts of backtrader's own broker, for any strategy."""

from attngru_bt.markets.ashare import AShare
from attngru_bt.markets.exchange import Exchange, exchange_of

__all__ = ["AShare", "Exchange", "exchange_of"]
