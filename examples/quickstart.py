"""The embedded data, the strategy, its figures and a tear sheet.

    python examples/quickstart.py
    python examples/quickstart.py --since 2020-01-01 --out runs/since-2020.html

20 S&P 500 stocks, daily closes: the first year only trains, then five stocks are held, chosen anew
at each month-end by a network that has seen nothing later. (The stocks were picked with hindsight,
so compare with the other figures of the run, not with your broker's.)
"""

import argparse
import datetime as dt
from pathlib import Path

import backtrader as bt

import attngru_bt

parser = argparse.ArgumentParser(description="The embedded data, the strategy, a tear sheet.")
parser.add_argument("--since", type=dt.date.fromisoformat, default=dt.date(2018, 1, 1))
parser.add_argument("--out", type=Path, default=Path("runs/quickstart.html"))
args = parser.parse_args()
args.out.parent.mkdir(parents=True, exist_ok=True)

cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)  # decide and fill at the same open
cerebro.broker.setcash(1_000_000)
cerebro.broker.setcommission(0.001)
attngru_bt.add_feeds(cerebro, attngru_bt.load_sp500(), fromdate=args.since)
cerebro.addstrategy(attngru_bt.AttentionGRUStrategy, topk=5)
cerebro.addanalyzer(attngru_bt.Performance, benchmark="INDEX", start="trading", _name="performance")
strategy = cerebro.run()[0]

figures = strategy.analyzers.performance.get_analysis()
print(f"{'out of sample':<18} {figures['start']:%Y-%m-%d} .. {figures['end']:%Y-%m-%d}")
for name in ("annual_return", "excess_return", "sharpe", "information_ratio", "max_drawdown"):
    print(f"{name:<18} {figures[name]:8.3f}")
print("tear sheet        ", attngru_bt.tearsheet.save(strategy, args.out))
