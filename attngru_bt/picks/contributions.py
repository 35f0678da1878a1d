"""Why each name: how much of its score comes from each family of factors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from attngru_bt.factors import registry
from attngru_bt.features.components import Components
from attngru_bt.features.cross_section import CrossSection
from attngru_bt.features.families import exchanged, families_of
from attngru_bt.features.rows import row_frame, sequences
from attngru_bt.features.threads import one_thread
from attngru_bt.models.contract import takes_sequences
from attngru_bt.walkforward import BlendWalk, Fit
from attngru_bt.walkforward.fit import scores_of

DONORS = 32  # stocks whose factors are put in place of a stock's own, at most
TOLERANCE = 1e-6  # of the largest score; within it the parts of a linear model add up to its scores

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Contributions:
    """Parts of the scores by family of factors.

    Attributes
    ----------
    table : DataFrame, index asset, columns families
        What a family adds to a score, compared with the mean stock of the month, in standard
        deviations of the month's scores.
    exact : bool
        Whether the parts add up to the score: for linear models. Otherwise a part is the score
        less its mean when the family's factors are those of other stocks.
    ranks : DataFrame, index asset, columns members, or None
        For a blend, the rank of each stock by each member, 1 = best; NaN where it has no score. The
        table is then the mean over the members that are fitted, weighted as in the blend.
    """

    table: pd.DataFrame
    exact: bool
    ranks: pd.DataFrame | None = None


def contributions(fitted: Fit, section: CrossSection, assets: Sequence[str]) -> Contributions:
    """Split the scores of some stocks by family of factors.

    Parameters
    ----------
    fitted : Fit
        The model that scored the cross-section.
    section : CrossSection
    assets : sequence of str
        Stocks of the cross-section.
    """
    rows = [section.assets.index(name) for name in assets]
    with one_thread():
        scores = scores_of(fitted, section)
        parts = _linear(fitted, section, scores)
        exact = parts is not None
        table = _permuted(fitted, section, rows, scores) if parts is None else parts.iloc[rows]
    # the parts of a linear classifier add up to its margin, of which the probability is a function
    deviation = float(scores.std() if parts is None else parts.sum(axis=1).std(ddof=0))
    order = [family for family in dict.fromkeys(f.family for f in registry) if family in table]
    table = table[[*order, *(name for name in table if name not in order)]]
    return Contributions(
        (table / (deviation or 1.0)).set_axis(pd.Index(assets, name="asset")), exact
    )


def blend_contributions(
    walk: BlendWalk, month_end: pd.Timestamp, assets: Sequence[str]
) -> Contributions:
    """Say how each member ranks some stocks, and average the parts of those that are fitted."""
    index = pd.Index(assets, name="asset")
    ranks, parts, share = {}, [], 0.0
    for name, member in walk.members.items():
        scores = member.at(month_end)
        ranks[name] = scores.rank(ascending=False, method="min").reindex(index)
        if member.fit is not None:
            section = next(s for s in member.sections if s.date == month_end).members()
            present = [asset for asset in assets if asset in section.assets]
            part = contributions(member.fit, section, present).table
            parts.append(part.reindex(index) * walk.shares[name])
            share += walk.shares[name]
    families = list(dict.fromkeys(family for part in parts for family in part.columns))
    table = pd.DataFrame(0.0, index=index, columns=families)
    for part in parts:  # a family that a member is not given adds nothing to its scores
        table += part.reindex(columns=families).fillna(0.0) / share
    return Contributions(table, exact=False, ranks=pd.DataFrame(ranks, index=index))


def _linear(fitted: Fit, section: CrossSection, scores: Floats) -> pd.DataFrame | None:
    """Split the scores of a linear model exactly; None if the model is not linear in the factors.

    With coefficients c of the components and loadings L the coefficients of the factors are c L.
    """
    coefficients = getattr(fitted.model, "coef_", None)
    if coefficients is None or takes_sequences(fitted.model):
        return None
    # coefficients of the columns that the model is given, taken back through the components
    of_feature = np.ravel(coefficients)
    frame, names, stages = row_frame([section]), list(section.columns), fitted.preprocess
    if stages is not None:
        if not isinstance(stages, Pipeline):
            return None
        if isinstance(stages[-1], Components):
            of_feature = of_feature @ stages[-1].components_
            stages = stages[:-1]
        names = list(stages.get_feature_names_out())
        frame = stages.transform(frame)
    values = np.asarray(frame, dtype=np.float64)
    if values.shape[1] != len(of_feature):
        return None
    # a stock's part is its distance from the month's mean, times the coefficient
    parts = (values - values.mean(axis=0)) * of_feature
    model: Any = fitted.model
    margin = scores
    if hasattr(model, "decision_function"):
        features = sequences([section], fitted.preprocess)[:, -1]
        margin = np.asarray(model.decision_function(features), dtype=np.float64)
    # exact or not at all: the parts of a stock must sum to its score less the mean score
    missed = parts.sum(axis=1) - (margin - margin.mean())
    if not np.abs(missed).max() <= TOLERANCE * max(np.abs(margin).max(), 1e-12):
        return None
    return pd.DataFrame(parts.T).groupby(families_of(names)).sum().T


def _permuted(
    fitted: Fit, section: CrossSection, rows: Sequence[int], scores: Floats
) -> pd.DataFrame:
    """Replace the factors of a stock by those of other stocks, family by family."""
    donors = np.unique(np.linspace(0, len(section) - 1, DONORS).round().astype(int))
    of_column = families_of(section.columns)
    # a row per stock and donor, donors innermost
    each, other = np.repeat(rows, len(donors)), np.tile(donors, len(rows))
    parts = {}
    for family in dict.fromkeys(of_column):
        mixed = scores_of(fitted, exchanged(section, each, other, of_column == family))
        parts[family] = scores[rows] - mixed.reshape(len(rows), len(donors)).mean(axis=1)
    return pd.DataFrame(parts)
