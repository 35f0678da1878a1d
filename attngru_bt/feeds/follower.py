"""Lines of a backtrader feed that move together: one leads, the others follow."""

from __future__ import annotations

import datetime as dt
import functools
from typing import Any

from attngru_bt.feeds.engine import bt


class Leader(bt.linebuffer.LineBuffer):
    """The time stamps of a feed; a date that many feeds share is converted once."""

    def datetime(self, ago: int = 0, tz: Any = None, naive: bool = True) -> dt.datetime:
        """Return the date and time of a bar."""
        if tz or self._tz:
            return super().datetime(ago, tz, naive)  # type: ignore[no-any-return]
        return _moment(self.array[self._idx + ago])


@functools.lru_cache(maxsize=1 << 14)
def _moment(stamp: float) -> dt.datetime:
    return bt.num2date(stamp)  # type: ignore[no-any-return]


class Follower(bt.linebuffer.LineBuffer):
    """A line that shares the pointer of a leading line: moving the leader moves all.

    A feed moves all its lines by the same step, which for 15 lines would set 30 attributes per bar.
    Moving a follower itself has no effect, so that a loop over all lines of a feed moves them once.
    Lines become followers, and plain lines again, by a change of their class, because indicators
    and strategies hold references to these objects.
    """

    @property
    def _idx(self) -> int:
        return int(self._leader._idx)

    @_idx.setter
    def _idx(self, value: int) -> None:
        pass

    @property
    def lencount(self) -> int:
        """Number of bars delivered, that of the leader."""
        return int(self._leader.lencount)

    @lencount.setter
    def lencount(self, value: int) -> None:
        pass

    def __getitem__(self, ago: int) -> Any:
        return self.array[self._leader._idx + ago]
