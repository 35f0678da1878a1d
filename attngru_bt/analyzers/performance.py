"""All figures of a run in one analyzer: return, risk, benchmark, trading and its costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.analyzers.benchmark import Benchmark
from attngru_bt.analyzers.max_drawdown import dated_drawdown
from attngru_bt.analyzers.positions import Positions
from attngru_bt.evaluation import statistics, tails


class Performance(Positions):
    """Return, risk, comparison with a benchmark, turnover and costs of a run.

    It also records positions and transactions, so a tear sheet needs no other analyzer.

    Parameters
    ----------
    benchmark : str, Series or None, default=None
        Name of a feed in the same Cerebro, or a pandas Series of closes indexed by date.
    periods : float, default=252
        Sessions per year: 252 in the US, 242 in China, 52 of weekly bars. It is never guessed;
        a number that the sessions contradict gives NaN and a warning.
    riskfree : float, default=0.0
        Annual risk-free rate as a fraction (0.03 = 3%).
    start, fund
        See :class:`~attngru_bt.analyzers.record.Record`; "trading" leaves out the time before the
        first decision.

    Attributes
    ----------
    benchmark_returns : Series of shape (n_sessions,) or None
        The benchmark's returns on the measured sessions, NaN = not known.

    Notes
    -----
    `get_analysis()` returns a dictionary; fractions, naive dates, NaN = not defined:

    - start, end (first and last measured session), sessions, start_value, end_value
    - total_return, annual_return (compounded), volatility, sharpe, max_drawdown (positive),
      drawdown_peak, drawdown_trough, drawdown_recovery, calmar, sortino, longest_drawdown (in
      sessions)
    - best_session, worst_session (returns), value_at_risk (loss that 5% of sessions exceed),
      expected_shortfall (mean loss of the worst 5%), both positive; skewness, excess_kurtosis
    - turnover: half of all buying and selling, per year, over the mean account value
    - costs: commission paid, in currency; cost_rate: per year, over the mean account value
    - fills; trades (closed round trips); hit_rate: share of these that earned money after
      commission; positive_months: share of calendar months with a gain
    - with a benchmark, over the sessions on which it is known: excess_return (difference of the
      annualized returns), information_ratio, tracking_error, months_above_benchmark, and
      `benchmark`, a dictionary with name, start, end, sessions, total_return, annual_return,
      volatility, sharpe, max_drawdown and its dates, and the others that are of returns alone
    - periods, riskfree: as given; figures a year are NaN where the sessions' own interval says that
      there cannot be so many in a year
    """

    params: Any = (
        ("benchmark", None),
        ("periods", statistics.SESSIONS_PER_YEAR),
        ("riskfree", 0.0),
    )

    def __init__(self) -> None:
        super().__init__()
        self._benchmark = None if self.p.benchmark is None else Benchmark(self.p.benchmark)
        self.benchmark_returns: pd.Series | None = None

    def start(self) -> None:
        """Find the benchmark's feed."""
        super().start()
        self._trades: list[tuple[int, float]] = []
        if self._benchmark is not None:
            self._benchmark.start(self.strategy)

    def notify_trade(self, trade: Any) -> None:
        """Record the profit of a round trip that has ended."""
        if trade.isclosed:
            self._trades.append((len(self._times), trade.pnlcomm))

    def next(self) -> None:
        """Record account, positions and benchmark."""
        super().next()
        if self._benchmark is not None:
            self._benchmark.next()

    def stop(self) -> None:
        """Compute the result."""
        super().stop()
        self._periods = self.annual_periods()
        self._measure()
        if self._benchmark is not None:
            self._benchmark.stop()
            returns = self._benchmark.returns(self.sessions)
            self.benchmark_returns = returns.iloc[self.first : self.end]
            self.rets.update(self.compare(self.benchmark_returns))
        self.rets["periods"] = self.p.periods
        self.rets["riskfree"] = self.p.riskfree

    def get_analysis(self) -> dict[str, Any]:
        """Return the figures listed in the class's notes."""
        return self.rets  # type: ignore[no-any-return]

    def compare(self, benchmark: pd.Series) -> dict[str, Any]:
        """Return the figures of a benchmark and of the strategy against it.

        Parameters
        ----------
        benchmark : Series of shape (n_sessions,)
            Returns on the measured sessions, NaN = not known.
        """
        measured = benchmark[benchmark.notna()]
        base = self._session_before(measured.index[0]) if len(measured) else None
        return {
            **self.against(self.returns, benchmark),
            "benchmark": {"name": str(benchmark.name), **self.figures(measured, base)},
        }

    def against(self, returns: pd.Series, benchmark: pd.Series) -> dict[str, float]:
        """Return figures of returns against a benchmark, on the sessions on which it is known.

        Parameters
        ----------
        returns, benchmark : Series of shape (n_sessions,)
            Of the same sessions; the benchmark's may be NaN.
        """
        known = benchmark.notna().to_numpy()
        mine, index = returns[known], benchmark[known]
        earned, market = (statistics.annualized_return(r, self._periods) for r in (mine, index))
        ahead = np.nan
        if len(index):
            ahead = float(np.mean(monthly(mine).to_numpy() > monthly(index).to_numpy()))
        return {
            "excess_return": earned - market,
            "information_ratio": statistics.information_ratio(mine, index, self._periods),
            "tracking_error": statistics.tracking_error(mine, index, self._periods),
            "months_above_benchmark": ahead,
        }

    def _measure(self) -> None:
        """Compute the figures of the strategy alone."""
        returns = self.returns
        values = self.values[self.first : self.end]
        self.rets.update(self.figures(returns, self.base_date))
        self.rets["start_value"] = self.base_value
        self.rets["end_value"] = float(values[-1]) if len(values) else self.base_value
        # trading: half of what was bought and sold, over the mean value, a year
        fills = self._fill_rows
        traded = float((fills["size"] * fills["price"]).abs().sum())
        costs = float(fills["commission"].sum())
        mean = float(np.mean(values)) if len(values) else np.nan
        per_year = self._periods / len(values) if len(values) else np.nan
        self.rets["turnover"] = traded / 2.0 / mean * per_year
        self.rets["costs"] = costs
        self.rets["cost_rate"] = costs / mean * per_year
        self.rets["fills"] = len(fills)
        # round trips that ended in the measured sessions
        session = np.searchsorted(self._kept, [bar for bar, _ in self._trades])
        inside = (session >= self.first) & (session < self.end)
        earned = np.array([profit for _, profit in self._trades])[inside]
        self.rets["trades"] = len(earned)
        self.rets["hit_rate"] = float(np.mean(earned > 0.0)) if len(earned) else np.nan

    def figures(self, returns: pd.Series, base: pd.Timestamp | None = None) -> dict[str, Any]:
        """Return the figures that strategy, benchmark and baselines have in common.

        Parameters
        ----------
        returns : Series of shape (n_sessions,)
            Indexed by session date, without NaN.
        base : Timestamp or None
            Date of the value that the first return is measured from, for the drawdown's dates.
        """
        values = returns.to_numpy()
        periods = self._periods
        drawdown = dated_drawdown(returns, base)
        months = monthly(returns).to_numpy()
        return {
            "start": returns.index[0] if len(values) else None,
            "end": returns.index[-1] if len(values) else None,
            "sessions": len(values),
            "total_return": statistics.total_return(values),
            "annual_return": statistics.annualized_return(values, periods),
            "volatility": statistics.volatility(values, periods),
            "sharpe": statistics.sharpe_ratio(values, self.p.riskfree, periods),
            "max_drawdown": drawdown["depth"],
            "drawdown_peak": drawdown["peak"],
            "drawdown_trough": drawdown["trough"],
            "drawdown_recovery": drawdown["recovery"],
            "calmar": statistics.calmar_ratio(values, periods),
            "positive_months": float(np.mean(months > 0.0)) if len(months) else np.nan,
            "sortino": tails.sortino_ratio(values, self.p.riskfree, periods),
            "longest_drawdown": tails.longest_drawdown(values),
            "best_session": float(values.max()) if len(values) else np.nan,
            "worst_session": float(values.min()) if len(values) else np.nan,
            "value_at_risk": tails.value_at_risk(values),
            "expected_shortfall": tails.expected_shortfall(values),
            "skewness": tails.skewness(values),
            "excess_kurtosis": tails.excess_kurtosis(values),
        }

    def _session_before(self, date: pd.Timestamp) -> pd.Timestamp | None:
        """Return the session before a date; None if there is none."""
        position = int(self.sessions.searchsorted(date)) - 1
        return self.sessions[position] if position >= 0 else None


def monthly(returns: pd.Series) -> pd.Series:
    """Compounded return per calendar month, indexed by the month's last session in the data.

    Parameters
    ----------
    returns : Series of shape (n_sessions,)
        Simple returns indexed by session date.

    Returns
    -------
    Series of shape (n_months,)
    """
    if not len(returns):
        return returns
    dates = pd.DatetimeIndex(returns.index)
    month = np.asarray(dates.year) * 12 + np.asarray(dates.month)
    # rows at which a month begins, and the last row of each
    begin = np.flatnonzero(np.diff(month, prepend=month[0] - 1))
    compounded = np.multiply.reduceat(1.0 + returns.to_numpy(), begin) - 1.0
    last = np.append(begin[1:], len(month)) - 1
    return pd.Series(compounded, index=dates[last], name=returns.name)
