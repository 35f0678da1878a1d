"""In-sample figures, against scikit-learn and scipy month by month."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import roc_auc_score

from attngru_bt.walkforward.in_sample import in_sample
from attngru_bt.walkforward.training_set import TrainingSet


def rows_of(scores, top, months):
    """A training set whose only feature is the score that the model gives."""
    return TrainingSet(
        month_end=pd.Timestamp("2020-01-31"),
        preprocess=None,
        features=np.asarray(scores, dtype=float)[:, None, None],
        top=np.asarray(top, dtype=float),
        rank=np.zeros(len(scores)),
        weight=None,
        months=np.asarray(months),
        n_months=len(set(months)),
    )


class Repeats(RegressorMixin, BaseEstimator):
    """Says what its only feature says."""

    def fit(self, X, y):
        return self

    def predict(self, X):
        return np.asarray(X).reshape(len(X), -1)[:, 0]


ROW = st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 5))


@given(st.lists(ROW, min_size=1, max_size=40), st.integers(1, 4))
def test_each_month_by_itself(rows, topk):
    rows = sorted(rows, key=lambda row: row[0])  # months with ties, and with one kind of rows only
    months, top, scores = map(np.array, zip(*rows, strict=True))
    right, areas = 0, []
    for month in np.unique(months):
        truth, said = top[months == month], scores[months == month]
        called = np.isin(
            np.arange(len(said)), sorted(range(len(said)), key=lambda i: -said[i])[:topk]
        )
        right += (called == truth).sum()
        if 0 < truth.sum() < len(truth):
            areas.append(roc_auc_score(truth, said))
    figures = in_sample(Repeats(), rows_of(scores, top, months), topk)
    assert figures["accuracy_at_k"] == right / len(rows)
    assert figures["auc"] == pytest.approx(np.mean(areas) if areas else np.nan, nan_ok=True)
    assert "accuracy" not in figures
