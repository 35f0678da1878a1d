"""How much of each name: words, a function of yours, and a portfolio optimizer of skfolio.

    python examples/weights.py

The names are chosen by momentum, ten of the 20 embedded stocks. `weights` is given the scores of
the chosen names and the bars known at the month-end; it returns a weight by name.
"""

import argparse
from dataclasses import replace

import pandas as pd
from skfolio import RiskMeasure
from skfolio.optimization import RiskBudgeting

from attngru_bt import MonthlyTopK, backtest, load_sp500, walk_forward


def daily_returns(scores, bars):
    """Return a year of daily returns of the chosen names, sessions × names."""
    return bars.frame("close")[list(scores.index)].tail(253).pct_change().dropna()


def risk_parity(scores, bars):
    """Let each name contribute the same to the portfolio's variance."""
    returns = daily_returns(scores, bars)
    optimizer = RiskBudgeting(risk_measure=RiskMeasure.VARIANCE).fit(returns)
    return pd.Series(optimizer.weights_, index=returns.columns)


def first_half_twice(scores, bars):
    """Give the better half twice the weight of the other."""
    weights = pd.Series(1.0, index=scores.index)
    weights[scores.index[: len(scores) // 2]] = 2.0
    return weights / weights.sum()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="How much of each name is held.")
    parser.add_argument("--since", default="2018-01-01", help="first day to trade")
    parser.add_argument("--sessions", type=int, default=3000, help="of the data, the last")
    args = parser.parse_args()

    whole = load_sp500()
    recent = whole.bars.rows(len(whole.bars) - args.sessions, len(whole.bars))
    market = replace(whole, bars=recent)
    (walk,) = walk_forward(market, ["momentum"], start=args.since)
    print(f"{'weights':<20} {'annual return':>14} {'volatility':>11} {'Sharpe':>7}")
    for weights in ("equal", "inverse-volatility", "score", first_half_twice, risk_parity):
        strategy = backtest.run(
            market,
            MonthlyTopK,
            signal=walk,
            topk=10,
            start=args.since,
            rebalance="full",
            weights=weights,
        )
        figures = strategy.analyzers.performance.get_analysis()
        print(
            f"{getattr(weights, '__name__', weights):<20} {figures['annual_return']:14.1%} "
            f"{figures['volatility']:11.1%} {figures['sharpe']:7.2f}"
        )
