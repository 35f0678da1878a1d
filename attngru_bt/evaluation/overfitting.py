"""How often the best of several candidates disappoints: the probability of backtest overfitting."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from attngru_bt import checks
from attngru_bt.evaluation.spread import NOISE


def probability_of_overfitting(returns: ArrayLike, blocks: int = 12) -> float:
    """Share of cuts of the months in which the best of one half is below the median of the other.

    The months are cut into blocks that stay whole. For every choice of half of the blocks, the
    candidate with the best Sharpe ratio in these is ranked in the others. Without skill it is below
    the median there half of the time; a share well below half means that the choice carries over.

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
            f"`blocks` must be an even number, half of which are chosen; got {blocks}."
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
    # (n_cuts, blocks): 1 for the blocks of months in the half that the choice is made on
    first = np.array(list(combinations(range(blocks), blocks // 2)))
    here = np.zeros((len(first), blocks))
    here[np.arange(len(first))[:, None], first] = 1.0
    ratios = _sharpes(table, here)
    best = ratios.argmax(axis=1)
    # where the chosen one stands in the other half, 1 = worst; ties share their mean rank
    rank = rankdata(_sharpes(table, 1.0 - here), axis=1)[np.arange(len(first)), best]
    return float(np.mean(rank <= (n_candidates + 1) / 2))


def _sharpes(table: NDArray[np.float64], halves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over deviation of each candidate in each half; 0 for one that does not vary.

    Parameters
    ----------
    table : ndarray of shape (months, candidates)
    halves : ndarray of shape (cuts, blocks)
        1 for the blocks that are in the half.

    Returns
    -------
    ndarray of shape (cuts, candidates)
    """
    center = table.mean(axis=0)
    parts = np.array_split(table - center, halves.shape[1])
    count = halves @ np.array([[len(part)] for part in parts], dtype=np.float64)
    total = halves @ np.array([part.sum(axis=0) for part in parts])
    squares = halves @ np.array([(part**2).sum(axis=0) for part in parts])
    variance = (squares - total**2 / count) / np.maximum(count - 1.0, 1.0)
    deviation = np.sqrt(np.maximum(variance, 0.0))
    mean = total / count + center
    varies = deviation > NOISE * np.maximum(np.abs(table).max(), 1.0)
    return np.divide(mean, deviation, out=np.zeros_like(mean), where=varies)
