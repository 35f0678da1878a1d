"""The whole monthly top-10 run from given scores, ours against plain backtrader, in one run.

    python benchmarks/bench_run.py [--repeats 5]

Plain: `bt.feeds.PandasData`, a hand-written strategy that trades all names to an equal weight every
month, backtrader's own analyzers, the observers that `bt.Cerebro()` adds unless told otherwise
(and once more without them). Ours: `backtest.run`, with `Performance`, which also records all
positions and transactions; "on bt.Cerebro" is the same with backtrader's engine and broker in place
of `PanelCerebro` and `PanelBroker`. Building the feeds is part of all. 50 stocks, 440 and 1,400
days. What a run leaves behind is collected before the next one begins, outside of the time taken.
"""

import argparse
import gc
import statistics
import time
from unittest import mock

import backtrader as bt
import numpy as np
import pandas as pd

import attngru_bt
from attngru_bt.trading import account

COLUMNS = ["open", "high", "low", "close", "volume"]


class Plain(bt.Strategy):
    """What a script without the plug-in does: sell the leavers, set the rest to equal weight."""

    params = dict(scores=None, topk=10)

    def __init__(self):
        self.month = None

    def next(self):
        """Rebalance in the first session of a month."""
        today = self.datetime.date(0)
        if self.month is not None and today.month != self.month:
            known = self.p.scores.index < pd.Timestamp(today)
            row = self.p.scores[known].iloc[-1]
            best = set(row.nlargest(self.p.topk).index)
            for data in self.datas:
                if self.getposition(data).size and data._name not in best:
                    self.close(data)
            share = 0.98 / self.p.topk
            for data in self.datas:
                if data._name in best:
                    self.order_target_percent(data, share)
        self.month = today.month


def plain(frames, scores, **options):
    cerebro = bt.Cerebro(**options)
    for name, frame in frames.items():
        cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=name)
    cerebro.addstrategy(Plain, scores=scores)
    for analyzer in (bt.analyzers.TimeReturn, bt.analyzers.SharpeRatio, bt.analyzers.DrawDown):
        cerebro.addanalyzer(analyzer)
    cerebro.broker.setcash(1e6)
    cerebro.run()


def ours(market, scores):
    finished = attngru_bt.backtest.run(
        market, attngru_bt.MonthlyTopK, signal=scores, topk=10, rebalance="full"
    )
    assert finished.trade_log.n_fills > 10 * len(finished.decisions) > 100


def on_cerebro(market, scores):
    with mock.patch.object(account, "PanelCerebro", bt.Cerebro):
        ours(market, scores)


def measure(days, repeats):
    market = attngru_bt.make_market(50, days, seed=0, late=0, gaps=0, delisted=0)
    bars = market.bars
    frames = {
        a: pd.DataFrame({c: bars[c][:, i] for c in COLUMNS}, index=bars.dates).dropna()
        for i, a in enumerate(bars.assets)
    }
    ends = bars.dates[np.flatnonzero(bars.dates.month[1:] != bars.dates.month[:-1])]
    scores = bars.frame("close").pct_change(20).loc[ends]  # a month's momentum
    calls = {
        "plain backtrader": lambda: plain(frames, scores),
        "the same, stdstats=False": lambda: plain(frames, scores, stdstats=False),
        "attngru_bt on bt.Cerebro": lambda: on_cerebro(market, scores),
        "attngru_bt": lambda: ours(market, scores),
    }
    times = {name: [] for name in calls}
    for _ in range(repeats + 1):  # interleaved; the first round warms up
        for name, call in calls.items():
            gc.collect()
            began = time.process_time()
            call()
            times[name].append(time.process_time() - began)
    base = times["plain backtrader"][1:]
    for name, took in times.items():
        ratios = [t / b for t, b in zip(took[1:], base, strict=True)]
        print(
            f"50 x {days:5d}  {name:26s} {statistics.median(took[1:]):7.3f} s   ratio "
            f"{statistics.median(ratios):.3f} ({min(ratios):.3f}-{max(ratios):.3f})",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    print("monthly top-10 from given scores, full rebalance, CPU seconds, medians; goal .06")
    for days in (440, 1400):
        measure(days, repeats)


if __name__ == "__main__":
    main()
