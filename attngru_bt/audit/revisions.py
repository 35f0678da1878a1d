"""Check: a later file says the same about a day as an earlier one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from attngru_bt.audit.report import Check, Finding, failed, passed, skipped
from attngru_bt.data.market import Market
from attngru_bt.features.cross_section import month_ends

NAME = "changed history"
ROUNDING = 1e-9  # relative difference that the rounding of a CSV may make


def check(market: Market, against: Market | None) -> Check:
    """Compare two data sets on the days that both cover.

    Findings are values that differ, bars or stocks that only one of them has, and an index or a
    membership that was rewritten: a backtest on one would not have learned the same from the other.

    Parameters
    ----------
    market, against : Market
        In any order: the older is the one that ends earlier, or `against` if both end on one day.
    """
    if against is None:
        return skipped(NAME, "there is no other data set to compare with; give one (--against).")
    # the one that ends earlier is the older download
    old, new = (
        (market, against) if market.bars.dates[-1] < against.bars.dates[-1] else (against, market)
    )
    begin = max(old.bars.dates[0], new.bars.dates[0])
    end = min(old.bars.dates[-1], new.bars.dates[-1])
    if begin > end:
        return skipped(
            NAME,
            f"the data sets have no day in common: one ends on {end.date()}, the other begins on "
            f"{begin.date()}.",
        )
    assets = sorted(set(old.bars.assets) & set(new.bars.assets))
    lines = [name for name in old.bars.lines if name in new.bars.lines]
    compared = f"{len(assets)} stocks, {len(lines)} lines, {begin.date()} .. {end.date()}"
    findings: list[Finding] = []
    for compare in (_gone, _values, _index, _members):
        findings += compare(old, new, begin, end)
    if not findings:
        return passed(NAME, f"{compared}: nothing was rewritten.")
    symbols = {f.symbol for f in findings if f.symbol}
    return failed(
        NAME,
        f"{compared}: the past was rewritten in {len(findings)} places (the first of each stock "
        f"and line), of {len(symbols)} stocks; a backtest on one would not have seen the other.",
        findings,
    )


def _gone(old: Market, new: Market, begin: pd.Timestamp, end: pd.Timestamp) -> Iterator[Finding]:
    """Yield the stocks that traded in the common time of one and are missing in the other."""
    for one, other, has, lacks in ((old, new, "older", "newer"), (new, old, "newer", "older")):
        span = np.asarray((one.bars.dates >= begin) & (one.bars.dates <= end))
        for asset in sorted(set(one.bars.assets) - set(other.bars.assets)):
            days = np.flatnonzero(one.bars.traded[:, one.bars.assets.index(asset)] & span)
            if len(days):
                date = pd.Timestamp(one.bars.dates[days[0]])
                text = (
                    f"{asset} traded on {date.date()} in the {has} data set and is not in the "
                    f"{lacks} one."
                )
                yield Finding(text, asset, date, "symbol")


def _values(old: Market, new: Market, begin: pd.Timestamp, end: pd.Timestamp) -> Iterator[Finding]:
    """Yield the first value of each stock and line that differs."""
    names = sorted(set(old.bars.assets) & set(new.bars.assets))
    dates = old.bars.dates.union(new.bars.dates)
    dates = dates[(dates >= begin) & (dates <= end)]
    # where each data set has the common days and stocks; -1 for a day that it lacks
    rows = [m.bars.dates.get_indexer(dates) for m in (old, new)]
    columns = [pd.Index(m.bars.assets).get_indexer(pd.Index(names)) for m in (old, new)]
    for line in old.bars.lines:
        if line not in new.bars.lines:
            continue
        was, now = (
            np.where(row[:, None] < 0, np.nan, m.bars[line][row][:, column])
            for m, row, column in zip((old, new), rows, columns, strict=True)
        )
        wrong = _apart(was, now)
        for j in np.flatnonzero(wrong.any(axis=0)):
            i, n = int(wrong[:, j].argmax()), int(wrong[:, j].sum())
            date = pd.Timestamp(dates[i])
            text = (
                f"{names[j]} on {date.date()}: {line} was {_number(was[i, j])} in the older data "
                f"set and is {_number(now[i, j])} in the newer one ({n} day"
                f"{'' if n == 1 else 's'} differ)."
            )
            yield Finding(text, names[j], date, line)


def _index(old: Market, new: Market, begin: pd.Timestamp, end: pd.Timestamp) -> Iterator[Finding]:
    """Yield the first close of the benchmark that differs."""
    if old.benchmark is None or new.benchmark is None:
        return
    both = pd.concat([old.benchmark["close"], new.benchmark["close"]], axis=1, join="inner")
    both = both[(both.index >= begin) & (both.index <= end)].astype(np.float64)
    was, now = both.to_numpy().T
    for i in np.flatnonzero(_apart(was, now))[:1]:
        date = pd.Timestamp(both.index[i])
        text = (
            f"the benchmark's close on {date.date()} was {_number(was[i])} in the older data set "
            f"and is {_number(now[i])} in the newer one."
        )
        yield Finding(text, None, date, "benchmark")


def _members(old: Market, new: Market, begin: pd.Timestamp, end: pd.Timestamp) -> Iterator[Finding]:
    """Yield the first month-end at which the members differ."""
    if old.membership is None or new.membership is None:
        return
    dates = old.bars.dates[(old.bars.dates >= begin) & (old.bars.dates <= end)]
    for date in dates[month_ends(dates)]:
        was, now = old.membership.at(date), new.membership.at(date)
        for name in sorted(was ^ now)[:1]:
            which = "older" if name in was else "newer"
            text = f"{name} is a member on {date.date()} in the {which} data set only."
            yield Finding(text, name, pd.Timestamp(date), "membership")
            return


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Tell where two values differ by more than rounding; NaN differs from any number."""
    return ~np.isclose(a, b, rtol=ROUNDING, atol=0.0, equal_nan=True)


def _number(value: float) -> str:
    """Return a value with the digits of a CSV, or "empty"."""
    return "empty" if np.isnan(value) else f"{value:.10g}"
