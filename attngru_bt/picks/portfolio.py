"""The holdings of an account before the picks, read and checked line by line."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from attngru_bt import checks
from attngru_bt.data.bars import DataError
from attngru_bt.data.codes import other_spellings
from attngru_bt.data.names import from_cell
from attngru_bt.picks.csv_rows import Row, read_rows, refuse

CASH = "CASH"  # in place of a symbol; the shares of such a line are the cash
COLUMNS = ("symbol", "shares", "cost")
ROUNDING = 1e-6  # of a share
DEFAULT_CASH = 1_000_000.0  # that of a backtest


@dataclass(frozen=True)
class Portfolio:
    """Holdings and cash.

    Attributes
    ----------
    shares : dict of str to float
        Real shares by symbol, each above 0.
    cash : float
        In the currency of the prices.
    cost : dict of str to float
        Purchase price per share, where it was given.
    places : dict of str to str
        Where each symbol was given, for messages: "holdings.csv, line 3".
    """

    shares: dict[str, float] = field(default_factory=dict)
    cash: float = 0.0
    cost: dict[str, float] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)


def read_portfolio(
    holdings: str | os.PathLike[str] | pd.DataFrame | Mapping[str, float] | None,
    cash: float | None,
    assets: Iterable[str],
    *,
    lot: float = 1.0,
) -> Portfolio:
    """Read and check the holdings.

    Parameters
    ----------
    holdings : path, DataFrame, mapping of symbol to shares, or None
        A CSV file or table with the columns symbol, shares and, if it is known, cost. A line with
        the symbol CASH has the cash as its shares. None: nothing is held.
    cash : float or None
        None: as the line CASH says; with nothing held a million.
    assets : iterable of str
        Names in the data; other spellings of the same stock become these.
    lot : float, default 1
        Real shares come in multiples of it; 0 allows fractions.

    Returns
    -------
    Portfolio

    Raises
    ------
    DataError
        If any line is not as described; the message names each line, and what is wrong there.
    """
    if holdings is None:
        return Portfolio(cash=_checked_cash(DEFAULT_CASH if cash is None else cash))
    rows = _rows(holdings)
    names = list(assets)
    given = [from_cell(str(row["symbol"]).strip()) for _, row in rows]
    ours = other_spellings(given, names, "The holdings")
    portfolio, problems = Portfolio(places={}), []
    cash_lines = []
    for place, row in rows:
        written = from_cell(str(row["symbol"]).strip())
        symbol = ours.get(written, written)
        shares, problem = _number(row["shares"], "shares")
        if symbol.upper() == CASH and CASH not in names:  # unless a stock is called so
            cash_lines.append(shares)
            if len(cash_lines) > 1:
                problem = "the cash is there twice; keep one line"
            elif not problem and shares < 0:
                problem = f"the cash is {shares:g}; an account in debt cannot be planned"
        elif not problem:
            problem = _fault(symbol, shares, lot, names, portfolio)
            portfolio.shares[symbol] = shares
            portfolio.places.setdefault(symbol, place)
            if not problem and not _is_empty(row.get("cost")):
                portfolio.cost[symbol], problem = _number(row["cost"], "cost")
                if not problem and portfolio.cost[symbol] <= 0:
                    problem = f"the cost of {symbol} must be above 0 a share; got {row['cost']}"
        if problem:
            problems.append(f"{place}: {problem}")
    refuse(problems)
    if cash_lines and cash is not None:
        raise DataError(
            f"The cash is given twice: {cash:g} as `cash` (--cash), and {cash_lines[0]:g} in the "
            f"line CASH of the holdings; keep one."
        )
    if not cash_lines and cash is None:
        raise DataError(
            "The holdings have no line CASH, and no `cash` (--cash) is given: say how much there "
            "is to spend, 0 if nothing."
        )
    available = _checked_cash(cash_lines[0] if cash is None else cash)
    held = {name: n for name, n in portfolio.shares.items() if n}
    cost = {name: price for name, price in portfolio.cost.items() if name in held}
    return Portfolio(held, available, cost, portfolio.places)


def _rows(holdings: Any) -> Sequence[Row]:
    """Return the lines, each with where it stands."""
    if isinstance(holdings, pd.DataFrame):
        table = holdings.rename(columns=lambda name: str(name).strip().lower())
        if "symbol" not in table:
            table = table.rename_axis("symbol").reset_index()
        _check_columns("`holdings`", list(table.columns))
        records: Any = table.to_dict(orient="records")
        return [(f"`holdings`, row {i}", row) for i, row in enumerate(records, start=1)]
    if isinstance(holdings, (Mapping, pd.Series)):
        return [(f"`holdings`, {s}", {"symbol": s, "shares": n}) for s, n in holdings.items()]
    if not isinstance(holdings, (str, os.PathLike)):
        raise TypeError(
            "`holdings` must be a file, a table with the columns symbol and shares, or a mapping "
            f"of symbol to shares; got {type(holdings).__name__}."
        )
    columns, rows = read_rows(Path(holdings))
    _check_columns(str(holdings), [column.lower() for column in columns])
    return [(place, {name.lower(): cell for name, cell in row.items()}) for place, row in rows]


def _check_columns(source: str, columns: list[str]) -> None:
    for name in COLUMNS[:2]:
        if name not in columns:
            raise DataError(
                f"{source}: the column {name!r} is missing; expected symbol,shares[,cost], got "
                f"{', '.join(columns) or 'nothing'}{checks.nearest(name, columns)}"
            )
    checks.no_duplicates(f"{source}: column", columns, "keep one of them", DataError)


def _fault(
    symbol: str, shares: float, lot: float, names: Sequence[str], portfolio: Portfolio
) -> str:
    """Say what is wrong with a holding; empty if nothing is."""
    if symbol in portfolio.shares:
        return f"{symbol} is there twice, first in {portfolio.places[symbol]}; add the two up"
    if symbol not in names:
        hint = checks.nearest(symbol, names).rstrip(".")
        return f"{symbol!r} is no name in the data, so it has no price{hint}"
    if shares < 0:
        return f"{symbol} is held short ({shares:g}); short positions cannot be planned"
    if lot and abs(shares / lot - round(shares / lot)) * lot > ROUNDING:
        unit = "a whole number of shares" if lot == 1 else f"a multiple of the lot, {lot:g} shares"
        return f"{symbol} has {shares!r} shares; expected {unit}"
    return ""


def _number(value: Any, column: str) -> tuple[float, str]:
    """Return a number, and what is wrong with it."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        return 0.0, f"{column} must be a number such as 1200; got {value!r}"
    return number, ""


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value != value


def _checked_cash(cash: float) -> float:
    checks.number("cash", cash, at_least=0)
    return float(cash)
