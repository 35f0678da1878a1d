"""How good scores were, month by month: rank IC, precision@k, AUC, each with mean and t.

Scores and outcomes come as one long table indexed (month_end, asset) with the columns `score`,
`label` (1 = among the best of the next month, 0 = not) and `forward_return` (fraction); NaN = not
known (yet). `SignalGenerator.labels()` returns such a table. The figures are out-of-sample if the
scores are, which these functions cannot know.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from attngru_bt.evaluation.newey_west import hac_t_statistic
from attngru_bt.evaluation.spread import spread

FIGURES = ("rank_ic", "precision", "auc")


def monthly_quality(labels: pd.DataFrame, k: int = 10) -> pd.DataFrame:
    """Measure the scores of every month.

    Parameters
    ----------
    labels : DataFrame indexed (month_end, asset)
        Columns score, label, forward_return; rows without a score are left out.
    k : int, default=10
        How many of the best scores `precision` looks at.

    Returns
    -------
    DataFrame of shape (n_months, 5)
        Indexed by month_end: rank_ic, precision, auc, base_rate (the share of label 1, which is
        the precision of random picks) and assets (how many were scored). NaN where a month does
        not have enough outcomes.
    """
    table = _checked(labels)
    return pd.DataFrame(
        {
            "rank_ic": _by_month(
                table, lambda rows: rank_ic(rows["score"], rows["forward_return"])
            ),
            "precision": _by_month(
                table, lambda rows: precision_at_k(rows["score"], rows["label"], k)
            ),
            "auc": _by_month(table, lambda rows: auc(rows["score"], rows["label"])),
            "base_rate": table["label"].groupby(level=0, sort=True).mean(),
            "assets": table["score"].groupby(level=0, sort=True).size(),
        }
    )


def summary(monthly: pd.DataFrame) -> pd.DataFrame:
    """Average the months.

    Parameters
    ----------
    monthly : DataFrame
        As `monthly_quality` returns it.

    Returns
    -------
    DataFrame of shape (3, 5)
        Rows rank_ic, precision, auc; columns mean, t, t_hac, months (how many are not NaN) and
        chance, the value without skill (0, the mean base rate, 0.5). The t-statistics measure the
        distance from it. `t` takes the months as independent, `t_hac` allows for months that
        resemble the ones before them (Newey-West); both are NaN below two months, or if all are
        equal up to rounding.
    """
    rows = {}
    for name in FIGURES:
        months = monthly[monthly[name].notna()]
        chance = {"rank_ic": 0.0, "auc": 0.5}.get(name)
        beyond = months[name] - (months["base_rate"] if chance is None else chance)
        rows[name] = {
            "mean": months[name].mean(),
            "t": t_statistic(beyond),
            "t_hac": hac_t_statistic(beyond),
            "months": len(months),
            "chance": months["base_rate"].mean() if chance is None else chance,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def t_statistic(values: pd.Series) -> float:
    """Mean over its standard error (sample, ddof 1).

    NaN below two values, and where they differ by rounding only.
    """
    array = np.asarray(values, dtype=np.float64)
    if len(array) < 2:
        return float("nan")
    return float(array.mean() / (spread(array) / np.sqrt(len(array))))


def rank_ic(score: pd.Series, forward_return: pd.Series) -> float:
    """Spearman correlation of score and next month's return; ties share their mean rank.

    Assets without one of the two are left out; NaN below two assets or without spread.
    """
    known = score.notna() & forward_return.notna()
    a = score[known].rank().to_numpy()
    b = forward_return[known].rank().to_numpy()
    if len(a) < 2 or a.max() == a.min() or b.max() == b.min():
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def precision_at_k(score: pd.Series, label: pd.Series, k: int = 10) -> float:
    """Share of label 1 among the k best scores.

    The k are chosen among all scored assets. Those without a label, such as stocks that were
    suspended or delisted later, are chosen too, as nobody could have foreseen it, and then left out
    of the share. Equal scores are taken in the order given.
    """
    best = score.dropna().sort_values(ascending=False, kind="stable").index[:k]
    labels = label.loc[best].dropna()
    return float(labels.mean()) if len(labels) else float("nan")


def auc(score: pd.Series, label: pd.Series) -> float:
    """Chance that an asset with label 1 has a higher score than one with label 0; ties count half.

    Assets without label or score are left out; NaN with only one class.
    """
    known = score.notna() & label.notna()
    rank = score[known].rank().to_numpy()
    positive = label[known].to_numpy() == 1
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return float("nan")
    # Mann-Whitney: the ranks' sum above its least possible value, as a share of all n × m pairs
    return float((rank[positive].sum() - n * (n + 1) / 2) / (n * m))


def _by_month(table: pd.DataFrame, figure: Callable[[pd.DataFrame], float]) -> pd.Series:
    """Return a figure of each month."""
    months = {month: figure(rows.droplevel(0)) for month, rows in table.groupby(level=0, sort=True)}
    return pd.Series(months, dtype=np.float64)


def _checked(labels: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with a score; a ValueError unless the table is one of labels."""
    missing = [name for name in ("score", "label", "forward_return") if name not in labels]
    if missing:
        raise ValueError(
            f"`labels` must have the columns score, label, forward_return; {missing[0]} is missing "
            f"(it has {', '.join(map(str, labels.columns)) or 'none'})."
        )
    if labels.index.nlevels != 2:
        raise ValueError(
            f"`labels` must be indexed (month_end, asset); got {labels.index.nlevels} level(s)."
        )
    twice = labels.index[labels.index.duplicated()]
    if len(twice):
        month, asset = twice[0]
        raise ValueError(f"`labels` has two rows of {asset} on {pd.Timestamp(month).date()}.")
    return labels.loc[labels["score"].notna(), ["score", "label", "forward_return"]].astype(float)
