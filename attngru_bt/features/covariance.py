"""Covariance of the factors, kept up to date month by month."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.features.base import Floats


class RunningCovariance:
    """Mean and covariance of all rows added so far, without keeping the rows.

    A new month costs one product of its own rows, however many came before: what principal
    components need (`Components.from_covariance`) in a walk-forward that refits every month. Parts
    can be merged: sums of single months, put together, give a rolling window.

    Parameters
    ----------
    columns : sequence of str
        Factors.
    fill : float, default=0.0
        What stands for a value that is not known, as in `ConstantImputer`.

    Attributes
    ----------
    n_rows : int
    mean : ndarray of shape (factors,)
    products : ndarray of shape (factors, factors)
        Sums of products of the distances from the mean, in float64.
    n_missing : ndarray of shape (factors,)
        How many values were not known, per factor.

    References
    ----------
    Chan, Golub and LeVeque (1983), Algorithms for computing the sample variance: parts are joined
    by their means, so that nothing large cancels.
    """

    def __init__(self, columns: Sequence[str], fill: float = 0.0) -> None:
        if not np.isfinite(fill):
            raise ValueError(f"`fill` must be a finite number; got fill={fill!r}.")
        self.columns, self.fill = tuple(columns), float(fill)
        k = len(self.columns)
        self.n_rows = 0
        self.mean: Floats = np.zeros(k)
        self.products: Floats = np.zeros((k, k))
        self.n_missing: NDArray[np.int64] = np.zeros(k, dtype=np.int64)

    def add(self, rows: pd.DataFrame) -> Self:
        """Take in further rows.

        Parameters
        ----------
        rows : DataFrame of shape (rows, factors)
            Its columns are `columns`, in that order. NaN = not known.
        """
        if tuple(rows.columns) != self.columns:
            raise ValueError(
                f"`rows` must have the {len(self.columns)} columns of the covariance in their "
                f"order; got {len(rows.columns)}, {self._first_other(tuple(rows.columns))}."
            )
        values = rows.to_numpy(dtype=np.float64)
        if np.isinf(values).any():
            row, column = np.argwhere(np.isinf(values))[0]
            raise ValueError(
                f"`rows` must not contain infinities; got one in {self.columns[column]!r} in row "
                f"{rows.index[row]!r}. Write NaN for a value not known."
            )
        if not len(values):
            return self
        part = RunningCovariance(self.columns, self.fill)
        unknown = np.isnan(values)
        values = np.where(unknown, self.fill, values)
        part.n_rows, part.n_missing = len(values), unknown.sum(axis=0)
        part.mean = values.mean(axis=0)
        values -= part.mean
        part.products = values.T @ values
        return self.merge(part)

    def merge(self, other: RunningCovariance) -> Self:
        """Take in the rows that another one of the same columns and fill has seen."""
        if (other.columns, other.fill) != (self.columns, self.fill):
            raise ValueError(
                "`other` must have the same columns and fill; got "
                f"{len(other.columns)} columns, fill={other.fill} for {len(self.columns)}, "
                f"fill={self.fill}."
            )
        n = self.n_rows + other.n_rows
        if not n:
            return self
        apart = other.mean - self.mean
        self.products += other.products
        self.products += np.outer(apart, apart * (self.n_rows * other.n_rows / n))
        self.mean = self.mean + apart * (other.n_rows / n)
        self.n_missing = self.n_missing + other.n_missing
        self.n_rows = n
        return self

    def missing_share(self) -> Floats:
        """Share of values not known per factor, as `MissingShareFilter` measures it."""
        return np.asarray(self.n_missing / max(self.n_rows, 1))

    def moments(self, columns: Sequence[str] | None = None) -> tuple[Floats, Floats]:
        """Return mean (k,) and covariance (k, k) of some columns, None: of all.

        The covariance is divided by n - 1.
        """
        if not self.n_rows:
            raise ValueError("No rows so far: `add` some before asking for their covariance.")
        places = np.arange(len(self.columns))
        if columns is not None:
            known = {name: place for place, name in enumerate(self.columns)}
            absent = [name for name in columns if name not in known]
            if absent:
                raise ValueError(f"`columns` must be among those added; got {absent[0]!r}.")
            places = np.array([known[name] for name in columns], dtype=np.intp)
        covariance = self.products[np.ix_(places, places)] / max(self.n_rows - 1, 1)
        return self.mean[places], covariance

    def _first_other(self, names: tuple[str, ...]) -> str:
        pairs = zip(names, self.columns, strict=False)
        place = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
        if place is None:
            return "the first of which agree"
        return f"{names[place]!r} where {self.columns[place]!r} belongs"
