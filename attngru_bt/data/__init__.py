"""What the market was: bars, their checks and files, members over time, and the data sets.

`Bars` are the daily lines known so far, `Market` is the bars of a run with its benchmark and its
members, `Membership` says who was a member when. ``files`` reads tables and ``raw`` a single file
as it is; ``shapes``, ``layouts``, ``translation`` and ``adjusted`` bring tables into our form;
``rows``, ``columns``, ``interval``, ``names``, ``units`` and ``splits`` check them. ``vendors``
downloads.
"""

from __future__ import annotations

from attngru_bt.data.bars import PRICE_LINES, Bars, DataError
from attngru_bt.data.files import read_folder, read_index, read_table
from attngru_bt.data.market import Market, load, load_sp500
from attngru_bt.data.membership import Membership, Universe
from attngru_bt.data.synthetic import make_market

__all__ = [
    "PRICE_LINES",
    "Bars",
    "DataError",
    "Market",
    "Membership",
    "Universe",
    "load",
    "load_sp500",
    "make_market",
    "read_folder",
    "read_index",
    "read_table",
]
