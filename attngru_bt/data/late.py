"""Lines that nobody has a value of until later: they are not there before."""

from __future__ import annotations

import logging

import pandas as pd

from attngru_bt.data.bars import Bars
from attngru_bt.data.rows import MARKET_LINES

logger = logging.getLogger(__name__)


def known_too_late(bars: Bars, date: pd.Timestamp) -> frozenset[str]:
    """Return the lines of the market that no asset has a value of up to a date.

    A warning names those that begin later. Further lines, which are factors as they are, may begin
    at any time.
    """
    n_days = len(bars.until(date))
    late = set()
    for line in sorted(MARKET_LINES.intersection(bars.lines)):
        day = bars.first_known(line)
        if day is not None and day < n_days:
            continue
        late.add(line)
        if day is not None:
            logger.warning(
                "The line %r is known from %s on, but of no stock by the first month-end, %s: it "
                "is left out of this run. A run with a later `start` uses it.",
                line,
                bars.dates[day].date(),
                date.date(),
            )
    return frozenset(late)
