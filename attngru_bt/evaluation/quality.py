"""How good scores were, month by month: rank IC, precision@k, AUC, each with mean and t.

Scores and outcomes come as one long table indexed (month_end, asset) with the columns `score`,
`label` (1 = among the best of the next month, 0 = not) and `forward_return` (fraction); NaN = not
known (yet). `SignalGenerator.labels()` returns such a table. The figures are out-of-sample if the
scores are, which these functions cannot know.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.evaluation.newey_west import hac_t_statistic
from attngru_bt.evaluation.spread import spread
from attngru_bt.features.labels import mean_ranks

Floats = NDArray[np.float64]

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
    months = table.groupby(level=0, sort=True)
    base_rate, assets = months["label"].mean(), months["score"].size()
    # as arrays: to take a table of each month would need most of the time
    rows = table.to_numpy()[np.argsort(months.ngroup().to_numpy(), kind="stable")]
    figures = np.full((len(assets), len(FIGURES)), np.nan)
    for i, end in enumerate(assets.cumsum()):
        score, label, forward_return = rows[end - assets.iloc[i] : end].T
        figures[i] = (
            _rank_ic(score, forward_return),
            _precision_at_k(score, label, k),
            _auc(score, label),
        )
    found = pd.DataFrame(figures, index=assets.index, columns=list(FIGURES)).rename_axis(None)
    return found.assign(base_rate=base_rate, assets=assets)


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
    return _rank_ic(score[known].to_numpy(float), forward_return[known].to_numpy(float))


def precision_at_k(score: pd.Series, label: pd.Series, k: int = 10) -> float:
    """Share of label 1 among the k best scores.

    The k are chosen among all scored assets. Those without a label, such as stocks that were
    suspended or delisted later, are chosen too, as nobody could have foreseen it, and then left out
    of the share. Equal scores are taken in the order given.
    """
    score = score.dropna()
    return _precision_at_k(score.to_numpy(float), label.loc[score.index].to_numpy(float), k)


def auc(score: pd.Series, label: pd.Series) -> float:
    """Chance that an asset with label 1 has a higher score than one with label 0; ties count half.

    Assets without label or score are left out; NaN with only one class.
    """
    known = score.notna() & label.notna()
    return _auc(score[known].to_numpy(float), label[known].to_numpy(float))


def _rank_ic(score: Floats, forward_return: Floats) -> float:
    known = ~np.isnan(score) & ~np.isnan(forward_return)
    a, b = mean_ranks(score[known]), mean_ranks(forward_return[known])
    if len(a) < 2 or a.max() == a.min() or b.max() == b.min():
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def _precision_at_k(score: Floats, label: Floats, k: int) -> float:
    labels = label[np.argsort(-score, kind="stable")[:k]]
    labels = labels[~np.isnan(labels)]
    return float(labels.mean()) if len(labels) else float("nan")


def _auc(score: Floats, label: Floats) -> float:
    known = ~np.isnan(score) & ~np.isnan(label)
    rank, positive = mean_ranks(score[known]), label[known] == 1
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return float("nan")
    # Mann-Whitney: the ranks' sum above its least possible value, as a share of all n × m pairs
    return float((rank[positive].sum() - n * (n + 1) / 2) / (n * m))


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
