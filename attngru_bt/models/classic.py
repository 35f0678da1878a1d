"""Classic models: scikit-learn's and XGBoost's, on the features of the month-end itself.

Each is new, not fitted and without a random state. The libraries are loaded when a model is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

# no early stopping: scikit-learn would hold out random rows, months on both sides
BOOSTING: Mapping[str, Any] = MappingProxyType(
    dict(max_iter=100, learning_rate=0.05, max_depth=3, early_stopping=False)
)


def logistic() -> Any:
    """Return a logistic regression with some shrinkage."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=0.1, max_iter=1000)


def svm() -> Any:
    """Return a support vector machine with an RBF kernel, by random features."""
    # A kernel SVM takes quadratic time: minutes a month on 300 stocks x 115 months. 100 random
    # features stand in for its RBF kernel and a linear SVM does the rest in a fraction of a second.
    # Balanced: with 3% of class 1 the margin of an unbalanced one says "no" to all.
    from sklearn.kernel_approximation import RBFSampler
    from sklearn.pipeline import Pipeline
    from sklearn.svm import LinearSVC

    return Pipeline(
        [
            ("kernel", RBFSampler(gamma="scale", n_components=100)),
            ("svm", LinearSVC(C=0.01, class_weight="balanced")),
        ]
    )


def random_forest() -> Any:
    """Return a random forest of large leaves."""
    # large leaves and half of the rows per tree: months are noisy, and it is faster
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        n_estimators=100, max_depth=8, min_samples_leaf=20, max_samples=0.5, n_jobs=1
    )


def gbdt() -> Any:
    """Return gradient-boosted trees on labels, without early stopping."""
    from attngru_bt.models.boosting import BoostedClassifier

    return BoostedClassifier(**BOOSTING)


def xgboost() -> Any:
    """Return XGBoost's boosted trees on labels; raise ImportError where it is not installed."""
    try:
        from xgboost import XGBClassifier
    except ImportError:
        raise ImportError(
            "The model 'xgboost' needs the package xgboost, which is not installed: "
            "pip install 'attngru_bt[xgboost]'."
        ) from None

    return XGBClassifier(
        n_estimators=100,
        learning_rate=0.05,
        max_depth=3,
        subsample=0.5,
        tree_method="hist",
        n_jobs=1,
    )


def ridge() -> Any:
    """Return a ridge regression whose penalty grows with the number of rows."""
    from attngru_bt.models.linear import RidgePerRow

    return RidgePerRow()


def ridge_pca() -> Any:
    """Return a ridge regression for principal components."""
    from sklearn.linear_model import Ridge

    return Ridge(alpha=1.0)


def gbdt_rank() -> Any:
    """Return boosted trees on ranks: the mean of six models on a third of the factors each."""
    from attngru_bt.models.boosting import BoostedRegressor
    from attngru_bt.models.subspaces import SubspaceRegressor

    return SubspaceRegressor(BoostedRegressor(**BOOSTING))
