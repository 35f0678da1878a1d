"""The interface of a vendor, and the conversions that all vendors share."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from attngru_bt.data.units import misfit


class VendorError(OSError):
    """The vendor answered, but not with data, and another request will not change that."""


class TryAgain(VendorError):
    """A temporary failure: the network, a limit on requests, a lost session."""


@dataclass(frozen=True)
class Members:
    """The symbols to download.

    Parameters
    ----------
    symbols : tuple of str
        All members on any day between start and end.
    stays : pandas.DataFrame or None
        Columns symbol, in_date, out_date (text, YYYY-MM-DD; empty out_date = still in). None if
        only the members of today are known; a backtest on them has survivorship bias.
    """

    symbols: tuple[str, ...]
    stays: pd.DataFrame | None


class Vendor(Protocol):
    """A source of daily bars.

    Tables have a row per day with the columns of `read_table` except ``symbol``: ``date`` (naive
    session dates), raw prices in the currency of the exchange, ``volume`` in shares, ``amount`` in
    currency, ``turnover`` in per cent of the float, and ``adjfactor``, the cumulative backward
    factor, which no later day changes. NaN means unknown.

    The attribute ``point_in_time`` names the universes whose members the vendor knows at any date;
    those of others are taken from the package index-constitution, if it is installed and has them.
    A vendor without this attribute is asked for all.
    """

    name: str

    def symbol(self, text: str) -> str:
        """Return the standard spelling of a symbol; a ValueError says what is expected."""
        ...

    def members(self, universe: str, start: pd.Timestamp, end: pd.Timestamp) -> Members:
        """Return the members of an index between two days, both included."""
        ...

    def bars(self, symbol: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
        """Return the bars between two days, both included; empty if there are none."""
        ...

    def index(self, name: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
        """Return date, open, high, low, close, volume of an index; empty if there is none."""
        ...

    def close(self) -> None:
        """End the session with the vendor."""
        ...


def library(name: str) -> Any:
    """Import the library of a vendor; the error says how to install it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        lacks = "is not installed" if error.name == name else f"needs {error.name}"
        raise ModuleNotFoundError(
            f"the {name} library {lacks}; install it with pip install 'attngru_bt[{name}]'."
        ) from error


def columns(frame: pd.DataFrame, wanted: tuple[str, ...], where: str) -> pd.DataFrame:
    """Return the wanted columns; an error lists the columns of the answer if one is missing."""
    missing = [name for name in wanted if name not in frame]
    if missing:
        raise VendorError(
            f"{where}: the answer has no column {missing[0]!r}; got "
            f"{', '.join(map(str, frame.columns)) or 'none'}. The vendor may have changed its "
            "format: try another version of its library."
        )
    return frame[list(wanted)]


def numbers(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return all columns as float64; empty text is NaN, other text is an error."""
    values = {}
    for name in frame:
        column = frame[name]
        if not pd.api.types.is_numeric_dtype(column):
            column = column.astype(object).where(column.notna() & (column.astype(str) != ""), None)
        try:
            values[name] = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise VendorError(f"{where}: column {name!r} is not a number ({error}).") from error
    return pd.DataFrame(values, index=frame.index)


def table(answer: pd.DataFrame, names: Mapping[str, str], where: str) -> pd.DataFrame:
    """Return the columns of an answer under our names: ``date`` first, the others as float64."""
    answer = columns(answer, tuple(names), where).rename(columns=names)
    frame = numbers(answer.drop(columns="date"), where)
    frame.insert(0, "date", days(answer["date"], where))
    return frame


def days(column: pd.Series, where: str) -> pd.Series:
    """Return session dates from text, dates or timestamps; the local day if they have a zone."""
    try:
        stamps = pd.to_datetime(column)
    except (TypeError, ValueError) as error:
        raise VendorError(f"{where}: column {column.name!r} is no date ({error}).") from error
    return stamps.dt.tz_localize(None).dt.normalize().dt.as_unit("us")


def as_of(events: pd.DataFrame, dates: pd.Series) -> np.ndarray:
    """Return the value of the last event on or before each date; NaN before the first.

    Parameters
    ----------
    events : pandas.DataFrame
        Columns ``date``, the day from which a value holds, and ``factor``, in any order.
    dates : pandas.Series
    """
    events = events.sort_values("date", kind="stable")
    position = events["date"].searchsorted(dates, side="right") - 1
    values = np.r_[events["factor"].to_numpy(dtype=np.float64), np.nan]  # position -1 is the NaN
    return np.asarray(values[position])


def check_units(frame: pd.DataFrame, where: str) -> None:
    """Raise if amount over volume is no price of the median day: a unit is not as documented."""
    off = misfit(frame)
    if off.power or off.adjusted:
        raise VendorError(
            f"{where}: amount over volume is {off.ratio:.3g} times the day's prices, so volume or "
            "amount is not in the unit the vendor documents; take this symbol from another source."
        )
