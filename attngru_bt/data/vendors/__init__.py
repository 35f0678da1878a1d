"""Vendors of daily bars: akshare, baostock and yfinance, written as a panel folder.

The libraries are optional and imported when asked for. ``download`` does the whole job: members,
bars symbol by symbol, index; what is finished stays finished.
"""

from __future__ import annotations

from attngru_bt.data.vendors.akshare import Akshare
from attngru_bt.data.vendors.baostock import Baostock
from attngru_bt.data.vendors.base import Members, TryAgain, Vendor, VendorError
from attngru_bt.data.vendors.download import Report, download
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
    "Report",
    "TryAgain",
    "Vendor",
    "VendorError",
    "YFinance",
    "download",
]
