"""Scores of a month-end without what a family of factors says: its values are shuffled.

A family whose values are those of other stocks tells nothing about a stock, while the values are as
likely as before. What the rank IC loses by it is what the family was worth to the model
(`attngru_bt.evaluation.permutation`). Only what is known at the month-end is needed, so the scores
can be had while the model is there, and their worth is known when the month has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from attngru_bt.features.cross_section import CrossSection
from attngru_bt.features.exposures import design, neutral_values
from attngru_bt.features.families import exchanged, groups_of

if TYPE_CHECKING:
    from attngru_bt.walkforward.record import MonthRecord

Floats = NDArray[np.float32]

MOST_REPEATS = 5
ROWS = 150  # stocks scored per family: a month of few stocks is shuffled several times
AT_ONCE = 4000  # rows scored in one call


def repeats_of(n_stocks: int) -> int:
    """Return how often the values of a month of so many stocks are shuffled."""
    return min(MOST_REPEATS, max(1, ROWS // max(n_stocks, 1)))


def shuffled_scores(
    section: CrossSection, score: Callable[[CrossSection], NDArray[np.float64]]
) -> dict[str, Floats]:
    """Score a month-end once more per family of factors, whose values are shuffled.

    Parameters
    ----------
    section : CrossSection
        Of those that may be held.
    score : callable
        Returns the scores of a cross-section.

    Returns
    -------
    dict of str to float32 array of shape (n_repeats, n_stocks)
        By family, or by factor or line where all are of one family. The stocks are shuffled anew in
        each repeat, alike for all families, by a generator that the date seeds.
    """
    n = len(section)
    of_column = groups_of(section.columns)
    names = list(dict.fromkeys(of_column))
    date = section.date
    generator = np.random.default_rng([date.year, date.month, date.day])
    donors = np.concatenate([generator.permutation(n) for _ in range(repeats_of(n))])
    rows = np.tile(np.arange(n), repeats_of(n))
    found: dict[str, Floats] = {}
    width = max(1, AT_ONCE // len(rows))  # families scored in one call
    for first in range(0, len(names), width):
        part = names[first : first + width]
        taken = np.repeat([of_column == name for name in part], len(rows), axis=0)
        mixed = exchanged(section, np.tile(rows, len(part)), np.tile(donors, len(part)), taken)
        scores = np.asarray(score(mixed), dtype=np.float32).reshape(len(part), -1, n)
        found |= dict(zip(map(str, part), scores, strict=True))
    return found


def blended_shuffles(
    records: Sequence[MonthRecord], shares: Sequence[float], names: pd.Index
) -> dict[str, Floats]:
    """Return the mean ranks of a blend's members per family, shuffled in all that are given it.

    Parameters
    ----------
    records : sequence of MonthRecord
        Of the members.
    shares : sequence of float
        Weight of each.
    names : Index of str
        The stocks that the blend scores; those that a member does not score count as its middle.
    """
    families = list(dict.fromkeys(name for record in records for name in record.shuffled))
    counts = [len(scores) for r in records for scores in list(r.shuffled.values())[:1]]
    if not families or any(record.n_rows and not record.shuffled for record in records):
        return {}
    repeats = min(counts)
    mixed = {family: np.zeros((repeats, len(names))) for family in families}
    for record, share in zip(records, shares, strict=True):
        known = record.scores.notna().to_numpy()
        place = names.get_indexer(record.scores.index[known])
        plain = _ranks(record.scores.to_numpy(dtype=np.float64)[None, known])
        for family, total in mixed.items():
            own = record.shuffled.get(family)
            total[:, place] += share * (plain if own is None else _ranks(own[:repeats, known]))
    return {family: total.astype(np.float32) for family, total in mixed.items()}


def neutral_shuffles(
    shuffled: Mapping[str, Floats],
    scores: pd.Series,
    measured: Mapping[str, NDArray[np.float64] | pd.Series],
    share: float,
) -> dict[str, Floats]:
    """Return shuffled scores made neutral as the scores themselves are; see `exposures.neutral`."""
    shared = design(measured, len(scores))
    if len(scores) <= shared.shape[1]:
        return {}
    return {
        family: np.array([neutral_values(row, shared, share) for row in rows], dtype=np.float32)
        for family, rows in shuffled.items()
    }


def _ranks(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Rank the scores of each row from -1, the worst, to 1."""
    n = scores.shape[1]
    return np.asarray(2 * (rankdata(scores, axis=1) - 1) / max(n - 1, 1) - (n > 1))
