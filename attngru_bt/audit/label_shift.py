"""Check: honest scores do not look like scores of labels that are shifted by a month.

The most common leak is a label that is a month too early: the return of the month that *ends* at
the month-end, which the factors of that day already contain. A small model is fitted month by month
with this mistake and without it. The figures with the mistake show what a leak looks like on these
data. If the honest figures come near them, there is a leak.
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
MONTHS = 6  # fewest months that can tell
VISIBLE = 0.2  # rank IC from which on the planted leak counts as visible
RIDGE = 0.01  # penalty per row, in units of a factor's variance

Floats = NDArray[np.float64]


def check(sections: Sequence[CrossSection], topk: int, min_months: int) -> Check:
    """Fit a ridge regression on the rank of the next month's return, and of the last month's.

    The check fails if the honest mean rank IC is over half of the leaked one, and its t above 3.

    Parameters
    ----------
    sections : sequence of CrossSection
        All month-ends, with factors standardized within the month.
    topk : int
        How many of the best scores count for precision.
    min_months : int
        Labeled months before the first fit.
    """
    next_month = [_or_unknown(section.returns, len(section)) for section in sections]
    honest = walk(sections, next_month, topk, min_months)
    leaked = walk(sections, last_month(sections), topk, min_months)
    if len(honest) < MONTHS or len(leaked) < MONTHS:
        n = min(len(honest), len(leaked))
        return skipped(NAME, f"{n} months to measure; it takes {MONTHS} to tell.")
    honest_ic, leaked_ic = honest["rank_ic"].mean(), leaked["rank_ic"].mean()
    limit = max(leaked_ic, VISIBLE) / 2
    text = (
        f"rank IC {honest_ic:.3f}, precision@{topk} {honest['precision'].mean():.3f}; with labels "
        f"a month too early they would be {leaked_ic:.3f} and {leaked['precision'].mean():.3f} "
        f"({len(honest)} months, ridge regression)"
    )
    t = t_statistic(honest["rank_ic"])
    if honest_ic > limit and not t <= 3:  # t is NaN if all months are alike
        suspicious = honest[honest["rank_ic"] > limit]
        date = pd.Timestamp(suspicious.index[0])
        symbol = str(suspicious["best"].iloc[0])
        sentence = (
            f"at the month-end {date.date()} the scores ({symbol} the best) have a rank IC of "
            f"{suspicious['rank_ic'].iloc[0]:.3f} with the month after it, as only a leak gives."
        )
        return failed(
            NAME,
            f"{text}: the honest figures look like leaked ones, so a factor or line of these data "
            "knows the next month.",
            [Finding(sentence, symbol, date, "rank IC")],
        )
    if leaked_ic < VISIBLE:
        return skipped(
            NAME,
            f"{text}: these factors do not hold the past month's return, so the leak cannot show.",
        )
    return passed(NAME, f"{text}.")


def _or_unknown(returns: Floats | None, n: int) -> Floats:
    return np.full(n, np.nan) if returns is None else returns


def last_month(sections: Sequence[CrossSection]) -> list[Floats]:
    """Return the returns of the month that ends at each section: the label a month too early.

    They are NaN where a stock was not in the section before.
    """
    labels = [np.full(len(s), np.nan) for s in sections]
    for t in range(1, len(sections)):
        before = sections[t - 1]
        past = pd.Series(_or_unknown(before.returns, len(before)), index=list(before.assets))
        labels[t] = past.reindex(list(sections[t].assets)).to_numpy(dtype=np.float64)
    return labels


def walk(
    sections: Sequence[CrossSection], labels: Sequence[Floats], topk: int, min_months: int
) -> pd.DataFrame:
    """Fit a ridge regression on the months before each month, and measure its scores.

    Returns
    -------
    DataFrame indexed month_end
        Columns rank_ic, precision, and best: the symbol with the best score.
    """
    n_factors = sections[0].values.shape[2] if sections else 0
    # The normal equations X'X w = X'y of all months so far: adding a month is adding its products.
    square, product = np.zeros((n_factors, n_factors)), np.zeros(n_factors)
    n_rows = n_months = 0
    rows = {}
    for section, label in zip(sections, labels, strict=True):
        factors = section.values[:, -1, :].astype(np.float64)
        factors = np.where(np.isfinite(factors), factors, 0.0)  # 0 is the mean of the month
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
            target = 2 * (target - 1) / (len(target) - 1) - 1  # from -1 to 1
            square += factors[known].T @ factors[known]
            product += factors[known].T @ target
            n_rows += len(target)
            n_months += 1
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.dropna() if len(table) else table
