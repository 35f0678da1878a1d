"""Check: no factor by itself orders the stocks by the month to come.

A table read from a file, a label saved as a factor, a column that was computed later than it is
dated: none of these changes when bars are cut off, but each is better than any real factor.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from attngru_bt.audit.limit import CONFIDENCE, IC, ic_limit
from attngru_bt.audit.report import Check, Finding, failed, passed, skipped
from attngru_bt.samples import CrossSection

NAME = "single factors"
MONTHS = 6  # fewer cannot tell


def check(sections: Sequence[CrossSection]) -> Check:
    """Hold the rank IC of each factor, of either sign, against what real scores reach.

    Parameters
    ----------
    sections : sequence of CrossSection
        Those of all month-ends.
    """
    rows, stocks = {}, {}
    for section in sections:
        if section.returns is None:
            continue
        known = ~np.isnan(section.returns)
        values = pd.DataFrame(section.values[known, -1, :], columns=list(section.columns))
        values = values.astype(np.float64)
        # a factor that is the same for all orders nothing
        values = values.loc[:, values.max() > values.min()]
        returns = pd.Series(section.returns[known]).rank()
        rows[section.date] = values.rank().corrwith(returns)
        stocks[section.date] = values.count()
    ics, counts = pd.DataFrame(rows).T, pd.DataFrame(stocks).T
    telling = [name for name in ics.columns if ics[name].notna().sum() >= MONTHS]
    if not telling:
        return skipped(NAME, f"{len(ics)} months with outcomes; it takes {MONTHS} to tell.")
    # both signs of every factor share the chance of a false alarm
    confidence = 1 - (1 - CONFIDENCE) / (2 * len(telling))
    findings = []
    means = ics[telling].mean()
    for name in telling:
        own = ics[name].dropna()
        limit = ic_limit(list(own), list(counts[name].loc[own.index]), confidence=confidence)
        if abs(means[name]) > limit:
            sign = float(np.sign(means[name]))
            at = int((own * sign).to_numpy().argmax())
            date = pd.Timestamp(own.index[at])
            symbol = _best(next(s for s in sections if s.date == date), name, sign)
            text = (
                f"{name} has a mean rank IC of {means[name]:.3f} with the next month over "
                f"{len(own)} months ({own.iloc[at]:.3f} on {date.date()}, {symbol} in front); up "
                f"to {limit:.3f} is allowed, a real one of {IC} and chance."
            )
            findings.append(Finding(text, symbol, date, name))
    best = telling[int(means.abs().to_numpy().argmax())]
    told = (
        f"of {len(telling)} factors {best} orders the next month's returns best, with a rank IC "
        f"of {means[best]:.3f}"
    )
    if not findings:
        return passed(NAME, f"{told}: no more than real ones do.")
    return failed(
        NAME,
        f"{told}: {len(findings)} know more than any real factor; look where their values come "
        "from, and when they were known.",
        findings,
    )


def _best(section: CrossSection, name: str, sign: float) -> str:
    values = sign * section.values[:, -1, section.columns.index(name)]
    return section.assets[int(np.nanargmax(values))]
