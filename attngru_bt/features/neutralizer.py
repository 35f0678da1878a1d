"""Neutralizing: the residuals of factors after a regression on industry and size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.features.base import ROUNDING, Floats, FrameTransformer, dates_of


class Neutralizer(FrameTransformer):
    """Replace factors by their residuals after a regression on industry and size, date by date.

    Parameters
    ----------
    industry : mapping of str to label, or Series, optional
        Industry per asset; a Series indexed (date, asset) gives it point in time. The factors of a
        stock without an industry become NaN.
    size : str, optional
        Column of X with the log of the market value; it is not changed. Where it is NaN, the other
        factors become NaN.
    """

    def __init__(
        self, industry: Mapping[str, Any] | pd.Series | None = None, size: str | None = None
    ) -> None:
        self.industry = industry
        self.size = size

    def _check_parameters(self) -> None:
        if self.industry is None and self.size is None:
            raise ValueError("`industry` or `size` must be given; got neither.")

    def _learn(self, X: pd.DataFrame, values: Floats) -> None:
        if self.size is not None and self.size not in X.columns:
            raise ValueError(
                f"`size` must be a column of X; got size={self.size!r}, columns "
                f"{', '.join(map(str, X.columns[:8]))} ..."
            )

    def _change(self, X: pd.DataFrame, values: Floats) -> Floats:
        labels = self._labels(X)
        size = None if self.size is None else X.columns.get_loc(self.size)
        out = values.copy()
        for rows in dates_of(X):
            block = values[rows]
            columns: list[Floats] = []
            known = np.ones(len(block), dtype=bool)
            if labels is None:
                columns.append(np.ones((len(block), 1)))
            else:
                industry = labels[rows]
                known &= industry >= 0
                names = np.unique(industry[known])
                columns.append((industry[:, None] == names).astype(float))  # dummies
            if size is not None:
                level = block[:, size]
                known &= ~np.isnan(level)
                columns.append((level - (level[known].mean() if known.any() else 0.0))[:, None])
            residual = _residuals(block, np.hstack(columns), known)
            if size is not None:
                residual[:, size] = block[:, size]
            out[rows] = residual
        return out

    def _labels(self, X: pd.DataFrame) -> NDArray[np.intp] | None:
        """Return the number of each row's industry, -1 where it is unknown."""
        if self.industry is None:
            return None
        if isinstance(self.industry, pd.Series) and self.industry.index.nlevels == 2:
            industry = self.industry.reindex(X.index)
        else:
            industry = pd.Series(X.index.get_level_values(1)).map(dict(self.industry))
        return pd.factorize(industry.to_numpy())[0].astype(np.intp)


def _residuals(values: Floats, exposures: Floats, known: NDArray[np.bool_]) -> Floats:
    """Return residuals per column; columns with the same rows missing are solved together."""
    out = np.full(values.shape, np.nan)
    usable = known[:, None] & ~np.isnan(values)
    patterns, column_of = np.unique(usable, axis=1, return_inverse=True)
    for k in range(patterns.shape[1]):
        rows, columns = patterns[:, k], np.flatnonzero(column_of.reshape(-1) == k)
        if rows.any():
            y, x = values[np.ix_(rows, columns)], exposures[rows]
            fit = x @ np.linalg.lstsq(x, y, rcond=None)[0]
            residual = y - fit
            # the exposures explain a column fully: what is left of it is rounding
            residual[np.abs(residual) <= ROUNDING * np.abs(y).max(axis=0)] = 0.0
            out[np.ix_(rows, columns)] = residual
    return out
