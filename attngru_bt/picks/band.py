"""Whether the rank IC of the last year is within what earlier months let expect."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from attngru_bt.evaluation.quality import rank_ic
from attngru_bt.reports.tables import number

RECENT = 12  # months
LEAST = 12  # earlier months without which nothing can be expected
WIDTH = 2.0  # standard errors


@dataclass(frozen=True)
class Band:
    """The mean rank IC of the last months beside the mean of the months before.

    Attributes
    ----------
    monthly : Series, index month_end
        Rank IC of every scored month whose outcome is known.
    expected, error : float
        Mean of the earlier months, and the standard error of the difference between the mean of
        the last months and it; NaN with too few months.
    seen : float
        Mean of the last months.
    months : int
        Number of the last months.
    unit : str, default "month"
        The unit of the schedule.
    """

    monthly: pd.Series
    expected: float
    error: float
    seen: float
    months: int
    unit: str = "month"

    @property
    def sentence(self) -> str:
        """The comparison in one sentence."""
        n_months = len(self.monthly)
        if math.isnan(self.error):
            return (
                f"Rank IC: {n_months} scored {self.unit}s have a known outcome, and "
                f"{RECENT + LEAST} are needed to say whether the last {RECENT} are within noise."
            )
        distance = (self.seen - self.expected) / self.error
        where = "below" if distance < 0 else "above"
        verdict = (
            "within noise"
            if abs(distance) <= WIDTH
            else f"{where} what chance explains ({abs(distance):.1f} standard errors)"
        )
        return (
            f"Rank IC of the last {self.months} {self.unit}s: expected {number(self.expected)} ± "
            f"{number(self.error)}, seen {number(self.seen)}: {verdict}."
        )


def monthly_rank_ic(labels: pd.DataFrame) -> pd.Series:
    """Rank IC of each month; NaN where the outcome is not known.

    Parameters
    ----------
    labels : DataFrame indexed (month_end, asset)
        Columns score and forward_return, as `Walk.labels` returns them.
    """
    months = labels.groupby(level=0, sort=True)
    values = {m: rank_ic(rows["score"], rows["forward_return"]) for m, rows in months}
    return pd.Series(values, dtype=float)


def rank_ic_band(monthly: pd.Series, unit: str = "month") -> Band:
    """Compare the last 12 months with those before.

    With n earlier months of deviation s the standard error is ``s sqrt(1/12 + 1/n)``.

    Parameters
    ----------
    monthly : Series, index month_end
        Rank IC; NaN where the outcome is not known.
    unit : str, default "month"
        The unit of the schedule.
    """
    ics = monthly.dropna()
    earlier, recent = ics.iloc[:-RECENT], ics.iloc[-RECENT:]
    enough = len(earlier) >= LEAST and earlier.std() > 0
    return Band(
        monthly=ics,
        expected=float(earlier.mean()) if enough else math.nan,
        error=earlier.std() * math.sqrt(1 / RECENT + 1 / len(earlier)) if enough else math.nan,
        seen=float(recent.mean()) if len(recent) else math.nan,
        months=len(recent),
        unit=unit,
    )
