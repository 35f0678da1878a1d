"""Factors month after month: computed values are kept, and new dates are added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from attngru_bt.checks import nearest
from attngru_bt.data.bars import Bars
from attngru_bt.factors.clocks import Days, Mask
from attngru_bt.factors.engine import rows_of, values_at
from attngru_bt.factors.ops import Array
from attngru_bt.factors.plan import Plan, known_lines, plan, report_missing


@dataclass(frozen=True)
class _Pass:
    """Dates that were computed together, and the assets for which this was done.

    The last bits of a value may depend on the dates that are computed with it, but never on the
    assets. So an asset that is requested later is computed at all dates of the pass, and gets the
    bits it would have had.
    """

    dates: pd.DatetimeIndex
    done: Mask


class FactorHistory:
    """Factors at chosen dates, extended as bars come in.

    Only dates and assets that are not stored yet are computed, from the look-back that the factors
    declare. The values equal those of a computation of the whole history to 1e-9, relative to the
    value or, near zero, to the spread of the factor.

    Parameters
    ----------
    names : sequence of str, optional
        Factors, and further lines of the bars. Default: all factors that the first bars allow and
        that are on by default, and the user's own lines.
    raw : bool, default=False
        Return factors as Uqer defines them, not divided by close, usual volume or usual amount.
    partial : bool, default=False
        Leave out named factors whose lines the bars lack, rather than raise.

    Attributes
    ----------
    columns : tuple of str
        Names of the factors; empty before the first `extend`.
    dates : DatetimeIndex
    assets : tuple of str
    values : ndarray of shape (dates, assets, factors)
        NaN means unknown, or not requested.
    missing : dict of str to tuple of str
        The factors that are left out, by the line that the bars lack.
    n_forgotten : int
        How many dates were stored and are no longer; see `forget`.

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

    def __init__(
        self, names: Sequence[str] | None = None, *, raw: bool = False, partial: bool = False
    ) -> None:
        self.names = None if names is None else tuple(names)
        self.raw = raw
        self.partial = partial
        self.dates = pd.DatetimeIndex([])
        self.assets: tuple[str, ...] = ()
        self.missing: dict[str, tuple[str, ...]] = {}
        self.n_forgotten = 0
        self._plan: Plan | None = None
        self._lines: set[str] = set()  # of the bars that were planned with
        # (factors, dates, assets), with spare room for further dates and assets
        self._stored: Array = np.empty((0, 0, 0))
        self._passes: list[_Pass] = []
        self._pass_of: Days = np.empty(0, dtype=np.intp)  # number of the pass of each date

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the factors."""
        return () if self._plan is None else self._plan.columns

    @property
    def values(self) -> Array:
        """Factors, (dates, assets, factors)."""
        values = self._stored[:, : len(self.dates), : len(self.assets)]
        return np.moveaxis(values, 0, -1)

    def extend(self, bars: Bars, at: pd.DatetimeIndex, assets: Sequence[str] | None = None) -> None:
        """Compute the values at the dates `at` that are not stored yet.

        Parameters
        ----------
        bars : Bars
            All bars known now, from the beginning of the history on.
        at : DatetimeIndex
            Dates to compute, each a session of the bars.
        assets : sequence of str, optional
            Assets to compute; default: all. The others stay NaN until they are requested, and an
            asset is NaN at dates that were stored before it was first among the bars.

        Raises
        ------
        ValueError
            If a date is not a session of the bars, the assets of the bars are not those of before
            (new ones may only be appended), a requested asset is not among them, or a line has
            disappeared.
        """
        at = pd.DatetimeIndex(at)
        planned, columns = self._begin(bars, assets)
        wanted = np.unique(columns)
        self._append(bars, at, planned, wanted, None)
        for number in np.unique(self._pass_of[self.dates.get_indexer(at)]):
            earlier = self._passes[number]
            late = wanted[wanted < len(earlier.done)]
            late = late[~earlier.done[late]]  # requested now, and not computed in that pass
            if len(late):
                past = bars.until(earlier.dates[-1])
                positions = self.dates.get_indexer(earlier.dates)
                values = values_at(
                    past, rows_of(past, earlier.dates), planned, raw=self.raw, assets=late
                )
                kept = positions >= 0  # the others are forgotten
                self._stored[:, positions[kept][:, None], late] = values[:, kept]
                earlier.done[late] = True

    def put(
        self, bars: Bars, at: pd.DatetimeIndex, assets: Sequence[str] | None, values: Array
    ) -> None:
        """Store the values that `extend` would compute, if they were computed elsewhere.

        Parameters
        ----------
        bars, at, assets
            See `extend`; none of the dates may be stored yet.
        values : ndarray of shape (factors, dates, assets)
            Values of `values_at`, in the order of the dates and of `assets`.
        """
        at = pd.DatetimeIndex(at)
        planned, wanted = self._begin(bars, assets)
        shape = (len(self.columns), len(at), len(wanted))
        if values.shape != shape or at.isin(self.dates).any():
            raise ValueError(
                f"Values must be of dates not stored yet and of shape {shape}; got {values.shape}."
            )
        self._append(bars, at, planned, wanted, values)

    def forget(self, before: pd.Timestamp) -> None:
        """Drop the values of all dates before one; these dates must not be asked for again."""
        n = int(self.dates.searchsorted(before))
        if not n:
            return
        self._stored = self._stored[:, n : len(self.dates)].copy()
        self.dates = self.dates[n:]
        self._pass_of = self._pass_of[n:]
        self.n_forgotten += n

    def _begin(self, bars: Bars, assets: Sequence[str] | None) -> tuple[Plan, Days]:
        """Check the bars; return the plan and the columns of the requested assets."""
        if self._plan is None:
            self._plan = plan(bars, self.names, partial=self.partial)
            self._lines = known_lines(bars)
            self.missing = self._plan.missing
            report_missing(self.missing)
            self._stored = np.empty((len(self.columns), 0, 0))
        elif not self._lines <= known_lines(bars):
            plan(bars, self._plan.columns)  # raises if a factor needs what has disappeared
        self._check(bars.assets)
        if assets is None:
            return self._plan, np.arange(len(bars.assets))
        column = {asset: i for i, asset in enumerate(bars.assets)}
        for asset in assets:
            if asset not in column:
                hint = nearest(asset, column)
                raise ValueError(f"Asset {asset!r} is wanted and not among the bars{hint}")
        return self._plan, np.array([column[asset] for asset in assets], dtype=np.intp)

    def _append(
        self, bars: Bars, at: pd.DatetimeIndex, planned: Plan, wanted: Days, values: Array | None
    ) -> None:
        """Add the dates that are not stored yet, as one pass; compute the values if None."""
        days = rows_of(bars, at[self.dates.get_indexer(at) < 0])
        n_dates, n_assets, n_now = len(self.dates), len(self.assets), len(bars.assets)
        self._make_room(n_dates + len(days), n_now)
        self._stored[:, :n_dates, n_assets:n_now] = np.nan  # these assets are new
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
            self._stored = self._stored[:, order]  # a copy: `values` given out must not change
        self.dates = pd.DatetimeIndex(dates)

    def frame(self) -> pd.DataFrame:
        """Return the factors as a table indexed (date, asset), one column per factor."""
        index = pd.MultiIndex.from_product([self.dates, self.assets], names=["date", "asset"])
        flat = self.values.reshape(len(index), len(self.columns))
        return pd.DataFrame(flat, index=index, columns=list(self.columns))

    def __getstate__(self) -> dict[str, object]:
        """Return the state without spare room."""
        used = self._stored[:, : len(self.dates), : len(self.assets)]
        return self.__dict__ | {"_stored": np.ascontiguousarray(used)}

    def _check(self, assets: tuple[str, ...]) -> None:
        """Refuse bars whose assets are not those of before with possible new ones at the end."""
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
        """Make room for a number of dates and assets, and keep what is stored.

        The spare room grows with the stored values, so that not every new month copies all months
        before it. Spare memory that is never written to costs nothing.
        """
        n_factors, room_dates, room_assets = self._stored.shape
        if n_dates <= room_dates and n_assets <= room_assets:
            return
        if n_dates > room_dates:
            room_dates = n_dates + n_dates // 2 + 21
        if n_assets > room_assets:
            # usually the first bars have all assets: there is spare room only once more have come
            room_assets = n_assets + (n_assets // 8 if room_assets else 0)
        old, self._stored = self._stored, np.empty((n_factors, room_dates, room_assets))
        dates, assets = len(self.dates), len(self.assets)
        self._stored[:, :dates, :assets] = old[:, :dates, :assets]
