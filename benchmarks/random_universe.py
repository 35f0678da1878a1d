"""Write a membership file of shares outside an index, drawn at random without looking ahead.

    cd ../shared/data; python …/benchmarks/random_universe.py --data alla/panel.parquet \
        --outside csi300/membership.csv --share 0.21 --seed 2026-11-28 --out outside.csv

Every symbol is drawn or not by a hash of the seed and its own code, so that a draw knows nothing of
any price, of the other symbols and of the date. A share that is drawn may be held from its first
bar until the day it first joins the index: that it will join is not known before.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import pandas as pd


def is_drawn(symbol: str, share: float, seed: str) -> bool:
    """Return whether a symbol is among the `share` (0 to 1) of all symbols that are drawn."""
    digest = hashlib.sha256(f"{seed} {symbol}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def random_universe(
    first_bars: pd.Series, members: pd.DataFrame, share: float, seed: str
) -> pd.DataFrame:
    """Return the stays of drawn shares outside an index.

    Parameters
    ----------
    first_bars : Series, index symbol
        Date of the first bar of each share.
    members : DataFrame, columns symbol, in_date, out_date
        The index that they are outside of; who leaves it does not come back.
    share : float
        Share of all symbols that is drawn, from 0 to 1.
    seed : str
        Another one draws other symbols.

    Returns
    -------
    DataFrame, columns symbol, in_date, out_date
        `out_date` is the day a share joins the index, NaT if it never did. A share that joined it
        before its first bar is left out.
    """
    joined = pd.to_datetime(members["in_date"]).groupby(members["symbol"]).min()
    drawn = [symbol for symbol in first_bars.index if is_drawn(symbol, share, seed)]
    stays = pd.DataFrame(
        {
            "symbol": drawn,
            "in_date": first_bars[drawn].to_numpy(),
            "out_date": joined.reindex(drawn).to_numpy(),
        }
    )
    return stays[~(stays["out_date"] <= stays["in_date"])].reset_index(drop=True)


def main() -> None:
    """Read the first bars and the index, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("data", "outside", "out"):
        parser.add_argument(f"--{name}", required=True, type=Path)
    parser.add_argument("--share", type=float, required=True, help="of all symbols, 0 to 1")
    parser.add_argument("--seed", required=True)
    options = parser.parse_args()
    bars = pd.read_parquet(options.data, columns=["symbol", "date"])
    first_bars = bars.groupby("symbol")["date"].min()
    members = pd.read_csv(options.outside, dtype={"symbol": str})
    stays = random_universe(first_bars, members, options.share, options.seed)
    stays.to_csv(options.out, index=False, date_format="%Y-%m-%d")
    print(f"{len(stays)} shares drawn, {options.out}")


if __name__ == "__main__":
    main()
