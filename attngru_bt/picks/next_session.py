"""The bars of the session to come, in which each stock stays at its last close."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from attngru_bt.data.bars import Bars

# lines that the strategy and the rules of a market look at
STAY = ("open", "high", "low", "close", "preclose")  # at the last close
OTHERS = ("volume", "adjfactor", "traded", "st", "delisting")


def kept(bars: Bars, more: Iterable[str] = ()) -> Bars:
    """Keep the lines that the strategy and the rules look at, and `more`."""
    names = [name for name in dict.fromkeys((*STAY, *OTHERS, *more)) if name in bars]
    return Bars(bars.dates, bars.assets, {name: bars[name] for name in names})


def one_more(bars: Bars, session: pd.Timestamp, more: Iterable[str] = ()) -> Bars:
    """Add a session in which every stock that has a bar in the last one stays at its close.

    The lines that the strategy and the rules look at are kept, and `more`.
    """
    lines = {}
    close = bars["close"][-1]
    for name, values in kept(bars, more).lines.items():
        added = close if name in STAY else values[-1]
        if name == "traded":
            added = np.ones(len(close))
        elif name == "volume":  # whether it trades is not known: the last session is looked at
            added = np.where(values[-1] > 0, values[-1], 1.0)
        lines[name] = np.vstack([values, np.where(np.isnan(close), np.nan, added)])
    return Bars(pd.DatetimeIndex([*bars.dates, session]), bars.assets, lines)


def factors_of(bars: Bars) -> dict[str, float]:
    """Return the newest adjustment factor by name; 1 without that line."""
    if "adjfactor" not in bars:
        return dict.fromkeys(bars.assets, 1.0)
    values = pd.DataFrame(bars["adjfactor"]).ffill().iloc[-1].fillna(1.0)
    return dict(zip(bars.assets, map(float, values), strict=True))
