"""Check: an account that trades random scores earns what the stocks earn, and no more.

Random scores know nothing. Without costs, a strategy that holds the best of them in equal weight
earns on average what all stocks earn in equal weight, bought and sold at the same opens. That
return of the stocks is computed here by plain arithmetic on the bars, without the broker. If the
two differ, it is no skill: something in data, orders or strategy sees more, or costs more, than it
should.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.audit.limit import CONFIDENCE
from attngru_bt.audit.report import Check, Finding, failed, passed, skipped
from attngru_bt.data.bars import Bars
from attngru_bt.features.cross_section import month_ends

NAME = "account"
SEEDS = 5
MONTHS = 6  # fewest months that can tell

Floats = NDArray[np.float64]


def random_scores(bars: Bars, seed: int) -> pd.DataFrame:
    """Return random scores in [0, 1), one row per month-end and one column per asset."""
    ends = month_ends(bars.dates)
    values = np.random.default_rng(seed).random((len(ends), len(bars.assets)))
    return pd.DataFrame(values, index=bars.dates[ends], columns=list(bars.assets))


def check(
    bars: Bars,
    members: Any,
    run: Callable[[pd.DataFrame], Any],
    *,
    ours: bool = True,
    seed: int = 0,
    seeds: int = SEEDS,
) -> Check:
    """Trade random scores without costs and compare the account with the stocks in equal weight.

    Parameters
    ----------
    bars : Bars
    members : object with ``at(date)`` or None
        The stocks that may be held.
    run : callable
        Scores -> finished strategy: without costs, in fractions of shares, all names traded to
        equal weight at each decision, no reserve.
    ours : bool, default True
        Whether the strategy is one of this package. Another one may earn less than the stocks, by
        holding cash or stopping out: this is reported, but does not fail.
    seed : int
        Random state of the first scores.
    seeds : int
        How many random scores are traded, each with a random state of its own.
    """
    distances: list[Floats] = []
    worst: tuple[float, pd.Timestamp] | None = None
    for k in range(seeds):
        strategy = run(random_scores(bars, seed + k))
        distance = _distances(bars, members, strategy)
        if len(distance) < MONTHS:
            return skipped(
                NAME, f"{len(distance)} months of trading random scores; it takes {MONTHS} to tell."
            )
        distances.append(distance.to_numpy())
        most = int(distance.abs().to_numpy().argmax())
        if worst is None or abs(distance.iloc[most]) > abs(worst[0]):
            worst = float(distance.iloc[most]), pd.Timestamp(distance.index[most])
    assert worst is not None
    every = np.concatenate(distances)
    mean, error = float(every.mean()), float(every.std(ddof=1) / np.sqrt(len(every)))
    text = (
        f"{seeds} accounts of random scores without costs earned {mean:+.3%} a month beside the "
        f"stocks in equal weight (standard error {error:.3%}, {len(every)} months in all)"
    )
    beyond = NormalDist().inv_cdf(CONFIDENCE) * max(error, 1e-6)
    if abs(mean) <= beyond:
        return passed(NAME, f"{text}: no more than chance.")
    if mean < 0 and not ours:
        return passed(
            NAME,
            f"{text}: less than the stocks beyond chance, as of a strategy that holds cash or does "
            "not trade by its scores alone.",
        )
    sentence = f"in the month from {worst[1].date()} on an account was {worst[0]:+.2%} off."
    return failed(
        NAME,
        f"{text}: scores that know nothing cannot {'earn' if mean > 0 else 'lose'} that, so what "
        "is bought, when or at which price depends on more than the scores; no result of this "
        "strategy on these data means what it says.",
        [Finding(sentence, None, worst[1], "account")],
    )


def _distances(bars: Bars, members: Any, strategy: Any) -> pd.Series:
    """Return the account's return less that of the stocks, by the session of each decision.

    Returns run from the close before a decision to the close before the next one.
    """
    decisions = [(d["date"], d["month_end"]) for d in strategy.decisions]
    performance = strategy.analyzers.performance
    account = pd.Series(performance.values, index=performance.sessions)
    values = account.reindex(bars.dates).ffill().to_numpy()
    stocks = equal_weight_values(bars, members, decisions)
    rows = [int(bars.dates.searchsorted(date)) - 1 for date, _ in decisions]
    # The first decision is left out: until its orders fill, the account is in cash.
    at = np.array(rows[1:], dtype=np.intp)
    if len(at) < 2:
        return pd.Series(dtype=np.float64)
    distance = values[at[1:]] / values[at[:-1]] - stocks[at[1:]] / stocks[at[:-1]]
    return pd.Series(distance, index=[date for date, _ in decisions[1:-1]])


def equal_weight_values(
    bars: Bars, members: Any, decisions: Sequence[tuple[pd.Timestamp, pd.Timestamp]]
) -> Floats:
    """Return the value of the stocks in equal weight at each close, 1 at the beginning.

    Parameters
    ----------
    bars : Bars
    members : object with ``at(date)`` or None
    decisions : sequence of (session, month_end)
        At the open of the session, all members of the month-end that have a bar are traded to
        equal weight. A holding without a bar is kept at its last close, and sold at its next open.

    Returns
    -------
    ndarray of shape (days,)
    """
    opens = bars["open"] if "open" in bars else bars["close"]
    close, traded = bars["close"], bars.traded
    held, last = np.zeros(len(bars.assets)), np.zeros(len(bars.assets))
    leaving = np.zeros(len(bars.assets), dtype=bool)
    cash, values = 1.0, np.empty(len(bars))
    when = {int(bars.dates.searchsorted(date)): month_end for date, month_end in decisions}
    # held: shares by column; last: the last close of each stock, at which it is valued
    for row in range(len(bars)):
        trades = traded[row]
        price = np.where(trades, np.where(np.isnan(opens[row]), close[row], opens[row]), last)
        # what could not be sold at the decision goes as soon as it trades
        sold = leaving & trades
        cash += float(held[sold] @ price[sold])
        held[sold], leaving[sold] = 0.0, False
        if row in when:
            chosen = trades.copy()
            if members is not None:
                names = members.at(when[row])
                chosen &= np.array([asset in names for asset in bars.assets])
            # sell all that trades, and share the cash among the members that trade
            stuck = (held > 0) & ~trades
            cash += float(held[~stuck] @ price[~stuck])
            held[~stuck] = 0.0
            leaving = stuck
            if chosen.any():
                held[chosen] = cash / chosen.sum() / price[chosen]
                cash = 0.0
        last = np.where(trades, close[row], last)
        values[row] = cash + float(held @ last)
    return values
