"""What each family of factors is worth to a model: the rank IC that is lost without it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from attngru_bt.evaluation.horizons import mean_and_t
from attngru_bt.evaluation.ranks import row_correlation

if TYPE_CHECKING:
    from attngru_bt.walkforward.record import MonthRecord


class Scored(Protocol):
    """Anything with the records of months and their outcomes, such as a walk."""

    @property
    def records(self) -> Iterable[MonthRecord]:
        """The record of each month-end."""

    def labels(self) -> pd.DataFrame:
        """Return the scores beside what came of them."""


def permutation_drop(walk: Scored) -> pd.DataFrame:
    """Rank IC that is lost when the values of a family of factors are shuffled among the stocks.

    It is measured out of sample: each month with the model that scored it, which is not fitted
    again. The shuffled values are those of other stocks of the same month, so they are as likely as
    before and say nothing about the stock. Families with the same information can replace each
    other, so the drops need not add up to the rank IC.

    Parameters
    ----------
    walk : Walk
        The walk of a model that is fitted, or of a blend of such; it may be read from a file.

    Returns
    -------
    DataFrame of shape (n_months, n_families)
        Rank IC as it was, less the mean rank IC of the shuffled repeats. If all factors are of one
        family, there is a column per factor or line. NaN: the model was not given the family.
        Months whose outcome is not known are left out; models that are not fitted have no rows.

    Examples
    --------
    >>> from attngru_bt import make_market, walk_forward
    >>> from attngru_bt.evaluation import permutation_drop
    >>> settings = dict(topk=3, min_months=6, factors=["PB", "ROC20"])
    >>> (walk,) = walk_forward(make_market(10, 300, signal=0.3), ["ridge"], **settings)
    >>> drop = permutation_drop(walk)
    >>> sorted(drop), len(drop)
    (['momentum', 'value'], 6)
    """
    return drops(walk.records, walk.labels())


def drops(records: Iterable[MonthRecord], labels: pd.DataFrame) -> pd.DataFrame:
    """Return `permutation_drop`, given the records and labels of a walk."""
    outcomes = labels["forward_return"].astype(float)
    known_months = set(outcomes.index.get_level_values(0))
    rows: dict[pd.Timestamp, dict[str, float]] = {}
    for record in records:
        shuffled = getattr(record, "shuffled", None)
        if not shuffled or record.month_end not in known_months:
            continue
        of_month: pd.Series = outcomes.xs(record.month_end)
        returns = of_month.reindex(record.scores.index).to_numpy()
        tables = [record.scores.to_numpy(dtype=np.float64)[None], *shuffled.values()]
        stacked = np.concatenate(tables).astype(np.float64)
        ic = row_correlation(stacked, np.broadcast_to(returns, stacked.shape))
        if np.isnan(ic[0]):
            continue
        # if all scores are alike without a family, their rank IC is NaN and counts as 0
        each = np.nan_to_num(ic[1:]).reshape(len(shuffled), -1).mean(axis=1)
        rows[record.month_end] = dict(zip(shuffled, ic[0] - each, strict=True))
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="month_end")
    return table.rename_axis(columns="family")


def drop_by_family(drops: pd.DataFrame) -> pd.DataFrame:
    """Mean of drops over the months, the largest first.

    Parameters
    ----------
    drops : DataFrame
        As `permutation_drop` returns them.

    Returns
    -------
    DataFrame of shape (n_families, 4)
        Columns mean, t, t_hac and months.
    """
    rows = {str(name): mean_and_t(drops[name].to_numpy()) for name in drops}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "t", "t_hac", "months"])
    return table.rename_axis("family").sort_values("mean", ascending=False, kind="stable")
