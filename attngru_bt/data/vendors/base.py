"""What a vendor must be able to do, and what all of them share."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

SLACK = 0.05  # how far the day's mean price may lie outside low..high before units are doubted


class VendorError(OSError):
    """What a vendor answered instead of data; asking again will not help."""


class TryAgain(VendorError):
    """A failure that may pass: the network, a limit on requests, a lost session."""


@dataclass(frozen=True)
class Members:
    """Whose bars are wanted.

    Parameters
    ----------
    symbols : tuple of str
        Everybody who was a member at some day between start and end.
    stays : pandas.DataFrame or None
        Columns symbol, in_date, out_date (text, YYYY-MM-DD; empty out_date = still in). None if
        only the members of today are known: then backtests on them are of survivors.
    """

    symbols: tuple[str, ...]
    stays: pd.DataFrame | None


class Vendor(Protocol):
    """A source of daily bars.

    Frames have a row per day in the panel's columns without ``symbol``: ``date`` (naive session
    dates), raw prices in the currency of the exchange, ``volume`` in shares, ``amount`` in
    currency, ``turnover`` in per cent of the float, and ``adjfactor``, the cumulative backward
    factor, which no later day changes. NaN = not known.
    """

    name: str

    def symbol(self, text: str) -> str:
        """Return how a symbol is written in the panel; a ValueError says what is expected."""
        ...

    def members(self, universe: str, start: pd.Timestamp, end: pd.Timestamp) -> Members:
        """Return the members of an index between two days (both included)."""
        ...

    def bars(self, symbol: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
        """Return the bars between two days (both included); empty if there are none."""
        ...

    def index(self, name: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
        """Return date, open, high, low, close, volume of an index; empty if there is none."""
        ...

    def close(self) -> None:
        """Say goodbye."""
        ...


def library(name: str) -> Any:
    """Import a vendor's library, or say in one sentence how to get it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        lacks = "is not installed" if error.name == name else f"needs {error.name}"
        raise ModuleNotFoundError(
            f"the {name} library {lacks}; install it with pip install 'attngru_bt[{name}]'."
        ) from error


def columns(frame: pd.DataFrame, wanted: tuple[str, ...], where: str) -> pd.DataFrame:
    """Return the wanted columns; a missing one is an error that lists what came instead."""
    missing = [name for name in wanted if name not in frame]
    if missing:
        raise VendorError(
            f"{where}: the answer has no column {missing[0]!r}; got "
            f"{', '.join(map(str, frame.columns)) or 'none'}. The vendor may have changed its "
            "format: try another version of its library."
        )
    return frame[list(wanted)]


def numbers(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return all columns as float64; empty text is NaN, other text an error."""
    out = {}
    for name in frame:
        column = frame[name]
        if not pd.api.types.is_numeric_dtype(column):
            column = column.astype(object).where(column.notna() & (column.astype(str) != ""), None)
        try:
            out[name] = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise VendorError(f"{where}: column {name!r} is not a number ({error}).") from error
    return pd.DataFrame(out, index=frame.index)


def days(column: pd.Series, where: str) -> pd.Series:
    """Return session dates from text, dates or timestamps; of zoned ones the local day."""
    try:
        found = pd.to_datetime(column)
    except (TypeError, ValueError) as error:
        raise VendorError(f"{where}: column {column.name!r} is no date ({error}).") from error
    return found.dt.tz_localize(None).dt.normalize().dt.as_unit("us")


def as_of(events: pd.Series, dates: pd.Series) -> np.ndarray:
    """Return the value of the last event on or before each date; NaN before the first.

    Parameters
    ----------
    events : pandas.Series
        Values indexed by the day from which they hold, in any order.
    dates : pandas.Series
        Days asked about.
    """
    events = events.sort_index(kind="stable")
    place = events.index.searchsorted(pd.DatetimeIndex(dates), side="right") - 1
    values = np.r_[events.to_numpy(dtype=np.float64), np.nan]  # place -1 is the NaN
    found: np.ndarray = values[place]
    return found


def check_units(frame: pd.DataFrame, where: str) -> None:
    """Raise if amount over volume is no price of the day: then a unit is not the documented one.

    The middle day is looked at, so that single odd days of a vendor do not matter.
    """
    rows = frame[(frame["volume"] > 0) & (frame["amount"] > 0) & (frame["low"] > 0)]
    if rows.empty:
        return
    mean = rows["amount"] / rows["volume"]
    high = float((mean / rows["high"]).median())
    low = float((mean / rows["low"]).median())
    if high > 1 + SLACK or low < 1 - SLACK:
        raise VendorError(
            f"{where}: amount over volume is {low:.3g} times the day's low, so volume or amount "
            "is not in the unit the vendor documents; take this symbol from another source."
        )
