"""Why a strategy never traded: the one sentence that is said after such a run."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from attngru_bt.data.bars import Bars

logger = logging.getLogger(__name__)


@dataclass
class MonthsSeen:
    """What a strategy has lived through.

    Attributes
    ----------
    first, last : date or None
        Its first and last session; None if there was none.
    due : list of date
        Sessions on which a decision was due.
    asked : list of date
        Month-ends whose scores were asked for: those not held back by `start`.
    """

    first: dt.date | None = None
    last: dt.date | None = None
    due: list[dt.date] = field(default_factory=list)
    asked: list[dt.date] = field(default_factory=list)


def tell(why: str) -> None:
    """Log why nothing was traded; nothing is logged if `why` is empty."""
    if why:
        logger.warning("Nothing was traded: %s", why)


def why_no_decision(
    seen: MonthsSeen,
    *,
    start: dt.date | None,
    names: Collection[str],
    universe: Any,
    signal: Any,
    bars: Callable[[], Bars],
) -> str:
    """Say why no decision was made, as the rest of a sentence.

    Parameters
    ----------
    seen : MonthsSeen
    start : date or None
        No decision was to be made before it.
    names : collection of str
        The feeds that may be traded.
    universe, signal
        Those of the strategy.
    bars : callable
        Returns the bars that the signal was given last.
    """
    if seen.first is None:
        return "no feed that may be traded has a bar."
    if not seen.asked:
        from attngru_bt.walkforward.unscored import why_no_month  # loads scikit-learn

        return why_no_month(seen.first, seen.last or seen.first, seen.due, start)
    asked = f"{len(seen.asked)} month-ends from {seen.asked[0]} to {seen.asked[-1]}"
    if universe is not None and not any(
        set(names) & universe.at(pd.Timestamp(date)) for date in seen.asked
    ):
        return f"no feed was a member of the universe at any of {asked}."
    if hasattr(signal, "at"):
        return str(signal.why_no_scores(seen.asked[-1]))
    if hasattr(signal, "why_no_scores"):
        return str(signal.why_no_scores(bars()))
    return f"{type(signal).__name__} gave no score at any of {asked}."


def why_no_fill(decisions: Sequence[Mapping[str, Any]], log: pd.DataFrame) -> str:
    """Say why no decision led to a fill, as the rest of a sentence.

    Parameters
    ----------
    decisions : sequence of mappings
        As in `MonthlyTopK.decisions`; at least one.
    log : DataFrame
        `TradeLog.frame()`, without fills.
    """
    if not any(decision["wanted"] for decision in decisions):
        return f"none of the names scored at {len(decisions)} decisions is a feed."
    obstacles = log[log["event"] != "order"]
    if obstacles.empty:
        return f"the orders of {decisions[-1]['date'].date()} were still open when the data ended."
    first = obstacles.iloc[0]
    return (
        f"{len(decisions)} decisions led to no fill. The first obstacle: {first['asset']} on "
        f"{first['date'].date()}, {first['event']}: {first['reason']}."
    )
