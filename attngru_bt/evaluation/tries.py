"""How far the best of several candidates can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from attngru_bt.evaluation.deflated_sharpe import deflated_sharpe_ratio, effective_trials
from attngru_bt.evaluation.overfitting import probability_of_overfitting
from attngru_bt.evaluation.spread import spread

BLOCKS = 12
LEAST_PERIODS = 24  # two in each block


@dataclass(frozen=True)
class Tries:
    """How far the best of several candidates can be trusted.

    Attributes
    ----------
    names : tuple of str
        The candidates.
    best : str
        The one with the highest Sharpe ratio.
    periods : int
        Months (weeks, quarters) looked at.
    effective : float
        Independent tries that the candidates amount to.
    overfitting : float
        Probability of backtest overfitting.
    deflated : float
        Deflated Sharpe ratio of the best, for the effective number of tries.
    """

    names: tuple[str, ...]
    best: str
    periods: int
    effective: float
    overfitting: float
    deflated: float


def judge(returns: pd.DataFrame, periods_per_year: float) -> Tries | None:
    """Judge the choice of the best of several candidates.

    Parameters
    ----------
    returns : DataFrame of shape (n_periods, n_candidates)
        Returns of each candidate, fractions; preferably the excess over a baseline, since what all
        have in common says nothing about the choice. Periods in which one is not known are left
        out.
    periods_per_year : float

    Returns
    -------
    Tries or None
        None with fewer than two candidates or 24 periods.
    """
    table = returns.dropna()
    if table.shape[1] < 2 or len(table) < LEAST_PERIODS:
        return None
    values = table.to_numpy(dtype=np.float64)
    ratio = np.array([column.mean() / spread(column) for column in values.T])
    # a candidate that never moves has no ratio; it counts as 0
    ratio = np.nan_to_num(ratio) * np.sqrt(periods_per_year)
    best = int(np.argmax(ratio))
    effective = effective_trials(values)
    return Tries(
        names=tuple(map(str, table.columns)),
        best=str(table.columns[best]),
        periods=len(table),
        effective=effective,
        overfitting=probability_of_overfitting(values, BLOCKS),
        deflated=deflated_sharpe_ratio(
            values[:, best], ratio, trials=effective, periods=periods_per_year
        ),
    )
