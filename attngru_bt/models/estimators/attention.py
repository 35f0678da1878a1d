"""What a fitted network attends to, for the estimators whose network has attention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from attngru_bt.models.estimators.base import NetworkEstimator
from attngru_bt.models.estimators.checks import check_X

if TYPE_CHECKING:
    from torch import Tensor


class AttentionGRU(NetworkEstimator):
    """Base of the estimators on `attngru_bt.models.networks.AttentionRNN`."""

    _network = "recurrent"
    _shape = ("attention", "cell", "reset", "hidden_size", "n_layers", "dropout", "skip")

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
        total: dict[str, np.ndarray] = {}

        from attngru_bt.models.training import attention

        weights: list[dict[str, Tensor]] = self._apply(x, present, attention)
        for of_network in weights:
            for name, alpha in of_network.items():
                share = alpha.cpu().numpy().astype(np.float64) / len(self.networks_)
                total[name] = total[name] + share if name in total else share
        if mean and "factor" in total:
            total["factor"] = total["factor"].sum((0, 1)) / present.sum()
        if mean and "temporal" in total:
            total["temporal"] = total["temporal"].mean(0)
        return total
