"""Everything a run can tell: one HTML page, and its tables as files to work on.

    python examples/tearsheet.py

`tearsheet.write_run` writes the page, metrics.json, equity.csv, scores.csv, orders.csv,
positions.csv and run.json (parameters, versions, and what you add, such as the data's digest);
`tearsheet.save(strategy, "out.html")` writes the page alone.
"""

import argparse
from pathlib import Path

import pandas as pd

from attngru_bt import backtest, make_market, tearsheet

parser = argparse.ArgumentParser(description="The tear sheet and the files of a run.")
parser.add_argument("--out", type=Path, default=Path("runs/tearsheet"))
parser.add_argument("--days", type=int, default=750, help="sessions of made-up prices")
args = parser.parse_args()

market = make_market(n_assets=30, n_days=args.days, signal=0.2)
strategy = backtest.run(market, topk=5)
everything = backtest.equal_weight(market, start=strategy.trading_since)  # no choice, same costs

paths = tearsheet.write_run(
    strategy,
    args.out,
    baseline=everything,
    run={"data": market.name, "digest": market.bars.digest()},
)
print("open in a browser:", paths[0])
print("files:", *(path.name for path in paths[1:]))

scores = pd.read_csv(args.out / "scores.csv", parse_dates=["month_end"]).dropna()
best = scores.sort_values("score", ascending=False).groupby("month_end").head(5)
print(f"Of the five best scores, {best['label'].mean():.0%} were among next month's five best;")
print(f"of all scored, {scores['label'].mean():.0%}.")
