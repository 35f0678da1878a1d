"""Weights of the chosen names: equal, by volatility, by rank, or a function of the user's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt import checks
from attngru_bt.data.bars import Bars

WORDS = ("equal", "inverse-volatility", "score")
SESSIONS = 60  # sessions that the volatility is measured over
MIN_RETURNS = 20  # with fewer known returns in them the volatility is unknown
ROUNDING = 1e-6  # an optimizer's weights may be so far below 0, and their sum so far from 1

Weigh = Callable[[Sequence[str]], dict[str, float]]
"""Names → how many slots' worth each of them gets, 1 on average."""


def check_weights(weights: object) -> None:
    """Raise ValueError unless `weights` is one of the words or a function."""
    if callable(weights):
        return
    if weights == "size":
        raise ValueError(
            "`weights` says how much of each name is held, and cannot be 'size'; weights of "
            "training rows are `row_weights`."
        )
    if weights not in WORDS:
        listed = ", ".join(map(repr, WORDS))
        raise ValueError(
            f"`weights` must be {listed}, or a function of the scores of the chosen names and the "
            f"bars known; got {weights!r}{checks.nearest(weights, WORDS)}"
        )


def weigher(weights: Any, scores: pd.Series, bars: Callable[[], Bars]) -> Weigh | None:
    """Return the function that weighs the chosen names of one decision; None for equal weights.

    Parameters
    ----------
    weights : str or callable
        As `MonthlyTopK` takes it.
    scores : Series, index asset
        All scores of the decision.
    bars : callable
        Returns the bars known at the decision; called when they are needed.
    """
    if weights == "equal":
        return None

    def weigh(names: Sequence[str]) -> dict[str, float]:
        if not len(names):
            return {}
        chosen = scores.loc[sorted(names, key=lambda name: (-scores[name], name))]
        best_first = list(chosen.index)
        shares: NDArray[np.float64]
        if callable(weights):
            past = bars()
            shares = _checked(weights, weights(chosen.copy(), past), best_first, past)
        elif weights == "score":
            shares = np.asarray(chosen.rank(), dtype=np.float64)
        else:
            shares = by_volatility(inverse_volatility(bars(), best_first))
        return even(dict(zip(best_first, map(float, shares), strict=True)))

    return weigh


def even(shares: Mapping[str, float]) -> dict[str, float]:
    """Scale shares so that they are 1 on average; if all are 0 they stay so."""
    mean = sum(shares.values()) / max(len(shares), 1)
    return {name: share / mean if mean > 0 else 0.0 for name, share in shares.items()}


def inverse_volatility(bars: Bars, names: Sequence[str]) -> NDArray[np.float64]:
    """Return one over the standard deviation of the daily returns of the last `SESSIONS` sessions.

    Parameters
    ----------
    bars : Bars
        Returns are of consecutive sessions with a close, as fractions.
    names : sequence of str

    Returns
    -------
    array of shape (n_names,)
        NaN where fewer than `MIN_RETURNS` returns are known, or none differs from the others.
    """
    column = {asset: i for i, asset in enumerate(bars.assets)}
    close = bars["close"][-SESSIONS - 1 :][:, [column[name] for name in names]]
    returns = close[1:] / close[:-1] - 1.0
    known = ~np.isnan(returns)
    count = known.sum(axis=0)
    mean = np.where(known, returns, 0.0).sum(axis=0) / np.maximum(count, 1)
    square = np.where(known, (returns - mean) ** 2, 0.0).sum(axis=0) / np.maximum(count - 1, 1)
    enough = (count >= MIN_RETURNS) & (square > 0)
    return np.where(enough, 1.0 / np.sqrt(np.where(enough, square, 1.0)), np.nan)


def by_volatility(inverse: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return shares in proportion to one over volatility.

    A name of unknown volatility counts as the most volatile; if none is known, all weigh alike.
    """
    if np.isnan(inverse).all():
        return np.ones(len(inverse))
    return np.where(np.isnan(inverse), np.nanmin(inverse), inverse)


def _checked(function: Any, answer: Any, names: list[str], bars: Bars) -> NDArray[np.float64]:
    """Return the weights that a user's function gave, in the order of the names.

    Raises
    ------
    TypeError, ValueError
        If they are not given by name, are negative, or do not sum to 1.
    """
    called = getattr(function, "__name__", type(function).__name__)
    day = f" after {bars.dates[-1].date()}" if len(bars) else ""
    where = f"`weights`: {called}{day}"
    given = checks.weights_by_name(where, answer)
    for name in given:
        if name not in names:
            raise ValueError(
                f"{where} gave a weight to {name!r}, which was not chosen"
                f"{checks.nearest(name, names)}"
            )
    for name in names:
        if name not in given:
            raise ValueError(f"{where} gave no weight to {name!r}; give 0 to leave it out.")
    shares = np.array([_number(where, name, given[name]) for name in names])
    total = shares.sum()
    if abs(total - 1.0) > len(names) * ROUNDING:
        raise ValueError(
            f"{where} gave weights whose sum is {total:g}, not 1; divide them by their sum."
        )
    return np.asarray(np.maximum(shares, 0.0))


def _number(where: str, name: str, value: Any) -> float:
    """Return a weight; raise ValueError unless it is a number of at least 0, up to rounding."""
    try:
        weight = float(value)
    except (TypeError, ValueError):
        weight = float("nan")
    if not -ROUNDING <= weight < float("inf"):  # not true of NaN either
        raise ValueError(f"{where} gave {name!r} the weight {value!r}; expected at least 0.")
    return weight
