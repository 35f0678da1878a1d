"""Factors month after month: what was computed is kept, new dates are added."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from attngru_bt.bars import Bars
from attngru_bt.factors.engine import Plan, plan, report_missing, rows_of, values_at
from attngru_bt.factors.ops import Array


class FactorHistory:
    """Factors at chosen dates, extended as bars come in.

    Only the dates not stored yet are computed, from their bars and the look-back the factors
    declare; the values equal those of a computation from scratch to 1e-9 relative (in units of the
    factor's own spread where the value is near zero).

    Parameters
    ----------
    names : sequence of str, optional
        Factors, and further lines of the bars. Default: all that the first bars allow and that are
        on by default (free of scale, bounded memory), and the user's own lines.
    raw : bool, default=False
        As Uqer defines them, not divided by close, usual volume or usual amount.

    Attributes
    ----------
    columns : tuple of str
        Names of the factors; empty before the first `extend`.
    dates : DatetimeIndex
    assets : tuple of str
    values : ndarray of shape (dates, assets, factors)
        NaN = not known.
    missing : dict of str to tuple of str
        Line the bars lack -> factors left out because of it.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from attngru_bt.bars import Bars
    >>> days = pd.bdate_range("2020-01-01", periods=60)
    >>> close = 10 + np.arange(60.0)[:, None] * [0.1, 0.2]
    >>> history = FactorHistory(["BIAS5", "ROC20"])
    >>> history.extend(Bars(days[:40], ("A", "B"), {"close": close[:40]}), days[39:40])
    >>> history.extend(Bars(days, ("A", "B"), {"close": close}), days[59:60])
    >>> history.values.shape
    (2, 2, 2)
    """

    def __init__(self, names: Sequence[str] | None = None, *, raw: bool = False) -> None:
        self.names = None if names is None else tuple(names)
        self.raw = raw
        self.dates = pd.DatetimeIndex([])
        self.assets: tuple[str, ...] = ()
        self.missing: dict[str, tuple[str, ...]] = {}
        self._plan: Plan | None = None
        self._values: Array = np.empty((0, 0, 0))  # (dates, factors, assets): rows are appended

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the factors."""
        return () if self._plan is None else self._plan.columns

    @property
    def values(self) -> Array:
        """Factors, (dates, assets, factors)."""
        return np.moveaxis(self._values, 1, 2)

    def extend(self, bars: Bars, at: pd.DatetimeIndex) -> None:
        """Compute the dates of `at` that are not stored yet.

        Parameters
        ----------
        bars : Bars
            Everything known now, from the beginning of the history on.
        at : DatetimeIndex
            Dates wanted, each a session of the bars.

        Raises
        ------
        ValueError
            If a date is no session of the bars, the bars' assets are not those of before (new ones
            may only be appended), or a line that was there is there no longer.
        """
        at = pd.DatetimeIndex(at)
        if self._plan is None:
            self._plan = plan(bars, self.names)
            self.missing = self._plan.missing
            report_missing(self.missing)
            self._values = np.empty((0, len(self.columns), 0))
        elif self.names is not None or len(at.difference(self.dates)):
            plan(bars, self._plan.columns)  # says which line has gone
        self._grow(bars.assets)
        new = at.unique().difference(self.dates)
        if not len(new):
            return
        days = rows_of(bars, new)
        values = values_at(bars, days, self._plan, raw=self.raw).transpose(1, 0, 2)
        dates = pd.DatetimeIndex(self.dates.append(bars.dates[days]))
        order = np.argsort(dates.to_numpy(), kind="stable")
        self._values = np.concatenate([self._values, values])
        if (np.diff(order) < 0).any():
            self._values = self._values[order]
        self.dates = pd.DatetimeIndex(dates[order])

    def frame(self) -> pd.DataFrame:
        """Factors as a table indexed (date, asset), one column per factor."""
        index = pd.MultiIndex.from_product([self.dates, self.assets], names=["date", "asset"])
        flat = self.values.reshape(len(index), len(self.columns))
        return pd.DataFrame(flat, index=index, columns=list(self.columns))

    def _grow(self, assets: tuple[str, ...]) -> None:
        """Make room for assets appended to the bars."""
        n_old = len(self.assets)
        if assets[:n_old] != self.assets:
            at = next(
                (i for i, (a, b) in enumerate(zip(self.assets, assets, strict=False)) if a != b),
                len(assets),
            )
            got = repr(assets[at]) if at < len(assets) else "nothing"
            raise ValueError(
                f"Column {at} of the bars was {self.assets[at]!r} and is {got} now: new assets may "
                "only be appended, in the order of before; start a new FactorHistory otherwise."
            )
        if len(assets) > n_old:
            room = np.full((*self._values.shape[:2], len(assets) - n_old), np.nan)
            self._values = np.concatenate([self._values, room], axis=2)
            self.assets = tuple(assets)
