"""A strategy that is shown of a session only what is known at its open."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attngru_bt.audit.altered import AT_OPEN
from attngru_bt.data.bars import PRICE_LINES


def blindfolded(strategy: type[Any]) -> type[Any]:
    """Return the strategy with a blindfold before each open.

    While it acts before a session's open, the session's high, low, close, volume and all other
    lines of each feed are other numbers; when the broker fills the orders they are as they were.
    Run with bars that come one by one (``backtest.run(stream=True)``), so that none of later is
    there either.

    Parameters
    ----------
    strategy : subclass of bt.Strategy
    """
    hooks = {
        name: _blind(getattr(strategy, name))
        for name in ("prenext_open", "nextstart_open", "next_open")
    }
    metaclass: Any = type(strategy)
    made: type[Any] = metaclass(
        strategy.__name__, (strategy,), {**hooks, "__module__": strategy.__module__}
    )
    return made


def _blind(act: Callable[[Any], None]) -> Callable[[Any], None]:
    def hook(self: Any) -> None:
        with _unseen(self.datas):
            act(self)

    return hook


@contextmanager
def _unseen(feeds: list[Any]) -> Iterator[None]:
    """Change today's bar of each feed, all but what is known at the open, and put it back."""
    shown = [feed for feed in feeds if len(feed)]
    today = max((feed.datetime[0] for feed in shown), default=0.0)
    kept: list[tuple[Any, float]] = []
    rng = random.Random(int(today))  # an order of the feeds must not survive
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
