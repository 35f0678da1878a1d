"""What the commands read: data, benchmark, members, factor values, dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from attngru_bt import checks
from attngru_bt.data.bars import PRICE_LINES, Bars, DataError
from attngru_bt.data.files import read_index
from attngru_bt.data.market import Market, load, load_sp500
from attngru_bt.data.membership import Membership
from attngru_bt.factors import join_factor_file


def read_market(
    data: Path | None,
    benchmark: Path | None = None,
    membership: Path | None = None,
    factor_file: Path | None = None,
    ignore: Sequence[str] | None = None,
) -> Market:
    """Read the data, with the benchmark, members and factor values given apart from them.

    `ignore` are the columns to leave out, each a name or several with commas between them.

    Raises
    ------
    DataError
        If a file cannot be used.
    ValueError
        If columns are to be ignored of the embedded data.
    """
    left_out = [name for option in ignore or () for name in option.split(",") if name.strip()]
    if data is None and left_out:
        raise ValueError(
            "--ignore has no effect without --data: the embedded data are closes only."
        )
    market = load_sp500() if data is None else load(data, ignore=left_out)
    if benchmark is not None:
        market = replace(market, benchmark=read_index(benchmark))
    if membership is not None:
        market = replace(market, membership=Membership.from_csv(membership))
    if factor_file is not None:
        market = replace(market, bars=_joined(market.bars, factor_file))
    return market


def _joined(bars: Bars, path: Path) -> Bars:
    """Join a file of factor values; it may bring factors, but not change the market itself."""
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; check the path.")
    try:
        joined = join_factor_file(bars, path)
    except DataError:
        raise
    except (OSError, ValueError) as error:  # incl. ParserError, ArrowInvalid, UnicodeDecodeError
        raise DataError(
            f"{path}: cannot be read as a factor file ({error}); expected CSV or Parquet with the "
            "columns ticker, tradeDate and one per factor."
        ) from error
    for name, values in joined.lines.items():
        there = name in bars.lines and not np.may_share_memory(values, bars.lines[name])
        if there or (name in PRICE_LINES and name not in bars.lines):
            what = "a column of the data already" if there else "a price, not a factor"
            raise DataError(f"{path}, column {name!r}: is {what}; leave it out or rename it.")
    return joined


def date(option: str, text: str) -> str:
    """Check a date given on the command line; returns it as YYYY-MM-DD."""
    return f"{checks.date(f'--{option}', text):%Y-%m-%d}"


def dask_tls(ca: Path | None, cert: Path | None, key: Path | None) -> dict[str, Path] | None:
    """Return the TLS files that were given by name; None without any."""
    given = {"ca": ca, "cert": cert, "key": key}
    return {name: path for name, path in given.items() if path is not None} or None


def check_fees(commission: float | None, rules: str | None) -> None:
    """Refuse a commission beside the rules of a market, which bring their own."""
    if commission is not None and rules is not None:
        raise ValueError(
            f"--commission has no effect beside --rules {rules}, which brings its own fees; leave "
            f"one of them out (in Python: rules=AShare(commission=...))."
        )
