"""Feeds that look like an index or a fund of the others, though nobody called them a benchmark."""

from __future__ import annotations

import logging
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from attngru_bt.data.bars import Bars

logger = logging.getLogger(__name__)

MIN_SESSIONS = 60  # fewer returns say too little
MAX_SESSIONS = 250  # the latest ones are looked at
MIN_OTHERS = 3  # stocks that an index is told from
MIN_CORRELATION = 0.85  # with the mean of the others
MAX_RESIDUAL = 0.65  # as a share of that of the stock that is nearest to the mean
MAX_FOUND = 2


def lookalikes(bars: Bars, names: Collection[str]) -> dict[str, float]:
    """Return the feeds whose daily returns follow the mean of the others unlike any stock's.

    A stock has news of its own, an index has next to none: what its returns leave over after a
    regression on the mean return of the other feeds is far smaller than what the stock nearest to
    the mean leaves over. On random samples of 8 to 40 stocks of the S&P 500, the SSE 50 and the
    CSI 300 over 60 to 250 sessions these thresholds name a stock in at most 3 of 100 cases, and
    their index, which is weighted by size, in 11 to 73.

    Parameters
    ----------
    bars : Bars
        What is known so far; nothing later may be in there.
    names : collection of str
        The assets that could be held.

    Returns
    -------
    dict of str to float
        At most `MAX_FOUND` names, and the correlation of each with the mean of the others. Empty
        when there are none, or fewer than `MIN_SESSIONS` sessions or `MIN_OTHERS` other assets.
    """
    columns = [i for i, asset in enumerate(bars.assets) if asset in names]
    close = bars["close"][-MAX_SESSIONS - 1 :, columns]
    if len(close) <= MIN_SESSIONS:
        return {}
    returns = close[1:] / close[:-1] - 1  # (sessions, assets); NaN without two closes in a row
    rows = []
    for column, (correlation, residual) in enumerate(_follow_the_mean(returns)):
        if residual == residual:
            rows.append((residual, correlation, bars.assets[columns[column]]))
    rows.sort()
    for count in range(min(MAX_FOUND, len(rows) - MIN_OTHERS), 0, -1):
        nearest, next_residual = rows[:count], rows[count][0]
        apart = nearest[-1][0] < MAX_RESIDUAL * next_residual
        if apart and all(correlation >= MIN_CORRELATION for _, correlation, _ in nearest):
            return {name: correlation for _, correlation, name in nearest}
    return {}


def warn_of_lookalikes(bars: Bars, names: Collection[str]) -> None:
    """Say in one warning which feeds look like an index or fund of the others, if any does."""
    found = lookalikes(bars, names)
    if found:
        logger.warning(
            "%s moves like the mean of the other feeds (correlation %s up to %s) and is traded "
            "like a stock. If it is an index or a fund, set benchmark=%r; if it is not, "
            "benchmark=() says so.",
            " and ".join(found),
            " and ".join(f"{correlation:.3f}" for correlation in found.values()),
            bars.dates[-1].date(),
            next(iter(found)) if len(found) == 1 else tuple(found),
        )


def _follow_the_mean(returns: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Correlation of each column with the mean of the others, and the residual's deviation.

    NaN for a column that does not move, or is known on less than 80% of the sessions.
    """
    known = ~np.isnan(returns)
    total = np.where(known, returns, 0.0).sum(axis=1)
    count = known.sum(axis=1)
    found = []
    for column in range(returns.shape[1]):
        both = known[:, column] & (count > 1)
        own = returns[both, column]
        others = (total[both] - own) / (count[both] - 1)
        spread = own.std() if len(own) >= 0.8 * len(returns) else 0.0
        if not spread or not others.std():
            found.append((np.nan, np.nan))
            continue
        correlation = float(np.corrcoef(own, others)[0, 1])
        found.append((correlation, float(spread * np.sqrt(max(1 - correlation**2, 0.0)))))
    return found
