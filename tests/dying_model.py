"""A model that ends the process it is fitted in; a worker that meets it imports only this file."""

import os
import signal
from pathlib import Path

from sklearn.base import BaseEstimator, RegressorMixin


class Dying(RegressorMixin, BaseEstimator):
    """Kills its own process the first time it is fitted anywhere."""

    def __init__(self, mark=None):
        self.mark = mark

    def fit(self, X, y):
        if not Path(self.mark).exists():
            Path(self.mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        self.coef_ = X.T @ y
        return self

    def predict(self, X):
        return X @ self.coef_
