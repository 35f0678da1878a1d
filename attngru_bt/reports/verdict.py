"""The verdict of a tear sheet: one sentence, computed from its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attngru_bt.analyzers.performance import monthly
from attngru_bt.evaluation.quality import t_statistic
from attngru_bt.reports.sheet import OUT_OF_SAMPLE, called
from attngru_bt.reports.tables import one, three

if TYPE_CHECKING:
    from attngru_bt.reports.sheet import TearSheet

SELDOM_LUCK = 2.0  # t-statistic beyond which a mean is seldom luck
# scored weeks, months or quarters below which nothing is said of skill
LEAST = {"week": 52, "month": 24, "quarter": 12}


def verdict(sheet: TearSheet) -> str:
    """Say whether the scores rank better than chance, and what that earned.

    The second part compares with equal weight if there is a baseline, else with the index, and
    says so if the difference of the monthly returns could be luck.
    """
    parts = [part for part in (_skill(sheet), _earned(sheet)) if part]
    if not parts:
        return ""
    text = "; ".join(parts)
    return text[0].upper() + text[1:] + "."


def _skill(sheet: TearSheet) -> str:
    """Judge the rank IC by the more cautious of its two t-statistics."""
    quality = sheet.quality_summary
    if quality is None or not quality["months"]["rank_ic"]:
        return ""
    figures: dict[Any, Any] = quality.loc["rank_ic"].to_dict()
    mean, count, unit = figures["mean"], int(figures["months"]), sheet.schedule.unit
    t = min(figures["t"], figures["t_hac"], key=abs)
    shown = f"rank IC {three(mean)}, t {one(t)}"
    if np.isnan(t) or count < LEAST[unit]:
        return f"too early to tell skill from chance: {shown}, {count} {unit}s"
    if t >= SELDOM_LUCK:
        proviso = "" if sheet.evidence == OUT_OF_SAMPLE else " (if they knew nothing of the future)"
        return f"the scores rank better than chance{proviso}: {shown}"
    if t <= -SELDOM_LUCK:
        return f"the scores rank worse than chance: {shown}"
    return f"no skill beyond chance: {shown}"


def _earned(sheet: TearSheet) -> str:
    """Compare the return a year with that of equal weight, or of the index."""
    if sheet.baseline is not None and sheet.baseline_returns is not None:
        other, returns = sheet.baseline["name"], sheet.baseline_returns
    elif sheet.benchmark is not None and sheet.benchmark_returns is not None:
        other, returns = called(sheet.benchmark["name"]), sheet.benchmark_returns
    else:
        return ""
    difference = sheet.difference(returns)
    if np.isnan(difference):
        return ""
    side = "ahead of" if difference >= 0 else "behind"
    text = f"{side} {other} by {one(100.0 * abs(difference))} points a year after costs"
    t = difference_t(sheet.returns, returns)
    if not abs(t) >= SELDOM_LUCK:
        text += f", which could be luck (t {one(t)})" if np.isfinite(t) else ""
    else:
        text += f" (t {one(t)})"
    return text


def difference_t(returns: pd.Series, other: pd.Series) -> float:
    """t-statistic of the difference of two runs' monthly returns."""
    known = other.notna()
    if not known.any():
        return float("nan")
    return t_statistic(monthly(returns[known]) - monthly(other[known]))
