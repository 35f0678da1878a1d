"""Deepest loss from a peak, with its dates."""

from __future__ import annotations

import pandas as pd

from attngru_bt.analyzers.record import Record
from attngru_bt.evaluation import statistics


class MaxDrawdown(Record):
    """Deepest loss of the account from a running peak, as a positive fraction, with its dates.

    Parameters
    ----------
    start, fund
        See :class:`~attngru_bt.analyzers.record.Record`.

    Examples
    --------
    `get_analysis()` returns `{"depth": …, "peak": …, "trough": …, "recovery": …}`: the
    dates of the session whose close was the peak, of the deepest close, and of the first later
    close at or above the peak. Without a loss all three dates are None; without a recovery so far,
    `recovery` is. The starting cash has no session: a peak there has the date of the first session.
    """

    def stop(self) -> None:
        """Compute the result."""
        super().stop()
        self.rets.update(dated_drawdown(self.returns, self.base_date))


def dated_drawdown(
    returns: pd.Series, base_date: pd.Timestamp | None = None
) -> dict[str, float | pd.Timestamp | None]:
    """Return the deepest loss with dates instead of positions.

    Parameters
    ----------
    returns : Series of shape (n_sessions,)
        Simple returns indexed by session date.
    base_date : Timestamp or None
        Date of the value before the first return; None: the first session's date stands for it.
    """
    drawdown = statistics.max_drawdown(returns.to_numpy())

    def date(position: int | None) -> pd.Timestamp | None:
        if position is None:
            return None
        if position < 0:  # the peak is the value that the first return is measured from
            return base_date if base_date is not None else returns.index[0]
        return pd.Timestamp(returns.index[position])

    return {
        "depth": drawdown.depth,
        "peak": date(drawdown.peak),
        "trough": date(drawdown.trough),
        "recovery": date(drawdown.recovery),
    }
