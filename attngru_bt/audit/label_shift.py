"""Check: honest scores do not look like those of labels shifted by one month.

The commonest leak is a label that is a month too early: the return of the month that *ends* at the
month-end, which the factors of that day already hold. A small model is fitted month by month with
that mistake and without it. The figures with it show what a leak looks like on these data; honest
ones that come near them have a leak of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.audit.report import Check, Finding, failed, passed, skipped
from attngru_bt.evaluation.quality import precision_at_k, rank_ic, t_statistic
from attngru_bt.features.cross_section import CrossSection
from attngru_bt.features.labels import top_labels

NAME = "label shift"
MONTHS = 6  # fewer cannot tell
VISIBLE = 0.2  # rank IC from which a planted leak counts as seen
RIDGE = 0.01  # penalty per row, in units of a factor's variance

Floats = NDArray[np.float64]


def check(sections: Sequence[CrossSection], topk: int, min_months: int) -> Check:
    """Fit a ridge regression on the rank of the next month's return, and of the last month's.

    It fails if the honest mean rank IC is more than half of the leaked one, at a t above 3.

    Parameters
    ----------
    sections : sequence of CrossSection
        Those of all month-ends, factors standardized within the month.
    topk : int
        Best scores that precision looks at.
    min_months : int
        Labeled months before the first fit.
    """
    honest = _walk(sections, [_known(s.returns, len(s)) for s in sections], topk, min_months)
    leaked = _walk(sections, _last_month(sections), topk, min_months)
    if len(honest) < MONTHS or len(leaked) < MONTHS:
        n = min(len(honest), len(leaked))
        return skipped(NAME, f"{n} months to measure; it takes {MONTHS} to tell.")
    was, would = honest["rank_ic"].mean(), leaked["rank_ic"].mean()
    told = (
        f"rank IC {was:.3f}, precision@{topk} {honest['precision'].mean():.3f}; with labels a "
        f"month too early they would be {would:.3f} and {leaked['precision'].mean():.3f} "
        f"({len(honest)} months, ridge regression)"
    )
    t = t_statistic(honest["rank_ic"])
    if was > max(would, VISIBLE) / 2 and not t <= 3:
        worst = honest[honest["rank_ic"] > max(would, VISIBLE) / 2]
        date = pd.Timestamp(worst.index[0])
        symbol = str(worst["best"].iloc[0])
        text = (
            f"at the month-end {date.date()} the scores ({symbol} the best) have a rank IC of "
            f"{worst['rank_ic'].iloc[0]:.3f} with the month after it, as only a leak gives."
        )
        return failed(
            NAME,
            f"{told}: the honest figures look like leaked ones, so a factor or line of these data "
            "knows the next month.",
            [Finding(text, symbol, date, "rank IC")],
        )
    if would < VISIBLE:
        return skipped(
            NAME,
            f"{told}: these factors do not hold the past month's return, so the leak cannot show.",
        )
    return passed(NAME, f"{told}.")


def _known(returns: Floats | None, n: int) -> Floats:
    return np.full(n, np.nan) if returns is None else returns


def _last_month(sections: Sequence[CrossSection]) -> list[Floats]:
    """Return of the month that ended at each section, NaN where a stock was not in the one before.

    This is the label a month too early.
    """
    labels = [np.full(len(s), np.nan) for s in sections]
    for t in range(1, len(sections)):
        before = sections[t - 1]
        past = pd.Series(_known(before.returns, len(before)), index=list(before.assets))
        labels[t] = past.reindex(list(sections[t].assets)).to_numpy(dtype=np.float64)
    return labels


def _walk(
    sections: Sequence[CrossSection], labels: Sequence[Floats], topk: int, min_months: int
) -> pd.DataFrame:
    """Quality of scores month by month, each fitted on the months before it.

    Index month-end; columns rank_ic, precision, best (symbol of the best score).
    """
    n_factors = sections[0].values.shape[2] if sections else 0
    square, product = np.zeros((n_factors, n_factors)), np.zeros(n_factors)
    n_rows = n_months = 0
    rows = {}
    for section, label in zip(sections, labels, strict=True):
        factors = section.values[:, -1, :].astype(np.float64)
        factors = np.where(np.isfinite(factors), factors, 0.0)  # the month's mean
        known = ~np.isnan(label)
        if n_months >= min_months and known.sum() > topk:
            weights = np.linalg.solve(square + RIDGE * n_rows * np.eye(n_factors), product)
            score = pd.Series(factors @ weights, index=list(section.assets))
            returns = pd.Series(label, index=score.index)
            best = pd.Series(top_labels(label, topk), index=score.index)
            rows[section.date] = {
                "rank_ic": rank_ic(score, returns),
                "precision": precision_at_k(score, best, topk),
                "best": score.idxmax(),
            }
        if known.sum() > 1:
            target = pd.Series(label[known]).rank().to_numpy()
            target = 2 * (target - 1) / (len(target) - 1) - 1
            square += factors[known].T @ factors[known]
            product += factors[known].T @ target
            n_rows += len(target)
            n_months += 1
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.dropna() if len(table) else table
