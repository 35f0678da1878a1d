"""The paper's experiment: an Attention-GRU on the SSE 50, as it could have been traded.

    python examples/sse50.py PANEL_FOLDER
    python examples/sse50.py PANEL_FOLDER --model default --start 2018-01-01 --out runs/sse50

PANEL_FOLDER holds panel.csv.gz, membership.csv and index.csv, as described in docs/data_format.md.
Each month the members of that day are scored by a network trained on what was known then, ten of
them are held, and every order obeys the A-share rules: lots, limits, T+1, suspensions, dated fees.
`--quick` trades the last four months with a network that is hardly trained: to see that it runs.
"""

import argparse
from pathlib import Path

import pandas as pd

import attngru_bt
from attngru_bt import AttentionGRUClassifier, backtest, tearsheet

parser = argparse.ArgumentParser(description="The paper's experiment on a panel folder.")
parser.add_argument("panel", nargs="?", type=Path, metavar="PANEL_FOLDER")
parser.add_argument("--start", default="2017-01-01", help="first day to trade")
parser.add_argument("--end", help="last day")
parser.add_argument("--model", default="paper", help="paper, default, ridge, ...")
parser.add_argument("--n-networks", type=int, help="networks averaged into one score")
parser.add_argument("--out", type=Path, default=Path("runs/sse50"))
parser.add_argument("--quick", action="store_true", help="four months, hardly trained")
args = parser.parse_args()
if args.panel is None:
    parser.exit(
        2,
        "Name a panel folder (panel.csv.gz, membership.csv, index.csv): docs/data_format.md.\n",
    )
try:
    market = attngru_bt.load(args.panel)
except attngru_bt.DataError as error:
    parser.exit(2, f"{error}\n")

settings = dict(topk=10, start=args.start, signal=args.model, n_networks=args.n_networks)
if args.quick:
    settings |= dict(start=market.bars.dates[-1] - pd.DateOffset(months=4), refit=12, min_months=4)
    settings |= dict(signal=AttentionGRUClassifier(max_epochs=2, hidden_size=4))
    settings |= dict(factors=["BIAS20", "ROC20", "VOL20", "PSY"], lookback=2, n_components=4)
account = dict(end=args.end, rules="ashare", periods=242)  # fees are those of the rules
strategy = backtest.run(market, **settings, **account)
if strategy.why_not_traded:  # a warning has said it
    parser.exit(2)
members = backtest.equal_weight(market, start=strategy.trading_since, **account)
page = tearsheet.write_run(strategy, args.out, baseline=members, run={"data": market.name})[0]

own = strategy.analyzers.performance.get_analysis()
table = {args.model: own, "all members": members.analyzers.performance.get_analysis()}
if "benchmark" in own:
    table["index"] = own["benchmark"]
# Table 3 of the paper: another period (2020-01 .. 2021-10), its own data, and no word on limits,
# lots or suspensions: a yardstick, not a result to be met
table["the paper, 2020-21"] = dict(
    annual_return=0.298, sharpe=2.53, information_ratio=2.09, max_drawdown=0.173
)
figures = [
    "annual_return",
    "volatility",
    "sharpe",
    "information_ratio",
    "max_drawdown",
    "cost_rate",
]
print(f"Out of sample, {own['start']:%Y-%m-%d} .. {own['end']:%Y-%m-%d}, after fees:")
print(pd.DataFrame(table).reindex(figures).T.astype(float).round(3).to_string(na_rep=""))
print("The paper's line is of another period and another market: do not compare it to the digit.")
if args.quick:
    print("Four months of a network that is hardly trained: the figures say nothing.")

done = strategy.rebalances()
wanted = done[done["action"] != "stay"]
late = wanted[(wanted["reason"] != "") & (wanted["done"] != "not done")]
never = (wanted["done"] == "not done").sum()
print(f"\n{len(wanted)} changes were wanted, {never} were not made and {len(late)} were late:")
for row in wanted[wanted["reason"] != ""].tail(5).itertuples():
    print(f"  {row.decided:%Y-%m-%d} {row.action} {row.asset}: {row.done}, {row.reason}")
print("tear sheet:", page)
