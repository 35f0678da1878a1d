"""The plug-in itself: when to ask for scores and what to hold."""

from attngru_bt.strategy.attention_gru import AttentionGRUStrategy
from attngru_bt.strategy.monthly import MonthlyTopK

__all__ = ["AttentionGRUStrategy", "MonthlyTopK"]
