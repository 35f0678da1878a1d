"""What a fitted network attends to, for the estimators whose network has attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from attngru_bt.models.estimators.base import NetworkEstimator
from attngru_bt.models.estimators.checks import check_X


@dataclass(kw_only=True, eq=False, repr=False)
class AttentionGRU(NetworkEstimator):
    """Base of the estimators on `attngru_bt.models.networks.AttentionRNN`."""

    _network: ClassVar[str] = "recurrent"
    _shape: ClassVar[tuple[str, ...]] = ("attention", "cell", "reset")

    attention: str | None = "factor"
    cell: str = "gru"
    reset: str = "before"

    def attention_weights(self, X: Any, *, mean: bool = True) -> dict[str, np.ndarray]:
        """Return what the networks attend to on these rows, averaged over the networks.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        mean : bool, default=True
            Average over rows; False gives the weights of every row.

        Returns
        -------
        dict {str: ndarray}
            "factor": (n_features,), mean over rows and the steps that are present; with
            ``mean=False`` (n_samples, n_steps, n_features). "temporal": (n_steps,) or
            (n_samples, n_steps). Only the attentions the model has. Weights are non-negative, sum
            to 1 (over features, over steps) and are 0 on missing steps.
        """
        check_is_fitted(self)
        x, present = check_X(self, X, fitting=False)
        weights: dict[str, np.ndarray] = {}
        if not self.networks_:  # one class
            return weights

        from attngru_bt.models.training import attention

        for name, alpha in self._apply(x, present, attention).items():  # rows last
            weights[name] = alpha.cpu().numpy().astype(np.float64).mean(0).T
        if mean and "factor" in weights:
            weights["factor"] = weights["factor"].sum((0, 1)) / present.sum()
        if mean and "temporal" in weights:
            weights["temporal"] = weights["temporal"].mean(0)
        return weights
