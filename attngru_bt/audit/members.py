"""Check: who becomes a member is not chosen by the month to come.

An index committee does not know next month's returns. A list of members made afterwards (the
winners of each month, today's members with today's dates) may: then those who enter do better in
the month after than the others, far better than any rule could have foreseen.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.audit.limit import CONFIDENCE
from attngru_bt.audit.outcomes import next_month
from attngru_bt.audit.report import Check, Finding, failed, passed, skipped
from attngru_bt.data.bars import Bars
from attngru_bt.features.cross_section import month_ends
from attngru_bt.features.labels import rank_targets

NAME = "members"
ALLOWED = 0.2
"""Mean rank (-1 worst, 1 best) that entrants may have: what the best tenth of scores with a rank
IC of .15 would have, so that a universe may itself be a good rule."""
MONTHS, ENTRANTS = 3, 6  # fewer cannot tell


def check(bars: Bars, members: Any) -> Check:
    """Rank next month's return of those who entered since the month-end before, among all stocks.

    Parameters
    ----------
    bars : Bars
    members : object with ``at(date)`` or None
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
        inside = np.array([asset in new for asset in bars.assets]) & known
        if inside.any() and not inside[known].all():
            means.append(float(ranks[inside].mean()))
            counts.append(int(inside.sum()))
            dates.append(pd.Timestamp(bars.dates[row]))
            best.append(bars.assets[int(np.where(inside, ranks, -2.0).argmax())])
        before = now
    n = sum(counts)
    if len(means) < MONTHS or n < ENTRANTS:
        return skipped(
            NAME,
            f"{n} stocks entered at {len(means)} month-ends; it takes {ENTRANTS} at {MONTHS} to "
            "tell whether they were chosen by what came next.",
        )
    mean = float(np.mean(means))
    # the rank of one stock that nobody chose by it has variance 1/3
    chance = float(np.sqrt(sum(1 / (3 * c) for c in counts))) / len(means)
    error = max(chance, float(np.std(means, ddof=1)) / np.sqrt(len(means)))
    limit = ALLOWED + NormalDist().inv_cdf(CONFIDENCE) * error
    told = (
        f"{n} stocks entered at {len(means)} month-ends; next month's return of these had a mean "
        f"rank of {mean:.3f} among all stocks (-1 worst, 0 chance, 1 best; up to {limit:.3f} "
        "allowed)"
    )
    if mean <= limit:
        return passed(NAME, f"{told}.")
    most = int(np.argmax(means))
    text = (
        f"the {counts[most]} stocks that entered at the month-end {dates[most].date()} "
        f"({best[most]} the best) had a mean rank of {means[most]:.3f} in the month after."
    )
    return failed(
        NAME,
        f"{told}: the members were chosen by somebody who knew that month; give the dates on which "
        "each change was announced.",
        [Finding(text, best[most], dates[most], "membership")],
    )
