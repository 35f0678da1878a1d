"""What to buy next: scores of the last month-end, and the orders from what is held.

    python examples/picks.py
    python examples/picks.py --model default        # the blend, some minutes

20 S&P 500 stocks, daily closes to the end of 2022. A ridge regression is walked through the last
months, as a backtest would; then the holdings below become the five best names. The page says why.
Nothing is sent anywhere: the orders are a table, and a file.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import attngru_bt

HELD = {"AAPL": 150, "AMD": 200, "GE": 300}  # shares
CASH = 40_000

parser = argparse.ArgumentParser(description="The next orders for the embedded data.")
parser.add_argument("--model", default="ridge")
parser.add_argument("--since", default="2020-01-01", help="first day traded by the walk")
parser.add_argument("--asof", default="2022-12-31", help="as if it were the end of this day")
parser.add_argument("--sessions", type=int, default=3000, help="of the data, the last")
parser.add_argument("--out", type=Path, default=Path("runs/picks"))
args = parser.parse_args()

whole = attngru_bt.load_sp500()
market = replace(whole, bars=whole.bars.rows(len(whole.bars) - args.sessions, len(whole.bars)))
found = attngru_bt.picks.run(
    market,
    model=args.model,
    start=args.since,
    asof=args.asof,
    holdings=HELD,
    cash=CASH,
    topk=5,
    window=120,
    out=args.out,
)
print(found)
columns = ["symbol", "rank", "held", "action", "reason"]
print(found.concerned[columns].to_string(index=False))
print(found.orders.drop(columns=["limit_down", "limit_up"]).to_string(index=False))
print(found.band.sentence)
print("page", found.files[0])
