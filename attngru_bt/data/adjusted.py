"""A backward factor of closes that later events adjust, and of the prices of Qlib."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from attngru_bt.data.bars import PRICE_LINES, DataError, first
from attngru_bt.data.layouts import Layout
from attngru_bt.data.units import Doubt

_HOW, _WHAT = "(adj|adjusted|qfq|hfq)", "(close|closeprice)"
_CLOSE = re.compile(f"{_HOW}{_WHAT}|{_WHAT}{_HOW}")  # without the characters between words
OFTEN = 0.2  # share of days on which the ratio of two closes may change before it is no factor
CENT = 0.02  # in currency: by how much rounding to cents may move two prices together
LEAST = 20  # days needed to judge


def with_factor(
    frame: pd.DataFrame, layout: Layout, source: str, doubt: Doubt
) -> tuple[pd.DataFrame, str]:
    """Return a table with a backward factor made of adjusted prices, and a note of how it was made.

    Parameters
    ----------
    frame : pandas.DataFrame
        In our columns, dates increasing within a symbol.
    layout : Layout
    source : str
        File, for messages.
    doubt : callable
        Takes a warning.

    Raises
    ------
    DataError
        If there are two adjusted closes, or one is not positive.
    """
    if layout.name == "Qlib" and "adjfactor" in frame:
        factor = pd.to_numeric(frame["adjfactor"], errors="coerce")
        prices = {name: frame[name] / factor for name in PRICE_LINES if name in frame}
        if "volume" in frame:
            prices["volume"] = frame["volume"] * factor
        return frame.assign(**prices), "prices divided by $factor, volume times it"
    names = map(str, frame.columns)
    adjusted = [name for name in names if _CLOSE.fullmatch(re.sub("[^a-z0-9]", "", name))]
    if not adjusted or "close" not in frame or "adjfactor" in frame or "symbol" not in frame:
        return frame, ""
    if len(adjusted) > 1:
        raise DataError(
            f"{source}: columns {adjusted[0]!r} and {adjusted[1]!r} are both adjusted closes; "
            f"leave out one of them with ignore=[{adjusted[1]!r}] (--ignore '{adjusted[1]}')."
        )
    name = adjusted[0]
    theirs, close = (pd.to_numeric(frame[c], errors="coerce") for c in (name, "close"))
    for i in first((theirs <= 0).to_numpy(dtype=bool)):
        raise DataError(
            f"{source}: {frame['symbol'].iloc[i]} in row {i + 1}: column {name!r} must be "
            f"positive; got {theirs.iloc[i]:g}. Prices that dividends are added to can be "
            "negative; leave the column out, or bring a backward 'adjfactor'."
        )
    ratio = (theirs / close).astype(np.float64)
    # In the ratio to the first day only events in between count: no later day changes it.
    factor = ratio / ratio.groupby(frame["symbol"]).transform("first")
    _check_factor(factor, frame["symbol"], theirs.where(theirs < close, close), name, source, doubt)
    made = frame.drop(columns=name).assign(adjfactor=factor)
    return made, f"adjfactor from {name!r} over 'close'"


def _check_factor(
    factor: pd.Series, symbol: pd.Series, price: pd.Series, name: str, source: str, doubt: Doubt
) -> None:
    """Warn of a ratio that changes on many days: the source has added dividends to the prices."""
    step = pd.Series(np.log(factor), index=factor.index).groupby(symbol).diff().abs()
    known = step.notna()
    if known.sum() < LEAST:
        return
    share = float((step > 2 * CENT / price)[known].mean())
    if share > OFTEN:
        doubt(
            "factor",
            f"{source}: the ratio of {name!r} to 'close' changes on {share:.0%} of the days: the "
            "source adds dividends where it should multiply (as Eastmoney does), so its returns "
            "are not those of the stock. Bring a backward 'adjfactor' instead.",
        )
