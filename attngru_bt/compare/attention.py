"""Attention of the models that have it, by factor and family, month by month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from attngru_bt.evaluation.attribution import factor_shares, family_shares, top_factors
from attngru_bt.features.windows import are_steps

if TYPE_CHECKING:
    from attngru_bt.walkforward.scored_months import ScoredMonths


@dataclass(frozen=True)
class Attention:
    """Attention of a model, mean over its seeds.

    Attributes
    ----------
    families, even : DataFrame of shape (n_months, n_families)
        Shares of the families, and what they would be if all components weighed the same.
    factors : DataFrame
        The factors with the largest mean share: share, even.
    of_lines : bool
        Whether the weights are of raw lines, each of which is a family and a factor then.
    """

    families: pd.DataFrame
    even: pd.DataFrame
    factors: pd.DataFrame
    of_lines: bool = False


def attention_by_model(
    walks: Sequence[ScoredMonths], months: pd.DatetimeIndex
) -> dict[str, Attention]:
    """Average the attention of each model over its seeds, on the given month-ends.

    Models without attention weights, or without loadings to trace them back to factors, are left
    out.
    """
    attention: dict[str, Attention] = {}
    for name in dict.fromkeys(walk.model for walk in walks):
        shares, even = [], []
        of_lines = False
        for walk in walks:
            if walk.model == name:
                records = [record for record in walk.records if record.month_end in months]
                shares.append(factor_shares(records))
                even.append(factor_shares(records, even=True))
                of_lines |= any(are_steps(record.factors) for record in records if record.factors)
        if any(map(len, shares)):
            mean, flat = _mean(shares), _mean(even)
            families, flat_families = family_shares(mean), family_shares(flat)
            top = top_factors(mean, flat)
            attention[name] = Attention(families, flat_families, top, of_lines)
    return attention


def _mean(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Mean over seeds, month by month; columns in the order in which they first appear."""
    tables = [table for table in tables if len(table)]
    columns = list(dict.fromkeys(name for table in tables for name in table.columns))
    return pd.concat(tables).groupby(level=0, sort=True).mean().reindex(columns=columns)
