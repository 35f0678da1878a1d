"""How good the scores of one walk were, month by month; in-sample figures have their own columns.

Accuracy is shown because the paper leads with it, but it says little. If k of n stocks are the
best, predicting "none" is right for a share 1 - k/n of the stocks, and picking k at random for
1 - 2k(n-k)/n². Both figures stand beside the accuracy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from attngru_bt.evaluation.quality import monthly_quality

if TYPE_CHECKING:
    from attngru_bt.walkforward.record import MonthRecord

IN_SAMPLE = ("accuracy", "accuracy_at_k", "auc")
BUCKETS = 10


def monthly(
    labels: pd.DataFrame, records: Iterable[MonthRecord], k: int, threshold: float | None = None
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
        Score above which the model itself predicts "among the best"; None: it predicts no classes.

    Returns
    -------
    DataFrame indexed by month_end
        Out of sample: rank_ic, precision, auc, base_rate, assets (as in `monthly_quality`);
        accuracy of the model's own classes; accuracy_at_k, if its k best scores are taken for yes;
        and accuracies without skill: all_no (none is among the best), random_k (k at random).
        On the training rows of the model in use: in_sample_accuracy, in_sample_accuracy_at_k,
        in_sample_auc. fit_seconds in months with a fit. NaN = not known.
    """
    table = monthly_quality(labels, k)
    scored = labels[labels["score"].notna()]
    ended = scored[scored["label"].notna()]
    best = ended["label"] == 1

    def mean(values: pd.Series) -> pd.Series:
        return values.groupby(level=0, sort=True).mean()

    table["accuracy"] = np.nan
    if threshold is not None:
        table["accuracy"] = mean((ended["score"] > threshold) == best)
    # picks are made among all scored stocks, also those whose outcome is not known
    rank = scored["score"].groupby(level=0, sort=False).rank(ascending=False, method="first")
    picked = (rank <= k).reindex(ended.index)
    table["accuracy_at_k"] = mean(picked == best)
    table["all_no"] = 1.0 - mean(best)
    # a random pick is right if it is among the best, a stock left out if it is not
    table["random_k"] = mean(picked) * mean(best) + (1.0 - mean(picked)) * (1.0 - mean(best))
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
        scored assets, averaged over the months, then over the walks. Equal scores share a bucket.
        NaN where no month had an asset in the bucket.
    """
    walks = []
    for table in tables:
        rows = table[table["score"].notna() & table["forward_return"].notna()]
        month = rows.index.get_level_values(0)
        groups = rows.groupby(month, sort=False)
        rank = groups["score"].rank() - 0.5  # equal scores have the same, 0.5 to n - 0.5
        bucket = np.ceil(rank / groups["score"].transform("size") * buckets)
        excess = rows["forward_return"] - groups["forward_return"].transform("mean")
        months = excess.groupby([month, bucket.to_numpy()]).mean()
        walks.append(months.groupby(level=1).mean())
    mean = pd.concat(walks, axis=1).mean(axis=1) if walks else pd.Series(dtype=float)
    return mean.reindex(np.arange(1, buckets + 1)).rename_axis("bucket")
