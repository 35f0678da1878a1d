"""Feeds that look like an index or a fund of the others without being named as benchmark."""

from __future__ import annotations

import logging
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from attngru_bt.data.bars import Bars

logger = logging.getLogger(__name__)

MIN_SESSIONS = 60  # with fewer returns no feed is compared
MAX_SESSIONS = 250  # latest sessions that are looked at
MIN_OTHERS = 3  # fewest other feeds
MIN_CORRELATION = 0.85  # with the mean of the other feeds
MAX_RESIDUAL = 0.65  # of a lookalike, as a share of the smallest residual of the other feeds
MAX_FOUND = 2


def lookalikes(bars: Bars, names: Collection[str]) -> dict[str, float]:
    """Return the feeds whose daily returns follow the mean of the others more than a stock does.

    A stock has news of its own, an index has hardly any: after a regression on the mean return of
    the other feeds, the residual of an index is far smaller than that of the stock nearest to the
    mean. On random samples of 8 to 40 stocks of the S&P 500, the SSE 50 and the CSI 300 over 60 to
    250 sessions, these thresholds name a stock in at most 3 of 100 cases, and the index, which is
    weighted by size, in 11 to 73.

    Parameters
    ----------
    bars : Bars
        The bars known so far.
    names : collection of str
        The assets that may be held.

    Returns
    -------
    dict of str to float
        Correlation with the mean of the others by name, for at most `MAX_FOUND` feeds. Empty with
        fewer than `MIN_SESSIONS` sessions or `MIN_OTHERS` other assets.
    """
    columns = [i for i, asset in enumerate(bars.assets) if asset in names]
    close = bars["close"][-MAX_SESSIONS - 1 :, columns]
    if len(close) <= MIN_SESSIONS:
        return {}
    returns = close[1:] / close[:-1] - 1  # (sessions, assets); NaN without two closes in a row
    ranked = sorted(
        (residual, correlation, bars.assets[column])
        for column, (correlation, residual) in zip(columns, _follow_the_mean(returns), strict=True)
        if not np.isnan(residual)
    )
    for count in range(min(MAX_FOUND, len(ranked) - MIN_OTHERS), 0, -1):
        nearest, next_residual = ranked[:count], ranked[count][0]
        apart = nearest[-1][0] < MAX_RESIDUAL * next_residual
        if apart and all(correlation >= MIN_CORRELATION for _, correlation, _ in nearest):
            return {name: correlation for _, correlation, name in nearest}
    return {}


def warn_of_lookalikes(bars: Bars, names: Collection[str]) -> None:
    """Warn once of the feeds that look like an index or a fund of the others."""
    similar = lookalikes(bars, names)
    if similar:
        logger.warning(
            "%s moves like the mean of the other feeds (correlation %s up to %s) and is traded "
            "like a stock. If it is an index or a fund, set benchmark=%r; if it is not, "
            "benchmark=() says so.",
            " and ".join(similar),
            " and ".join(f"{correlation:.3f}" for correlation in similar.values()),
            bars.dates[-1].date(),
            next(iter(similar)) if len(similar) == 1 else tuple(similar),
        )


def _follow_the_mean(returns: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Return each column's correlation with the mean of the others, and its residual deviation.

    Both are NaN for a column that does not move, or is known on less than 80% of the sessions.
    """
    known = ~np.isnan(returns)
    total = np.where(known, returns, 0.0).sum(axis=1)
    count = known.sum(axis=1)
    results = []
    for column in range(returns.shape[1]):
        both = known[:, column] & (count > 1)
        of_stock = returns[both, column]
        others = (total[both] - of_stock) / (count[both] - 1)  # mean of all but this column
        spread = of_stock.std() if len(of_stock) >= 0.8 * len(returns) else 0.0
        if not spread or not others.std():
            results.append((np.nan, np.nan))
            continue
        # what a regression on the others leaves: deviation × sqrt(1 - correlation²)
        correlation = float(np.corrcoef(of_stock, others)[0, 1])
        results.append((correlation, float(spread * np.sqrt(max(1 - correlation**2, 0.0)))))
    return results
