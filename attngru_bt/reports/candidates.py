"""The models that were walked in a run's folder, and what the choice among them is worth."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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

    Other settings of a model are candidates of their own, and other seeds are none.

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
    for name, table in _kept(folder):
        if not any(_same(table, there) for there in tables.values()):
            tables[_not_in(tables, name)] = table
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


def _kept(folder: str | os.PathLike[str] | None) -> list[tuple[str, pd.DataFrame]]:
    """Return titles and scores of what a folder keeps, by model and settings.

    Of several seeds it is the first, and of each month what was written last.
    """
    place = Path(folder) / CHECKPOINTS if folder is not None else None
    if place is None or not place.is_dir():
        return []
    months: dict[tuple[str, str], dict[pd.Timestamp, tuple[float, pd.Series]]] = {}
    for kept in find(place):
        if not kept.is_month or kept.problem or kept.path.parent.name != "seed0":
            continue
        model = kept.path.parent.parent.name
        record = kept.records[0]
        of_model = months.setdefault((model, _settings(kept.about)), {})
        if record.month_end not in of_model or of_model[record.month_end][0] < kept.changed:
            of_model[record.month_end] = kept.changed, record.scores
    return [
        (
            title_of(model) if is_known(model) else model,
            pd.DataFrame({date: scores for date, (_, scores) in found.items()})
            .T.sort_index()
            .astype(np.float64),
        )
        for (model, _), found in months.items()
    ]


def _settings(about: Mapping[str, Any]) -> str:
    """Return what tells settings apart: not the seed, nor where an object lay in memory."""
    settings = {n: v for n, v in about.get("settings", {}).items() if n != "random_state"}
    return re.sub(r" at 0x[0-9a-f]+", "", repr(sorted(settings.items())))


def _same(table: pd.DataFrame, there: pd.DataFrame) -> bool:
    """Whether scores are those that are there already, wherever these are known."""
    same = table.reindex(index=there.index, columns=there.columns) == there
    return bool((same | there.isna()).to_numpy().all())


def _not_in(tables: Mapping[str, Any], title: str) -> str:
    """Return a name for a candidate that none has yet."""
    name, number = title, 1
    while name in tables:
        name = f"{title}, other settings" + (f" {number}" if number > 1 else "")
        number += 1
    return name
