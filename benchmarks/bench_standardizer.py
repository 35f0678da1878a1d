"""Compare standardizing each date by itself with standardizing over the training panel.

    ATTNGRU_DATA=../shared/data python benchmarks/bench_standardizer.py

CSI 300, members at each date, 2015-2019 out of sample in half-years, trained on all months since
2010 whose label is known, month-end close to close, no costs, PCA 24. Prints a Markdown table.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from attngru_bt.data.bars import Bars
from attngru_bt.data.market import Market, load
from attngru_bt.factors import FactorHistory
from attngru_bt.features.components import Components
from attngru_bt.features.missing import ConstantImputer, MissingShareFilter
from attngru_bt.features.standardizer import Standardizer, Winsorizer

TOP = 0.8  # the label: rank of the next month's return above this share

PANEL = Path(os.environ.get("ATTNGRU_DATA", "../shared/data")) / "csi300"


def panel(market: Market) -> tuple[pd.DataFrame, pd.Series]:
    """Factors of the members that traded at each month-end, and their next month's return."""
    bars = market.bars
    index = market.benchmark["close"].reindex(bars.dates).to_numpy()
    bars = Bars(bars.dates, bars.assets, bars.lines, index)
    month = bars.dates.to_period("M")
    ends = bars.dates[np.r_[month[1:] != month[:-1], True]]
    history = FactorHistory()
    history.extend(bars, ends)
    close = bars.frame("close").ffill().loc[ends]
    factors = history.frame()
    returns = (close.shift(-1) / close - 1).stack(future_stack=True).reindex(factors.index)
    traded = bars.frame("close").loc[ends].stack(future_stack=True).notna()
    held = [asset in market.membership.at(date) for date, asset in factors.index]
    keep = np.array(held) & traded.reindex(factors.index).to_numpy() & returns.notna().to_numpy()
    return factors[keep].loc["2010-01-01":], returns[keep].loc["2010-01-01":]


def scores(by: str, winsorize: bool, model: str, X: pd.DataFrame, y: pd.Series) -> pd.Series:
    """Out-of-sample scores of 2015-2019, fitted anew every half-year."""
    rank = y.groupby(level=0).rank(pct=True)
    dates, found = X.index.get_level_values(0), []
    for start in pd.date_range("2015-01-01", "2019-07-01", freq="6MS"):
        known = dates < dates[dates < start].max()  # the last month's label is not known yet
        test = (dates >= start) & (dates < start + pd.DateOffset(months=6))
        prepare = make_pipeline(
            MissingShareFilter(0.2),
            Winsorizer() if winsorize else "passthrough",
            Standardizer(by=by),
            ConstantImputer(0.0),
            Components(24),
        )
        train = prepare.fit_transform(X[known])
        later = prepare.transform(X[test])
        if model == "ridge on ranks":
            score = Ridge(100.0).fit(train, rank[known]).predict(later)
        else:
            fitted = LogisticRegression(C=0.01, max_iter=500).fit(train, rank[known] > TOP)
            score = fitted.predict_proba(later)[:, 1]
        found.append(pd.Series(score, index=later.index))
    return pd.concat(found)


def row(score: pd.Series, y: pd.Series) -> dict[str, float]:
    """Means over the months of what a score is worth."""
    months = pd.DataFrame({"score": score, "y": y.reindex(score.index)}).groupby(level=0)
    ic = months.apply(lambda m: m.score.corr(m.y, method="spearman"))
    auc = months.apply(lambda m: roc_auc_score(m.y.rank(pct=True) > TOP, m.score))
    ten = months.apply(lambda m: (m.y.rank(pct=True) > TOP)[m.score.nlargest(10).index].mean())
    gain = months.apply(lambda m: m.y[m.score.nlargest(10).index].mean())
    return {
        "rank IC": ic.mean(), "t": ic.mean() / ic.std() * len(ic) ** 0.5, "AUC": auc.mean(),
        "precision@10": ten.mean(), "top 10, a year": (1 + gain).prod() ** (12 / len(gain)) - 1,
    }  # fmt: skip


def main() -> None:
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = panel(load(PANEL))
    columns = "standardized winsorized rank_IC t AUC precision@10 top_10,_a_year".split()
    print("| model |", " | ".join(columns).replace("_", " "), "|")
    print("|---|---|---|---|---|---|---|---|")
    for model in ("logistic on the top fifth", "ridge on ranks"):
        for by in ("date", "panel"):
            for winsorize in (True, False):
                r = row(scores(by, winsorize, model, X, y), y)
                print(f"| {model} | per {by} | {'MAD' if winsorize else 'no'} | {r['rank IC']:.3f} "
                      f"| {r['t']:.1f} | {r['AUC']:.3f} | {r['precision@10']:.3f} "
                      f"| {r['top 10, a year']:.1%} |")  # fmt: skip


if __name__ == "__main__":
    if PANEL.is_dir():
        main()
    else:
        print(f"skipped: no panel at {PANEL}; set ATTNGRU_DATA to the folder that holds csi300/")
