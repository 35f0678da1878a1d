"""A line of a backtrader feed that moves when another line of the feed does."""

from __future__ import annotations

from typing import Any

import backtrader as bt


class Follower(bt.linebuffer.LineBuffer):
    """A line that shares the pointer of a leading line: moving the leader moves all.

    A feed moves all its lines by the same step; with 15 lines these would be 30 attributes per bar.
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
