"""Which feeds of a Cerebro are stocks to choose from, and which are benchmarks."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attngru_bt.bars import DataError
from attngru_bt.bars.names import fault


def named(feeds: Sequence[Any]) -> dict[str, Any]:
    """Return the feeds by name; a missing name or one used twice is an error."""
    names = [data._name for data in feeds]
    for name in names:
        if not name:
            raise DataError(
                "A feed has no name, so its stock cannot be told in scores and reports: use "
                "cerebro.adddata(feed, name='...')."
            )
        if wrong := fault(name):
            raise DataError(f"Feed name {wrong}; give the feed a name without.")
        if names.count(name) > 1:
            raise DataError(
                f"Two feeds are named {name!r}, and reports would merge them: give each a "
                f"name of its own with cerebro.adddata(feed, name='...')."
            )
    return dict(zip(names, feeds, strict=True))


def benchmarks(
    feeds: Mapping[str, Any], given: str | Sequence[str] | None, named_by_analyzers: Iterable[Any]
) -> tuple[str, ...]:
    """Return the names of the feeds that are not traded.

    Parameters
    ----------
    feeds : mapping of str to data feed
    given : str, sequence of str or None
        The strategy's `benchmark`. None: what the analyzers name, and what `add_feeds` added.
    named_by_analyzers : iterable
        The `benchmark` of each analyzer.
    """
    if given is None:
        marks = [*named_by_analyzers]
        marks += [name for name, data in feeds.items() if getattr(data, "is_benchmark", False)]
        return tuple(dict.fromkeys(m for m in marks if isinstance(m, str) and m in feeds))
    marks = [given] if isinstance(given, str) else list(given)
    for mark in marks:
        if mark not in feeds:
            near = difflib.get_close_matches(mark, list(feeds), n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise DataError(f"`benchmark`: no feed is named {mark!r}.{hint}")
    return tuple(marks)
