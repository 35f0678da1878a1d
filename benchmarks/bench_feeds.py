"""What feeds cost: a do-nothing run on PanelFeed as a ratio of the same run on PandasData.

    python benchmarks/bench_feeds.py            # 50 stocks x 1,400 days
    python benchmarks/bench_feeds.py --large    # 500 x 2,500 as well (minutes)

Runs of both kinds alternate, and medians are compared, so a busy machine disturbs both alike. A run
is everything from DataFrames or bars in memory to the end of ``cerebro.run()``. "all lines" is
``add_feeds`` with the ten further lines of a synthetic market, against PandasData with five.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import backtrader as bt
import pandas as pd

from attngru_bt.data import Market, make_market
from attngru_bt.data.bars import Bars
from attngru_bt.feeds.market_feeds import add_feeds
from attngru_bt.feeds.panel_feed import PanelFeed
from attngru_bt.feeds.reader import FeedReader

FIVE = ("open", "high", "low", "close", "volume")


class DoNothing(bt.Strategy):
    """Is called every day, from the first on."""

    def prenext(self) -> None:
        """Do not wait for the youngest feed."""
        self.next()

    def next(self) -> None:
        """Do nothing."""


class ReadsMonthly(bt.Strategy):
    """Reads the bars before the first session of every month, and keeps the seconds it took."""

    def __init__(self) -> None:
        self.reader, self.month, self.seconds = FeedReader(self.datas), 0, []

    def prenext(self) -> None:
        """Do not wait for the youngest feed."""
        self.next()

    def next(self) -> None:
        """Read if the month is new."""
        today = bt.num2date(self.datetime[0])
        if today.month != self.month:
            self.month = today.month
            start = time.perf_counter()
            self.reader.read(today)
            self.seconds.append(time.perf_counter() - start)


def frames(bars: Bars) -> dict[str, pd.DataFrame]:
    out = {}
    for j, asset in enumerate(bars.assets):
        rows = bars.traded[:, j]
        out[asset] = pd.DataFrame({n: bars[n][rows, j] for n in FIVE}, index=bars.dates[rows])
    return out


def seconds(fill: Callable[[bt.Cerebro], object], **mode: object) -> float:
    start = time.perf_counter()
    cerebro = bt.Cerebro(**{"stdstats": False, **mode})
    fill(cerebro)
    cerebro.addstrategy(DoNothing)
    cerebro.run()
    return time.perf_counter() - start


def compare(market: Market, repeats: int, title: str, **mode: object) -> None:
    data = frames(market.bars)

    def pandas(cerebro: bt.Cerebro) -> None:
        for name, frame in data.items():
            cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=name)

    def panel(cerebro: bt.Cerebro) -> None:
        for name, frame in data.items():
            cerebro.adddata(PanelFeed(dataname=frame), name=name)

    kinds = {
        "PandasData": pandas,
        "PanelFeed": panel,
        "add_feeds, all lines": lambda cerebro: add_feeds(cerebro, market.bars),
    }
    took: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(repeats):
        for name, fill in kinds.items():
            took[name].append(seconds(fill, **mode))
    medians = {name: statistics.median(values) for name, values in took.items()}
    for name, median in medians.items():
        ratio = median / medians["PandasData"]
        print(f"{title:40s} {name:22s} {median:8.3f} s   ratio {ratio:.4f}")


def monthly_read(market: Market) -> None:
    cerebro = bt.Cerebro(stdstats=False)
    add_feeds(cerebro, market.bars)
    cerebro.addstrategy(ReadsMonthly)
    took = cerebro.run()[0].seconds
    print(
        f"{'month-end read of all lines':40s} {'FeedReader':22s} "
        f"{statistics.median(took) * 1e3:8.2f} ms  worst {max(took) * 1e3:.2f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", action="store_true", help="500 x 2,500 as well")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    market = make_market(50, 1400)
    compare(market, options.repeats, "50 x 1,400, stdstats=False")
    compare(market, options.repeats, "50 x 1,400, runonce=False", runonce=False)
    compare(market, max(1, options.repeats // 2), "50 x 1,400, stdstats=True", stdstats=True)
    monthly_read(market)
    if options.large:
        large = make_market(500, 2500)
        compare(large, max(1, options.repeats // 2), "500 x 2,500, stdstats=False")
        monthly_read(large)


if __name__ == "__main__":
    main()
