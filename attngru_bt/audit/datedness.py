"""Check: the index and every stock move on the same days as the others.

A file with dates of another time zone, or of the day before, shows on a date what happened later.
Its returns then correlate with those of the others in a later session rather than in the same one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.audit.report import Check, Finding, failed, passed, skipped
from attngru_bt.data.market import Market

NAME = "dates"
LAGS = range(-5, 6)
SESSIONS = 60  # fewest sessions that can tell
# Another lag must have a higher correlation by this many standard errors, and by this much. Over a
# thousand stocks and years, chance reaches so many in less than one case of ten.
BEYOND, MARGIN = 4.5, 0.1

Floats = NDArray[np.float64]


def check(market: Market) -> Check:
    """Find the lag at which returns correlate best with the mean of the stocks.

    The index is checked in every calendar year and may be neither early nor late. A stock is
    checked over all its sessions and may not be early; thinly traded stocks lag honestly.
    """
    bars = market.bars
    if len(bars) < SESSIONS:
        return skipped(NAME, f"{len(bars)} sessions; it takes {SESSIONS} to tell.")
    close = bars["close"]
    with np.errstate(invalid="ignore", divide="ignore"):
        moves = np.log(close[1:] / close[:-1])  # NaN on either side of a day without trade
    known = ~np.isnan(moves)
    n_known = known.sum(axis=1)
    total = np.where(known, moves, 0.0).sum(axis=1)
    findings: list[Finding] = []
    compared = []
    if bars.benchmark is not None:
        with np.errstate(invalid="ignore", divide="ignore"):
            index = np.log(bars.benchmark[1:] / bars.benchmark[:-1])
            mean = np.where(n_known > 0, total / n_known, np.nan)
        now = _correlations(index, mean)
        compared.append(f"the index has a correlation of {now[0][0]:.2f} with the mean stock")
        findings += _of_index(index, mean, bars.dates[1:])
    if len(bars.assets) > 2:
        compared.append(f"{len(bars.assets)} stocks were compared with the others")
        findings += _of_stocks(market, moves, known, total, n_known)
    if not compared:
        return skipped(NAME, "one stock and no index: nothing to compare dates with.")
    if findings:
        return failed(
            NAME,
            f"{', '.join(compared)}: {len(findings)} move on other days than the rest. Dates must "
            "be those of the session in the market's own zone.",
            findings,
        )
    return passed(
        NAME, f"{', '.join(compared)}: none goes better with another session than its own."
    )


def _of_index(index: Floats, mean: Floats, dates: pd.DatetimeIndex) -> Iterator[Finding]:
    """Yield the years in which the index is early or late."""
    for year in np.unique(dates.year):
        part = np.asarray(dates.year == year)
        lag = _best_lag(index[part], mean[part])
        if lag:
            date = pd.Timestamp(dates[part][0])
            when = "early" if lag > 0 else "late"
            text = (
                f"in {year} the index moves with the stocks of {abs(lag)} "
                f"session{'s' * (abs(lag) > 1)} {'later' if lag > 0 else 'before'}: it is dated "
                f"{when}."
            )
            yield Finding(text, None, date, "benchmark")


def _of_stocks(
    market: Market,
    moves: Floats,
    known: NDArray[np.bool_],
    total: Floats,
    n_known: NDArray[np.intp],
) -> Iterator[Finding]:
    """Yield the stocks that are early.

    Parameters
    ----------
    market : Market
    moves, known : ndarray of shape (days, assets)
        Log returns, and which of them are known.
    total, n_known : ndarray of shape (days,)
        Sum and number of the known returns.
    """
    for j, asset in enumerate(market.bars.assets):
        n_others = n_known - known[:, j]
        rest = total - np.where(known[:, j], moves[:, j], 0.0)
        mean = np.where(n_others > 0, rest / np.maximum(n_others, 1), np.nan)  # of the others
        lag = _best_lag(moves[:, j], mean)
        if lag > 0:
            date = pd.Timestamp(market.bars.dates[int(market.bars.traded[:, j].argmax())])
            text = (
                f"{asset} moves with the others of {lag} session{'s' * (lag > 1)} later: it is "
                "dated early."
            )
            yield Finding(text, asset, date, "date")


def _correlations(own: Floats, others: Floats) -> dict[int, tuple[float, int]]:
    """Return correlations of own returns with those of the others `lag` sessions later, by lag.

    With each correlation comes the number of sessions that it is computed from.
    """
    correlations = {}
    for lag in sorted(LAGS, key=abs):
        a = own[: len(own) - lag] if lag >= 0 else own[-lag:]
        b = others[lag:] if lag >= 0 else others[:lag]
        both = ~np.isnan(a) & ~np.isnan(b)
        a, b = a[both], b[both]
        spread = len(a) > 3 and a.std() > 0 and b.std() > 0
        correlations[lag] = (float(np.corrcoef(a, b)[0, 1]) if spread else 0.0, len(a))
    return correlations


def _best_lag(own: Floats, others: Floats) -> int:
    """Return the lag of the highest correlation, or 0 unless it beats that of lag 0 for sure."""
    correlations = _correlations(own, others)
    lag = max(correlations, key=lambda lag: correlations[lag][0])
    (best, n), (now, n_now) = correlations[lag], correlations[0]
    if min(n, n_now) < SESSIONS or best - now < MARGIN:
        return 0
    # Fisher's transformation: arctanh(r) is nearly normal with standard error 1 / sqrt(n - 3).
    distance = np.arctanh(np.clip([best, now], -0.999999, 0.999999))
    error = np.sqrt(1 / (n - 3) + 1 / (n_now - 3))
    return lag if distance[0] - distance[1] > BEYOND * error else 0
