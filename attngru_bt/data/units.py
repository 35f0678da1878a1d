"""Whether volumes and amounts are in the units they should be: amount over volume is a price."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from attngru_bt.data.bars import DataError

Doubt = Callable[[str, str], None]
"""Takes a warning: what it is about, and the sentence."""
SLACK = 0.05  # share by which the mean price of a day may lie outside low..high
CONSTANT = 0.05  # decimal logarithm; a wrong unit is off by a power of ten on all days, within this
LEAST = 5  # days


@dataclass(frozen=True)
class Misfit:
    """How amount over volume differs from the prices.

    Attributes
    ----------
    ratio : float
        Median of the mean price of a day over the nearer of its low and high; 1 where it fits.
    power : int
        The power of ten by which a unit is wrong; 0 if none is.
    adjusted : bool
        Whether the prices, and not a unit, are other than the traded ones.
    """

    ratio: float = 1.0
    power: int = 0
    adjusted: bool = False


def misfit(frame: pd.DataFrame) -> Misfit:
    """Compare amount over volume with the prices of the day.

    The median day is looked at, so that odd single days of a vendor do not matter.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns volume, amount, high and low, float64.
    """
    rows = frame[(frame["volume"] > 0) & (frame["amount"] > 0) & (frame["low"] > 0)]
    if rows.empty:
        return Misfit()
    mean = rows["amount"] / rows["volume"]
    high = float((mean / rows["high"]).median())
    low = float((mean / rows["low"]).median())
    if 1 - SLACK <= low and high <= 1 + SLACK:
        return Misfit()
    ratio = high if high > 1 else low
    steps = np.log10(mean / np.sqrt(rows["high"] * rows["low"]))
    power = round(float(steps.median()))
    spread = float(steps.quantile(0.95) - steps.quantile(0.05))
    constant = abs(float(steps.median()) - power) < CONSTANT and spread < 2 * CONSTANT
    if power and constant and len(rows) >= LEAST:
        return Misfit(ratio, power)
    return Misfit(ratio, adjusted=True)


def check_fit(frame: pd.DataFrame, source: str, doubt: Doubt | None) -> None:
    """Refuse volumes and amounts whose units do not fit the prices.

    Parameters
    ----------
    frame : pandas.DataFrame
        In our columns.
    source : str
        File, for messages.
    doubt : callable or None
        Takes a warning if prices are adjusted; None where that is nothing to warn of.

    Raises
    ------
    DataError
        If a unit is wrong by a power of ten.
    """
    columns = ("volume", "amount", "high", "low")
    if any(name not in frame for name in columns):
        return
    off = misfit(pd.DataFrame({n: pd.to_numeric(frame[n], errors="coerce") for n in columns}))
    if off.power:
        raise DataError(
            f"{source}: amount over volume is {10.0**off.power:g} times the prices, so that "
            "volume may be in lots of 100 or amount in thousands; say which unit a column has: "
            "columns={'volume': 'NAME*100'} (--columns volume=NAME*100), or amount 'NAME*1000'."
        )
    if off.adjusted and doubt is not None:
        doubt(
            "prices",
            f"{source}: amount over volume is {off.ratio:.3g} times the day's prices: they are "
            "adjusted, and if that is by later events they know the future. Bring prices as traded "
            "and a backward 'adjfactor'.",
        )
