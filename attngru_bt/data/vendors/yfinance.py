"""Bars of Yahoo through yfinance: raw prices and a backward factor made from past events only.

``Ticker(symbol).history(period="max", interval="1d", auto_adjust=False, actions=True)`` of
yfinance 1.x has columns Open, High, Low, Close, Adj Close, Volume, Dividends, Stock Splits, and the
exchange's midnights as index. Neither price is fit for a backtest as it comes:

- **Close** is divided by the product of all splits *up to today*, so a split in 2024 changes the
  prices of 2015, and with them every factor that looks at a price level. Volume is multiplied.
- **Adj Close** is in addition scaled by every later dividend: each one rewrites all days before.

So the whole history is fetched, whatever days are asked for, and both are undone. With C the Close,
D the dividend and s the split ratio of a day (1 = none), as Yahoo gives them,

    raw price   P[t] = C[t] × S[t],  S[t] = product of s[u] over all u > t
    raw volume  V[t] = Volume[t] ÷ S[t]
    adjfactor   f[t] = f[t-1] × s[t] × C[t-1] ÷ (C[t-1] - D[t]),  f = 1 on the first day

S takes out of C what the future had put in. In f, D and C are in the same (today's) shares, so the
scale of the future cancels and only events up to day t count: f does not change when days are
added, nor with the first day asked for. P × f has the daily returns C[t] ÷ (C[t-1] - D[t]) - 1,
which are those of Adj Close; where both differ by more than Yahoo's rounding, a warning says so.
All this is exact up to the six or seven digits that Yahoo delivers.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from attngru_bt.data.codes import INDEXES, code, is_code
from attngru_bt.data.vendors.base import Members, VendorError, library, table
from attngru_bt.data.vendors.constituents import SIZES
from attngru_bt.data.vendors.patience import Patience

log = logging.getLogger(__name__)

HISTORY = {
    "date": "date", "Open": "open", "High": "high", "Low": "low", "Close": "close",
    "Adj Close": "adjusted", "Volume": "volume", "Dividends": "dividend", "Stock Splits": "split",
}  # fmt: skip
PRICES = ["open", "high", "low", "close"]
INDEX = ["date", *PRICES, "volume"]
CLASS = re.compile(r"[A-Z]{1,5}\.[AB]")  # BRK.B; Yahoo's exchanges are .L, .F, .T and others
LONGEST = 32  # characters of a ticker
DOUBT = 0.01  # log return; a larger difference from Yahoo's own return is worth a warning


class YFinance:
    """Daily bars of Yahoo; see the module for how its adjustments are undone."""

    name = "yfinance"
    point_in_time: tuple[str, ...] = ()
    pause = 0.5  # seconds

    def __init__(self, patience: Patience | None = None) -> None:
        self._yf = library("yfinance")
        self._patience = patience or Patience(self.pause)

    def symbol(self, text: str) -> str:
        """Return a ticker in Yahoo's spelling: AAPL, BRK-B, 600000.SS, ^GSPC.

        Codes of Chinese stocks with their exchange, and the letter of a class of shares after a
        dot, are written as Yahoo does: SH600000 is 600000.SS, BRK.B is BRK-B.
        """
        ticker = text.strip().upper()
        if is_code(ticker) and not ticker.isdigit():
            ticker = code(ticker).replace(".SH", ".SS")
        elif CLASS.fullmatch(ticker):
            ticker = ticker.replace(".", "-")
        if not 0 < len(ticker) <= LONGEST or any(c.isspace() or c in "/\\" for c in ticker):
            raise ValueError(f"{text!r} is no ticker of Yahoo; write AAPL, BRK-B or 600000.SS.")
        return ticker

    def members(self, universe: str, start: pd.Timestamp, end: pd.Timestamp) -> Members:
        """Raise: Yahoo has no lists of members."""
        raise ValueError(
            f"yfinance has no members of {universe}; pip install 'attngru_bt[members]' brings "
            f"those of {', '.join(SIZES)}, or give tickers (AAPL,MSFT) or a file of them as "
            "--universe, with in_date and out_date if you know them."
        )

    def bars(self, symbol: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
        """Return raw prices, raw volume and adjfactor."""
        frame = self._history(symbol)
        if frame.empty:
            return frame
        frame = backward(frame, f"yfinance: {symbol}")
        frame = frame[frame["date"].between(start, end)].reset_index(drop=True)
        broken = ~(frame[PRICES] > 0).all(axis=1)
        if broken.any():
            log.warning(
                "yfinance: %s: %d days have a close but not all of open, high and low, the first "
                "%s; they are left out as days without trade",
                symbol,
                broken.sum(),
                f"{frame['date'][broken].iloc[0]:%Y-%m-%d}",
            )
        return frame[~broken].reset_index(drop=True)

    def index(self, name: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
        """Return an index by its ticker, such as ^GSPC, or by the name of a universe."""
        frame = self._history(self.symbol(INDEXES.get(name, name)))
        if frame.empty:
            return frame
        frame = frame[frame["date"].between(start, end) & frame["close"].notna()]
        return frame[INDEX].reset_index(drop=True)

    def close(self) -> None:
        """Do nothing: there is no session to end."""

    def _history(self, symbol: str) -> pd.DataFrame:
        """Return all days under our names, with prices as Yahoo gives them."""
        where = f"yfinance: {symbol}"
        nothing = getattr(self._yf.exceptions, "YFTickerMissingError", ())

        def request() -> pd.DataFrame:
            try:
                with _raising(self._yf):
                    answer: pd.DataFrame = self._yf.Ticker(symbol).history(
                        period="max", interval="1d", auto_adjust=False, actions=True
                    )
            except nothing as error:  # an unknown or delisted ticker, or one without data
                log.info("%s: %s", where, error)
                return pd.DataFrame()
            except Exception as error:
                # some versions report an unknown ticker by the bare HTTP status
                if getattr(getattr(error, "response", None), "status_code", None) == 404:
                    return pd.DataFrame()
                raise
            return answer

        raw = self._patience.ask(where, request)
        if raw is None or raw.empty:
            return pd.DataFrame(columns=["date", "close"])
        return table(raw.rename_axis("date").reset_index(), HISTORY, where)


def backward(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """Undo Yahoo's adjustments; see the module for the formulas.

    Parameters
    ----------
    frame : pandas.DataFrame
        All days there are: date, open, high, low, close, adjusted, volume, dividend, split.
    where : str
        Vendor and symbol, for messages.

    Returns
    -------
    pandas.DataFrame
        date, open, high, low, close, volume as traded, and adjfactor; days with a close only.

    Raises
    ------
    VendorError
        A dividend as large as the price, or a negative split.
    """
    split = frame["split"].where(frame["split"] != 0, 1.0).fillna(1.0).to_numpy()
    dividend = frame["dividend"].fillna(0.0).to_numpy()
    before = np.array(frame["close"].shift(1).ffill())  # the last close before the day
    before[0] = np.inf  # the first day has no return
    for i in np.flatnonzero(
        (split <= 0) | (dividend < 0) | ~(dividend < np.nan_to_num(before, nan=np.inf))
    )[:1]:
        raise VendorError(
            f"{where} on {frame['date'].iloc[i]:%Y-%m-%d}: split {split[i]:g} and dividend "
            f"{dividend[i]:g} do not fit the close before, {before[i]:g}."
        )
    paid = dividend / np.where(np.isnan(before), np.inf, before)
    later = np.r_[np.cumprod(split[::-1])[::-1][1:], 1.0]  # S: product of the splits after the day
    own = np.r_[1.0, split[1:]]  # a split on the very first day changes no price
    out = frame[["date"]].copy()
    for name in PRICES:
        out[name] = frame[name].to_numpy() * later
    out["volume"] = frame["volume"].to_numpy() / later
    out["adjfactor"] = np.cumprod(own / (1 - paid))
    known = frame["close"].notna().to_numpy()
    out = out[known].reset_index(drop=True)
    _compare(out, frame["adjusted"].to_numpy()[known], where)
    return out


def _compare(out: pd.DataFrame, adjusted: np.ndarray, where: str) -> None:
    """Warn if our daily returns differ from those of Yahoo's own adjusted close."""
    ours = np.diff(np.log((out["close"] * out["adjfactor"]).to_numpy()))
    with np.errstate(divide="ignore", invalid="ignore"):
        theirs = np.diff(np.log(adjusted))
    far = np.abs(ours - theirs) > DOUBT
    if far.any():
        i = int(np.flatnonzero(far)[0])
        log.warning(
            "%s: on %d days the return by dividends and splits is not that of Yahoo's own "
            "adjusted close, the first %s (%.1f%% and %.1f%%); the former is kept",
            where,
            far.sum(),
            f"{out['date'].iloc[i + 1]:%Y-%m-%d}",
            100 * np.expm1(ours[i]),
            100 * np.expm1(theirs[i]),
        )


@contextlib.contextmanager
def _raising(yf: object) -> Iterator[None]:
    """Let yfinance raise its errors instead of returning empty tables."""
    debug = getattr(getattr(yf, "config", None), "debug", None)
    if debug is None:
        yield
        return
    before = debug.hide_exceptions
    debug.hide_exceptions = False
    try:
        yield
    finally:
        debug.hide_exceptions = before
