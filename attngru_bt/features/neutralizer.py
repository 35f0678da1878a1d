"""What industry and size explain, taken out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.features.base import ROUNDING, Floats, PanelTransformer, dates_of


class Neutralizer(PanelTransformer):
    """Take out, date by date, what industry and size explain: residuals of a least-squares fit.

    Parameters
    ----------
    industry : mapping of str to label, or Series, optional
        Industry per asset; a Series indexed (date, asset) gives it point in time. A stock without
        one is not known: its factors become NaN.
    size : str, optional
        Column of X that holds the log of market value; it stays as it is. Where it is NaN, so are
        the other factors.
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
                here = labels[rows]
                known &= here >= 0
                columns.append((here[:, None] == np.unique(here[here >= 0])).astype(float))
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
        if self.industry is None:
            return None
        given = self.industry
        if isinstance(given, pd.Series) and given.index.nlevels == 2:
            found = given.reindex(X.index)
        else:
            found = pd.Series(X.index.get_level_values(1)).map(dict(given))
        return pd.factorize(found.to_numpy())[0].astype(np.intp)


def _residuals(values: Floats, exposures: Floats, known: NDArray[np.bool_]) -> Floats:
    """Residuals per column; columns with the same rows missing are solved together."""
    out = np.full(values.shape, np.nan)
    usable = known[:, None] & ~np.isnan(values)
    patterns, column_of = np.unique(usable, axis=1, return_inverse=True)
    for k in range(patterns.shape[1]):
        rows, columns = patterns[:, k], np.flatnonzero(column_of.reshape(-1) == k)
        if rows.any():
            y, x = values[np.ix_(rows, columns)], exposures[rows]
            fit = x @ np.linalg.lstsq(x, y, rcond=None)[0]
            rest = y - fit
            # what is left of a column that the exposures explain fully is rounding
            rest[np.abs(rest) <= ROUNDING * np.abs(y).max(axis=0)] = 0.0
            out[np.ix_(rows, columns)] = rest
    return out
