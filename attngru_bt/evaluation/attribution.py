"""Attention of a model traced back from principal components to factors and their families.

The network weighs principal components. Component c is a direction in the space of factors. Its
loadings L[c, f] have length 1, so their squares sum to 1 and say how much of the direction each
factor is: for standardized factors, its squared correlation with the component, scaled to sum to 1.
With the attention weights a[c], which sum to 1 as well, the share of factor f is

    share[f] = sum over c of a[c] * L[c, f] ** 2

and the shares sum to 1 over the factors. Absolute loadings would not sum to 1 by themselves: a
component spread over many factors would count for more.

A share says where the model's input comes from, not what the model does with it: the sign is lost,
and a factor with large loadings on many components has a share under any weights. With `even` the
shares are those under equal weights, and the difference is what attention adds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from attngru_bt.factors import registry
from attngru_bt.features.families import OWN, groups_of
from attngru_bt.features.windows import are_steps, line_of

if TYPE_CHECKING:
    from attngru_bt.walkforward.record import MonthRecord


def factor_shares(records: Iterable[MonthRecord], *, even: bool = False) -> pd.DataFrame:
    """Attention per factor and month.

    Parameters
    ----------
    records : iterable of MonthRecord
        Months without attention weights are left out, as are months with components but without
        loadings to trace them back. A model without components weighs the factors themselves, one
        of raw lines the lines of the sessions of a step, which are added up.
    even : bool, default=False
        Weigh all components the same: the shares that there would be without attention.

    Returns
    -------
    DataFrame of shape (n_months, n_factors)
        Indexed by month_end; fractions, a month's known shares sum to 1. NaN: the model was not
        given the factor that month. Columns in the order in which factors first appear.

    Raises
    ------
    ValueError
        If weights and loadings do not have the same number of components, or the loadings of a
        component are all zero.
    """
    rows: dict[pd.Timestamp, pd.Series] = {}
    for record in records:
        weights = (record.attention or {}).get("factor")
        if weights is None:
            continue
        loadings = getattr(record, "loadings", None)
        if loadings is None:
            factors = list(getattr(record, "factors", ()))
            if len(factors) != len(weights):
                continue
            # without components the weights are those of the factors themselves
            loadings = pd.DataFrame(np.eye(len(factors)), columns=factors)
        row = _shares(np.asarray(weights, float), loadings, record.month_end, even)
        if are_steps(list(row.index)):
            row = row.groupby([line_of(name) for name in row.index], sort=False).sum()
        rows[record.month_end] = row
    columns = list(dict.fromkeys(name for row in rows.values() for name in row.index))
    index = pd.DatetimeIndex(list(rows), name="month_end")
    values = np.full((len(rows), len(columns)), np.nan)
    for month, row in enumerate(rows.values()):
        values[month] = row.reindex(columns)
    return pd.DataFrame(values, index=index, columns=columns)


def family_shares(shares: pd.DataFrame, families: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Attention per family of factors and month.

    Parameters
    ----------
    shares : DataFrame of shape (n_months, n_factors)
        As `factor_shares` returns it.
    families : mapping of factor to family, default None
        None: as registered, and where all are of one family, the factors themselves. Factors in
        neither are "own columns".

    Returns
    -------
    DataFrame of shape (n_months, n_families)
        Fractions, a month's shares sum to 1. Registered families first, in their order.
    """
    if families is None:
        in_order = [factor.family for factor in registry]
        of_column = list(groups_of([str(name) for name in shares.columns]))
    else:
        in_order = list(families.values())
        of_column = [families.get(str(name), OWN) for name in shares.columns]
    order = dict.fromkeys([*in_order, OWN, *of_column])
    summed = shares.T.groupby(np.asarray(of_column, dtype=object), sort=False).sum(min_count=1).T
    return summed[[name for name in order if name in summed]]


def top_factors(shares: pd.DataFrame, even: pd.DataFrame, count: int = 10) -> pd.DataFrame:
    """List the factors that have most of the attention, on average over the months.

    Returns
    -------
    DataFrame of shape (count, 2)
        Indexed by factor, the largest first: share, and what it would be under even weights.
    """
    # a factor that the model was not given in a month has a share of 0 in it
    mean = shares.fillna(0.0).mean().sort_values(ascending=False, kind="stable")
    names = mean.index[:count]
    return pd.DataFrame({"share": mean[names], "even": even.fillna(0.0).mean()[names]})


def _shares(
    weights: np.ndarray, loadings: pd.DataFrame, month_end: pd.Timestamp, even: bool
) -> pd.Series:
    """Return the share of each factor in a month."""
    if len(weights) != len(loadings):
        raise ValueError(
            f"{pd.Timestamp(month_end).date()}: {len(weights)} attention weights but loadings of "
            f"{len(loadings)} components; they must be of the same fit."
        )
    squares = loadings.to_numpy(dtype=np.float64) ** 2
    length = squares.sum(axis=1, keepdims=True)
    if not (length > 0).all():
        raise ValueError(
            f"{pd.Timestamp(month_end).date()}: component {int(np.argmin(length)) + 1} has no "
            "loading other than 0, so it cannot be traced back to factors."
        )
    if even:
        weights = np.ones(len(weights))
    # dividing by the sums only removes rounding
    shares = weights / weights.sum() @ (squares / length)
    return pd.Series(shares, index=list(loadings.columns))
