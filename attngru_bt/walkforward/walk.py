"""One model with one seed, walked through all months."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from attngru_bt.features.cross_section import CrossSection
from attngru_bt.walkforward.record import MonthRecord, outcomes


@dataclass
class Walk:
    """What one model with one seed said at each month-end, out of sample.

    Attributes
    ----------
    model : str
        Its name.
    seed : int
        From 0; the model's random state is the generator's plus this.
    topk : int
        How many of a month's best returns are labeled 1.
    records : list of MonthRecord
        One per month-end, in order, those before the first fit without scores.
    sections : list of CrossSection
        All month-ends of the panel; shared by the walks of a run.
    """

    model: str
    seed: int
    topk: int
    records: list[MonthRecord]
    sections: list[CrossSection]

    def scores(self) -> pd.DataFrame:
        """Scores month-end × asset, as `MonthlyTopK` takes them; NaN where an asset has none.

        Month-ends before the first fit are left out.
        """
        scored = {r.month_end: r.scores for r in self.records if len(r.scores)}
        return pd.DataFrame(scored).T.rename_axis(index="month_end", columns="asset")

    def labels(self) -> pd.DataFrame:
        """Scores beside what came of them.

        Returns
        -------
        DataFrame, index (month_end, asset), columns score, label, forward_return
            Label and forward_return (a fraction) are NaN until the next month-end was seen.
        """
        return outcomes(self.records, self.sections, self.topk)

    @property
    def fit_seconds(self) -> float:
        """Wall-clock seconds of all fits together."""
        return sum(record.fit_seconds for record in self.records if record.refit)
