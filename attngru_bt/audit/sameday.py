"""A strategy that, before a session opens, only sees what is known at the open."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attngru_bt.audit.altered import AT_OPEN
from attngru_bt.data.bars import PRICE_LINES


def blindfolded(strategy: type[Any]) -> type[Any]:
    """Return a subclass of a strategy that does not see the bars of the session it trades.

    While it acts before the open of a session, high, low, close, volume and all further lines of
    each feed are other numbers. Before the broker fills the orders, they are restored. Run it on
    bars that come one by one (``backtest.run(stream=True)``), so that there are no later ones.

    Parameters
    ----------
    strategy : subclass of bt.Strategy
    """
    hooks = {
        name: _blind(getattr(strategy, name))
        for name in ("prenext_open", "nextstart_open", "next_open")
    }
    metaclass: Any = type(strategy)
    subclass: type[Any] = metaclass(
        strategy.__name__, (strategy,), {**hooks, "__module__": strategy.__module__}
    )
    return subclass


def _blind(act: Callable[[Any], None]) -> Callable[[Any], None]:
    def hook(self: Any) -> None:
        with _unseen(self.datas):
            act(self)

    return hook


@contextmanager
def _unseen(feeds: list[Any]) -> Iterator[None]:
    """Change today's bar of each feed, except for what is known at the open; then restore it."""
    shown = [feed for feed in feeds if len(feed)]
    today = max((feed.datetime[0] for feed in shown), default=0.0)
    kept: list[tuple[Any, float]] = []
    rng = random.Random(int(today))  # by chance, so that feeds cannot be ranked by what they hide
    for feed in shown:
        if feed.datetime[0] != today:
            continue
        move = math.exp(rng.gauss(0, 0.5))
        for i, name in enumerate(feed.getlinealiases()):
            if name in AT_OPEN or name == "datetime":
                continue
            line = feed.lines[i]
            kept.append((line, line[0]))
            line.array[line.idx] *= move if name in PRICE_LINES else move * move
    try:
        yield
    finally:
        for line, value in reversed(kept):
            line.array[line.idx] = value
