"""The models that were walked in a run's folder, and what the choice among them is worth."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from attngru_bt.evaluation.ranks import wide
from attngru_bt.evaluation.tries import Tries, judge
from attngru_bt.models.names import is_known, title_of
from attngru_bt.reports.sheet import TearSheet
from attngru_bt.walkforward.kept import find

CHECKPOINTS = "checkpoints"


def tries_in(sheet: TearSheet, folder: str | os.PathLike[str] | None) -> Tries | None:
    """Judge the choice among the run's model, the members of a blend, and what the folder keeps.

    Of each the return of the best names above the mean of all stocks with an outcome, period by
    period and before costs, on the months of the run. A model without scores in all of these is
    left out.

    Parameters
    ----------
    sheet : TearSheet
    folder : path or None
        Whose ``checkpoints`` are looked through; None: only what the run itself knows.
    """
    if sheet.labels is None or not sheet.parts:
        return None
    scores, returns = wide(sheet.labels)
    returns = returns[returns.notna().any(axis=1)]
    tables = {sheet.short_name: scores}
    if len(sheet.parts) > 1:
        tables |= {part.name: wide(part.labels)[0] for part in sheet.parts}
    for name, table in _kept(folder).items():
        if name != sheet.name:  # which is there already, perhaps under its short name
            tables.setdefault(name, table)
    excess = {
        name: _excess(table.reindex(index=returns.index), returns, sheet.topk)
        for name, table in tables.items()
        if table.reindex(index=returns.index).notna().any(axis=1).all()
    }
    return judge(pd.DataFrame(excess), sheet.schedule.periods(12))


def _excess(scores: pd.DataFrame, returns: pd.DataFrame, topk: int) -> pd.Series:
    """Return of the `topk` best above the mean of all, per period."""
    known = scores.reindex(columns=returns.columns)
    best = known.rank(axis=1, ascending=False, method="first") <= topk
    values: pd.Series = returns.where(best).mean(axis=1) - returns.mean(axis=1)
    return values


def _kept(folder: str | os.PathLike[str] | None) -> Mapping[str, pd.DataFrame]:
    """Return the scores that a folder keeps, by model: the first seed, of each month the last."""
    place = Path(folder) / CHECKPOINTS if folder is not None else None
    if place is None or not place.is_dir():
        return {}
    months: dict[str, dict[pd.Timestamp, tuple[float, pd.Series]]] = {}
    for kept in find(place):
        if not kept.is_month or kept.problem or kept.path.parent.name != "seed0":
            continue
        model = kept.path.parent.parent.name
        record = kept.records[0]
        of_model = months.setdefault(title_of(model) if is_known(model) else model, {})
        if record.month_end not in of_model or of_model[record.month_end][0] < kept.changed:
            of_model[record.month_end] = kept.changed, record.scores
    return {
        name: pd.DataFrame({date: scores for date, (_, scores) in found.items()})
        .T.sort_index()
        .astype(np.float64)
        for name, found in months.items()
    }
