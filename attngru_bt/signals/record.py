"""What happened at one month-end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass
class MonthRecord:
    """What happened at one month-end, kept for reports.

    Attributes
    ----------
    month_end : Timestamp
    scores : Series, index asset
        P(among the `topk` best of the next month); only the order matters. Empty before the first
        fit.
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
    factors : tuple of str
        Factors the model was given.
    dropped : dict of str to float
        Factors left out for missing values, with their missing share on the training window.
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
    factors: tuple[str, ...] = ()
    dropped: dict[str, float] = field(default_factory=dict)
