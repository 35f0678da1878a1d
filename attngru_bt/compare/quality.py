"""How good one walk's scores were, month by month, with its in-sample figures in their own columns.

Accuracy is there because the paper leads with it. It says little: with k best among n stocks,
calling nobody best is right for a share 1 - k/n of them, and k picks at random for 1 - 2k(n-k)/n².
Both stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.evaluation.quality import monthly_quality

IN_SAMPLE = ("accuracy", "accuracy_at_k", "auc")
BUCKETS = 10


def monthly(
    labels: pd.DataFrame, records: Iterable[Any], k: int, threshold: float | None = None
) -> pd.DataFrame:
    """Measure a walk's scores month by month.

    Parameters
    ----------
    labels : DataFrame
        As `Walk.labels`.
    records : iterable of MonthRecord
    k : int
        How many of the best scores count as picks.
    threshold : float or None
        Score above which the model itself says "among the best"; None: it says no such thing.

    Returns
    -------
    DataFrame indexed by month_end
        Out of sample: rank_ic, precision, auc, base_rate, assets (as `monthly_quality`), accuracy
        (the model's own yes or no), accuracy_at_k (its k best called yes), and what takes no
        skill: all_no, random_k. On the training rows of the model in use: in_sample_accuracy,
        in_sample_accuracy_at_k, in_sample_auc. fit_seconds where it was fitted. NaN = not known.
    """
    table = monthly_quality(labels, k)
    rows = labels[labels["score"].notna()]
    known = rows[rows["label"].notna()]
    by_month = known.groupby(level=0, sort=True)
    table["accuracy"] = np.nan
    if threshold is not None:
        right = (known["score"] > threshold) == (known["label"] == 1)
        table["accuracy"] = right.groupby(level=0, sort=True).mean()
    called = (
        rows["score"].groupby(level=0, sort=False).rank(ascending=False, method="first") <= k
    ).reindex(known.index)
    right = called == (known["label"] == 1)
    table["accuracy_at_k"] = right.groupby(level=0, sort=True).mean()
    share = by_month["label"].mean()
    picked = called.groupby(level=0, sort=True).mean()
    table["all_no"] = 1.0 - share
    # independent of the truth: both yes, or both no
    table["random_k"] = picked * share + (1.0 - picked) * (1.0 - share)
    for name in IN_SAMPLE:
        table[f"in_sample_{name}"] = np.nan
    table["fit_seconds"] = np.nan
    for record in records:
        if record.month_end not in table.index:
            continue
        if record.refit:
            table.loc[record.month_end, "fit_seconds"] = record.fit_seconds
        for name, value in (record.in_sample or {}).items():
            if name in IN_SAMPLE:
                table.loc[record.month_end, f"in_sample_{name}"] = value
    return table.rename_axis("month_end")


def by_bucket(tables: Iterable[pd.DataFrame], buckets: int = BUCKETS) -> pd.Series:
    """Mean return of the next month by score, from the lowest tenth to the highest.

    Parameters
    ----------
    tables : iterable of DataFrame
        Labels of the walks of one model, as `Walk.labels`.
    buckets : int, default=10

    Returns
    -------
    Series of shape (buckets,)
        Indexed 1 (lowest scores) to `buckets`: forward return less the month's mean over all
        scored assets, mean over the months, then over the walks; equal scores share a bucket. NaN
        where no month had an asset in the bucket.
    """
    walks = []
    for table in tables:
        rows = table[table["score"].notna() & table["forward_return"].notna()]
        month = rows.index.get_level_values(0)
        groups = rows.groupby(month, sort=False)
        place = groups["score"].rank() - 0.5
        bucket = np.ceil(place / groups["score"].transform("size") * buckets)
        excess = rows["forward_return"] - groups["forward_return"].transform("mean")
        months = excess.groupby([month, bucket.to_numpy()]).mean()
        walks.append(months.groupby(level=1).mean())
    mean = pd.concat(walks, axis=1).mean(axis=1) if walks else pd.Series(dtype=float)
    return mean.reindex(np.arange(1, buckets + 1)).rename_axis("bucket")
