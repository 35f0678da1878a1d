"""The scores of the month-end that the picks are for, asked of a signal and checked."""

from __future__ import annotations

from typing import Any

import pandas as pd

from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.market import Market
from attngru_bt.data.membership import names_at
from attngru_bt.data.schedule import Schedule
from attngru_bt.models.given import GivenScores, check_scores
from attngru_bt.trading.signals import fresh


def ready(signal: Any, bars: Bars, month_end: pd.Timestamp, schedule: Schedule) -> Any:
    """Return the signal, given scores under the names of the data and of that month-end.

    Raises
    ------
    DataError
        If given scores name no stock of the data, or are those of an earlier month-end.
    """
    if isinstance(signal, (pd.DataFrame, pd.Series)):
        signal = GivenScores(signal)
    if isinstance(signal, GivenScores):
        signal = signal.spelled(bars.assets)
        _check_names(signal, bars)
        _check_month(signal.date_of(month_end), month_end, bars.dates, schedule)
    return signal


def month_scores(
    signal: Any, market: Market, month_end: pd.Timestamp, universe: Any, schedule: Schedule
) -> tuple[pd.Series, tuple[pd.Timestamp, pd.Series] | None]:
    """Return the scores of a month-end, and the month-end before with its scores, if it has any."""
    bars = market.bars.until(month_end)
    why = f"{type(signal).__name__} gave no score, or none of a name in the data."
    if hasattr(signal, "at"):
        ask = signal.at
        why = signal.why_no_scores(month_end.date())
    else:
        signal = fresh(signal, universe)

        def ask(date: pd.Timestamp) -> pd.Series:
            return check_scores(signal.scores(bars.until(date)), signal)

    # in order of time, as some signals keep what they have seen
    asked = [(date, ask(date)) for date in bars.dates[schedule.ends(bars.dates)[-2:]]]
    _, scores = asked[-1]
    if not set(scores.dropna().index) & set(bars.assets):
        raise DataError(f"No stock is scored at the month-end {month_end.date()}: {why}")
    return scores, next((earlier for earlier in asked[:-1] if len(earlier[1])), None)


def eligible(scores: pd.Series, universe: Any, last: pd.Timestamp) -> pd.Series:
    """Return the scores of the stocks in the universe now, which some may have left since."""
    held = scores if universe is None else scores[scores.index.isin(names_at(universe, last))]
    if held.empty:
        raise DataError(
            f"None of the {len(scores)} stocks with a score is in the universe on {last.date()}: "
            f"bring members that reach up to then."
        )
    return held


def _check_names(given: GivenScores, bars: Bars) -> None:
    """Refuse given scores of which none is of a name in the data."""
    if not set(given.assets) & set(bars.assets):
        raise DataError(
            f"No name in the given scores is one of the data (scores such as of "
            f"{next(iter(given.assets), None)!r}, bars such as of {bars.assets[0]!r}); write the "
            f"scores with the names of the data."
        )


def _check_month(
    given: pd.Timestamp | None,
    month_end: pd.Timestamp,
    dates: pd.DatetimeIndex,
    schedule: Schedule,
) -> None:
    """Refuse given scores of an earlier month: a backtest may go on with them, orders may not."""
    ends = schedule.ends(dates[dates <= month_end])
    before = schedule.begin(month_end) - pd.Timedelta(days=1)
    if len(ends) > 1:
        before = dates[ends[-2]]
    if given is not None and given <= before:
        raise DataError(
            f"The given scores end on {given.date()}, and the picks are those of "
            f"{month_end.date()}: give scores of that month-end, or an earlier `asof`."
        )
