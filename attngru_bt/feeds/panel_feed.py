"""PanelFeed: a backtrader feed that loads whole columns.

backtrader's own feeds append one bar at a time to every line and set ``tick_*`` attributes per bar.
With hundreds of feeds that takes most of the time of a backtest. PanelFeed copies whole columns
into the buffers of the lines and moves only their pointers. Orders, values and trades are the same.
"""

from __future__ import annotations

import array
import hashlib
from typing import Any

import numpy as np

from attngru_bt.data.bars import DataError
from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.follower import Follower, Leader
from attngru_bt.feeds.table import columns_of

STANDARD = ("close", "low", "high", "open", "volume", "openinterest", "datetime")


class PanelFeed(bt.feed.DataBase):
    """Daily bars of one asset from a DataFrame: a faster ``bt.feeds.PandasData``.

    Works in every mode of Cerebro. With filters, resampling, replaying, ``tzinput`` or
    ``exactbars=1`` it loads bar by bar like other feeds, and is as slow as they are.

    Parameters
    ----------
    dataname : pandas.DataFrame
        Indexed by naive timestamps that increase strictly. Column ``close`` is required and must
        have no gaps: a day without trade has no row. If ``open``, ``high`` or ``low`` is missing,
        the close takes its place (an order "at the open" is then filled at that session's close);
        a missing ``volume`` is 0. Column names are case-insensitive. The further lines of a class
        made by ``with_lines`` are columns, too, and may be NaN.
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

    is_benchmark = False
    lines_reported = False  # whether the log said already which of its lines become factors

    # where these are None the broker uses the bar, so that no stale tick can fill an order
    tick_close = tick_low = tick_high = tick_open = None
    tick_volume = tick_openinterest = tick_last = None

    _classes: dict[tuple[str, ...], type[PanelFeed]] = {}  # by the names of their further lines

    @classmethod
    def with_lines(cls, *names: str) -> type[PanelFeed]:
        """Return the feed class with further lines of these names, always the same for one set."""
        extra = tuple(sorted(set(names) - set(STANDARD)))
        if not extra:
            return PanelFeed
        if extra not in PanelFeed._classes:
            for name in extra:
                if hasattr(PanelFeed, name) or hasattr(PanelFeed.lines, name):
                    raise DataError(
                        f"line {name!r} cannot be a line of a backtrader feed, which uses that "
                        "name itself; rename the column."
                    )
            # backtrader makes a feed class's lines from its attributes, so each set needs a class
            digest = hashlib.sha256("\0".join(extra).encode()).hexdigest()[:12]
            attributes = {
                "lines": extra,
                "__module__": __name__,
                "__doc__": PanelFeed.__doc__,
                **{f"tick_{name}": None for name in extra},
            }
            metaclass: Any = type(PanelFeed)
            PanelFeed._classes[extra] = metaclass(f"PanelFeed_{digest}", (PanelFeed,), attributes)
        return PanelFeed._classes[extra]

    def __init__(self) -> None:
        super().__init__()
        self._columns: list[np.ndarray] | None = self._read()
        self._rows: list[tuple[float, ...]] = []
        self._next_row = 0
        self._in_bulk = False
        self._buffers: list[Any] = list(self.lines.lines)
        self._days: Any = self.lines.datetime
        # data.close is found at once; by way of the class it takes two failed lookups first
        self.__dict__.update(zip(self.getlinealiases(), self._buffers, strict=True))
        self._times: list[float] = []

    def _read(self) -> list[np.ndarray]:
        name = self.p.name or self._name
        return columns_of(self.p.dataname, name, self.getlinealiases())

    @property
    def own_columns(self) -> frozenset[str]:
        """Columns of the table, in lower case; other lines stand for one that is missing."""
        return frozenset(str(column).lower() for column in self.p.dataname.columns)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without the columns; a class of `with_lines` is made again where it is loaded."""
        state = {**self.__dict__, "_columns": None, "_rows": []}
        extra = tuple(n for n in self.getlinealiases() if n not in STANDARD)
        kind = extra if type(self) is PanelFeed._classes.get(extra) else type(self)
        return _blank, (kind,), state

    def start(self) -> None:
        """Go back to the first row."""
        super().start()
        for name in [name for name in self.__dict__ if name.startswith("tick_")]:
            del self.__dict__[name]  # set by an earlier run that loaded bar by bar
        if self._in_bulk:
            for line in self._buffers:
                line.__class__ = bt.linebuffer.LineBuffer
                line._idx, line.lencount = -1, 0
        if self._columns is None:
            self._columns = self._read()
        self._rows, self._next_row, self._in_bulk = [], 0, False

    def _can_bulk(self) -> bool:
        """Whether nothing looks at or changes the bars while they are loaded."""
        return not (
            self._filters
            or self.resampling
            or self.replaying
            or self._tzinput
            or type(self)._load is not PanelFeed._load
            or any(line.bindings or line.mode != line.UnBounded for line in self._buffers)
        )

    @property
    def in_bulk(self) -> bool:
        """Whether whole columns are in the buffers of the lines, and only their pointers move."""
        return self._in_bulk

    def stamps(self) -> np.ndarray:
        """Return the time stamps of all bars of a run, once they are in the buffers."""
        return np.array(self._times[:-1])

    def preload(self) -> None:
        """Fill the line buffers with whole columns."""
        if not self._can_bulk():
            super().preload()
            return
        assert self._columns is not None
        times = self._columns[self.getlinealiases().index("datetime")]
        first = int(np.searchsorted(times, self.fromdate, side="left"))
        stop = max(first, int(np.searchsorted(times, self.todate, side="right")))
        for line, column in zip(self._buffers, self._columns, strict=True):
            ahead = line.extension  # room that Cerebro's `lookahead` asked for
            line.array = array.array("d")
            line.array.frombytes(column[first:stop].tobytes())
            line.array.extend([float("nan")] * ahead)
            if line is not self._days:
                line._leader = self._days
            line.__class__ = Leader if line is self._days else Follower
        self._times = times[first:stop].tolist()
        self._times.append(float("inf"))
        self._next_row = len(times)  # so that runonce=False does not read the rows again
        self._in_bulk = True
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
        if not self._in_bulk:
            return super().advance_peek()
        try:
            return self._times[self._days.lencount]
        except IndexError:  # moved beyond the last bar
            return float("inf")

    def advance(self, size: int = 1, datamaster: Any = None, ticks: bool = True) -> None:
        """Move to the next bar."""
        if self._in_bulk and datamaster is None:
            self._days._idx += size
            self._days.lencount += size
        else:
            super().advance(size, datamaster, ticks)

    def rewind(self, size: int = 1) -> None:
        """Move back, without forgetting bars."""
        if self._in_bulk:
            self._days.rewind(size)
        else:
            super().rewind(size)

    def next(self, datamaster: Any = None, ticks: bool = True) -> Any:
        """Deliver the next bar unless it is later than the one of ``datamaster``."""
        if not self._in_bulk:
            return super().next(datamaster, ticks)
        if self._days.lencount >= len(self._times) - 1:
            return False
        self.advance()
        if datamaster is not None and self._days[0] > datamaster.lines.datetime[0]:
            self.rewind()
            return False
        return True

    def _tick_nullify(self) -> None:
        if not self._in_bulk:
            super()._tick_nullify()

    def _tick_fill(self, force: bool = False) -> None:
        if not self._in_bulk:
            super()._tick_fill(force)


def _blank(kind: type[PanelFeed] | tuple[str, ...]) -> PanelFeed:
    """Return a feed without its state, for unpickling; a tuple names further lines."""
    feed_class = PanelFeed.with_lines(*kind) if isinstance(kind, tuple) else kind
    return feed_class.__new__(feed_class)
