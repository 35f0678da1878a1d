"""What the market was: bars, their checks and files, members over time, and the data sets.

`Bars` holds the lines known so far (``bars``), `Market` the bars with benchmark and members of a
run (``market``), `Membership` who belonged when (``membership``). Tables are read in ``files`` and
checked in ``checks``, ``columns``, ``interval``, ``names`` and ``splits``. ``vendors`` downloads.
"""

from __future__ import annotations

from attngru_bt.data.bars import PRICE_LINES, Bars, DataError
from attngru_bt.data.files import read_folder, read_index, read_table
from attngru_bt.data.market import Market, load, load_sp500, make_market
from attngru_bt.data.membership import Membership, Universe

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
