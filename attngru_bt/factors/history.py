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
        # (factors, dates, assets) with room to spare for dates and assets to come
        self._stored: Array = np.empty((0, 0, 0))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the factors."""
        return () if self._plan is None else self._plan.columns

    @property
    def values(self) -> Array:
        """Factors, (dates, assets, factors)."""
        held = self._stored[:, : len(self.dates), : len(self.assets)]
        return np.moveaxis(held, 0, -1)

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
            self._stored = np.empty((len(self.columns), 0, 0))
        elif self.names is not None or len(at.difference(self.dates)):
            plan(bars, self._plan.columns)  # says which line has gone
        self._check(bars.assets)
        new = at.unique().difference(self.dates)
        days = rows_of(bars, new)
        n_dates, n_assets = len(self.dates), len(self.assets)
        self._make_room(n_dates + len(days), len(bars.assets))
        self._stored[:, :n_dates, n_assets : len(bars.assets)] = np.nan  # not there yet
        added = np.s_[:, n_dates : n_dates + len(days), : len(bars.assets)]
        values_at(bars, days, self._plan, raw=self.raw, out=self._stored[added])
        self.assets = tuple(bars.assets)
        dates = pd.DatetimeIndex(self.dates.append(bars.dates[days]))
        if not dates.is_monotonic_increasing:
            order = np.argsort(dates.to_numpy(), kind="stable")
            dates = dates[order]
            self._stored = self._stored[:, order]  # a copy: `values` handed out stay as they are
        self.dates = pd.DatetimeIndex(dates)

    def frame(self) -> pd.DataFrame:
        """Factors as a table indexed (date, asset), one column per factor."""
        index = pd.MultiIndex.from_product([self.dates, self.assets], names=["date", "asset"])
        flat = self.values.reshape(len(index), len(self.columns))
        return pd.DataFrame(flat, index=index, columns=list(self.columns))

    def __getstate__(self) -> dict[str, object]:
        """State without the room to spare."""
        kept = self._stored[:, : len(self.dates), : len(self.assets)]
        return self.__dict__ | {"_stored": np.ascontiguousarray(kept)}

    def _check(self, assets: tuple[str, ...]) -> None:
        """Refuse bars whose assets are not those of before, perhaps with more at the end."""
        if assets[: len(self.assets)] != self.assets:
            at = next(
                (i for i, (a, b) in enumerate(zip(self.assets, assets, strict=False)) if a != b),
                len(assets),
            )
            got = repr(assets[at]) if at < len(assets) else "nothing"
            raise ValueError(
                f"Column {at} of the bars was {self.assets[at]!r} and is {got} now: new assets may "
                "only be appended, in the order of before; start a new FactorHistory otherwise."
            )

    def _make_room(self, n_dates: int, n_assets: int) -> None:
        """Have space for so many dates and assets, keeping what is stored.

        What is spare grows with what is stored, so that a month appended does not copy all months
        before it. Memory that nothing is written to is not taken from the machine.
        """
        n_factors, room_dates, room_assets = self._stored.shape
        if n_dates <= room_dates and n_assets <= room_assets:
            return
        if n_dates > room_dates:
            room_dates = n_dates + n_dates // 2 + 21
        if n_assets > room_assets:
            # As a rule the first bars have all assets; only where more come is room left for them.
            room_assets = n_assets + (n_assets // 8 if room_assets else 0)
        old, self._stored = self._stored, np.empty((n_factors, room_dates, room_assets))
        dates, assets = len(self.dates), len(self.assets)
        self._stored[:, :dates, :assets] = old[:, :dates, :assets]
