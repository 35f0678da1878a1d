"""How well a model separates the rows that it was fitted on, which is no evidence of skill."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from attngru_bt.models.contract import input_of, value
from attngru_bt.walkforward.training_set import TrainingSet


def in_sample(model: Any, rows: TrainingSet, topk: int) -> dict[str, float]:
    """Return the in-sample figures of a fit; see `Fit.in_sample`.

    Parameters
    ----------
    model : fitted estimator
    rows : TrainingSet
        What it was fitted on.
    topk : int
        How many rows of each month are called 1, those with the best scores.
    """
    scores = value(model, input_of(model, rows.features))
    truth = rows.top == 1
    figures: dict[str, float] = {}
    if hasattr(model, "classes_"):
        yes = scores > (0.5 if hasattr(model, "predict_proba") else 0.0)
        figures["accuracy"] = float(np.mean(yes == truth))
    # the rows of a month are neighbors, so that each month is one run of them
    begins = np.flatnonzero(np.append(True, np.diff(rows.months) != 0))
    month = np.repeat(np.arange(len(begins)), np.diff(np.append(begins, len(rows))))
    called = np.zeros(len(rows), dtype=bool)
    called[np.lexsort((-scores, month))] = np.arange(len(rows)) - begins[month] < topk
    figures["accuracy_at_k"] = int((called == truth).sum()) / len(rows)
    # Mann-Whitney, month by month
    n, m = np.bincount(month, weights=truth), np.bincount(month, weights=~truth)
    won = np.bincount(month, weights=_ranks(scores, month, begins) * truth) - n * (n + 1) / 2
    both = (n > 0) & (m > 0)
    figures["auc"] = float(np.mean(won[both] / (n[both] * m[both]))) if both.any() else np.nan
    return figures


def _ranks(
    scores: NDArray[np.float64], month: NDArray[np.intp], begins: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Rank scores within their month from 1, the worst; equal ones share their mean rank."""
    order = np.lexsort((scores, month))
    ordered, of = scores[order], month[order]
    new = np.append(True, (ordered[1:] != ordered[:-1]) | (of[1:] != of[:-1]))
    first = np.flatnonzero(new)
    counts = np.diff(np.append(first, len(scores)))
    ranks = np.empty(len(scores))
    ranks[order] = np.repeat(first + (counts + 1) / 2, counts)
    return ranks - begins[month]
