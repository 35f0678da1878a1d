"""From scores to orders: the monthly strategy, its plan, sizes and orders, and what happened.

``monthly`` and ``attention_gru`` are the strategies; ``months`` says when they decide, and
``scorer`` asks their signal for scores. ``rebalance`` says who stays, leaves and enters,
``execution`` which orders that takes and what is tried again, ``dealer``, ``sizing`` and
``cash_cap`` how much is ordered. ``orders`` follows orders until they are filled or void,
``trade_log`` keeps what happened, and ``idle`` says why nothing did.
"""

from attngru_bt.trading.attention_gru import AttentionGRUStrategy
from attngru_bt.trading.monthly import MonthlyTopK

__all__ = ["AttentionGRUStrategy", "MonthlyTopK"]
