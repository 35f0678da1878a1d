"""How often the best of several candidates disappoints: the probability of backtest overfitting."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from attngru_bt import checks


def probability_of_overfitting(returns: ArrayLike, blocks: int = 12) -> float:
    """Share of cuts of the months in which the best of one half is below the median of the other.

    The months are cut into blocks that stay whole. Of every way to choose half of the blocks, the
    candidate with the best Sharpe ratio in these is looked up in the others. Without skill it is
    below the median there half of the time; well below half means that the choice carries over.

    Parameters
    ----------
    returns : array of shape (months, candidates)
        Returns of each candidate, a fraction; for a comparison with a baseline, the excess over it.
    blocks : int, default 12
        An even number of blocks, at most as many as there are months. Twelve make 924 cuts.

    Returns
    -------
    float
        From 0 to 1. NaN with one candidate, from which nothing was chosen.

    Raises
    ------
    ValueError
        If there are fewer months than blocks, a return is not finite or `blocks` is odd.

    References
    ----------
    Bailey, Borwein, López de Prado & Zhu (2017), The probability of backtest overfitting
    (combinatorially symmetric cross-validation).
    """
    table = np.asarray(returns, dtype=np.float64)
    checks.whole_number("blocks", blocks, 2)
    if blocks % 2:
        raise ValueError(
            f"`blocks` must be an even number, half of which are looked at; got {blocks}."
        )
    if table.ndim != 2 or len(table) < blocks:
        raise ValueError(
            f"`returns` must be a table of months by candidates with at least {blocks} months "
            f"(`blocks`); got shape {table.shape}."
        )
    if not np.isfinite(table).all():
        raise ValueError("`returns` must be known for every month and candidate.")
    n_candidates = table.shape[1]
    if n_candidates < 2:
        return float("nan")
    parts = np.array_split(np.arange(len(table)), blocks)
    below = 0
    cuts = list(combinations(range(blocks), blocks // 2))
    for chosen in cuts:
        here = np.concatenate([parts[b] for b in chosen])
        there = np.setdiff1d(np.arange(len(table)), here)
        best = int(np.argmax(_sharpes(table[here])))
        rank = rankdata(_sharpes(table[there]))[best]
        below += rank <= (n_candidates + 1) / 2
    return below / len(cuts)


def _sharpes(returns: np.ndarray) -> np.ndarray:
    """Mean over deviation of each candidate; 0 for one that does not vary."""
    deviation = returns.std(axis=0, ddof=1)
    mean = returns.mean(axis=0)
    return np.divide(mean, deviation, out=np.zeros_like(mean), where=deviation > 0)
