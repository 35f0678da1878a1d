"""From factors to what a model is fitted on: scikit-learn transformers for panels of stocks.

Every transformer takes and returns a DataFrame indexed (date, asset) with one column per factor, so
they compose in a `sklearn.pipeline.Pipeline`. Those that work per date look at one date's rows at a
time and have nothing to fit: dates do not see each other, so neither past nor future leaks. NaN
means "not known" and stays NaN until `FillMissing`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted, validate_data

logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]

MAD_TO_STD = 1.4826  # of a normal distribution
_CONSTANT = 1e-12  # a spread below this share of the largest value is rounding


class _PanelTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What the transformers share: a checked panel in, a DataFrame out."""

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Check the parameters, remember the columns, and learn what there is to learn.

        Parameters
        ----------
        X : DataFrame of shape (rows, factors), indexed (date, asset)
        y : ignored
        """
        self._check_parameters()
        values = self._values(X, reset=True)
        self._learn(X, values)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the transformed panel; X itself is not changed.

        Parameters
        ----------
        X : DataFrame of shape (rows, factors), indexed (date, asset)

        Returns
        -------
        DataFrame with the rows of X
        """
        check_is_fitted(self, "n_features_in_")
        values = self._change(X, self._values(X, reset=False))
        names = list(self.get_feature_names_out())
        # the result is nobody else's: pandas need not copy it
        return pd.DataFrame(values, index=X.index, columns=names, copy=False)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[Any]:
        """Names of the columns that `transform` returns."""
        check_is_fitted(self, "n_features_in_")
        return np.asarray(self.feature_names_in_, dtype=object)

    def _values(self, X: pd.DataFrame, *, reset: bool) -> Floats:
        if not isinstance(X, pd.DataFrame) or X.index.nlevels != 2:
            raise TypeError(
                f"`X` must be a DataFrame indexed (date, asset) with one column per factor; got "
                f"{type(X).__name__}."
            )
        if not len(X):
            raise ValueError("`X` must have at least one row; got none.")
        validate_data(self, X, reset=reset, skip_check_array=True)
        values = np.asarray(X.to_numpy(dtype=np.float64))
        if np.isinf(values).any():
            row, column = np.argwhere(np.isinf(values))[0]
            date, asset = X.index[row]
            raise ValueError(
                f"`X` must not contain infinities; got one in {X.columns[column]!r} on "
                f"{pd.Timestamp(date).date()} for {asset!r}. Write NaN for a value not known."
            )
        return values

    def _check_parameters(self) -> None:
        """Raise ValueError for a parameter out of bounds."""

    def _learn(self, X: pd.DataFrame, values: Floats) -> None:
        """Set what the rows teach; nothing for transformers per date."""

    def _change(self, X: pd.DataFrame, values: Floats) -> Floats:
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _dates(X: pd.DataFrame) -> Iterator[slice | NDArray[np.intp]]:
    """Rows of each date, as slices where a date's rows lie together."""
    codes = X.index.codes[0] if isinstance(X.index, pd.MultiIndex) else None
    codes = np.asarray(codes)
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    if len(np.unique(codes[starts])) == len(starts):
        for start, end in zip(starts, np.r_[starts[1:], len(codes)], strict=True):
            yield slice(int(start), int(end))
        return
    order = np.argsort(codes, kind="stable")
    cuts = np.flatnonzero(np.diff(codes[order])) + 1
    yield from np.split(order, cuts)


def _moments(values: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation (divided by n) per column over the known rows.

    The deviation is 0 where the column is constant up to rounding.
    """
    unknown = np.isnan(values)
    n = np.maximum(len(values) - unknown.sum(axis=0), 1)
    away = values.copy()
    np.copyto(away, 0.0, where=unknown)
    largest = np.maximum(away.max(axis=0), -away.min(axis=0))
    centre = away.sum(axis=0) / n
    away -= centre
    np.copyto(away, 0.0, where=unknown)
    rest = away.sum(axis=0) / n  # rounding of a large common level; its square does not cancel
    spread = np.sqrt(np.maximum(np.einsum("ij,ij->j", away, away) / n - rest * rest, 0.0))
    spread[spread <= _CONSTANT * largest] = 0.0
    return centre + rest, spread


class MissingShareFilter(_PanelTransformer):
    """Drop factors of which too many values are missing in the training rows.

    Parameters
    ----------
    max_share : float, default=0.2
        Largest share of missing values, a fraction, at which a factor is kept.

    Attributes
    ----------
    missing_share_ : Series
        Share of missing values per factor, in the rows fitted on.
    kept_ : ndarray of str
        Factors kept.
    """

    def __init__(self, max_share: float = 0.2) -> None:
        self.max_share = max_share

    def _check_parameters(self) -> None:
        if not 0 <= self.max_share <= 1:
            raise ValueError(f"`max_share` must be in [0, 1]; got max_share={self.max_share!r}.")

    def _learn(self, X: pd.DataFrame, values: Floats) -> None:
        share = np.isnan(values).mean(axis=0)
        self.missing_share_ = pd.Series(share, index=list(X.columns), name="missing_share")
        self.support_ = share <= self.max_share
        if not self.support_.any():
            raise ValueError(
                f"No factor has at most {self.max_share:.0%} of its values missing; the best, "
                f"{self.missing_share_.idxmin()!r}, lacks {share.min():.0%}. Raise `max_share` or "
                "use factors with less look-back."
            )
        self.kept_ = np.asarray(self.feature_names_in_, dtype=object)[self.support_]

    def get_feature_names_out(self, input_features: object = None) -> NDArray[Any]:
        """Names of the factors kept."""
        check_is_fitted(self, "kept_")
        return np.asarray(self.kept_)

    def _change(self, X: pd.DataFrame, values: Floats) -> Floats:
        return values[:, self.support_]


class Winsorise(_PanelTransformer):
    """Pull outliers in to a limit, date by date.

    Parameters
    ----------
    method : {"mad", "quantile"}, default="mad"
        "mad": at most `limit` robust standard deviations (1.4826 x the median absolute deviation)
        from the date's median. Where more than half of a date's values are equal there is no such
        measure, and they are left as they are. "quantile": between the date's quantiles.
    limit : float, default=5.0
        Robust standard deviations, for "mad".
    quantile : float, default=0.01
        Share pulled in at either end, for "quantile".
    """

    def __init__(self, method: str = "mad", limit: float = 5.0, quantile: float = 0.01) -> None:
        self.method = method
        self.limit = limit
        self.quantile = quantile

    def _check_parameters(self) -> None:
        if self.method not in ("mad", "quantile"):
            raise ValueError(f"`method` must be 'mad' or 'quantile'; got method={self.method!r}.")
        if not self.limit > 0:
            raise ValueError(f"`limit` must be positive; got limit={self.limit!r}.")
        if not 0 <= self.quantile < 0.5:
            raise ValueError(f"`quantile` must be in [0, 0.5); got quantile={self.quantile!r}.")

    def _change(self, X: pd.DataFrame, values: Floats) -> Floats:
        out = np.empty_like(values)
        for rows in _dates(X):
            block = values[rows]
            ordered = np.sort(block, axis=0)  # NaN last
            n = len(block) - np.isnan(ordered).sum(axis=0)
            if self.method == "mad":
                middle = _quantile(ordered, n, 0.5)
                away = np.sort(np.abs(block - middle), axis=0)
                reach = self.limit * MAD_TO_STD * _quantile(away, n, 0.5)
                reach[reach == 0] = np.inf
                low, high = middle - reach, middle + reach
            else:
                low = _quantile(ordered, n, self.quantile)
                high = _quantile(ordered, n, 1 - self.quantile)
            out[rows] = np.clip(block, low, high)
        return out


def _quantile(ordered: Floats, n: NDArray[np.intp], q: float) -> Floats:
    """Quantile per column of sorted values with NaN last, linear between neighbours."""
    place = q * (np.maximum(n, 1) - 1)
    below = np.floor(place).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(n, 1) - 1)
    columns = np.arange(ordered.shape[1])
    low, high = ordered[below, columns], ordered[above, columns]
    return np.asarray(low + (high - low) * (place - below))


class Standardise(_PanelTransformer):
    """Subtract the mean and divide by the standard deviation (of the population).

    A factor that is the same for all stocks tells nothing: it becomes 0, as does the only stock of
    a date.

    Parameters
    ----------
    by : {"date", "panel"}, default="date"
        "date": each date's stocks among themselves. "panel": mean and deviation of all rows fitted
        on, as in the paper.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (factors,)
        Only with `by="panel"`.
    """

    def __init__(self, by: str = "date") -> None:
        self.by = by

    def _check_parameters(self) -> None:
        if self.by not in ("date", "panel"):
            raise ValueError(f"`by` must be 'date' or 'panel'; got by={self.by!r}.")

    def _learn(self, X: pd.DataFrame, values: Floats) -> None:
        if self.by == "panel":
            self.mean_, self.scale_ = _moments(values)

    def _change(self, X: pd.DataFrame, values: Floats) -> Floats:
        if self.by == "panel":
            return _scale(values, self.mean_, self.scale_)
        out = np.empty_like(values)
        for rows in _dates(X):
            block = values[rows]
            out[rows] = _scale(block, *_moments(block))
        return out


def _scale(values: Floats, centre: Floats, spread: Floats) -> Floats:
    out = values - centre
    out *= np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), 0.0)
    return out


class Neutralise(_PanelTransformer):
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
        for rows in _dates(X):
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
            rest[np.abs(rest) <= _CONSTANT * np.abs(y).max(axis=0)] = 0.0
            out[np.ix_(rows, columns)] = rest
    return out


class FillMissing(_PanelTransformer):
    """Fill what is not known with one value; after standardising, 0 is the mean.

    Parameters
    ----------
    value : float, default=0.0
    """

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def _check_parameters(self) -> None:
        if not np.isfinite(self.value):
            raise ValueError(f"`value` must be a finite number; got value={self.value!r}.")

    def _change(self, X: pd.DataFrame, values: Floats) -> Floats:
        return np.where(np.isnan(values), self.value, values)


class Components(_PanelTransformer):
    """Principal components, with a sign that does not flip from one fit to the next by chance.

    Each component's largest loading (in absolute value; the first of equal ones) is positive.

    Parameters
    ----------
    n_components : int or float, default=24
        Number of components, or as a fraction in (0, 1) the share of the variance that they must
        explain. More than there are columns: all of them, and a log line says so.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, factors)
        Loadings; rows have length 1.
    explained_variance_, explained_variance_ratio_ : ndarray of shape (n_components,)
        Variance along each component, and as a fraction of the factors' total.
    mean_ : ndarray of shape (factors,)
    n_components_ : int
    """

    def __init__(self, n_components: int | float = 24) -> None:
        self.n_components = n_components

    def _check_parameters(self) -> None:
        n = self.n_components
        whole = isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= 1
        if not whole and not (isinstance(n, (float, np.floating)) and 0 < n < 1):
            raise ValueError(
                f"`n_components` must be a whole number >= 1 or a fraction in (0, 1); got "
                f"n_components={n!r}."
            )

    def _learn(self, X: pd.DataFrame, values: Floats) -> None:
        self._require_known(X, values)
        n_rows, n_columns = values.shape
        self.mean_ = values.mean(axis=0)
        centred = values - self.mean_
        covariance = centred.T @ centred / max(n_rows - 1, 1)
        variance, vectors = np.linalg.eigh(covariance)
        variance = np.maximum(variance[::-1], 0.0)
        loadings = vectors.T[::-1]
        ratio = variance / (variance.sum() or 1.0)
        most = min(n_columns, n_rows)
        if isinstance(self.n_components, (float, np.floating)):
            n = int(np.searchsorted(ratio.cumsum(), self.n_components - 1e-12) + 1)
        else:
            n = int(self.n_components)
            if n > most:
                logger.info("%d components asked for, %d possible: all are used", n, most)
        n = min(n, most)
        # nearly equal loadings must not swap the choice of sign by rounding: ties go to the first
        size = np.abs(loadings[:n])
        first = np.argmax(size >= size.max(axis=1, keepdims=True) * (1 - 1e-9), axis=1)
        sign = np.where(loadings[np.arange(n), first] < 0, -1.0, 1.0)
        self.components_ = loadings[:n] * sign[:, None]
        self.explained_variance_ = variance[:n]
        self.explained_variance_ratio_ = ratio[:n]
        self.n_components_ = n

    def _change(self, X: pd.DataFrame, values: Floats) -> Floats:
        self._require_known(X, values)
        return (values - self.mean_) @ self.components_.T

    def _require_known(self, X: pd.DataFrame, values: Floats) -> None:
        if np.isnan(values).any():
            row, column = np.argwhere(np.isnan(values))[0]
            date, asset = X.index[row]
            raise ValueError(
                f"Components need every value; {X.columns[column]!r} is NaN on "
                f"{pd.Timestamp(date).date()} for {asset!r}. Put FillMissing() before."
            )

    def get_feature_names_out(self, input_features: object = None) -> NDArray[Any]:
        """Names of the components: pc1, pc2, ..."""
        check_is_fitted(self, "components_")
        return np.asarray([f"pc{k + 1}" for k in range(self.n_components_)], dtype=object)

    def explained(self) -> pd.DataFrame:
        """Explained variance per component, as in the paper's Table 1.

        Returns
        -------
        DataFrame indexed by component
            Columns `variance`, `share` and `cumulative` (fractions).
        """
        check_is_fitted(self, "components_")
        share = self.explained_variance_ratio_
        return pd.DataFrame(
            {"variance": self.explained_variance_, "share": share, "cumulative": share.cumsum()},
            index=pd.Index(self.get_feature_names_out(), name="component"),
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = False
        return tags


def default_preprocessing(
    n_components: int | float = 24, standardise: str = "date", max_share: float = 0.2
) -> Pipeline:
    """Filter, winsorise, standardise, fill and compress: what a model gets unless told otherwise.

    Parameters
    ----------
    n_components : int or float, default=24
        Principal components, or the share of the variance they must explain.
    standardise : {"date", "panel"}, default="date"
        Each date among itself, or over all training rows (the paper's).
    max_share : float, default=0.2
        Largest share of missing values at which a factor is kept.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Steps "missing", "winsorise", "standardise", "fill", "components".
    """
    return Pipeline(
        [
            ("missing", MissingShareFilter(max_share)),
            ("winsorise", Winsorise()),
            ("standardise", Standardise(by=standardise)),
            ("fill", FillMissing(0.0)),
            ("components", Components(n_components)),
        ]
    )
