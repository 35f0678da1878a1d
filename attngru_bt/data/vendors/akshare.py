"""Bars through akshare: Eastmoney's prices, Sina's adjustment factors, today's index members.

What is asked for, and in which units it comes (akshare 1.19):

- ``stock_zh_a_hist(symbol="600000", period="daily", start_date="20200101", end_date="20201231",
  adjust="")``, Eastmoney: columns 日期 date, 开盘 open, 收盘 close, 最高 high, 最低 low, 成交量
  volume *in lots of 100 shares*, 成交额 amount in CNY, 换手率 turnover in per cent of the float.
  Prices are as traded. Suspended days have no row; an unknown code is an empty frame.
- ``stock_zh_a_daily(symbol="sh600000", adjust="hfq-factor")``, Sina: columns date and hfq_factor
  (text), one row per event, newest first, the first one dated 1900-01-01. From its date on, price
  × hfq_factor is the backward-adjusted price: that is our ``adjfactor``, and no later
  event changes it. Eastmoney's own adjusted prices (``adjust="hfq"``) add dividends instead of
  multiplying, so their returns are not the stock's returns and may even become negative prices
  (akshare issues 1878 and 5287); they are not used.
- ``index_stock_cons_csindex(symbol="000016")``, China Securities Index: 成分券代码 code,
  交易所英文名称 exchange, *members of today only*.
- ``stock_zh_index_daily(symbol="sh000016")``, Sina: date, open, high, low, close, volume.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.data.codes import INDEXES, code, with_prefix
from attngru_bt.data.vendors.base import (
    Members,
    VendorError,
    as_of,
    check_units,
    columns,
    library,
    table,
)  # fmt: skip
from attngru_bt.data.vendors.patience import Patience

log = logging.getLogger(__name__)

LOT = 100  # shares
HISTORY = {
    "日期": "date", "开盘": "open", "最高": "high", "最低": "low", "收盘": "close",
    "成交量": "volume", "成交额": "amount", "换手率": "turnover",
}  # fmt: skip
INDEX = {name: name for name in ("date", "open", "high", "low", "close", "volume")}
EVENTS = {"date": "date", "hfq_factor": "factor"}
EXCHANGES = {"shanghai": "SH", "shenzhen": "SZ", "beijing": "BJ"}


class Akshare:
    """A-shares through akshare; see the module for what comes from where.

    ``preclose`` is the close before, times the old over the new factor, rounded to the cent: the
    ex-right reference price of the exchange, up to the rounding of the factor. It is not known
    on the first day fetched.
    """

    name = "akshare"
    point_in_time: tuple[str, ...] = ()
    pause = 0.5  # seconds; Eastmoney and Sina refuse those who ask faster

    def __init__(self, patience: Patience | None = None) -> None:
        self._ak = library("akshare")
        self._patience = patience or Patience(self.pause)

    def symbol(self, text: str) -> str:
        """See `codes.code`."""
        return code(text)

    def members(self, universe: str, start: pd.Timestamp, end: pd.Timestamp) -> Members:
        """Return the members of today, whatever the days; their stays are unknown."""
        index = INDEXES[universe]
        where = f"akshare: members of {universe}"
        frame = self._ask(
            where, lambda: self._ak.index_stock_cons_csindex(symbol=index.split(".")[0])
        )
        frame = columns(frame, ("成分券代码", "交易所英文名称"), where)
        symbols = set()
        for digits, name in frame.itertuples(index=False):
            exchange = [v for k, v in EXCHANGES.items() if k in str(name).lower()]
            symbols.add(code(".".join([str(digits).zfill(6), *exchange[:1]])))
        if not symbols:
            raise VendorError(f"{where}: the list is empty; try again later, or give a file.")
        return Members(tuple(sorted(symbols)), None)

    def bars(self, symbol: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
        """Return raw prices with preclose, volume, amount, turnover and adjfactor."""
        where = f"akshare: {symbol}"
        raw = self._ask(
            where,
            lambda: self._ak.stock_zh_a_hist(
                symbol=symbol.split(".")[0],
                period="daily",
                start_date=f"{start:%Y%m%d}",
                end_date=f"{end:%Y%m%d}",
                adjust="",
            ),
        )
        if raw is None or raw.empty:
            return pd.DataFrame(columns=["date", "close"])
        frame = table(raw, HISTORY, where)
        frame["volume"] *= LOT
        frame = frame[frame["date"].between(start, end)].reset_index(drop=True)
        check_units(frame, where)
        frame["adjfactor"] = self._factor(symbol, frame["date"])
        before = (frame["close"] * frame["adjfactor"]).shift(1)
        frame["preclose"] = np.round(before / frame["adjfactor"], 2)
        return frame

    def _factor(self, symbol: str, dates: pd.Series) -> np.ndarray:
        """Return the cumulative adjustment factor on each date."""
        where = f"akshare: {symbol}: adjustment factors"
        if symbol.endswith(".BJ"):
            raise VendorError(f"{where}: Sina has none for Beijing; take it from another source.")
        answer = self._ask(
            where,
            lambda: self._ak.stock_zh_a_daily(symbol=with_prefix(symbol), adjust="hfq-factor"),
        )
        factor = as_of(table(answer, EVENTS, where), dates)
        for i in np.flatnonzero(~(factor > 0))[:1]:
            raise VendorError(f"{where}: none for {dates[i]:%Y-%m-%d}; got {factor[i]:g}.")
        return factor

    def index(self, name: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
        """Return an index by its code, such as 000016.SH, or by the name of a universe."""
        symbol = INDEXES.get(name) or code(name)
        where = f"akshare: index {symbol}"
        raw = self._ask(where, lambda: self._ak.stock_zh_index_daily(symbol=with_prefix(symbol)))
        frame = table(raw, INDEX, where)
        return frame[frame["date"].between(start, end)].reset_index(drop=True)

    def _ask(self, where: str, request: Callable[[], Any]) -> Any:
        return self._patience.ask(where, request)

    def close(self) -> None:
        """Do nothing: there is no session to end."""
