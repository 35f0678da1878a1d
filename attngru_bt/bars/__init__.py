"""Bars: what is known so far about a market, and the three ways to get them.

``Bars`` itself (``panel``), files (``files``) and backtrader feeds (``feedreader``).
"""

from __future__ import annotations

from attngru_bt.bars.feedreader import FeedReader, from_feeds
from attngru_bt.bars.files import read_folder, read_index, read_table
from attngru_bt.bars.panel import PRICE_LINES, Bars, DataError
from attngru_bt.bars.sessions import FeedSessions, RunSessions, session_of

__all__ = [
    "PRICE_LINES",
    "Bars",
    "DataError",
    "FeedReader",
    "FeedSessions",
    "RunSessions",
    "from_feeds",
    "read_folder",
    "read_index",
    "read_table",
    "session_of",
]
