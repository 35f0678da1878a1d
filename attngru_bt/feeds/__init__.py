"""Both doors to backtrader: feeds for it, and bars from its feeds (``reader``).

``market_feeds`` adds a market as ``panel_feed``s; ``panel_cerebro`` runs backtrader on them in less
time, and ``panel_broker`` keeps its books.

``sessions`` alone says which session a bar belongs to. ``roles`` tells traded feeds from
benchmarks, ``lookalikes`` warns of an index among the stocks, ``clock`` says when the bars of a
session are all there.
"""

from __future__ import annotations

from attngru_bt.feeds.market_feeds import add_feeds
from attngru_bt.feeds.panel_broker import PanelBroker
from attngru_bt.feeds.panel_cerebro import PanelCerebro
from attngru_bt.feeds.panel_feed import PanelFeed
from attngru_bt.feeds.reader import FeedReader, from_feeds
from attngru_bt.feeds.sessions import FeedSessions, RunSessions, session_of

__all__ = [
    "FeedReader",
    "FeedSessions",
    "PanelBroker",
    "PanelCerebro",
    "PanelFeed",
    "RunSessions",
    "add_feeds",
    "from_feeds",
    "session_of",
]
