"""The signal of a monthly strategy: checked, and cloned or copied for each run."""

from __future__ import annotations

import copy
import logging
from collections.abc import Collection
from typing import Any, Protocol

import pandas as pd

from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.membership import Universe
from attngru_bt.data.schedule import Schedule, schedule_of
from attngru_bt.models.given import GivenScores

logger = logging.getLogger(__name__)


class Signal(Protocol):
    """Anything that scores the stocks from the bars known at a month-end."""

    def scores(self, bars: Bars) -> pd.Series:
        """Return a score per name, higher is better; empty if there are none yet."""
        ...


def checked_signal(
    signal: Any,
    names: Collection[str],
    universe: Universe | None,
    schedule: Schedule | None = None,
) -> Any:
    """Return the signal of one run of a strategy.

    Parameters
    ----------
    signal : Signal, Walk or DataFrame
        See `MonthlyTopK`. A Signal that can be cloned is, and given the universe unless it has one;
        any other is copied, so that what it keeps of one run is not known to the next.
    names : collection of str
        The feeds that may be traded.
    universe : Universe or None
    schedule : Schedule, default month-ends
        When the strategy decides.

    Raises
    ------
    TypeError
        If it gives no scores.
    ValueError
        If it scores after other sessions than those the strategy decides after.
    DataError
        If finished scores name none of the feeds.
    """
    if isinstance(signal, type):
        raise TypeError(f"`signal` must be an object, not a class: give {signal.__name__}(...).")
    check_schedule(signal, schedule or Schedule())
    if isinstance(signal, (pd.DataFrame, pd.Series)):
        signal = GivenScores(signal)
    if isinstance(signal, GivenScores):
        signal = signal.spelled(names)
    if hasattr(signal, "at"):
        if not set(signal.assets) & set(names):
            example = next(iter(signal.assets), None)
            raise DataError(
                f"`signal`: no name in the given scores is the name of a feed (scores such as "
                f"of {example!r}, feeds such as {next(iter(names))!r})."
            )
        return signal
    if not hasattr(signal, "scores"):
        raise TypeError(
            f"`signal` must be a DataFrame of scores, a Walk, or have a method scores(bars); "
            f"got {type(signal).__name__}."
        )
    return fresh(signal, universe)


def fresh(signal: Any, universe: Universe | None) -> Any:
    """Return a clone or copy of a signal: what it keeps of one run is not known to the next.

    Parameters
    ----------
    signal : Signal
        One that can be cloned is given the universe unless it has one.
    universe : Universe or None
    """
    if hasattr(signal, "get_params"):
        from sklearn.base import clone

        signal = clone(signal)
        if universe is not None and getattr(signal, "universe", universe) is None:
            signal.set_params(universe=universe)
        return signal
    try:
        return copy.deepcopy(signal)
    except Exception as error:
        logger.warning(
            "`signal`: a %s cannot be copied (%s), so runs of this process share what it keeps: a "
            "second one may see the future.",
            type(signal).__name__,
            error,
        )
    return signal


def check_schedule(signal: Any, schedule: Schedule) -> None:
    """Refuse a signal that scores after other sessions than the strategy decides after."""
    of_signal = schedule_asked(signal)
    if of_signal is not None and schedule_of(of_signal) != schedule:
        raise ValueError(
            f"`schedule` is {str(schedule)!r} for the strategy and {str(of_signal)!r} for its "
            f"{type(signal).__name__}: give both the same."
        )


def schedule_asked(signal: Any) -> Any:
    """Return the schedule of a signal; None if it has none.

    An estimator is not a signal: the `schedule` of a network is that of its learning rate.
    """
    # in this order: a Walk makes its last fit again when it is asked for it
    if not hasattr(signal, "scores") and hasattr(signal, "fit"):
        return None
    return getattr(signal, "schedule", None)
