"""The record of a month-end: its scores, the fit behind them, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.features.cross_section import CrossSection


@dataclass
class MonthRecord:
    """The scores of one month-end and the fit behind them, kept for reports.

    Attributes
    ----------
    month_end : Timestamp
    scores : Series, index asset
        Expected rank of the next month's return, or P(among its `topk` best); only the order
        matters. Empty before the first fit.
    n_rows, n_months : int
        Rows and month-ends the model in use was fitted on.
    refit : bool
        Whether the model was fitted at this month-end.
    fit_seconds, score_seconds : float
        Wall-clock seconds for the fit (0 without one) and for factors and scoring.
    explained_variance : array of shape (n_components,) or None
        Share of variance per principal component.
    attention : dict of arrays or None
        Mean attention weights on this cross-section: "factor" of shape (n_components,),
        "temporal" of shape (n_steps,).
    losses : list
        Per seed the training history, a list of dicts per epoch.
    in_sample : dict of str to float or None
        How well the model in use separates the rows it was fitted on, see
        `attngru_bt.walkforward.Fit`. Never to be shown beside out-of-sample figures without that
        word.
    loadings : DataFrame of shape (n_components, factors) or None
        The principal components in use.
    factors : tuple of str
        Factors the model was given.
    dropped : dict of str to float
        Factors left out for missing values, with their missing share on the training window.
    shuffled : dict of str to float32 array of shape (n_repeats, n_stocks)
        Scores when the values of a family of factors are shuffled among the stocks; see
        `attngru_bt.walkforward.shuffled`. Stocks in the order of `scores`.
    by_network : float32 array of shape (n_networks, n_stocks) or None
        The output of each network of an ensemble; None for one network, and for other models.
    found : bool
        Whether it was taken from the folder of an earlier run.
    """

    month_end: pd.Timestamp
    scores: pd.Series
    n_rows: int = 0
    n_months: int = 0
    refit: bool = False
    fit_seconds: float = 0.0
    score_seconds: float = 0.0
    explained_variance: NDArray[np.float64] | None = None
    attention: dict[str, NDArray[np.float64]] | None = None
    losses: list[Any] = field(default_factory=list)
    in_sample: dict[str, float] | None = None
    loadings: pd.DataFrame | None = None
    factors: tuple[str, ...] = ()
    dropped: dict[str, float] = field(default_factory=dict)
    shuffled: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    by_network: NDArray[np.float32] | None = None
    found: bool = False


def no_scores() -> pd.Series:
    """Return the scores of a month-end without a model: an empty Series."""
    return pd.Series(dtype=float, name="score", index=pd.Index([], name="asset"))


def outcomes(
    records: Sequence[MonthRecord], sections: Sequence[CrossSection], topk: int
) -> pd.DataFrame:
    """Return the scores beside what came of them.

    Parameters
    ----------
    records : sequence of MonthRecord
    sections : sequence of CrossSection
        Among them those of the records' month-ends.
    topk : int
        How many of a month's best returns are labeled 1.

    Returns
    -------
    DataFrame, index (month_end, asset), columns score, label, forward_return
        For every scored month-end; label and forward_return (a fraction) are NaN until the next
        month-end is known.
    """
    of_date = {s.date: s for s in sections}
    dates: list[pd.Timestamp] = []
    assets: list[str] = []
    parts: list[NDArray[np.float64]] = []  # (columns, stocks)
    for record in records:
        section = of_date[record.month_end]
        scores = record.scores.reindex(section.assets).to_numpy(dtype=np.float64)
        unknown = np.full(len(section), np.nan)
        returns = unknown if section.returns is None else section.returns
        scored = np.flatnonzero(~np.isnan(scores))
        parts.append(np.stack([scores, section.labels(topk), returns])[:, scored])
        assets += [section.assets[i] for i in scored]
        dates += [record.month_end] * len(scored)
    index = pd.MultiIndex.from_arrays([dates, assets], names=["month_end", "asset"])
    columns = ["score", "label", "forward_return"]
    return pd.DataFrame(np.concatenate([np.empty((3, 0)), *parts], axis=1).T, index, columns)
