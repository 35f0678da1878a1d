"""The rows that one fit trains on, and a fit in progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from attngru_bt.models.training import Job

Record = dict[str, Any]
Progress = Callable[[int, Record], None]
History = list[Record]


@dataclass(frozen=True)
class Rows:
    """The rows that one `fit` trains on, checked, without rows of weight 0.

    Attributes
    ----------
    x : float32 array or Windows of shape (n, n_steps, n_features)
        Missing steps 0.
    present : bool array of shape (n, n_steps)
    target : array of shape (n,)
        What the network learns to return: 0 and 1, or numbers of mean 0 within about -1 .. 1.
    weight : array of shape (n,)
    late : bool array of shape (n,) or None
        Rows held out for early stopping; None: all epochs are trained on all rows.
    fitted : mapping
        Attributes to set beside the networks, such as ``classes_``.
    """

    x: Any
    present: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    late: np.ndarray | None = None
    fitted: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class FitInProgress:
    """A fit in progress: networks to train, and what to call with them once all are trained."""

    jobs: list[Job]
    keep: Callable[[list[Job], list[History]], None]
    histories: dict[int, History] = field(default_factory=dict)

    def finish(self, network: int, history: History) -> None:
        """Note that a network is trained."""
        self.histories[network] = history
        if len(self.histories) == len(self.jobs):
            self.keep(self.jobs, [self.histories[number] for number in range(len(self.jobs))])
            self.jobs = []  # frees the memory of their rows
