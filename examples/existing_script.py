"""A plain backtrader script before and after plugging in: the difference is three lines.

    python examples/existing_script.py               # before: your own strategy
    python examples/existing_script.py --plugged     # after: the same feeds and broker

The two functions are your script, and this is their diff:

    +    import attngru_bt
    ...
    -    cerebro.addstrategy(AboveAverage)
    +    cerebro.addstrategy(attngru_bt.AttentionGRUStrategy, topk=10)
    +    cerebro.addanalyzer(attngru_bt.Performance, benchmark="INDEX", _name="performance")

A fourth line is worth it: with `bt.Cerebro(cheat_on_open=True)` the decision on a month's last
close fills at the next open; without it, as here, one session later, and a warning says so.
"""

import argparse

import backtrader as bt
import pandas as pd


class AboveAverage(bt.Strategy):
    """Hold what closes above its average of 50 days, in equal parts."""

    def __init__(self):
        stocks = [data for data in self.datas if data._name != "INDEX"]
        self.average = {data: bt.ind.SMA(data.close, period=50) for data in stocks}

    def next(self):
        """Buy and sell what has crossed its average."""
        for data, average in self.average.items():
            above = data.close[0] > average[0]
            self.order_target_percent(data, target=0.9 / len(self.average) if above else 0.0)


def before(frames: dict[str, pd.DataFrame]) -> bt.Strategy:
    cerebro = bt.Cerebro()
    cerebro.broker.setcash(1_000_000)
    cerebro.broker.setcommission(0.001)
    for name, frame in frames.items():
        cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=name)
    cerebro.addstrategy(AboveAverage)
    return cerebro.run()[0]


def after(frames: dict[str, pd.DataFrame]) -> bt.Strategy:
    import attngru_bt

    cerebro = bt.Cerebro()
    cerebro.broker.setcash(1_000_000)
    cerebro.broker.setcommission(0.001)
    for name, frame in frames.items():
        cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=name)
    cerebro.addstrategy(attngru_bt.AttentionGRUStrategy, topk=10)
    cerebro.addanalyzer(attngru_bt.Performance, benchmark="INDEX", _name="performance")
    return cerebro.run()[0]


def your_prices(n_days: int) -> dict[str, pd.DataFrame]:
    """Stand in for wherever your prices come from: 30 made-up stocks and their index."""
    from attngru_bt import make_market

    market = make_market(n_assets=30, n_days=n_days, signal=0.2)
    lines = ["open", "high", "low", "close", "volume"]
    wide = {line: market.bars.frame(line) for line in lines}
    frames = {
        asset: pd.DataFrame({line: wide[line][asset] for line in lines}).dropna()
        for asset in market.bars.assets
    }
    return {**frames, "INDEX": market.benchmark[lines]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A plain script, before and after plugging in.")
    parser.add_argument("--plugged", action="store_true", help="run it with the three lines")
    parser.add_argument("--days", type=int, default=750, help="sessions of made-up prices")
    args = parser.parse_args()

    strategy = (after if args.plugged else before)(your_prices(args.days))
    print(f"end value          {strategy.broker.getvalue():12,.0f}")
    if args.plugged:
        figures = strategy.analyzers.performance.get_analysis()
        for name in ("total_return", "sharpe", "information_ratio", "max_drawdown"):
            print(f"{name:<18} {figures[name]:12.3f}")
