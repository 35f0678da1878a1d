"""What all classifiers share: labels of two classes in, P(second class) out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.special import expit
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_class_weight
from sklearn.utils.validation import check_is_fitted

from attngru_bt.models.estimators.base import MIN_VALIDATION_ROWS, NetworkEstimator
from attngru_bt.models.estimators.checks import check_rows, check_X, check_y
from attngru_bt.models.estimators.rows import Rows

if TYPE_CHECKING:
    from attngru_bt.models.training import Samples

logger = logging.getLogger(__name__)


@dataclass(kw_only=True, eq=False, repr=False)
class BinaryClassifier(ClassifierMixin, NetworkEstimator):  # type: ignore[misc]
    """Base of the classifiers: networks whose output is the log-odds of the second class."""

    _judged_by: ClassVar[str] = (
        f"both classes and {MIN_VALIDATION_ROWS} rows with both classes before them"
    )

    class_weight: str | Mapping[Any, float] | None = None

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, averaged over the networks.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, n_features) or (n_samples, n_features)
            As in `fit`; the number of steps may differ.

        Returns
        -------
        ndarray of shape (n_samples, 2)
            Columns as in `classes_`.
        """
        check_is_fitted(self)
        x, present = check_X(self, X, fitting=False)
        if not self.networks_:
            return np.ones((len(x), 1))
        positive = expit(self._outputs(x, present)).mean(0)
        return np.column_stack([1.0 - positive, positive])

    def predict(self, X: Any) -> np.ndarray:
        """Return the more probable class of each row, of shape (n_samples,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def _rows(self, X: Any, y: Any, sample_weight: Any, groups: Any) -> Rows:
        """Return the rows as the training takes them, each weighed by its class."""
        x, present, labels, weight, dates = check_rows(self, X, y, sample_weight, groups, check_y)
        classes, target = np.unique(labels, return_inverse=True)
        fitted = {"classes_": classes}
        if len(classes) == 1:
            logger.warning(
                "`y` holds one class only, %r in %d rows: its probability is 1 until the next fit.",
                classes.tolist()[0],
                len(labels),
            )
            return Rows(x, present, target, weight, None, fitted)
        weight *= compute_class_weight(self.class_weight, classes=classes, y=labels)[target]
        late = self._validation_rows(dates, target)
        return Rows(x, present, target, weight, late, fitted)

    def _start(self, early: Samples) -> float:
        import torch

        base_rate = (early.y * early.weight).mean()  # the weights have mean 1
        return float(torch.logit(base_rate))

    def _loss(self) -> Any:
        from attngru_bt.models.training import cross_entropy

        return cross_entropy

    def _can_judge(self, target: np.ndarray, late: np.ndarray) -> bool:
        both_classes = len(set(target[late])) == len(set(target[~late])) == 2
        return bool(both_classes and late.sum() >= MIN_VALIDATION_ROWS)

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn should know: two classes besides what holds for all."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags
