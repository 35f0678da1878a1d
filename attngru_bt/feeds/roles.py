"""Roles of feeds: which ones are stocks to choose from, and which ones are benchmarks."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from attngru_bt.checks import nearest
from attngru_bt.data.bars import DataError
from attngru_bt.data.names import fault
from attngru_bt.feeds.engine import bt

logger = logging.getLogger(__name__)

INDEX = "INDEX"  # a feed of this name is a benchmark
SYMBOL_KEYS = ("symbol", "ticker", "code", "ts_code")  # where vendors keep a table's symbol

_INTERVALS = {
    bt.TimeFrame.Weeks: "weekly",
    bt.TimeFrame.Months: "monthly",
    bt.TimeFrame.Years: "yearly",
}


@dataclass(frozen=True)
class Roles:
    """Roles of the feeds of a Cerebro for a strategy.

    Attributes
    ----------
    traded : dict of str to data feed
        The feeds to choose from, by name.
    benchmark : dict of str to data feed
        The benchmark for factors that need one, by name; empty if there is none.
    stated : bool
        Whether the script says which feeds are traded or which one is the benchmark.
    """

    traded: dict[str, Any]
    benchmark: dict[str, Any]
    stated: bool


def roles_of(
    datas: Sequence[Any],
    cerebro: Any,
    *,
    feeds: str | Sequence[str] | None,
    benchmark: str | Sequence[str] | None,
) -> Roles:
    """Find out which feeds are traded and which ones are benchmarks.

    Parameters
    ----------
    datas : sequence of data feed
    cerebro : bt.Cerebro
        Its observers and analyzers tell with which feeds they compare the account.
    feeds, benchmark
        The parameters of `MonthlyTopK`.

    Raises
    ------
    DataError
        If a feed has no name or shares one, a parameter names a feed that does not exist, nothing
        is left to trade, or a traded feed declares bars that are not daily.
    ValueError
        If both parameters name the same feed.
    """
    if feeds is None:
        by_name = named(datas)
        compared = benchmarks(by_name, benchmark, cerebro)
        traded = {name: feed for name, feed in by_name.items() if name not in compared}
        if not traded:
            raise DataError("Every feed is a benchmark: add feeds of the stocks to choose from.")
    else:
        by_name = {feed._name: feed for feed in datas}
        traded = _chosen(datas, feeds)
        compared = benchmarks(by_name, benchmark, cerebro)
        if benchmark is None:
            compared = tuple(name for name in compared if name not in traded)
        for name in compared:
            if name in traded:
                raise ValueError(
                    f"`feeds` and `benchmark` both name {name!r}, and a benchmark is not traded: "
                    f"name it in one of them."
                )
    check_daily(traded, chosen=feeds is not None)
    for name in compared:
        logger.info("%s is a benchmark and not traded.", name)
    stated = bool(compared) or benchmark is not None or feeds is not None
    return Roles(traded, {name: by_name[name] for name in compared[:1]}, stated)


def take_names(feeds: Sequence[Any]) -> None:
    """Name feeds without a name after the symbol in their table, if there is one.

    The symbol is the text under one of the `SYMBOL_KEYS` in the ``attrs`` of the DataFrame, or in a
    column of such a name that has one value only.
    """
    for feed in feeds:
        if not feed._name:
            feed._name = _symbol(feed.p.dataname)
            if feed._name:
                logger.info("A feed without a name is called %s, as its table says.", feed._name)


def _symbol(table: Any) -> str:
    """Return the symbol that a feed's table says it is of; empty if it says none."""
    if not isinstance(table, pd.DataFrame):
        return ""
    attributes = {str(key).lower(): value for key, value in table.attrs.items()}
    columns = {str(column).lower(): column for column in table.columns}
    for key in SYMBOL_KEYS:
        if isinstance(attributes.get(key), str):
            return str(attributes[key])
        if key in columns:
            values = table[columns[key]].unique()
            if len(values) == 1 and isinstance(values[0], str):
                return values[0]
    return ""


def named(feeds: Sequence[Any]) -> dict[str, Any]:
    """Return the feeds by name; a missing name or one used twice is an error."""
    for number, feed in enumerate(feeds):
        if not feed._name:
            raise DataError(
                f"Feed number {number + 1} of {len(feeds)} ({_describe(feed)}) has no name, so "
                f"scores and reports could not name its stock: write "
                f"cerebro.adddata(feed, name='SYMBOL') where it is added."
            )
        if not isinstance(feed._name, str):
            raise DataError(
                f"Feed number {number + 1} of {len(feeds)} is named {feed._name!r}, which is no "
                f"text: write name='{feed._name}' where it is added, with its leading zeros."
            )
        if wrong := fault(feed._name):
            raise DataError(f"Feed name {wrong}; give the feed a name without.")
    check_names(feed._name for feed in feeds)
    return {feed._name: feed for feed in feeds}


def check_names(names: Iterable[str]) -> None:
    """Raise DataError if two feeds have one name, as backtrader and reports tell feeds by name."""
    seen = set()
    for name in names:
        if name in seen:
            raise DataError(
                f"Two feeds are named {name!r}, and reports would merge them: give each a "
                f"name of its own with cerebro.adddata(feed, name='...')."
            )
        seen.add(name)


def _describe(feed: Any) -> str:
    """Describe a feed without a name by its class and table."""
    table = feed.p.dataname
    if not isinstance(table, pd.DataFrame) or not len(table):
        return type(feed).__name__
    return f"{type(feed).__name__} of {len(table)} rows, the first {table.index[0]}"


def _chosen(feeds: Sequence[Any], wanted: str | Sequence[str]) -> dict[str, Any]:
    """Return the feeds that the parameter `feeds` names; only these need names of their own."""
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    chosen: dict[str, Any] = {}
    for name in names:
        matches = [feed for feed in feeds if feed._name == name]
        if not matches:
            hint = nearest(name, [feed._name for feed in feeds])
            raise DataError(f"`feeds`: no feed is named {name!r}{hint}")
        if len(matches) > 1:
            raise DataError(
                f"`feeds`: {len(matches)} feeds are named {name!r}, and one must be meant: give "
                f"each a name of its own, as in cerebro.resampledata(feed, name='{name}-daily')."
            )
        chosen[name] = matches[0]
    if not chosen:
        raise DataError("`feeds` names no feed: name the stocks to choose from, or leave it None.")
    return chosen


def benchmarks(
    feeds: Mapping[str, Any], given: str | Sequence[str] | None, cerebro: Any
) -> tuple[str, ...]:
    """Return the names of the feeds that are not traded.

    Parameters
    ----------
    feeds : mapping of str to data feed
    given : str, sequence of str or None
        The strategy's `benchmark`. None: the feeds that observers and analyzers compare the account
        with, the one that `add_feeds` added as benchmark, and the one called INDEX.
    cerebro : bt.Cerebro
    """
    if given is None:
        names = list(_compared_with(feeds, cerebro))
        names += [name for name, data in feeds.items() if getattr(data, "is_benchmark", False)]
        names += [INDEX] if INDEX in feeds else []
        return tuple(dict.fromkeys(names))
    names = [given] if isinstance(given, str) else list(given)
    for name in names:
        if name not in feeds:
            raise DataError(f"`benchmark`: no feed is named {name!r}{nearest(name, feeds)}")
    return tuple(names)


def _compared_with(feeds: Mapping[str, Any], cerebro: Any) -> Iterable[str]:
    """Yield the names of feeds that observers and analyzers compare the account with."""
    yield from (
        kwargs["benchmark"]
        for _, _, kwargs in cerebro.analyzers
        if isinstance(kwargs.get("benchmark"), str) and kwargs["benchmark"] in feeds
    )
    trackers = [
        kwargs.get("data")
        for kind, _, kwargs in cerebro.analyzers
        if issubclass(kind, bt.analyzers.TimeReturn)
    ]
    guessed = False
    for _, kind, _, kwargs in cerebro.observers:
        if issubclass(kind, bt.observers.Benchmark):
            guessed |= kwargs.get("data") is None
            # without `data` this observer takes the first feed
            trackers.append(cerebro.datas[0] if kwargs.get("data") is None else kwargs["data"])
    tracked = [name for name, feed in feeds.items() if any(data is feed for data in trackers)]
    if len(tracked) == len(feeds):
        return  # the script looks at the return of every stock, and compares with none
    logger.log(
        logging.WARNING if tracked != [INDEX] and (guessed or len(tracked) > 1) else logging.DEBUG,
        "%s: not traded, since an observer or analyzer compares the account with it. If it is a "
        "stock, say so with the strategy's parameter `benchmark`.",
        ", ".join(tracked),
    )
    yield from tracked


def check_daily(feeds: Mapping[str, Any], *, chosen: bool) -> None:
    """Raise DataError if a feed that is to be traded declares another interval than a day.

    Parameters
    ----------
    feeds : mapping of str to data feed
    chosen : bool
        Whether the user has named these feeds; otherwise they are all but the benchmarks.
    """
    others = {name: interval for name, feed in feeds.items() if (interval := _interval(feed))}
    if not others:
        return
    name, interval = next(iter(others.items()))
    more = f" (as have {len(others) - 1} others)" if len(others) > 1 else ""
    daily = [other for other in feeds if other not in others]
    if daily and not chosen:
        raise DataError(
            f"{name} has {interval} bars{more} and {daily[0]} daily ones: name the daily feeds "
            f"that are to be traded, as in cerebro.addstrategy(..., feeds={daily[:2]})."
        )
    raise DataError(
        f"{name} has {interval} bars{more}, but factors, decisions and fills are made of daily "
        f"ones: "
        + (
            "use cerebro.resampledata(feed, timeframe=bt.TimeFrame.Days)."
            if interval == "intraday"
            else "add the daily feed instead; the strategy finds the month-ends in it."
        )
    )


def _interval(feed: Any) -> str:
    """Return the interval that a feed declares, in words; empty for a day."""
    if feed.replaying:
        return ""  # `Clock` refuses a replayed feed, whatever its interval
    if feed._timeframe < bt.TimeFrame.Days:
        return "intraday"
    if feed._timeframe > bt.TimeFrame.Days:
        return _INTERVALS.get(feed._timeframe, "")
    return "" if feed._compression in (0, 1) else f"{feed._compression}-day"
