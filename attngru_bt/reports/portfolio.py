"""What a tear sheet shows of the account: figures of years, months, losses, names and orders."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.analyzers.performance import monthly
from attngru_bt.evaluation import contribution, statistics
from attngru_bt.reports.heat import by_month, shaded
from attngru_bt.reports.sheet import TearSheet
from attngru_bt.reports.tables import (
    DASH,
    Cell,
    Table,
    date,
    number,
    one,
    per_cent,
    points,
    recovery,
    whole,
)

SIZES = (1e6, 1e7, 1e8, 1e9)
COMMISSIONS = (0, 1, 2, 3, 5)
"""Multiples of what was paid."""
_MONTH = 21  # sessions of usual volume
_LEAST_MONTHS = 12


@dataclass(frozen=True)
class PortfolioFigures:
    """Figures of a finished run's account, computed when asked for.

    Attributes
    ----------
    sheet : TearSheet
    """

    sheet: TearSheet

    @cached_property
    def before(self) -> pd.Series:
        """The account's value at the close before each session."""
        performance = self.sheet.performance
        values = performance.values[performance.first : performance.end]
        shifted = np.concatenate([[performance.base_value], values[:-1]])
        return pd.Series(shifted, index=self.sheet.returns.index)

    @cached_property
    def fills(self) -> pd.DataFrame:
        """The fills of the measured sessions, as `Positions.fills`."""
        return self.sheet.performance.fills()

    @cached_property
    def held(self) -> pd.DataFrame:
        """Value of each name that was ever held, at each close; 0 = not held."""
        held = self.sheet.performance.holdings()
        table = held.pivot_table(index="date", columns="symbol", values="value", aggfunc="sum")
        names = pd.Index(pd.unique(pd.concat([held["symbol"], self.fills["symbol"]])))
        return table.reindex(index=self.sheet.returns.index, columns=names).fillna(0.0)

    @cached_property
    def contributions(self) -> pd.Series:
        """Sum of each name's contribution to the daily returns, the best first."""
        each = contribution.by_name(self.held, self.fills, self.before)
        return each.sum().sort_values(ascending=False, kind="stable")

    @cached_property
    def before_costs(self) -> pd.Series:
        """Returns without commission."""
        return contribution.before_costs(self.sheet.returns, self.fills, self.before)

    def yearly(self) -> pd.DataFrame:
        """Return per calendar year of each curve of the sheet; NaN where one is not known."""
        return pd.DataFrame(
            {name: _compounded(returns, "Y") for name, _, returns in self.sheet.curves}
        )

    def months(self) -> pd.DataFrame:
        """Return per calendar month of each curve of the sheet."""
        return pd.DataFrame(
            {name: _compounded(returns, "M") for name, _, returns in self.sheet.curves}
        )

    # -- tables -----------------------------------------------------------------------------------

    def year_table(self) -> Table:
        """Return per year, and the difference from the others in points of per cent."""
        table = self.yearly()
        own, *others = list(table.columns)
        headings = ["Year", *table.columns, *(f"ahead of {name}" for name in others)]
        rows: list[list[str | Cell]] = []
        for year, values in zip(table.index, table.to_numpy(), strict=True):
            differences = [shaded(values[0] - v, points, 0.3) for v in values[1:]]
            rows.append([str(year), *map(per_cent, values), *differences])
        return Table.of(headings, []).with_rows(rows)

    def month_table(self) -> Table:
        """Return per month, by year and month."""
        returns = monthly(self.sheet.returns)
        years = pd.Series(_compounded(self.sheet.returns, "Y"))
        years.index = pd.Index([period.year for period in years.index])
        return by_month(returns, lambda share: one(100.0 * share), full=0.12, years=years)

    def drawdown_table(self) -> Table:
        """List the five deepest losses and their dates."""
        returns = self.sheet.returns
        dates = [self.sheet.performance.base_date, *returns.index]
        rows = []
        for loss in statistics.worst_drawdowns(returns, 5):
            assert loss.peak is not None and loss.trough is not None
            ended = None if loss.recovery is None else dates[loss.recovery + 1]
            last = len(returns) - 1 if loss.recovery is None else loss.recovery
            rows.append(
                [
                    per_cent(loss.depth),
                    *map(date, (dates[loss.peak + 1], dates[loss.trough + 1])),
                    recovery(ended),
                    whole(last - loss.peak),
                ]
            )
        return Table.of(["Loss", "Peak", "Trough", "Recovery", "Sessions"], rows)

    def worst_months(self, count: int = 6) -> Table | None:
        """List the worst months of the index; None without an index or a year of it."""
        table = self.months()
        if self.sheet.benchmark is None or len(table) < _LEAST_MONTHS:
            return None
        index = table.iloc[:, -1]
        worst = table.loc[index.nsmallest(count).index]
        rows: list[list[str | Cell]] = [
            [str(month), *(shaded(v, per_cent, 0.15) for v in values)]
            for month, values in zip(worst.index, worst.to_numpy(), strict=True)
        ]
        return Table.of(["Month", *table.columns], []).with_rows(rows)

    def cost_table(self) -> Table | None:
        """Show what the same trades would have earned at other commissions; None without any."""
        paid = self.before_costs - self.sheet.returns
        if not paid.any():
            return None
        metrics, index = self.sheet.metrics, self.sheet.benchmark_returns
        headings = ["Commission", "Annualized return", "Sharpe ratio"]
        if index is not None:
            headings.append(f"Ahead of {self.sheet.benchmark_called}")
        rows: list[list[str | Cell]] = []
        for times in COMMISSIONS:
            returns = self.before_costs - times * paid
            earned = statistics.annualized_return(returns, metrics["periods"])
            ratio = statistics.sharpe_ratio(returns, metrics["riskfree"], metrics["periods"])
            row: list[str | Cell] = [f"{times} ×", per_cent(earned), number(ratio)]
            if index is not None:
                known = index.notna()
                ahead = statistics.annualized_return(returns[known], metrics["periods"])
                ahead -= statistics.annualized_return(index[known], metrics["periods"])
                row.append(shaded(ahead, points, 0.1))
            rows.append(row)
        return Table.of(headings, []).with_rows(rows)

    def capacity_table(self) -> Table | None:
        """How large the orders would be in days of usual volume; None where volume is not known."""
        volume = self._usual_volume()
        if volume is None or self.fills.empty:
            return None
        account = self.before
        rows = []
        for size in SIZES:
            days = contribution.days_of_volume(self.fills, account, volume, size)
            if days.empty:
                return None
            rows.append(
                [
                    whole(size),
                    *(_days(float(days.quantile(q))) for q in (0.5, 0.9, 1.0)),
                    per_cent(float((days > 0.1).mean()), 0),
                ]
            )
        headings = [
            "Account",
            "Median order",
            "90th percentile",
            "Largest",
            "Above a tenth of a day",
        ]
        return Table.of(headings, rows)

    def _usual_volume(self) -> pd.DataFrame | None:
        """Median value traded a day over the month before each session, in names ever held."""
        market = self.sheet.market
        if market is None or "amount" not in market.bars.lines:
            return None
        bars = market.bars
        column = {name: i for i, name in enumerate(bars.assets)}
        names = [str(name) for name in self.held.columns if name in column]
        amount = bars["amount"][:, [column[name] for name in names]]
        table = pd.DataFrame(amount, index=bars.dates, columns=names)
        return table.rolling(_MONTH, min_periods=_MONTH // 2).median().shift()


def _compounded(returns: pd.Series, period: str) -> pd.Series:
    """Return per year or month; NaN where the returns are not known on all of its sessions."""
    periods = pd.DatetimeIndex(returns.index).to_period(period)
    grouped = (1.0 + returns).groupby(periods)
    known: Any = grouped.count() > 0
    return grouped.prod().where(known) - 1.0


def _days(value: float) -> str:
    """Show days of volume with as many decimals as their size deserves."""
    if np.isnan(value):
        return DASH
    return number(value) if value >= 0.1 else f"{value:#.2g}"
