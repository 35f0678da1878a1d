"""PanelCerebro: backtrader's engine with the sessions of a run laid out before it begins.

In each session `bt.Cerebro` asks every feed for its next time stamp and looks for the least. Feeds
that hold whole columns know all their stamps, so one sort before the run says which of them deliver
a bar in which session. What is called in a session, and in which order, is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from attngru_bt.feeds.engine import bt, names_used
from attngru_bt.feeds.panel_broker import PanelBroker
from attngru_bt.feeds.panel_feed import PanelFeed

# The names that backtrader's loop over the sessions uses, which is replaced here. An engine whose
# loop uses others does something else.
_LOOP = """
    _brokernotify _check_timers _compression _event_stop _next_writers _once _oncepost
    _oncepost_open _timeframe advance advance_peek cheat_on_open datas enumerate float len min p
    reset sorted
"""


class PanelCerebro(bt.Cerebro):
    """A faster `bt.Cerebro` for `PanelFeed` feeds, with a `PanelBroker`.

    It takes the parameters of `bt.Cerebro`. It is `bt.Cerebro`, at its speed, if some feeds are of
    another class, in the modes that deliver bars one by one, and on an engine whose loop over the
    sessions is not backtrader's.

    Examples
    --------
    >>> cerebro = PanelCerebro(stdstats=False, cheat_on_open=True)
    >>> type(cerebro.broker).__name__
    'PanelBroker'
    """

    def __init__(self) -> None:
        super().__init__()
        self.broker = PanelBroker()
        self._known = names_used(bt.Cerebro._runonce) == set(_LOOP.split())

    def _runonce(self, runstrats: list[Any]) -> None:
        """Run all sessions as backtrader does, but move only the feeds that have a bar."""
        bulk = all(isinstance(feed, PanelFeed) and feed.in_bulk for feed in self.datas)
        if not (self._known and bulk):
            super()._runonce(runstrats)
            return
        for strategy in runstrats:
            strategy._once()
            strategy.reset()
        for stamp, arriving in _sessions(self.datas):
            for pointer in arriving:  # as `PanelFeed.advance`
                pointer._idx += 1
                pointer.lencount += 1
            # from here on in backtrader's order
            self._check_timers(runstrats, stamp, cheat=True)
            if self.p.cheat_on_open:
                for strategy in runstrats:
                    strategy._oncepost_open()
                    if self._event_stop:
                        return
            self._brokernotify()
            if self._event_stop:
                return
            self._check_timers(runstrats, stamp, cheat=False)
            for strategy in runstrats:
                strategy._oncepost(stamp)
                if self._event_stop:
                    return
                self._next_writers(runstrats)


def _sessions(feeds: Sequence[PanelFeed]) -> Iterator[tuple[float, list[Any]]]:
    """Yield each time stamp, and the pointers of the feeds that have a bar with it."""
    pointers = [feed.lines.datetime for feed in feeds]
    stamps = [feed.stamps() for feed in feeds]
    whose = np.repeat(np.arange(len(feeds), dtype=np.int32), [len(own) for own in stamps])
    every = np.concatenate(stamps)
    order = np.argsort(every, kind="stable")
    whose = whose[order]
    distinct, begin = np.unique(every[order], return_index=True)
    end = np.append(begin[1:], len(every))
    last, arriving = b"", []
    for stamp, i, j in zip(distinct.tolist(), begin.tolist(), end.tolist(), strict=True):
        if (same := whose[i:j].tobytes()) != last:  # mostly the same feeds as in the session before
            last, arriving = same, [pointers[feed] for feed in whose[i:j].tolist()]
        yield stamp, arriving
