"""Exposures of the stocks at a month-end, and scores that are made neutral to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt import checks
from attngru_bt.data.bars import Bars, DataError
from attngru_bt.features.base import ROUNDING
from attngru_bt.features.labels import FloatArray, rank_targets

EXPOSURES = ("size", "volatility", "turnover", "beta")
ALL_KNOWN = "known"  # stands for all exposures whose lines the data have
SIZES = ("market_cap", "float_cap")  # the lines that may be its market value, the first one there
VOLATILITY = 60  # sessions looked back on
TURNOVER = 20
BETA = 120
KNOWN = 3  # an exposure needs a value in one of so many of its sessions


def exposures(
    names: Collection[str],
    bars: Bars,
    end: int,
    columns: NDArray[np.intp],
    member: NDArray[np.bool_],
) -> dict[str, FloatArray]:
    """Measure how stocks are exposed at a month-end; later bars are not looked at.

    "size" is the log of the market value, "volatility" the standard deviation of the daily log
    returns of 60 sessions, "turnover" the mean turnover of 20 (without that line the log of the
    mean amount over the market value), "beta" the slope of 120 daily returns on the mean return of
    the members.

    Parameters
    ----------
    names : iterable of str
        Of `EXPOSURES`; "known" stands for all whose lines the data have.
    bars : Bars
    end : int
        Position of the month-end.
    columns : int array of shape (n,)
        Positions of the stocks.
    member : bool array of shape (n,)
        Which of them may be held; their mean is what beta is about.

    Returns
    -------
    dict of str to array of shape (n,)
        NaN where a stock has a value on less than a third of the sessions, or no market value.

    Raises
    ------
    DataError
        If the data lack a line of one that is named.
    """
    measured: dict[str, FloatArray] = {}
    for name in (name for name in EXPOSURES if name in names or ALL_KNOWN in names):
        if name not in names and not _can_measure(name, bars):
            continue
        if name == "size":
            measured[name] = _log(_lately(bars, _size_line(name, bars), end, 1)[0, columns])
        elif name == "turnover":
            measured[name] = _turnover(bars, end, columns)
        else:
            sessions = VOLATILITY if name == "volatility" else BETA
            returns = np.diff(_log(_lately(bars, "close", end, sessions + 1)[:, columns]), axis=0)
            measured[name] = (
                _deviation(returns, sessions) if name == "volatility" else _beta(returns, member)
            )
    return measured


def asked(
    names: Collection[str], measured: Mapping[str, FloatArray | pd.Series]
) -> dict[str, FloatArray | pd.Series]:
    """Return those of the measured exposures that are meant by the names."""
    return {n: one for n, one in measured.items() if n in names or ALL_KNOWN in names}


def neutral(
    scores: pd.Series, measured: Mapping[str, FloatArray | pd.Series], share: float
) -> pd.Series:
    """Return scores of which a share is what the exposures of the same month do not explain.

    Ranks of the scores (-1 worst .. 1 best) are regressed on the ranks of the exposures, with an
    intercept. The residuals, stretched to the spread of the ranks, are `share` of the result.

    Parameters
    ----------
    scores : Series, index asset
    measured : mapping of str to array of shape (n,)
        Exposures of the same stocks. A missing one counts as the middle of those that are known.
    share : float
        From 0, the ranks themselves, to 1, the residuals alone, which no exposure explains.

    Returns
    -------
    Series
        Empty if no more stocks are scored than the regression has coefficients: nothing is left
        then. Zeros where the exposures explain the ranks fully.
    """
    values = neutral_values(scores.to_numpy(dtype=np.float64), design(measured, len(scores)), share)
    return pd.Series(values, scores.index[: len(values)], name=scores.name)


def design(measured: Mapping[str, FloatArray | pd.Series], n_stocks: int) -> FloatArray:
    """Return what scores are regressed on: an intercept, and the ranks of the exposures.

    Parameters
    ----------
    measured : mapping of str to array of shape (n_stocks,)
        As in `neutral`.
    n_stocks : int

    Returns
    -------
    array of shape (n_stocks, 1 + exposures)
    """
    ranks = [np.nan_to_num(rank_targets(np.asarray(one, dtype=float))) for one in measured.values()]
    return np.column_stack([np.ones(n_stocks), *ranks])


def neutral_values(scores: FloatArray, design: FloatArray, share: float) -> FloatArray:
    """Return scores made neutral as by `neutral`, several of which may share one `design`."""
    if len(scores) <= design.shape[1]:
        return scores[:0]
    ranks = rank_targets(scores)
    residual = ranks - design @ np.linalg.lstsq(design, ranks, rcond=None)[0]
    spread = residual.std()
    # what is left of ranks that are explained fully is rounding
    residual *= 0.0 if spread <= ROUNDING * max(ranks.std(), 1.0) else ranks.std() / spread
    return np.asarray((1 - share) * ranks + share * residual)


def check_neutral(neutralize: Sequence[str] | None, neutral_share: float) -> None:
    """Raise ValueError or TypeError for exposures that are none, or a share out of range."""
    checks.list_of_names("neutralize", neutralize)
    for name in neutralize or ():
        checks.one_of("neutralize", name, [*EXPOSURES, ALL_KNOWN])
    checks.number("neutral_share", neutral_share, at_least=0, at_most=1)


def _lately(bars: Bars, line: str, end: int, sessions: int) -> FloatArray:
    """Return the last sessions of a line up to a position; fewer at the beginning of the data."""
    return bars[line][max(0, end + 1 - sessions) : end + 1]


def _can_measure(name: str, bars: Bars) -> bool:
    sized = any(line in bars.lines for line in SIZES)
    if name == "turnover":
        return "turnover" in bars.lines or (sized and "amount" in bars.lines)
    return sized or name != "size"


def _size_line(name: str, bars: Bars) -> str:
    for line in SIZES:
        if line in bars.lines:
            return line
    needed = " or ".join((("turnover",) if name == "turnover" else ()) + SIZES)
    raise DataError(
        f"`neutralize`: {name!r} needs the line {needed}; the data have "
        f"{', '.join(sorted(bars.lines))}."
    )


def _turnover(bars: Bars, end: int, columns: NDArray[np.intp]) -> FloatArray:
    if "turnover" in bars.lines:
        return _mean(_lately(bars, "turnover", end, TURNOVER)[:, columns], TURNOVER)
    size = _lately(bars, _size_line("turnover", bars), end, TURNOVER)[:, columns]
    if "amount" not in bars.lines:
        raise DataError(
            f"`neutralize`: 'turnover' needs the line turnover or amount; the data have "
            f"{', '.join(sorted(bars.lines))}."
        )
    amount = _lately(bars, "amount", end, TURNOVER)[:, columns]
    return _log(_mean(amount, TURNOVER) / _mean(size, TURNOVER))


def _mean(values: FloatArray, sessions: int) -> FloatArray:
    known = ~np.isnan(values)
    n = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.asarray(np.where(n * KNOWN >= sessions, total / np.maximum(n, 1), np.nan))


def _deviation(returns: FloatArray, sessions: int) -> FloatArray:
    mean = _mean(returns, sessions)
    return np.asarray(np.sqrt(_mean((returns - mean) ** 2, sessions)))


def _beta(returns: FloatArray, member: NDArray[np.bool_]) -> FloatArray:
    market = _mean(returns[:, member].T, 0)  # of each session, whoever had a return
    market = np.where((~np.isnan(returns[:, member])).any(axis=1), market, np.nan)
    both = np.where(np.isnan(returns), np.nan, market[:, None])  # sessions that the stock has
    one, other = both - _mean(both, BETA), returns - _mean(returns, BETA)
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = _mean(one * other, BETA) / _mean(one**2, BETA)
    return np.where(np.isfinite(slope), slope, np.nan)


def _log(values: FloatArray) -> FloatArray:
    """Logarithm; NaN where a value is not above 0."""
    return np.log(np.where(values > 0, values, np.nan))
