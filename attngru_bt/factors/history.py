"""Factors month after month: what was computed is kept, new dates are added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from attngru_bt.data.bars import Bars, nearest
from attngru_bt.factors.clocks import Days, Mask
from attngru_bt.factors.engine import rows_of, values_at
from attngru_bt.factors.ops import Array
from attngru_bt.factors.plan import Plan, plan, report_missing


@dataclass(frozen=True)
class _Pass:
    """Dates computed together, and for which of the assets of the time that was done.

    The last bits of a value may depend on the dates it is computed with, on the assets never. So an
    asset asked for later is computed at all dates of a pass, and has the bits it would have had.
    """

    dates: pd.DatetimeIndex
    done: Mask


class FactorHistory:
    """Factors at chosen dates, extended as bars come in.

    Only the dates, and of them the assets, not stored yet are computed, from their bars and the
    look-back the factors declare; the values equal those of a computation from scratch to 1e-9
    relative (in units of the factor's own spread where the value is near zero).

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
        NaN = not known, or not asked for.
    missing : dict of str to tuple of str
        Line the bars lack -> factors left out because of it.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from attngru_bt.data import Bars
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
        self._passes: list[_Pass] = []
        self._pass_of: Days = np.empty(0, dtype=np.intp)  # per date

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the factors."""
        return () if self._plan is None else self._plan.columns

    @property
    def values(self) -> Array:
        """Factors, (dates, assets, factors)."""
        held = self._stored[:, : len(self.dates), : len(self.assets)]
        return np.moveaxis(held, 0, -1)

    def extend(self, bars: Bars, at: pd.DatetimeIndex, assets: Sequence[str] | None = None) -> None:
        """Compute what is not stored yet of the dates of `at`.

        Parameters
        ----------
        bars : Bars
            Everything known now, from the beginning of the history on.
        at : DatetimeIndex
            Dates wanted, each a session of the bars.
        assets : sequence of str, optional
            Assets wanted at these dates; default: all. The others stay NaN until they are asked
            for. Of dates before it was first among the bars an asset has nothing but NaN.

        Raises
        ------
        ValueError
            If a date is no session of the bars, the bars' assets are not those of before (new ones
            may only be appended), one that is wanted is not among them, or a line that was there is
            there no longer.
        """
        at = pd.DatetimeIndex(at)
        planned, columns = self._begin(bars, at, assets)
        wanted = np.unique(columns)
        self._append(bars, at, planned, wanted, None)
        for number in np.unique(self._pass_of[self.dates.get_indexer(at)]):
            of = self._passes[number]
            late = wanted[wanted < len(of.done)]
            late = late[~of.done[late]]
            if len(late):
                known = bars.until(of.dates[-1])
                days, places = rows_of(known, of.dates), self.dates.get_indexer(of.dates)
                values = values_at(known, days, planned, raw=self.raw, assets=late)
                self._stored[:, places[:, None], late] = values
                of.done[late] = True

    def put(
        self, bars: Bars, at: pd.DatetimeIndex, assets: Sequence[str] | None, values: Array
    ) -> None:
        """Store what `extend` would compute, from a computation of the same elsewhere.

        Parameters
        ----------
        bars, at, assets
            See `extend`; none of the dates may be stored yet.
        values : ndarray of shape (factors, dates, assets)
            What `values_at` gives, in the order of the dates and of `assets`.
        """
        at = pd.DatetimeIndex(at)
        planned, wanted = self._begin(bars, at, assets)
        shape = (len(self.columns), len(at), len(wanted))
        if values.shape != shape or at.isin(self.dates).any():
            raise ValueError(
                f"Values must be of dates not stored yet and of shape {shape}; got {values.shape}."
            )
        self._append(bars, at, planned, wanted, values)

    def _begin(
        self, bars: Bars, at: pd.DatetimeIndex, assets: Sequence[str] | None
    ) -> tuple[Plan, Days]:
        """Check the bars; return what is computed from them, and for which of their assets."""
        if self._plan is None:
            self._plan = plan(bars, self.names)
            self.missing = self._plan.missing
            report_missing(self.missing)
            self._stored = np.empty((len(self.columns), 0, 0))
        elif self.names is not None or len(at.difference(self.dates)):
            plan(bars, self._plan.columns)  # says which line has gone
        self._check(bars.assets)
        if assets is None:
            return self._plan, np.arange(len(bars.assets))
        column = {asset: i for i, asset in enumerate(bars.assets)}
        for asset in assets:
            if asset not in column:
                hint = nearest(asset, column) or "."
                raise ValueError(f"Asset {asset!r} is wanted and not among the bars{hint}")
        return self._plan, np.array([column[asset] for asset in assets], dtype=np.intp)

    def _append(
        self, bars: Bars, at: pd.DatetimeIndex, planned: Plan, wanted: Days, values: Array | None
    ) -> None:
        """Add the dates not stored yet, computed together for the assets wanted, if not given."""
        days = rows_of(bars, at.unique().difference(self.dates))
        n_dates, n_assets, n_now = len(self.dates), len(self.assets), len(bars.assets)
        self._make_room(n_dates + len(days), n_now)
        self._stored[:, :n_dates, n_assets:n_now] = np.nan  # not there yet
        added = self._stored[:, n_dates : n_dates + len(days), :n_now]
        if values is None and len(wanted) == n_now:
            values_at(bars, days, planned, raw=self.raw, out=added)
        else:
            if values is None:
                values = values_at(bars, days, planned, raw=self.raw, assets=wanted)
            added[...] = np.nan
            added[:, :, wanted] = values
        self.assets = tuple(bars.assets)
        if not len(days):
            return
        done = np.zeros(n_now, dtype=bool)
        done[wanted] = True
        self._pass_of = np.append(self._pass_of, np.full(len(days), len(self._passes)))
        self._passes.append(_Pass(bars.dates[days], done))
        dates = pd.DatetimeIndex(self.dates.append(bars.dates[days]))
        if not dates.is_monotonic_increasing:
            order = np.argsort(dates.to_numpy(), kind="stable")
            dates, self._pass_of = dates[order], self._pass_of[order]
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
