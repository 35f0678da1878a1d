"""What a tear sheet shows of the scores: how good, how long, of which stocks, beyond what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.evaluation import deciles, exposures, horizons
from attngru_bt.evaluation.characteristics import characteristics, groups
from attngru_bt.evaluation.ranks import row_correlation, wide
from attngru_bt.evaluation.spread import spread
from attngru_bt.reports.heat import by_month
from attngru_bt.reports.sheet import TearSheet
from attngru_bt.reports.tables import Table, decimals, number, per_cent, three, whole

_LONG_CODE = 9  # characters
MEANT = {
    "size": "market value",
    "volatility": "of 63 sessions",
    "turnover": "of 21 sessions",
    "momentum": "return of the year without its last month",
    "reversal": "return of the last month, with its sign turned",
}
"""What each characteristic is."""


@dataclass(frozen=True)
class ScoreFigures:
    """Figures of the scores of a finished run, computed when asked for.

    Attributes
    ----------
    sheet : TearSheet
        With labels, of which at least one month has ended.
    """

    sheet: TearSheet

    @cached_property
    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Scores and outcomes, month-ends × assets, of the months that have ended."""
        assert self.sheet.labels is not None
        scores, returns = wide(self.sheet.labels)
        ended = returns.notna().any(axis=1).to_numpy()
        last = int(np.flatnonzero(ended)[-1]) + 1
        return scores.iloc[:last], returns.iloc[:last]

    @cached_property
    def rank_ic(self) -> pd.Series:
        """Rank IC per month."""
        scores, returns = self.tables
        return pd.Series(row_correlation(scores.to_numpy(), returns.to_numpy()), scores.index)

    @cached_property
    def decay(self) -> pd.DataFrame:
        """Rank IC by months ahead."""
        return horizons.ic_decay(*self.tables)

    @cached_property
    def deciles(self) -> pd.DataFrame:
        """Mean return per month and group of scores."""
        scores, returns = self.tables
        return deciles.decile_returns(scores, returns, deciles.count_of(scores))

    @cached_property
    def autocorrelation(self) -> pd.Series:
        """Rank correlation with the scores of the month before."""
        return horizons.rank_autocorrelation(self.tables[0])

    @cached_property
    def top_turnover(self) -> pd.Series:
        """Share of the best names that were not among them a month before."""
        return horizons.top_turnover(self.tables[0], self.sheet.topk)

    @cached_property
    def kinds(self) -> dict[str, pd.DataFrame]:
        """Characteristics of the scored stocks; none without a market."""
        if self.sheet.market is None:
            return {}
        scores, _ = self.tables
        found = characteristics(
            self.sheet.market.bars, pd.DatetimeIndex(scores.index), scores.columns
        )
        return {name: table for name, table in found.items() if table.notna().any().any()}

    @property
    def kinds_told(self) -> str:
        """Names of the characteristics, as they stand within a sentence."""
        *most, last = self.kinds
        return f"{', '.join(most)} and {last}" if most else last

    @property
    def kinds_meant(self) -> str:
        """What the characteristics are."""
        return " ".join(f"{name.capitalize()}: {MEANT[name]}." for name in self.kinds)

    @cached_property
    def exposures(self) -> pd.DataFrame:
        """Rank correlation of scores and characteristics per month."""
        return exposures.exposures(self.tables[0], self.kinds)

    @cached_property
    def neutral_ic(self) -> pd.Series:
        """Rank IC per month of the scores without what the characteristics explain."""
        scores, returns = self.tables
        left = exposures.neutral_scores(scores, self.kinds)
        return pd.Series(row_correlation(left.to_numpy(), returns.to_numpy()), scores.index)

    # -- tables -----------------------------------------------------------------------------------

    def summary(self) -> Table:
        """Return the figures of the section: mean, plain and Newey-West t, months."""
        count, unit = self.deciles.shape[1], self.sheet.schedule.unit
        between = deciles.spread_returns(self.deciles)
        figures: list[tuple[str, pd.Series, Callable[[float], str]]] = [
            ("Rank IC", self.rank_ic, three),
            (f"Best less worst of {count} groups, a {unit}", between, per_cent),
        ]
        if self.kinds:
            figures.insert(1, ("Rank IC beyond the exposures", self.neutral_ic, three))
        rows = [
            [
                name,
                show(found["mean"]),
                number(found["t"]),
                number(found["t_hac"]),
                whole(found["months"]),
            ]
            for name, values, show in figures
            for found in [horizons.mean_and_t(values.to_numpy())]
        ]
        positive = float((self.rank_ic.dropna() > 0).mean())
        deviation = spread(self.rank_ic.dropna())
        icir = float(self.rank_ic.mean()) / deviation
        more = [
            (f"{unit.capitalize()}s with a positive rank IC", per_cent(positive, 0)),
            ("Deviation of the rank IC", three(deviation)),
            ("Mean rank IC over its deviation (ICIR)", decimals(icir, 2)),
            ("Monotonicity of the groups", decimals(deciles.monotonicity(self.deciles), 2)),
            (f"Rank autocorrelation, a {unit}", decimals(float(self.autocorrelation.mean()), 2)),
            (f"New among the best {self.sheet.topk}", per_cent(float(self.top_turnover.mean()), 0)),
        ]
        rows += [[name, value, "", "", ""] for name, value in more]
        return Table.of(["", "Mean", "t", "t (HAC)", f"{unit.capitalize()}s"], rows)

    def heat(self) -> Table:
        """Rank IC by year and month."""
        return by_month(self.rank_ic, lambda value: decimals(value, 2), full=0.3, heading="Mean")

    def exposure_table(self) -> Table:
        """Mean exposure, with its t, and the range of the months."""
        rows = []
        for name in self.exposures:
            values = self.exposures[name]
            found = horizons.mean_and_t(values.to_numpy())
            low, high = values.quantile([0.05, 0.95])
            shown = f"{decimals(low, 2)} to {decimals(high, 2)}"
            rows.append([str(name), decimals(found["mean"], 2), number(found["t_hac"]), shown])
        return Table.of(
            ["Characteristic", "Mean", "t (HAC)", f"Middle 90% of {self.sheet.schedule.unit}s"],
            rows,
        )

    def group_table(self) -> Table | None:
        """Rank IC by group; None where the data have no groups."""
        market = self.sheet.market
        if market is None:
            return None
        scores, returns = self.tables
        group = groups(market.bars, pd.DatetimeIndex(scores.index), scores.columns)
        if group is None:
            return None
        found = exposures.group_ic(scores, returns, group)
        named: dict[Any, str] = dict(market.bars.group_names)
        rows = [
            [
                named.get(name) or _group_name(number_of, name, group),
                three(row["mean"]),
                number(row["t"]),
                number(row["t_hac"]),
                whole(row["months"]),
                whole(row["stocks"]),
            ]
            for number_of, (name, row) in enumerate(found.iterrows(), start=1)
        ]
        return Table.of(
            [
                "Group",
                "Rank IC",
                "t",
                "t (HAC)",
                f"{self.sheet.schedule.unit.capitalize()}s",
                "Stocks",
            ],
            rows,
        )


def _group_name(place: int, code: Any, group: pd.DataFrame) -> str:
    """Name a group by its code and the stocks that were in it longest.

    Text in the data became a large code, which says nothing to a reader: such a group is numbered.
    """
    months = (group == code).sum()
    members = [str(name) for name in months.sort_values(ascending=False, kind="stable").index[:3]]
    more = ", …" if (months > 0).sum() > len(members) else ""
    text = f"{code:g}" if isinstance(code, float) else str(code)
    return f"{text if len(text) < _LONG_CODE else f'group {place}'}: {', '.join(members)}{more}"
