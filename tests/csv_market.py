"""A made-up market as files, the way users have theirs."""

import pandas as pd

LINES = ("open", "high", "low", "close", "volume", "pb")
BTCSV = ("open", "high", "low", "close", "volume", "openinterest")


def tables(market, lines, until=None):
    """Per stock the days it traded."""
    bars = market.bars if until is None else market.bars.until(until)
    wide = {line: bars.frame(line) for line in lines if line in bars}
    for asset in bars.assets:
        table = pd.DataFrame({line: frame[asset] for line, frame in wide.items()}).dropna()
        yield asset, table


def write_btcsv(folder, market):
    """One CSV per stock in backtrader's own format."""
    folder.mkdir(parents=True)
    for asset, table in tables(market, BTCSV):
        table.assign(openinterest=0).to_csv(folder / f"{asset}.csv", index_label="date")
    return folder


def write_folder(folder, market, until=None):
    """One CSV per stock, an index, and members of whom the last leaves in August 2015."""
    folder.mkdir(parents=True)
    names = []
    for asset, table in tables(market, LINES, until):
        table.to_csv(folder / f"{asset}.csv", index_label="date")
        names.append(asset)
    write_index(folder / "index.csv", market, until)
    write_members(folder / "membership.csv", names)
    return folder


def write_table(path, market):
    """One long table: CSV, CSV.gz or Parquet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [table.assign(symbol=asset) for asset, table in tables(market, LINES)]
    long = pd.concat(parts).rename_axis("date").reset_index()
    if path.suffix == ".parquet":
        long.to_parquet(path)
    else:
        long.to_csv(path, index=False)
    return path


def write_index(path, market, until=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    market.benchmark.loc[:until].to_csv(path, index_label="date")


def write_members(path, names):
    path.parent.mkdir(parents=True, exist_ok=True)
    stays = [f"{name},2014-01-01,\n" for name in names[:-1]]
    stays.append(f"{names[-1]},2014-01-01,2015-08-10\n")
    path.write_text("symbol,in_date,out_date\n" + "".join(stays))
