"""Check: the index and every stock move on the same days as the others.

A file that was stamped in another time zone, or by the day before, shows on a date what happened
later. Its returns then go with those of the others not of the same session but of a later one.
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
SESSIONS = 60  # fewer cannot tell
BEYOND = 4.5  # standard errors; of a thousand stocks and years chance gives less than one in ten
MARGIN = 0.1  # of correlation, by which another lag must be the better one

Floats = NDArray[np.float64]


def check(market: Market) -> Check:
    """Compare the lag at which returns go best with those of the mean stock.

    The index is looked at in every calendar year, and may be neither early nor late; a stock over
    all its sessions, and may not be early (stocks that trade thinly lag honestly).
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
    told = []
    if bars.benchmark is not None:
        with np.errstate(invalid="ignore", divide="ignore"):
            index = np.log(bars.benchmark[1:] / bars.benchmark[:-1])
            mean = np.where(n_known > 0, total / n_known, np.nan)
        now = _correlations(index, mean)
        told.append(f"the index has a correlation of {now[0][0]:.2f} with the mean stock")
        findings += _of_index(index, mean, bars.dates[1:])
    if len(bars.assets) > 2:
        told.append(f"{len(bars.assets)} stocks were held against the others")
        findings += _of_stocks(market, moves, known, total, n_known)
    if not told:
        return skipped(NAME, "one stock and no index: nothing to compare dates with.")
    if findings:
        return failed(
            NAME,
            f"{', '.join(told)}: {len(findings)} move on other days than the rest. Dates must be "
            "those of the session in the market's own zone.",
            findings,
        )
    return passed(NAME, f"{', '.join(told)}: of no lag it is higher than of the same session.")


def _of_index(index: Floats, mean: Floats, dates: pd.DatetimeIndex) -> Iterator[Finding]:
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
    for j, asset in enumerate(market.bars.assets):
        others = n_known - known[:, j]
        rest = np.where(
            others > 0,
            (total - np.where(known[:, j], moves[:, j], 0.0)) / np.maximum(others, 1),
            np.nan,
        )
        lag = _best_lag(moves[:, j], rest)
        if lag > 0:
            date = pd.Timestamp(market.bars.dates[int(market.bars.traded[:, j].argmax())])
            text = (
                f"{asset} moves with the others of {lag} session{'s' * (lag > 1)} later: it is "
                "dated early."
            )
            yield Finding(text, asset, date, "date")


def _correlations(own: Floats, others: Floats) -> dict[int, tuple[float, int]]:
    """Lag -> correlation of today's own return with the others' of so many sessions later, and n.

    Lag 0 is always there.
    """
    found = {}
    for lag in sorted(LAGS, key=abs):
        a = own[: len(own) - lag] if lag >= 0 else own[-lag:]
        b = others[lag:] if lag >= 0 else others[:lag]
        both = ~np.isnan(a) & ~np.isnan(b)
        a, b = a[both], b[both]
        spread = len(a) > 3 and a.std() > 0 and b.std() > 0
        found[lag] = (float(np.corrcoef(a, b)[0, 1]) if spread else 0.0, len(a))
    return found


def _best_lag(own: Floats, others: Floats) -> int:
    """Lag of the highest correlation if it is beyond chance higher than that of lag 0; else 0."""
    found = _correlations(own, others)
    lag = max(found, key=lambda one: found[one][0])
    (best, n), (now, n_now) = found[lag], found[0]
    if min(n, n_now) < SESSIONS or best - now < MARGIN:
        return 0
    distance = np.arctanh(np.clip([best, now], -0.999999, 0.999999))
    error = np.sqrt(1 / (n - 3) + 1 / (n_now - 3))
    return lag if distance[0] - distance[1] > BEYOND * error else 0
