"""Your own data: a folder with one CSV file per stock, an index and its members over time.

    python examples/own_data.py
    attngru-bt backtest --data runs/own_data/csv        # the same folder, from the command line

The folder this writes is what yours should look like:

    csv/S000.csv         date,open,high,low,close,volume,…   any further number is a factor
    csv/S001.csv         days without a trade have no row, or an empty close
    csv/index.csv        date,close                          optional: the benchmark
    csv/membership.csv   symbol,in_date,out_date             optional: who could be held when

Files of yfinance, tushare, akshare, baostock, Stooq or Qlib are taken as they are: docs/data.md.
"""

import argparse
from pathlib import Path

import pandas as pd
from sklearn.linear_model import LogisticRegression

import attngru_bt
from attngru_bt import backtest


def write_folder(folder: Path, n_days: int) -> None:
    """Write a small made-up market as CSV files."""
    folder.mkdir(parents=True, exist_ok=True)
    market = attngru_bt.make_market(n_assets=15, n_days=n_days, signal=0.2)
    bars, dates = market.bars, market.bars.dates
    wide = {line: bars.frame(line) for line in ("open", "high", "low", "close", "volume", "pb")}
    for symbol in bars.assets:
        table = pd.DataFrame({line: frame[symbol] for line, frame in wide.items()}).dropna()
        table.to_csv(folder / f"{symbol}.csv", index_label="date")
    market.benchmark.to_csv(folder / "index.csv", index_label="date")
    stays = [(symbol, dates[0].date(), None) for symbol in bars.assets[:-1]]
    stays.append((bars.assets[-1], dates[n_days // 2].date(), None))  # joined halfway
    members = pd.DataFrame(stays, columns=["symbol", "in_date", "out_date"])
    members.to_csv(folder / "membership.csv", index=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A backtest on a folder of CSV files.")
    parser.add_argument("--out", type=Path, default=Path("runs/own_data"))
    parser.add_argument("--days", type=int, default=500, help="sessions of made-up prices")
    args = parser.parse_args()

    write_folder(args.out / "csv", args.days)
    market = attngru_bt.load(args.out / "csv")  # checked: an error names file, date and column
    print(market.bars)
    print(market.membership)
    strategy = backtest.run(market, topk=4, signal=LogisticRegression(), commission=0.001)
    log = strategy.trade_log.frame()
    print(log[log["event"] == "fill"].drop(columns="reason").tail(5).to_string(index=False))
