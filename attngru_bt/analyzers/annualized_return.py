"""Compounded return per year."""

from __future__ import annotations

from typing import Any

from attngru_bt.analyzers.record import Record
from attngru_bt.evaluation import statistics


class AnnualizedReturn(Record):
    """Compounded return per year, as a fraction (0.1 = 10%).

    Parameters
    ----------
    periods : float, default=252
        Sessions per year: 252 in the US, 242 in China, 52 of weekly bars. It is never guessed;
        a number that the sessions contradict gives NaN and a warning.
    start, fund
        See :class:`~attngru_bt.analyzers.record.Record`.

    Examples
    --------
    `get_analysis()` returns `{"annual_return": …, "total_return": …, "sessions": …}`.
    """

    params: Any = (("periods", statistics.SESSIONS_PER_YEAR),)

    def stop(self) -> None:
        """Compute the result."""
        super().stop()
        values = self.returns.to_numpy()
        self.rets["annual_return"] = statistics.annualized_return(values, self.annual_periods())
        self.rets["total_return"] = statistics.total_return(values)
        self.rets["sessions"] = len(values)
