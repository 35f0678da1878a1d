"""The changes of the scores since the month-end before."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from attngru_bt.evaluation.quality import rank_ic
from attngru_bt.trading.rebalance import rank


@dataclass(frozen=True)
class Changes:
    """The scores of a month-end beside those of the one before.

    Attributes
    ----------
    before : Timestamp
        The month-end before.
    agreement : float
        Rank correlation of the scores of both, over the names with both; NaN below two.
    ranks : dict of str to int
        Rank of each name then.
    entered, left : tuple of str
        Names that entered and left the best, in rank order.
    """

    before: pd.Timestamp
    agreement: float
    ranks: dict[str, int]
    entered: tuple[str, ...]
    left: tuple[str, ...]


def changes(before: pd.Timestamp, earlier: pd.Series, scores: pd.Series, topk: int) -> Changes:
    """Compare scores with earlier ones.

    Parameters
    ----------
    before : Timestamp
        Month-end of the earlier scores.
    earlier, scores : Series, index asset
    topk : int
    """
    then, now = rank(earlier), rank(scores)
    both = scores.index.intersection(earlier.index)
    return Changes(
        before=before,
        agreement=rank_ic(scores[both], earlier[both]),
        ranks={name: i + 1 for i, name in enumerate(then)},
        entered=tuple(name for name in now[:topk] if name not in then[:topk]),
        left=tuple(name for name in then[:topk] if name not in now[:topk]),
    )
