"""Where the return of an account came from: by name, and before costs."""

from __future__ import annotations

import numpy as np
import pandas as pd


def by_name(values: pd.DataFrame, fills: pd.DataFrame, before: pd.Series) -> pd.DataFrame:
    """Split the account's return of each session by name, after commission.

    Parameters
    ----------
    values : DataFrame of shape (n_sessions, n_names)
        Value of each name at each close, 0 = not held.
    fills : DataFrame
        Columns date, symbol, size (negative = sold), price, commission.
    before : Series of shape (n_sessions,)
        The account's value at the close of the session before.

    Returns
    -------
    DataFrame of shape (n_sessions, n_names)
        Fractions of `before`. What was held before the first session has no return in it; apart
        from that and from money paid in or out, rows sum to the account's return.
    """
    paid = fills["size"] * fills["price"] + fills["commission"]
    bought = paid.groupby([fills["date"], fills["symbol"]]).sum().unstack()
    bought = bought.reindex(index=values.index, columns=values.columns).fillna(0.0)
    change = values.diff()
    change.iloc[0] = values.iloc[0]
    return (change - bought).div(before, axis=0)


def before_costs(returns: pd.Series, fills: pd.DataFrame, before: pd.Series) -> pd.Series:
    """Return of each session without the commission that was paid in it.

    Parameters
    ----------
    returns, before : Series of shape (n_sessions,)
        The account's return, and its value at the close of the session before.
    fills : DataFrame
        Columns date, commission.
    """
    paid = fills["commission"].groupby(fills["date"]).sum().reindex(returns.index, fill_value=0.0)
    return returns + paid / before


def days_of_volume(
    fills: pd.DataFrame, account: pd.Series, volume: pd.DataFrame, size: float
) -> pd.Series:
    """How many days' trading in a name each order would have been in an account of a given size.

    Parameters
    ----------
    fills : DataFrame
        Columns date, symbol, size, price.
    account : Series of shape (n_sessions,)
        The account's value, which orders are scaled from.
    volume : DataFrame of shape (n_sessions, n_names)
        Usual value traded a day, as known before the session; in the currency of the account.
    size : float
        Value of the account that is asked about.

    Returns
    -------
    Series of shape (n_orders,)
        Indexed (date, symbol); fills of a name on a day are one order. Names without a known volume
        are left out.
    """
    worth = (fills["size"] * fills["price"]).groupby([fills["date"], fills["symbol"]]).sum().abs()
    dates = worth.index.get_level_values(0)
    row = volume.index.get_indexer(dates)
    column = volume.columns.get_indexer(worth.index.get_level_values(1))
    usual = np.where((row >= 0) & (column >= 0), volume.to_numpy()[row, column], np.nan)
    share = worth / account.reindex(dates).to_numpy() * size
    return (share / np.where(usual > 0, usual, np.nan)).dropna()
