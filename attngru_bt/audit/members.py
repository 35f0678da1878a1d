"""Check: members are not chosen by the returns of the coming month.

An index committee does not know next month's returns. A list of members that was made afterwards
(the winners of each month, or today's members with today's dates) may know them: then those who
enter do far better in the following month than any rule could have foreseen.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.audit.limit import CONFIDENCE
from attngru_bt.audit.report import Check, Finding, failed, passed, skipped
from attngru_bt.data.bars import Bars
from attngru_bt.data.membership import Universe
from attngru_bt.features.cross_section import month_ends
from attngru_bt.features.labels import forward_returns, rank_targets

NAME = "members"
ALLOWED = 0.2
"""Mean rank (-1 worst, 1 best) that entrants may have: that of the best tenth of scores with a rank
IC of .15, so that a universe may itself be a good rule."""
MONTHS, ENTRANTS = 3, 6  # fewest month-ends and entrants that can tell


def check(bars: Bars, members: Universe | None) -> Check:
    """Rank next month's return of the stocks that have just entered among that of all stocks.

    Parameters
    ----------
    bars : Bars
    members : Universe or None
    """
    if members is None:
        return skipped(NAME, "there are no members over time: every stock may always be held.")
    returns = next_month(bars)
    rows = month_ends(bars.dates)
    means, counts, dates, best = [], [], [], []
    before: frozenset[str] = frozenset()
    for row in rows[:-2]:
        now = frozenset(members.at(bars.dates[row]))
        known = ~np.isnan(returns[row]) & bars.traded[row]
        ranks = rank_targets(np.where(known, returns[row], np.nan))
        new = now - before if before else frozenset()
        entered = np.array([asset in new for asset in bars.assets]) & known
        if entered.any() and not entered[known].all():
            means.append(float(ranks[entered].mean()))
            counts.append(int(entered.sum()))
            dates.append(pd.Timestamp(bars.dates[row]))
            best.append(bars.assets[int(np.where(entered, ranks, -2.0).argmax())])
        before = now
    n = sum(counts)
    if len(means) < MONTHS or n < ENTRANTS:
        return skipped(
            NAME,
            f"{n} stocks entered at {len(means)} month-ends; it takes {ENTRANTS} at {MONTHS} to "
            "tell whether they were chosen by what came next.",
        )
    mean = float(np.mean(means))
    # A rank is uniform in [-1, 1] if it played no part in the choice, so that its variance is 1/3.
    chance = float(np.sqrt(sum(1 / (3 * c) for c in counts))) / len(means)
    error = max(chance, float(np.std(means, ddof=1)) / np.sqrt(len(means)))
    limit = ALLOWED + NormalDist().inv_cdf(CONFIDENCE) * error
    text = (
        f"{n} stocks entered at {len(means)} month-ends; next month's return of these had a mean "
        f"rank of {mean:.3f} among all stocks (-1 worst, 0 chance, 1 best; up to {limit:.3f} "
        "allowed)"
    )
    if mean <= limit:
        return passed(NAME, f"{text}.")
    most = int(np.argmax(means))
    sentence = (
        f"the {counts[most]} stocks that entered at the month-end {dates[most].date()} "
        f"({best[most]} the best) had a mean rank of {means[most]:.3f} in the month after."
    )
    return failed(
        NAME,
        f"{text}: the members were chosen by somebody who knew that month; give the dates on which "
        "each change was announced.",
        [Finding(sentence, best[most], dates[most], "membership")],
    )


def next_month(bars: Bars) -> NDArray[np.float64]:
    """Compute the return from each session's close to that of the next month's last session.

    The array has the shape (days, assets); returns are fractions. Closes are carried forward over
    suspensions. NaN: before the first bar of an asset, and where the bars end before that session.
    """
    close = bars.frame("close").ffill().to_numpy()
    ends = month_ends(bars.dates)
    month = np.searchsorted(ends, np.arange(len(bars)))  # of each session, numbered from 0
    following = ends[np.minimum(month + 1, len(ends) - 1)]
    returns = forward_returns(close, close[following])
    returns[month >= len(ends) - 2] = np.nan  # the last month may not have ended
    return returns
