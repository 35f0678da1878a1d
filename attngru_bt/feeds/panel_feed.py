"""PanelFeed: a backtrader feed that loads its arrays in bulk, and a market as such feeds.

backtrader's own feeds append one bar at a time to every line, and keep ``tick_*`` attributes per
bar; with hundreds of feeds that is most of a backtest's time. PanelFeed copies whole columns into
the line buffers and moves only their pointers. Orders, values and trades stay the same.
"""

from __future__ import annotations

import array
import datetime
import hashlib
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.market import Market

EPOCH = datetime.date(1970, 1, 1).toordinal()  # backtrader counts days as Python ordinals
DAY_US = 86_400_000_000
STANDARD = ("close", "low", "high", "open", "volume", "openinterest", "datetime")


class _Follower(bt.linebuffer.LineBuffer):
    """A line whose pointer is its leader's: moving one line of a feed moves all.

    A feed moves all its lines by the same step; with 15 lines that is 30 attributes per bar.
    Whatever moves a follower alone is without effect, so every loop over a feed's lines still
    moves them once. Lines become followers and plain again by changing their class, because
    indicators and strategies hold the very objects.
    """

    @property
    def _idx(self) -> int:
        return int(self._leader._idx)

    @_idx.setter
    def _idx(self, value: int) -> None:
        pass

    @property
    def lencount(self) -> int:
        return int(self._leader.lencount)

    @lencount.setter
    def lencount(self, value: int) -> None:
        pass

    def __getitem__(self, ago: int) -> Any:
        return self.array[self._leader._idx + ago]


class PanelFeed(bt.feed.DataBase):
    """Daily bars of one asset from a DataFrame, loaded in bulk; a fast ``bt.feeds.PandasData``.

    Works in every mode of Cerebro. With filters, resampling, replaying, ``tzinput`` or
    ``exactbars=1`` it loads bar by bar as any other feed, at their speed.

    Parameters
    ----------
    dataname : pandas.DataFrame
        Indexed by naive timestamps that increase strictly. Column ``close`` must be there and
        have no gaps: a day without trade has no row. Without ``open``, ``high`` or ``low`` these
        are the close (an order filled "at the open" is then filled at that session's close);
        without ``volume`` it is 0. Column names are case-insensitive. Lines of a class made by
        ``with_lines`` are columns, too, and may be NaN.
    name, fromdate, todate, … :
        As in every backtrader feed.

    Raises
    ------
    DataError
        If the DataFrame is not as described; the message names feed, date and column.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"close": [10.0, 11.0]}, index=pd.bdate_range("2020-01-01", periods=2))
    >>> cerebro = bt.Cerebro(stdstats=False)
    >>> _ = cerebro.adddata(PanelFeed(dataname=frame, name="A"))
    >>> cerebro.run()[0].data.close[0]
    11.0
    """

    is_benchmark = False  # a stock
    lines_told = False  # whether somebody has been told which of its lines are factors

    # what the broker looks for: None = use the bar, so nothing can be stale or missing
    tick_close = tick_low = tick_high = tick_open = None
    tick_volume = tick_openinterest = tick_last = None

    _made: dict[tuple[str, ...], type[PanelFeed]] = {}

    @classmethod
    def with_lines(cls, *names: str) -> type[PanelFeed]:
        """Return the feed class that has further lines of these names (one class per set)."""
        extra = tuple(sorted(set(names) - set(STANDARD)))
        if not extra:
            return PanelFeed
        if extra not in PanelFeed._made:
            for name in extra:
                if hasattr(PanelFeed, name) or hasattr(PanelFeed.lines, name):
                    raise DataError(
                        f"line {name!r} cannot be a line of a backtrader feed, which uses that "
                        "name itself; rename the column."
                    )
            digest = hashlib.sha256("\0".join(extra).encode()).hexdigest()[:12]
            attributes = {
                "lines": extra,
                "__module__": __name__,
                "__doc__": PanelFeed.__doc__,
                **{f"tick_{name}": None for name in extra},
            }
            made: Any = type(PanelFeed)
            made = made(f"PanelFeed_{digest}", (PanelFeed,), attributes)
            PanelFeed._made[extra] = made
        return PanelFeed._made[extra]

    def __init__(self) -> None:
        super().__init__()
        self._columns: list[np.ndarray] | None = self._read()
        self._rows: list[tuple[float, ...]] = []
        self._next_row = 0
        self._light = False  # True = whole columns are in the buffers, only pointers move
        self._buffers: list[Any] = list(self.lines.lines)
        self._days: Any = self.lines.datetime
        self._times: list[float] = []

    def _read(self) -> list[np.ndarray]:
        name = self.p.name or self._name
        return _columns(self.p.dataname, name, self.getlinealiases())

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without the copies, and so that an unknown with_lines class is made anew."""
        state = {**self.__dict__, "_columns": None, "_rows": []}
        extra = tuple(n for n in self.getlinealiases() if n not in STANDARD)
        kind = extra if type(self) is PanelFeed._made.get(extra) else type(self)
        return _blank, (kind,), state

    def start(self) -> None:
        """Go back to the first row."""
        super().start()
        for name in [name for name in self.__dict__ if name.startswith("tick_")]:
            del self.__dict__[name]  # of an earlier run that went bar by bar
        if self._light:
            for line in self._buffers:
                line.__class__ = bt.linebuffer.LineBuffer
                line._idx, line.lencount = -1, 0
        if self._columns is None:
            self._columns = self._read()
        self._rows, self._next_row, self._light = [], 0, False

    def _bulk(self) -> bool:
        return not (
            self._filters
            or self.resampling
            or self.replaying
            or self._tzinput
            or type(self)._load is not PanelFeed._load
            or any(line.bindings or line.mode != line.UnBounded for line in self._buffers)
        )

    def preload(self) -> None:
        """Fill the line buffers with whole columns."""
        if not self._bulk():
            super().preload()
            return
        assert self._columns is not None
        times = self._columns[self.getlinealiases().index("datetime")]
        first = int(np.searchsorted(times, self.fromdate, side="left"))
        stop = max(first, int(np.searchsorted(times, self.todate, side="right")))
        for line, column in zip(self._buffers, self._columns, strict=True):
            ahead = line.extension  # room Cerebro's `lookahead` asked for
            line.array = array.array("d")
            line.array.frombytes(column[first:stop].tobytes())
            line.array.extend([float("nan")] * ahead)
            if line is not self._days:
                line._leader = self._days
                line.__class__ = _Follower
        self._times = times[first:stop].tolist()
        self._times.append(float("inf"))
        self._next_row = len(times)  # exhausted: next() must not read the rows again
        self._light = True
        self.home()

    def _load(self) -> bool:
        if not self._rows and self._columns is not None:
            self._rows = list(zip(*(c.tolist() for c in self._columns), strict=True))
        if self._next_row >= len(self._rows):
            return False
        for line, value in zip(self._buffers, self._rows[self._next_row], strict=True):
            line[0] = value
        self._next_row += 1
        return True

    def __len__(self) -> int:
        """Return the number of bars delivered so far."""
        bars: int = self._days.lencount
        return bars

    def advance_peek(self) -> Any:
        """Return the time of the next bar, infinity after the last."""
        if not self._light:
            return super().advance_peek()
        try:
            return self._times[self._days.lencount]
        except IndexError:  # moved beyond the last bar
            return float("inf")

    def advance(self, size: int = 1, datamaster: Any = None, ticks: bool = True) -> None:
        """Move to the next bar."""
        if self._light and datamaster is None:
            self._days._idx += size
            self._days.lencount += size
        else:
            super().advance(size, datamaster, ticks)

    def rewind(self, size: int = 1) -> None:
        """Move back, without forgetting bars."""
        if self._light:
            self._days.rewind(size)
        else:
            super().rewind(size)

    def next(self, datamaster: Any = None, ticks: bool = True) -> Any:
        """Deliver the next bar unless it is later than the one of ``datamaster``."""
        if not self._light:
            return super().next(datamaster, ticks)
        if self._days.lencount >= len(self._times) - 1:
            return False
        self.advance()
        if datamaster is not None and self._days[0] > datamaster.lines.datetime[0]:
            self.rewind()
            return False
        return True

    def _tick_nullify(self) -> None:
        if not self._light:
            super()._tick_nullify()

    def _tick_fill(self, force: bool = False) -> None:
        if not self._light:
            super()._tick_fill(force)


def add_feeds(
    cerebro: bt.Cerebro,
    market: Bars | Market,
    *,
    benchmark: str = "INDEX",
    fromdate: datetime.date | None = None,
    todate: datetime.date | None = None,
) -> list[PanelFeed]:
    """Add one PanelFeed per asset, and one for the benchmark, if there is one.

    The strategies of this package do not trade a benchmark added here, whatever it is called.
    Every feed has the days its asset traded, and all lines of the bars. Of close-only bars, open,
    high and low are the close, so that an order filled "at the open" is filled at that session's
    close; the volume is 0.

    Parameters
    ----------
    cerebro : backtrader.Cerebro
        Where to add them.
    market : Bars or Market
        What to add.
    benchmark : str, default "INDEX"
        Name of the benchmark's feed, which comes last.
    fromdate, todate : datetime.date, optional
        First and last session shown; default all.

    Returns
    -------
    list of PanelFeed
        In the order of the assets, then the benchmark.

    Raises
    ------
    DataError
        A feed of such a name is there already.
    """
    bars = market.bars if isinstance(market, Market) else market
    kind = PanelFeed.with_lines(*bars.lines)
    frames: dict[str, tuple[type[PanelFeed], pd.DataFrame]] = {}
    traded = bars.traded
    for column, asset in enumerate(bars.assets):
        rows = np.flatnonzero(traded[:, column])
        block = np.array([values[rows, column] for values in bars.lines.values()])
        frames[asset] = (
            kind,
            pd.DataFrame(block.T, index=bars.dates[rows], columns=list(bars.lines), copy=False),
        )
    index = market.benchmark if isinstance(market, Market) else _index_of(bars)
    if index is not None:
        if benchmark in frames:
            raise DataError(
                f"the benchmark cannot be called {benchmark!r}, an asset has that name; give "
                "`benchmark` another name."
            )
        standard = [name for name in index.columns if name in STANDARD]
        frames[benchmark] = PanelFeed, index[standard].dropna(subset=["close"])
    there = {data._name for data in cerebro.datas}
    for name in frames:
        if name in there:
            raise DataError(
                f"a feed called {name!r} is in this Cerebro already; reports would merge the two."
            )
    feeds = []
    for name, (feed_class, frame) in frames.items():
        make: Any = feed_class  # its metaclass takes the parameters
        feed = make(dataname=frame, name=name, fromdate=fromdate, todate=todate)
        feed.is_benchmark = index is not None and name == benchmark
        feed.lines_told = True  # when the market was read
        cerebro.adddata(feed, name=name)
        feeds.append(feed)
    return feeds


def _index_of(bars: Bars) -> pd.DataFrame | None:
    if bars.benchmark is None:
        return None
    lines = {"close": bars.benchmark}
    if bars.benchmark_open is not None:
        lines["open"] = bars.benchmark_open
    return pd.DataFrame(lines, index=bars.dates)


def _columns(frame: Any, name: str, lines: tuple[str, ...]) -> list[np.ndarray]:
    """Return the float64 column of every line, in the order of the lines."""
    where = f"feed {name!r}" if name else "PanelFeed"
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"{where}: `dataname` must be a DataFrame; got {type(frame).__name__}.")
    index: Any = frame.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is not None or index.hasnans:
        raise DataError(
            f"{where}: the DataFrame must be indexed by naive timestamps, every row with one "
            f"(set_index, tz_localize(None)); got {type(index).__name__}"
            f"{'' if getattr(index, 'tz', None) is None else f' in zone {index.tz}'}."
        )
    backward = np.diff(index.asi8) <= 0
    if backward.any():
        i = int(np.argmax(backward)) + 1
        raise DataError(
            f"{where} on {index[i]:%Y-%m-%d}: rows are not sorted or a date is there twice; use "
            "frame.sort_index() and keep one row per day."
        )
    spelt = {str(column): i for i, column in enumerate(frame.columns)}
    lower = {name.lower(): i for name, i in spelt.items()}
    # a line's own spelling goes first: there may be lines BIAS5 and bias5
    found = {line: spelt.get(line, lower.get(line.lower())) for line in lines}
    place = {line: i for line, i in found.items() if i is not None}
    if "close" not in place:
        raise DataError(
            f"{where}: column 'close' is missing; got {', '.join(map(str, frame.columns))}."
        )
    try:
        table = frame.to_numpy(dtype=np.float64, na_value=np.nan)  # at once: much faster
    except (TypeError, ValueError):
        table = None  # some column is text, perhaps none we need
    columns = []
    for line in lines:
        if line == "datetime":
            columns.append(_ordinals(index))
        elif line in place or line in ("open", "high", "low"):
            at = place.get(line, place["close"])
            try:
                column = table[:, at] if table is not None else frame.iloc[:, at].to_numpy(float)
            except (TypeError, ValueError) as error:
                raise DataError(f"{where}: column {line!r} must be numbers ({error}).") from error
            if line in ("open", "high", "low", "close") and np.isnan(column).any():
                i = int(np.argmax(np.isnan(column)))
                raise DataError(
                    f"{where} on {index[i]:%Y-%m-%d}: column {line!r} is empty, and an order "
                    "could be filled there; drop days without trade with "
                    f"frame.dropna(subset=[{line!r}])."
                )
            columns.append(column)
        else:
            columns.append(np.full(len(index), 0.0 if line == "volume" else np.nan))
    return columns


def _ordinals(index: pd.DatetimeIndex) -> np.ndarray:
    """Return backtrader's numbers for timestamps: days since year 0, as float."""
    micro = index.as_unit("us").asi8
    days = micro / DAY_US + EPOCH
    # at midnight the division is exact; otherwise take backtrader's own rounding
    for i in np.flatnonzero(micro % DAY_US).tolist():
        days[i] = bt.date2num(index[i].to_pydatetime())
    return days


def _blank(kind: type[PanelFeed] | tuple[str, ...]) -> PanelFeed:
    made = PanelFeed.with_lines(*kind) if isinstance(kind, tuple) else kind
    return made.__new__(made)
