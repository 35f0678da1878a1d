"""Check: stocks enter and leave as in any market; nobody knew at the time who would survive."""

from __future__ import annotations

import numpy as np
import pandas as pd

from attngru_bt.audit.report import Check, Finding, failed, passed, skipped
from attngru_bt.data.bars import Bars
from attngru_bt.data.market import Market
from attngru_bt.data.membership import Membership
from attngru_bt.features.cross_section import month_ends

NAME = "survivorship"
GONE = 60  # sessions without a bar at the end of the data after which a stock counts as gone
YEAR = 250
LEAVERS = 0.01
"""Share of stocks that leave a market in a year, lower than in any market we know, for the benefit
of doubt: with it, one of twenty samples of a hundred stocks loses none in three years."""


def check(market: Market) -> Check:
    """Look for signs that the universe was chosen with hindsight.

    With members over time, some stock must enter or leave, and those that left must have bars.
    Without them, some stock must end before the data do.
    """
    if len(market.bars) < YEAR:
        return skipped(NAME, f"{len(market.bars)} sessions; it takes a year to tell.")
    if market.membership is not None:
        return _members(market.bars, market.membership)
    return _bars(market.bars)


def _members(bars: Bars, membership: Membership) -> Check:
    """Check a universe with members over time."""
    dates = bars.dates[month_ends(bars.dates)]
    members = {date: membership.at(date) for date in dates}
    begun = [date for date in dates if members[date]]
    if not begun:
        date = dates[0]
        text = f"there are no members at any month-end from {date.date()} to {dates[-1].date()}."
        return failed(NAME, "the membership does not cover the data.", [Finding(text, None, date)])
    findings = []
    now = members[dates[-1]]
    traded = {asset: bool(bars.traded[:, j].any()) for j, asset in enumerate(bars.assets)}
    lacking = {}  # member without bars → its first month-end
    for date in begun:
        for name in sorted(members[date]):
            if not traded.get(name, False) and name not in lacking:
                lacking[name] = date
    for name, date in lacking.items():
        status = "is a member still" if name in now else "left later"
        text = (
            f"{name} is a member on {date.date()} and {status}, but the data have no bar of it: "
            "it can be neither bought nor learned from."
        )
        findings.append(Finding(text, name, date, "membership"))
    sets = {members[date] for date in begun}
    ever = frozenset().union(*sets)
    if len(sets) == 1 and len(begun) >= 12:
        text = (
            f"the {len(ever)} members of {begun[0].date()}, {min(ever)} the first by name, are "
            f"those of every month-end to {begun[-1].date()}."
        )
        findings.append(Finding(text, min(ever), begun[0], "membership"))
    late = f"; no members are known before {begun[0].date()}" if begun[0] != dates[0] else ""
    text = f"{len(ever)} names were members at {len(begun)} month-ends, {len(now)} are at the last"
    if not findings:
        return passed(NAME, f"{text}, and all of them have bars{late}.")
    left = sum(name not in now for name in lacking)
    what = (
        "the members never change, as if it had been known who would stay"
        if len(sets) == 1
        else f"{len(lacking)} members have no bars, {left} of them had left by the end"
    )
    return failed(NAME, f"{text}: {what}.", findings)


def _bars(bars: Bars) -> Check:
    """Check a universe of which only bars are known."""
    traded = bars.traded
    ever = traded.any(axis=0)
    first = np.where(ever, traded.argmax(axis=0), len(bars))
    last = np.where(ever, len(bars) - 1 - traded[::-1].argmax(axis=0), -1)
    left = ever & (last < len(bars) - GONE)
    late = ever & (first > 21)
    n = int(ever.sum())
    span = f"{bars.dates[0].date()} .. {bars.dates[-1].date()}"
    if left.any():
        return passed(
            NAME,
            f"of {n} stocks {int(late.sum())} came later and {int(left.sum())} left before the end "
            f"({span}); who was in the index when is not known without a membership file.",
        )
    years = float(np.where(ever, last - first + 1, 0).sum()) / YEAR
    symbol = bars.assets[int(np.flatnonzero(ever)[np.argmin(first[ever])])]
    date = pd.Timestamp(bars.dates[first[bars.assets.index(symbol)]])
    advice = "use data with the stocks that left, or a membership file (symbol,in_date,out_date)"
    if not late.any():
        text = f"{symbol}, there on {date.date()}, is there at the end, and so is every other."
        return failed(
            NAME,
            f"the {n} stocks are the same on all dates ({span}), so they were chosen by somebody "
            f"who knew that they would survive: returns and precision flatter; {advice}.",
            [Finding(text, symbol, date, "universe")],
        )
    chance = (1 - LEAVERS) ** years  # that none of them leaves
    summary = f"none of {n} stocks leaves before the end ({span}, {years:.0f} stock-years)"
    if chance > 0.05:
        return skipped(
            NAME,
            f"{summary}; with so few, this often happens by chance ({chance:.0%}).",
        )
    text = f"{symbol}, there on {date.date()}, survives to the end, and so does every other."
    return failed(
        NAME,
        f"{summary}, which chance allows in {chance:.1g} of all markets if 1% leave in a year; "
        f"{advice}.",
        [Finding(text, symbol, date, "universe")],
    )
