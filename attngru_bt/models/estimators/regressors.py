"""The regressors: sequences of factors in, a number out, such as the rank of a return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from attngru_bt.models.estimators.architectures import ConvolutionEstimator, FeedForwardEstimator
from attngru_bt.models.estimators.attention import AttentionGRU
from attngru_bt.models.estimators.base import NetworkEstimator
from attngru_bt.models.estimators.checks import check_numbers, check_rows, check_X
from attngru_bt.models.estimators.rows import Rows

if TYPE_CHECKING:
    from attngru_bt.models.training import Samples


@dataclass(kw_only=True, eq=False, repr=False)
class NetworkRegressor(RegressorMixin, NetworkEstimator):  # type: ignore[misc]
    """Base of the regressors: networks trained on the weighted mean of squared errors."""

    def predict(self, X: Any) -> np.ndarray:
        """Return the mean over the networks for each row, in the units of `y`, (n_samples,)."""
        check_is_fitted(self)
        x, present = check_X(self, X, fitting=False)
        outputs = self._outputs(x, present)  # (n_networks, n_samples)
        return np.asarray(self.y_mean_ + self.y_scale_ * outputs.mean(0))

    def _rows(self, X: Any, y: Any, sample_weight: Any, groups: Any) -> Rows:
        x, present, numbers, weight, dates = check_rows(
            self, X, y, sample_weight, groups, check_numbers
        )
        mean = float(np.average(numbers, weights=weight))
        variance = float(np.average((numbers - mean) ** 2, weights=weight))
        scale = (3 * variance) ** 0.5 or 1.0  # an even spread over -1 .. 1 has variance 1/3
        late = self._validation_rows(dates, numbers)
        fitted = {"y_mean_": mean, "y_scale_": scale}
        return Rows(x, present, (numbers - mean) / scale, weight, late, fitted)

    def _start(self, early: Samples) -> float:
        return 0.0

    def _loss(self) -> Any:
        from attngru_bt.models.training import squared_error

        return squared_error


@dataclass(kw_only=True, eq=False, repr=False)
class AttentionGRURegressor(AttentionGRU, NetworkRegressor):
    r"""Regression on short sequences: attention over factors, GRU, attention over time.

    The network of `AttentionGRUClassifier` with the output :math:`\hat y = w \cdot h_L + c`,
    trained on the weighted mean of squared errors. Inside, `y` is shifted to mean 0 and scaled to
    the deviation of numbers spread evenly over -1 .. 1, so that its units change nothing but those
    of the predictions, and ranks scaled to -1 .. 1 stay what they are.

    Parameters
    ----------
    attention, cell, reset, hidden_size, n_layers, dropout, max_epochs, batch_size, lr,
    weight_decay, validation_fraction, patience, n_networks, random_state, device, warm_start,
    verbose, skip, schedule, n_averaged
        As in `AttentionGRUClassifier`; predictions, not probabilities, are averaged over the
        networks.
    early_stopping : bool, default=True
        Hold out the last rows, stop once their loss has not fallen for `patience` epochs, and keep
        the best epoch. With fewer than 20 rows on either side all epochs are trained and the log
        says so.

    Attributes
    ----------
    y_mean_, y_scale_ : float
        Weighted mean of `y` in training and sqrt(3) times its standard deviation (1 if it does
        not vary), in the units of `y`.
    n_features_in_, networks_, architecture_, history_, n_iter_, best_epoch_
        As in `AttentionGRUClassifier`; losses are those of `y` as scaled.

    Notes
    -----
    Missing steps, bits and interrupts are treated as in `AttentionGRUClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from attngru_bt.models.estimators import AttentionGRURegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((600, 6, 4))                      # rows, steps, factors
    >>> y = X[:, -1, 0] + 0.5 * X[:, -2, 1]
    >>> model = AttentionGRURegressor(random_state=0).fit(X, y)
    >>> model.predict(X).shape
    (600,)
    """


@dataclass(kw_only=True, eq=False, repr=False)
class ConvolutionRegressor(ConvolutionEstimator, NetworkRegressor):
    r"""Regression on short sequences: convolutions over the steps.

    The network of `ConvolutionClassifier` with the output
    :math:`\hat y = \sum_i v_i \max_t h_{it} + c`, trained as `AttentionGRURegressor` is.

    Parameters
    ----------
    kernel_size : int, default=3
        Neighboring steps that a filter sees.
    hidden_size : int, default=16
        Filters per layer.
    n_layers, dropout, max_epochs, batch_size, lr, weight_decay, early_stopping,
    validation_fraction, patience, n_networks, random_state, device, warm_start, verbose, skip,
    schedule, n_averaged
        As in `AttentionGRURegressor`.

    Attributes
    ----------
    y_mean_, y_scale_, n_features_in_, networks_, architecture_, history_, n_iter_, best_epoch_
        As in `AttentionGRURegressor`.

    Notes
    -----
    Missing steps within a row count as 0, the mean of a standardized factor.
    """


@dataclass(kw_only=True, eq=False, repr=False)
class FeedForwardRegressor(FeedForwardEstimator, NetworkRegressor):
    r"""Regression by back-propagation: layers of tanh units on the last step alone.

    The network of `FeedForwardClassifier` with the output
    :math:`\hat y = w \cdot \tanh(W x_L + b) + c`, trained as `AttentionGRURegressor` is. Earlier
    steps change nothing; flatten sequences to let it see them.

    Parameters
    ----------
    hidden_size : int, default=16
        Units per layer.
    n_layers, dropout, max_epochs, batch_size, lr, weight_decay, early_stopping,
    validation_fraction, patience, n_networks, random_state, device, warm_start, verbose, skip,
    schedule, n_averaged
        As in `AttentionGRURegressor`.

    Attributes
    ----------
    y_mean_, y_scale_, n_features_in_, networks_, architecture_, history_, n_iter_, best_epoch_
        As in `AttentionGRURegressor`.
    """
