"""The whole monthly top-10 run from given scores, ours against plain backtrader, in one run.

    python benchmarks/bench_run.py [--repeats 5]

Plain: `bt.feeds.PandasData`, a hand-written monthly strategy, backtrader's own analyzers, no
observers. Ours: `PanelFeed`, `MonthlyTopK`, `Performance` (which also records all positions and
transactions). Building the feeds is part of both. 50 stocks × 1,400 days.
"""

import argparse
import statistics
import time

import backtrader as bt
import numpy as np
import pandas as pd

import attngru_bt

COLUMNS = ["open", "high", "low", "close", "volume"]


class Plain(bt.Strategy):
    """What a script without the plug-in does: sell the leavers, buy the entrants, monthly."""

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
                if data._name in best and not self.getposition(data).size:
                    self.order_target_percent(data, share)
        self.month = today.month


def plain(frames, scores):
    cerebro = bt.Cerebro(stdstats=False)
    for name, frame in frames.items():
        cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=name)
    cerebro.addstrategy(Plain, scores=scores)
    for analyzer in (bt.analyzers.TimeReturn, bt.analyzers.SharpeRatio, bt.analyzers.DrawDown):
        cerebro.addanalyzer(analyzer)
    cerebro.broker.setcash(1e6)
    cerebro.run()


def ours(market, scores):
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    attngru_bt.add_feeds(cerebro, market.bars)
    cerebro.addstrategy(attngru_bt.MonthlyTopK, signal=scores, topk=10)
    cerebro.addanalyzer(attngru_bt.Performance)
    cerebro.broker.setcash(1e6)
    strategy = cerebro.run()[0]
    assert len(strategy.decisions) > 50


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    market = attngru_bt.make_market(50, 1400, seed=0, late=0, gaps=0, delisted=0)
    bars = market.bars
    frames = {
        a: pd.DataFrame({c: bars[c][:, i] for c in COLUMNS}, index=bars.dates).dropna()
        for i, a in enumerate(bars.assets)
    }
    ends = bars.dates[np.flatnonzero(bars.dates.month[1:] != bars.dates.month[:-1])]
    scores = bars.frame("close").pct_change(120).loc[ends]  # six months' momentum
    times = {"plain": [], "ours": []}
    for _ in range(repeats + 1):  # interleaved; the first round warms up
        for name, call in (
            ("plain", lambda: plain(frames, scores)),
            ("ours", lambda: ours(market, scores)),
        ):
            began = time.process_time()
            call()
            times[name].append(time.process_time() - began)
    plain_s, ours_s = (statistics.median(times[k][1:]) for k in ("plain", "ours"))
    ratios = [o / p for o, p in zip(times["ours"][1:], times["plain"][1:], strict=True)]
    print("monthly top-10 from given scores, 50 x 1,400, CPU seconds, medians")
    print(f"plain backtrader + PandasData {plain_s:.3f}   attngru_bt + PanelFeed {ours_s:.3f}")
    print(
        f"ratio {statistics.median(ratios):.3f} "
        f"(min {min(ratios):.3f}, max {max(ratios):.3f}; goal 0.12, aim 0.06)"
    )


if __name__ == "__main__":
    main()
