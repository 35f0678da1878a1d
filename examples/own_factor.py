"""Factors of your own: a decorated function, and a further column of your data.

    python examples/own_factor.py

A factor is a function of lines; its parameter names say which lines it needs, a number as default
is a window. Arrays are (sessions, stocks), NaN = not known, and a row may use rows above it only.
A column the library does not know needs no code at all: it is a factor under its own name.
"""

import argparse
from dataclasses import replace

import numpy as np
from sklearn.linear_model import LogisticRegression

from attngru_bt import Bars, backtest, factor, make_market
from attngru_bt.evaluation import monthly_quality, summary
from attngru_bt.factors import ops


@factor(family="mine", lookback=lambda n: n + 1)
def OvernightGap(open, close, n=20):
    """Mean gap between yesterday's close and today's open over {n} days, a fraction."""
    return ops.mean(open / ops.lag(close, 1) - 1, n)


@factor(family="mine")
def Cheapness(pb):
    """Book value over price, in logs."""
    return -np.log(pb)


def with_ratings(bars: Bars) -> Bars:
    """Add a column `rating`, 1 to 5, as if a vendor had sold it with the prices.

    In this made-up market a low price-to-book is the planted signal; analysts see it in a blur.
    """
    blur = np.random.default_rng(0).normal(0, 0.3, bars["pb"].shape)
    rating = np.clip(np.round(3 - 2 * np.log(bars["pb"] / 2) + blur), 1, 5)
    return replace(bars, lines={**bars.lines, "rating": rating})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Factors of your own.")
    parser.add_argument("--days", type=int, default=750, help="sessions of made-up prices")
    args = parser.parse_args()

    market = make_market(n_assets=30, n_days=args.days, signal=0.3)
    market = replace(market, bars=with_ratings(market.bars))
    for factors in (
        ["BIAS20", "REVS20", "RSI"],  # the library's
        ["BIAS20", "REVS20", "RSI", "OvernightGap", "Cheapness", "rating"],
    ):  # None would take all there are, yours included
        strategy = backtest.run(market, topk=5, factors=factors, signal=LogisticRegression())
        quality = summary(monthly_quality(strategy.signal.labels(), k=5)).loc["rank_ic"]
        annual = strategy.analyzers.performance.get_analysis()["annual_return"]
        print(f"{', '.join(strategy.signal.records_[-1].factors)}:")
        print(f"    out-of-sample rank IC {quality['mean']:.3f}, annual return {annual:.1%}")
