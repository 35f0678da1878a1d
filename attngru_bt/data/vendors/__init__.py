"""Vendors of daily bars: akshare, baostock and yfinance.

Their libraries are optional and imported when needed. ``download`` writes a data folder: members,
bars symbol by symbol, and the index. After an interruption it goes on from what it has.
"""

from __future__ import annotations

from attngru_bt.data.vendors.akshare import Akshare
from attngru_bt.data.vendors.baostock import Baostock
from attngru_bt.data.vendors.base import Members, TryAgain, Vendor, VendorError
from attngru_bt.data.vendors.constituents import index_members
from attngru_bt.data.vendors.download import Downloaded, download
from attngru_bt.data.vendors.patience import Patience
from attngru_bt.data.vendors.yfinance import YFinance

VENDORS: dict[str, type[Akshare] | type[Baostock] | type[YFinance]] = {
    "akshare": Akshare,
    "baostock": Baostock,
    "yfinance": YFinance,
}

__all__ = [
    "VENDORS",
    "Akshare",
    "Baostock",
    "Members",
    "Patience",
    "Downloaded",
    "TryAgain",
    "Vendor",
    "VendorError",
    "YFinance",
    "download",
    "index_members",
]
