"""Daily lines of many assets as read-only (days, assets) arrays."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from attngru_bt import checks
from attngru_bt.data.names import fault

PRICE_LINES = ("open", "high", "low", "close", "preclose")
_BLOCK = 64  # days looked at at once

DateLike = pd.Timestamp | datetime.date | datetime.datetime | np.datetime64 | str


class DataError(ValueError):
    """Input data that cannot be used; the message says where the fault is and what to do."""


def first(mask: ArrayLike) -> list[int]:
    """Return the first position at which a mask is True, as a list of one, or an empty list."""
    positions: list[int] = np.flatnonzero(mask)[:1].tolist()
    return positions


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class Bars:
    """Daily lines known so far, one array (days, assets) per line.

    Prices are in the currency of the input, adjusted by default; dates are naive session dates. NaN
    means that the asset did not trade that day, or that the value is unknown. Arrays are read-only;
    the results of ``before``, ``until``, ``rows`` and ``without`` share memory with their source.

    Parameters
    ----------
    dates : pandas.DatetimeIndex
        Session dates, shape (days,): naive, midnight, strictly increasing.
    assets : tuple of str
        Column names.
    lines : mapping of str to numpy.ndarray
        Name of the line to float64 values (days, assets). ``close`` is required.
    benchmark : numpy.ndarray, optional
        Closes of the benchmark on the same dates, shape (days,); NaN where unknown.
    benchmark_open : numpy.ndarray, optional
        Opens of the benchmark, if it has opens that differ from its closes.
    group_names : mapping of float to str, optional
        What the codes of the lines ``industry`` and ``sector`` stand for, where the data had text.

    Raises
    ------
    DataError
        If dates do not increase or are not session dates, an asset is listed twice, ``close`` is
        missing, or an array has the wrong shape.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> bars = Bars(pd.date_range("2020-01-01", periods=2), ("A",), {"close": np.ones((2, 1))})
    >>> len(bars), len(bars.before("2020-01-02")), bars["close"].shape
    (2, 1, (2, 1))
    """

    dates: pd.DatetimeIndex
    assets: tuple[str, ...]
    lines: Mapping[str, np.ndarray]
    benchmark: np.ndarray | None = None
    benchmark_open: np.ndarray | None = None
    group_names: Mapping[float, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check shapes and dates, and make every array read-only."""
        dates = pd.DatetimeIndex(self.dates)
        moments = dates.to_numpy() if dates.tz is None else None
        if moments is None or not (moments == moments.astype("datetime64[D]")).all():
            raise DataError("`dates` must be naive session dates at midnight; got times or a zone.")
        if not (moments[1:] > moments[:-1]).all():
            raise DataError("`dates` must increase strictly; sort them and drop duplicates.")
        assets = tuple(self.assets)
        for asset in assets:
            if not isinstance(asset, str) or not asset:
                raise DataError(f"`assets` must be non-empty strings; got {asset!r}.")
            if wrong := fault(asset):
                raise DataError(f"`assets`: {wrong}; write it without.")
        checks.no_duplicates("Asset", assets, "give each its own column", DataError)
        if "close" not in self.lines:
            raise DataError(f"`lines` must contain 'close'; got {sorted(self.lines)}.")
        shape = (len(dates), len(assets))
        lines = {}
        for name, values in self.lines.items():
            array = np.asarray(values, dtype=np.float64)
            if array.shape != shape:
                raise DataError(f"line {name!r} must have shape {shape}; got {array.shape}.")
            lines[name] = _read_only(array)
        benchmark_lines = {}
        for name in ("benchmark", "benchmark_open"):
            values = getattr(self, name)
            if values is not None:
                values = np.asarray(values, dtype=np.float64)
                if values.shape != shape[:1]:
                    raise DataError(f"`{name}` must have shape {shape[:1]}; got {values.shape}.")
                values = _read_only(values)
            benchmark_lines[name] = values
        # normalize the index: microseconds, without a name or a frequency
        dates = pd.DatetimeIndex(dates.as_unit("us").to_numpy())
        named = dict(self.group_names)
        self._set(dates=dates, assets=assets, lines=lines, group_names=named, **benchmark_lines)

    def _set(self, **fields: Any) -> None:
        """Set the fields of a frozen instance."""
        mappings = {name: MappingProxyType(fields[name]) for name in ("lines", "group_names")}
        self.__dict__.update(fields | mappings)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle through the constructor: mapping proxies do not pickle, arrays stay read-only."""
        lines, named = dict(self.lines), dict(self.group_names)
        index = self.benchmark, self.benchmark_open
        return Bars, (self.dates, self.assets, lines, *index, named)

    def __len__(self) -> int:
        """Return the number of days."""
        return len(self.dates)

    def __contains__(self, line: object) -> bool:
        """Tell whether there is a line of that name."""
        return line in self.lines

    def __getitem__(self, line: str) -> np.ndarray:
        """Return a line's values (days, assets); a KeyError names the nearest line."""
        try:
            return self.lines[line]
        except KeyError:
            raise KeyError(
                f"no line {line!r}; these bars have {', '.join(self.lines)}"
                f"{checks.nearest(line, self.lines)}"
            ) from None

    def __repr__(self) -> str:
        """Return days, assets and lines in one line."""
        span = f"{self.dates[0]:%Y-%m-%d}..{self.dates[-1]:%Y-%m-%d}, " if len(self) else ""
        return (
            f"Bars({span}{len(self)} days, {len(self.assets)} assets, "
            f"lines {', '.join(self.lines)})"
        )

    def _repr_html_(self) -> str:
        """Show a row per line: how much of it is known, and its smallest and largest value."""
        rows = {}
        for name, values in self.lines.items():
            finite = values[np.isfinite(values)]
            ends = (finite.min(), finite.max()) if len(finite) else (np.nan, np.nan)
            rows[name] = (f"{len(finite) / max(values.size, 1):.1%}", *map(_short, ends))
        columns = ["known", "smallest", "largest"]
        table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
        span = f", {self.dates[0]:%Y-%m-%d} to {self.dates[-1]:%Y-%m-%d}" if len(self) else ""
        return f"<p>{len(self)} days, {len(self.assets)} assets{span}</p>{table.to_html()}"

    @property
    def traded(self) -> np.ndarray:
        """Where an asset has a bar: bool (days, assets)."""
        traded: np.ndarray = ~np.isnan(self.lines["close"])
        return traded

    @property
    def ages(self) -> np.ndarray:
        """How many bars an asset has had by each day: int32 (days, assets)."""
        return self._counted("ages", lambda traded: traded.cumsum(axis=0, dtype=np.int32))

    @property
    def latest(self) -> np.ndarray:
        """Position of each asset's last bar by each day: int32 (days, assets); -1 before any."""

        def latest(traded: np.ndarray) -> np.ndarray:
            days = np.arange(len(traded), dtype=np.int32)[:, None]
            return np.maximum.accumulate(np.where(traded, days, np.int32(-1)), axis=0)

        return self._counted("latest", latest)

    def _counted(self, name: str, count: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Return a count by day that is computed once for the source of this view.

        Later days do not change the counts of earlier ones, so all views that begin on the first
        day of a source share its counts.
        """
        source: Bars = self.__dict__.get("_source", self)
        if name not in source.__dict__.setdefault("_counts", {}):
            source.__dict__["_counts"][name] = _read_only(count(source.traded))
        counts: np.ndarray = source.__dict__["_counts"][name]
        return counts[: len(self)]

    def frame(self, line: str) -> pd.DataFrame:
        """Return a line as a DataFrame, index dates, columns assets (a copy)."""
        return pd.DataFrame(
            self[line].copy(), index=self.dates, columns=pd.Index(self.assets, dtype=object)
        )

    def rows(self, start: int, stop: int) -> Bars:
        """Return the days ``start:stop`` as a view."""
        if start == 0 and stop >= len(self):
            return self
        days = slice(start, stop)
        view = object.__new__(Bars)  # without the checks, which the source has passed
        view._set(
            dates=self.dates[days],
            assets=self.assets,
            lines={name: values[days] for name, values in self.lines.items()},
            benchmark=None if self.benchmark is None else self.benchmark[days],
            benchmark_open=None if self.benchmark_open is None else self.benchmark_open[days],
            group_names=self.group_names,
        )
        if start == 0:
            view.__dict__["_source"] = self.__dict__.get("_source", self)
        return view

    def without(self, lines: Collection[str]) -> Bars:
        """Return a view without some lines, which need not be there."""
        if not any(name in self.lines for name in lines):
            return self
        view = object.__new__(Bars)
        view._set(
            dates=self.dates,
            assets=self.assets,
            lines={name: values for name, values in self.lines.items() if name not in lines},
            benchmark=self.benchmark,
            benchmark_open=self.benchmark_open,
            group_names=self.group_names,
        )
        view.__dict__["_source"] = self.__dict__.get("_source", self)
        return view

    def first_known(self, line: str) -> int | None:
        """Return the position of the first day on which an asset has a value; None: on no day."""
        values = self[line]
        for start in range(0, len(values), _BLOCK):  # almost always it is the first day
            for row in first((~np.isnan(values[start : start + _BLOCK])).any(axis=1)):
                return start + row
        return None

    def before(self, date: DateLike) -> Bars:
        """Return the days dated earlier than ``date``, as a view."""
        return self.rows(0, int(self.dates.searchsorted(checks.date("date", date), "left")))

    def until(self, date: DateLike) -> Bars:
        """Return the days up to and including ``date``, as a view."""
        return self.rows(0, int(self.dates.searchsorted(checks.date("date", date), "right")))

    def select(self, assets: Iterable[str]) -> Bars:
        """Return a copy with the columns of ``assets``, in that order.

        Raises
        ------
        KeyError
            If there is no such asset; the message names the nearest one.
        """
        wanted = tuple(assets)
        column = {asset: j for j, asset in enumerate(self.assets)}
        for asset in wanted:
            if asset not in column:
                hint = checks.nearest(asset, self.assets)
                raise KeyError(f"no asset {asset!r} in these bars{hint}")
        columns = np.array([column[asset] for asset in wanted], dtype=np.intp)
        return Bars(
            self.dates,
            wanted,
            {name: values[:, columns] for name, values in self.lines.items()},
            self.benchmark,
            self.benchmark_open,
            self.group_names,
        )

    def digest(self) -> str:
        """Return the SHA-256 (hex) of dates, assets and lines, whatever the order of the lines."""
        sha = hashlib.sha256()
        sha.update(self.dates.as_unit("us").asi8.astype("<i8").tobytes())
        sha.update("\0".join(self.assets).encode())
        for name in sorted(self.lines):
            # all NaN get one bit pattern, and so do 0.0 and -0.0: equal data, equal digest
            values = np.where(np.isnan(self.lines[name]), np.nan, self.lines[name]) + 0.0
            sha.update(f"\0{name}\0".encode())
            sha.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
        return sha.hexdigest()


def _short(value: float) -> str:
    """Show a value of any size in few digits, without an exponent above one."""
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:,.4g}"
