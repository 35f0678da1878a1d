"""Annualized Sharpe ratio of the sessions' returns."""

from __future__ import annotations

from typing import Any

from attngru_bt.analyzers.record import Record, check_periods, check_riskfree
from attngru_bt.evaluation import statistics


class SharpeRatio(Record):
    """Annualized mean return above the risk-free rate per unit of deviation.

    Daily returns, sample deviation (ddof 1). backtrader's own analyzer of this name uses yearly
    returns and ddof 0 unless told otherwise, and so answers another number.

    Parameters
    ----------
    riskfree : float, default=0.0
        Annual risk-free rate as a fraction (0.03 = 3%), converted to a rate per session.
    periods : float, default=252
        Sessions per year: 252 in the US, 242 in China, 52 of weekly bars. Never guessed; what
        the sessions contradict gives NaN, with a warning.
    start, fund
        See :class:`~attngru_bt.analyzers.record.Record`.

    Examples
    --------
    `get_analysis()` answers `{"sharpe": …, "sessions": …}`.
    """

    params: Any = (("riskfree", 0.0), ("periods", statistics.SESSIONS_PER_YEAR))

    def __init__(self) -> None:
        super().__init__()
        check_periods(self.p.periods)
        check_riskfree(self.p.riskfree)

    def stop(self) -> None:
        """Compute the result."""
        super().stop()
        values = self.returns.to_numpy()
        self.rets["sharpe"] = statistics.sharpe_ratio(
            values, self.p.riskfree, self.annual_periods()
        )
        self.rets["sessions"] = len(values)
