"""A market as feeds: one `PanelFeed` per asset, and one of the benchmark."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.market import Market
from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.panel_feed import STANDARD, PanelFeed
from attngru_bt.feeds.roles import check_names


def add_feeds(
    cerebro: bt.Cerebro,
    market: Bars | Market,
    *,
    benchmark: str = "INDEX",
    fromdate: datetime.date | None = None,
    todate: datetime.date | None = None,
) -> list[PanelFeed]:
    """Add one PanelFeed per asset, and one for the benchmark if there is one.

    Every feed has the days on which its asset traded, and all lines of the bars; see `PanelFeed`
    for bars without opens. The strategies of this package do not trade a benchmark that was added
    here, whatever its name.

    Parameters
    ----------
    cerebro : backtrader.Cerebro
    market : Bars or Market
    benchmark : str, default "INDEX"
        Name of the feed of the benchmark, which comes last.
    fromdate, todate : datetime.date, optional
        First and last session to show; default: all.

    Returns
    -------
    list of PanelFeed
        In the order of the assets, then the benchmark.

    Raises
    ------
    DataError
        If the Cerebro has a feed of the same name.
    """
    bars = market.bars if isinstance(market, Market) else market
    kind = PanelFeed.with_lines(*bars.lines)
    frames: dict[str, tuple[type[PanelFeed], pd.DataFrame]] = {}
    traded = bars.traded
    lines = pd.Index(list(bars.lines), dtype=object)
    for column, asset in enumerate(bars.assets):
        rows = np.flatnonzero(traded[:, column])
        dates = bars.dates if len(rows) == len(bars.dates) else bars.dates[rows]
        block = np.array([values[rows, column] for values in bars.lines.values()])
        frames[asset] = kind, pd.DataFrame(block.T, index=dates, columns=lines, copy=False)
    index = market.benchmark if isinstance(market, Market) else _index_of(bars)
    if index is not None:
        if benchmark in frames:
            raise DataError(
                f"the benchmark cannot be called {benchmark!r}, an asset has that name; give "
                "`benchmark` another name."
            )
        standard = [name for name in index.columns if name in STANDARD]
        frames[benchmark] = PanelFeed, index[standard].dropna(subset=["close"])
    check_names([*(data._name for data in cerebro.datas if data._name in frames), *frames])
    feeds = []
    for name, (feed_class, frame) in frames.items():
        make: Any = feed_class  # its metaclass takes the parameters
        feed = make(dataname=frame, name=name, fromdate=fromdate, todate=todate)
        feed.is_benchmark = index is not None and name == benchmark
        feed.lines_reported = True  # when the market was read
        cerebro.adddata(feed, name=name)
        feeds.append(feed)
    return feeds


def _index_of(bars: Bars) -> pd.DataFrame | None:
    """Return the benchmark of bars as a table."""
    if bars.benchmark is None:
        return None
    lines = {"close": bars.benchmark}
    if bars.benchmark_open is not None:
        lines["open"] = bars.benchmark_open
    return pd.DataFrame(lines, index=bars.dates)
