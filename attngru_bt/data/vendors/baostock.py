"""Bars through baostock: prices, factors and point-in-time members from one server.

What is asked for, and in which units it comes (baostock 0.9):

- ``login()`` first; every answer has ``error_code`` ("0" = all well), ``error_msg``, ``fields``,
  and rows of text by ``next()`` and ``get_row_data()``. The library prints; that is kept quiet.
- ``query_history_k_data_plus("sh.600000", fields, start_date, end_date, frequency="d",
  adjustflag="3")``: 3 = prices as traded. volume in shares, amount in CNY, turn in per cent of the
  float, tradestatus 0 on suspended days (a row with the old close, left out here), peTTM, pbMRQ,
  psTTM, pcfNcfTTM, isST. ``preclose`` is the exchange's ex-right reference price.
- ``query_adjust_factor(code, start_date, end_date)``: dividOperateDate and backAdjustFactor, one
  row per event. From that day on, price × backAdjustFactor is the backward-adjusted price, 1 from
  the listing to the first event: our ``adjfactor``. foreAdjustFactor is rescaled by every
  later event, a look into the future, and not used.
- ``query_sz50_stocks(date=)``, ``query_hs300_stocks(date=)``, ``query_zz500_stocks(date=)``: the
  members on that day, in lists that are renewed about once a week.

An answer has pages of 2,000 rows, and a page that gets lost is not reported; so bars are asked for
in spans of four years, which fit on one page.
"""

from __future__ import annotations

import contextlib
import io
import socket
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.data.codes import INDEXES, code, with_prefix
from attngru_bt.data.vendors.base import (
    Members,
    TryAgain,
    VendorError,
    as_of,
    check_units,
    columns,
    library,
    table,
)  # fmt: skip
from attngru_bt.data.vendors.patience import Patience
from attngru_bt.data.vendors.stays import find_stays

INDEX = {n: n for n in ("date", "open", "high", "low", "close", "volume", "amount")}
FIELDS = INDEX | {
    "preclose": "preclose", "turn": "turnover", "tradestatus": "traded", "peTTM": "pe",
    "pbMRQ": "pb", "psTTM": "ps", "pcfNcfTTM": "pcf", "isST": "st",
}  # fmt: skip
EVENTS = {"dividOperateDate": "date", "backAdjustFactor": "factor"}
LISTS = {
    "sse50": "query_sz50_stocks",
    "csi300": "query_hs300_stocks",
    "csi500": "query_zz500_stocks",
}
TEMPORARY = ("10001001", "10001005", "10005001")  # not logged in, too many sessions, system error
NETWORK = "10002"  # how the codes of network errors begin
YEARS = 4
TIMEOUT = 60.0  # seconds to wait for a server that does not answer


class Baostock:
    """A-shares through baostock; see the module for what comes from where.

    ``float_cap`` is close × volume ÷ turnover, the value of the float that the vendor's turnover
    rate was computed with; where nothing was traded it is not known. ``st`` is 1 while a stock is
    under special treatment.
    """

    name = "baostock"
    point_in_time = tuple(LISTS)
    pause = 0.1  # seconds

    def __init__(self, patience: Patience | None = None) -> None:
        self._bs = library("baostock")
        self._patience = patience or Patience(self.pause)
        self._logged_in = False

    def symbol(self, text: str) -> str:
        """See `codes.code`; baostock has Shanghai and Shenzhen."""
        symbol = code(text)
        if symbol.endswith(".BJ"):
            raise ValueError(f"{text!r}: baostock has no stocks of the Beijing exchange.")
        return symbol

    def members(self, universe: str, start: pd.Timestamp, end: pd.Timestamp) -> Members:
        """Return the members and their stays between two days; see `find_stays`."""

        def at(day: pd.Timestamp) -> frozenset[str]:
            where = f"baostock: members of {universe} on {day:%Y-%m-%d}"
            rows = self._rows(where, LISTS[universe], date=f"{day:%Y-%m-%d}")
            if rows.empty:
                raise VendorError(f"{where}: the list is empty; begin later.")
            return frozenset(code(text) for text in columns(rows, ("code",), where)["code"])

        stays = find_stays(at, start, end)
        return Members(tuple(sorted(set(stays["symbol"]))), stays)

    def bars(self, symbol: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
        """Return raw prices, volume, amount, turnover, valuations, traded, st and adjfactor."""
        where = f"baostock: {symbol}"
        frame = self._history(where, symbol, FIELDS, start, end)
        if frame.empty:
            return frame
        idle = frame["traded"] == 0
        frame.loc[idle, frame.columns.difference(["date", "traded", "st"])] = np.nan
        check_units(frame, where)
        rate = frame["turnover"].where(frame["turnover"] > 0)
        frame["float_cap"] = frame["close"] * frame["volume"] / (rate / 100)
        frame["adjfactor"] = self._factor(symbol, frame["date"], end)
        return frame

    def _factor(self, symbol: str, dates: pd.Series, end: pd.Timestamp) -> np.ndarray:
        """Return the cumulative adjustment factor on each date."""
        where = f"baostock: {symbol}: adjustment factors"
        answer = self._rows(
            where,
            "query_adjust_factor",
            code=with_prefix(symbol, "."),
            start_date="1990-01-01",  # the factor is the product of all events since the listing
            end_date=f"{end:%Y-%m-%d}",
        )
        if answer.empty:
            return np.ones(len(dates))
        events = table(answer, EVENTS, where)
        for day, factor in events[~(events["factor"] > 0)].itertuples(index=False):
            raise VendorError(f"{where}: {factor:g} on {day:%Y-%m-%d} is no factor.")
        return np.nan_to_num(as_of(events, dates), nan=1.0)  # 1 before the first event

    def index(self, name: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
        """Return an index by its code, such as 000016.SH, or by the name of a universe."""
        symbol = INDEXES.get(name) or code(name)
        where = f"baostock: index {symbol}"
        return self._history(where, symbol, INDEX, start, end)

    def close(self) -> None:
        """Log out; errors of the server are ignored."""
        if self._logged_in:
            self._logged_in = False
            with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
                self._bs.logout()

    def _history(
        self,
        where: str,
        symbol: str,
        fields: dict[str, str],
        start: pd.Timestamp,
        end: pd.Timestamp,
    ) -> pd.DataFrame:
        """Return fields of a symbol under our names, asked for in spans that fit on one page."""
        parts = []
        while start <= end:
            last = min(end, start + pd.DateOffset(years=YEARS) - pd.Timedelta(days=1))
            parts.append(
                self._rows(
                    where,
                    "query_history_k_data_plus",
                    code=with_prefix(symbol, "."),
                    fields=",".join(fields),
                    start_date=f"{start:%Y-%m-%d}",
                    end_date=f"{last:%Y-%m-%d}",
                    frequency="d",
                    adjustflag="3",
                )
            )
            start = last + pd.Timedelta(days=1)
        rows = [part for part in parts if len(part)]
        if not rows:
            return pd.DataFrame(columns=list(fields.values()), dtype=object)
        return table(pd.concat(rows, ignore_index=True), fields, where)

    def _rows(self, where: str, query: str, **given: str) -> pd.DataFrame:
        """Send a query and read all rows; an error code becomes an exception."""

        def request() -> pd.DataFrame:
            self._log_in(where)
            with contextlib.redirect_stdout(io.StringIO()):
                answer = getattr(self._bs, query)(**given)
                rows = []
                while answer is not None and answer.error_code == "0" and answer.next():
                    rows.append(answer.get_row_data())
            self._check(where, answer)
            return pd.DataFrame(rows, columns=list(answer.fields) or None, dtype=object)

        return self._patience.ask(where, request)

    def _log_in(self, where: str) -> None:
        """Open a session unless one is open."""
        if self._logged_in:
            return
        before = socket.getdefaulttimeout()
        socket.setdefaulttimeout(TIMEOUT)  # the library has no timeout of its own
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                answer = self._bs.login()
        finally:
            socket.setdefaulttimeout(before)
        self._check(f"{where} (login)", answer)
        self._logged_in = True

    def _check(self, where: str, answer: Any) -> None:
        """Raise if an answer is an error: `TryAgain` if the error may pass, else a VendorError."""
        if answer is None:
            raise VendorError(f"{where}: baostock did not accept the question.")
        if answer.error_code == "0":
            return
        text = f"{where}: baostock says {answer.error_code} {str(answer.error_msg).strip()}"
        if answer.error_code in TEMPORARY or str(answer.error_code).startswith(NETWORK):
            self._logged_in = False  # perhaps the session was lost
            raise TryAgain(text)
        raise VendorError(text)
