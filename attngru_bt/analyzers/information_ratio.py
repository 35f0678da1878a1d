"""Annualized information ratio against a benchmark."""

from __future__ import annotations

from typing import Any

from attngru_bt.analyzers.benchmark import Benchmark
from attngru_bt.analyzers.record import Record, check_periods
from attngru_bt.evaluation import statistics


class InformationRatio(Record):
    """Annualized mean active return per unit of tracking error (sample, ddof 1).

    The active return is strategy minus benchmark, session by session. Sessions on which the
    benchmark is not known (before its first close, after its last) are left out.

    Parameters
    ----------
    benchmark : str or Series
        Name of a feed in the same Cerebro, or a pandas Series of closes indexed by date.
    periods : float, default=252
        Sessions per year: 252 in the US, 242 in China, 52 of weekly bars. Never guessed; what
        the sessions contradict gives NaN, with a warning.
    start, fund
        See :class:`~attngru_bt.analyzers.record.Record`.

    Examples
    --------
    `get_analysis()` answers `{"information_ratio": …, "tracking_error": …, "sessions": …}`, where
    sessions counts the compared ones.
    """

    params: Any = (("benchmark", None), ("periods", statistics.SESSIONS_PER_YEAR))

    def __init__(self) -> None:
        super().__init__()
        check_periods(self.p.periods)
        if self.p.benchmark is None:
            raise ValueError(
                "InformationRatio needs `benchmark`: the name of a feed or a Series of closes."
            )
        self._benchmark = Benchmark(self.p.benchmark)

    def start(self) -> None:
        """Find the benchmark's feed."""
        super().start()
        self._benchmark.start(self.strategy)

    def next(self) -> None:
        """Record the account and the benchmark."""
        super().next()
        self._benchmark.next()

    def stop(self) -> None:
        """Compute the result."""
        super().stop()
        self._benchmark.stop()
        window = slice(self.first, self.end)
        benchmark = self._benchmark.returns(self.sessions).to_numpy()[window]
        known = benchmark == benchmark
        own = self.returns.to_numpy()[known]
        other = benchmark[known]
        periods = self.annual_periods()
        self.rets["information_ratio"] = statistics.information_ratio(own, other, periods)
        self.rets["tracking_error"] = statistics.tracking_error(own, other, periods)
        self.rets["sessions"] = len(own)
