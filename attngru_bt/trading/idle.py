"""Why a strategy never traded, in one sentence that is logged after such a run."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from attngru_bt.data.bars import Bars
from attngru_bt.data.membership import Universe, names_at
from attngru_bt.trading.months import Months

logger = logging.getLogger(__name__)


def warn_of_no_trades(reason: str) -> None:
    """Log why nothing was traded, unless `reason` is empty."""
    if reason:
        logger.warning("Nothing was traded: %s", reason)


def why_no_decision(
    months: Months,
    *,
    start: dt.date | None,
    names: Collection[str],
    universe: Universe | None,
    signal: Any,
    bars: Callable[[dt.date], Bars],
) -> str:
    """Say why no decision was made, as the rest of a sentence.

    Parameters
    ----------
    months : Months
    start : date or None
        No decision was to be made before it.
    names : collection of str
        The feeds that may be traded.
    universe, signal
        Those of the strategy.
    bars : callable
        Date → the bars before it.
    """
    if months.first is None:
        return "no feed that may be traded has a bar."
    if not months.asked:
        from attngru_bt.walkforward.unscored import why_no_month  # loads scikit-learn

        last, unit = months.last or months.first, months.schedule.unit
        return why_no_month(months.first, last, months.due, start, unit)
    last = months.asked[-1]
    asked = f"{len(months.asked)} month-ends from {months.asked[0]} to {last}"
    if universe is not None and not any(
        set(names) & names_at(universe, pd.Timestamp(date)) for date in months.asked
    ):
        return f"no feed was a member of the universe at any of {asked}."
    if hasattr(signal, "at"):
        return str(signal.why_no_scores(last))
    if hasattr(signal, "why_no_scores"):
        return str(signal.why_no_scores(bars(last + dt.timedelta(days=1))))
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
        return f"none of the names scored at {len(decisions)} decisions is a feed with a number."
    obstacles = log[log["event"] != "order"]
    if obstacles.empty:
        return f"the orders of {decisions[-1]['date'].date()} were still open when the data ended."
    first = obstacles.iloc[0]
    return (
        f"{len(decisions)} decisions led to no fill. The first obstacle: {first['asset']} on "
        f"{first['date'].date()}, {first['event']}: {first['reason']}."
    )
