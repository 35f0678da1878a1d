"""How often the best scores can be right if scores are no better than real ones have ever been.

A mean monthly rank IC of .15 is generous: ridge regression on 50 factors reaches .09 on CSI 300,
2015-2019. A precision that needs a higher one is a leak until shown otherwise.

Model of a month with n stocks. Score s and noise e are standard normal and independent:

    return = exp(v s) (r s + sqrt(1 - r^2) e)

With v = 0, score and return are bivariate normal (a Gaussian copula, which is all that ranks
depend on) with the Pearson correlation r = 2 sin(pi IC / 6) that belongs to the rank IC. For large
n the precision is then P(s and return both beyond their quantile) / (k / n), an orthant
probability. It is simulated instead, which is also right for small n and gives the variance.

Two allowances widen the limit, so that honest scores do not exceed it:

- v: "among the best k" rewards volatile stocks, which are among both the best and the worst. A
  score that picks volatile stocks is often right without knowing any direction. v = .3 is the
  spread of log volatility over stocks (SSE 50, 2015-2019: .35 for the coming month, of which a
  forecast knows a part, since its correlation with the last 60 days is .64), as if all were known.
- Months differ: the rank IC of a month is drawn around the mean with a standard deviation of .1.

The limit is the mean of this model plus 3.09 standard errors, which chance exceeds in one of a
thousand audits. Where returns are known, the mean rank IC itself is compared with .15 plus 3.09
standard errors as well: with many picks, precision says less than the order of all stocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from attngru_bt.features.foresight import BELIEVABLE

IC = BELIEVABLE
SPREAD = 0.1
VOLATILITY = 0.3
CONFIDENCE = 0.999  # probability that scores as good as `IC` stay below the limit
DRAWS = 4000  # months that are simulated

Month = tuple[int, int, int]
"""Number of stocks with a score, of best scores that count, and of stocks with label 1."""


def precision_limit(months: Sequence[Month], *, ic: float = IC) -> float:
    """Return what the mean precision@k over some months exceeds once in a thousand audits.

    Parameters
    ----------
    months : sequence of (stocks, picks, hits)
        Number of stocks with a score, of best scores that count, and of stocks with label 1.
    ic : float, default 0.15
        The mean rank IC that is allowed.

    Returns
    -------
    float
        A fraction, at most 1.
    """
    if not months:
        raise ValueError("`months` must hold at least one month; got none.")
    moments = [precision_moments(*_coarse(month), ic) for month in months]
    mean = sum(m for m, _ in moments) / len(moments)
    error = float(np.sqrt(sum(v for _, v in moments))) / len(moments)
    return min(1.0, mean + NormalDist().inv_cdf(CONFIDENCE) * error)


@lru_cache(maxsize=1024)
def precision_moments(
    stocks: int,
    picks: int,
    hits: int,
    ic: float = IC,
    spread: float = SPREAD,
    volatility: float = VOLATILITY,
) -> tuple[float, float]:
    """Simulate the mean and the variance of one month's precision@k.

    Parameters
    ----------
    stocks, picks, hits : int
        See `precision_limit`; 1 <= picks, hits <= stocks.
    ic : float, default 0.15
        The mean rank IC.
    spread : float, default 0.1
        Standard deviation of the rank IC over months.
    volatility : float, default 0.3
        Spread over stocks of the log volatility that the score may know.
    """
    if not 1 <= picks <= stocks or not 1 <= hits <= stocks:
        raise ValueError(
            f"`picks` and `hits` must be from 1 to stocks={stocks}; got {picks} and {hits}."
        )
    rng = np.random.default_rng([0, stocks, picks, hits])
    right = np.empty(DRAWS)
    step = max(1, 2_000_000 // stocks)  # months at a time, to bound the memory
    for k in range(0, DRAWS, step):
        n = min(step, DRAWS - k)
        score, noise = rng.standard_normal((2, n, stocks))  # each (months, stocks)
        month_ic = np.clip(rng.normal(ic, spread, (n, 1)), -0.9, 0.9) if spread else ic
        r = 2 * np.sin(np.pi * np.asarray(month_ic) / 6)
        returns = np.exp(volatility * score) * (r * score + np.sqrt(1 - r**2) * noise)
        best = np.argpartition(-returns, hits - 1, axis=1)[:, :hits]
        label = np.zeros((n, stocks))
        np.put_along_axis(label, best, 1.0, axis=1)
        chosen = np.argpartition(-score, picks - 1, axis=1)[:, :picks]
        right[k : k + n] = np.take_along_axis(label, chosen, axis=1).mean(axis=1)
    return float(right.mean()), float(right.var())


def _coarse(month: Month) -> Month:
    """Round the number of stocks in a large market down, to two and a half digits.

    There are fewer different months to simulate then, and the limit is a little wider, since as
    many hits among fewer stocks are easier to find.
    """
    stocks, picks, hits = month
    if stocks > 100:
        unit = 5 * 10 ** (len(str(stocks)) - 2) // 10 or 1
        stocks = max(stocks // unit * unit, picks, hits)
    return stocks, picks, hits
