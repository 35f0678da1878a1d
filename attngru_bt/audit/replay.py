"""Checks: no score and no order of the past changes when the future does.

The whole chain runs: feeds, reader, factors, preprocessing, model, decisions, fills.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.audit.altered import BEYOND, MembersKnown, generators, scrambled
from attngru_bt.audit.fresh import CannotTravel
from attngru_bt.audit.history import Entry, History, first_entry, first_score, history, worded
from attngru_bt.audit.report import Check, Finding, failed, passed, skipped
from attngru_bt.data.market import Market

SCORES, ORDERS, SAME_DAY = "scores", "orders", "same day"
UNITS = {SCORES: "scores", ORDERS: "entries of the trade log"}
Run = Callable[[Market, Any], Any]
"""Market and members -> finished strategy."""
PROCESSES = 1e-6  # relative; what arithmetic may differ by from one process to another
Past = Callable[[Market, Any], History]
"""The same, but only what the run came to."""


def check(
    market: Market,
    whole: Any,
    run: Run,
    cuts: Sequence[pd.Timestamp],
    *,
    members: Any = None,
    seed: int = 0,
    past: Past | None = None,
    blind: Callable[[], Any] | None = None,
    beside: str = "",
) -> tuple[Check, Check, Check]:
    """Run again without the future, and with another one; compare scores and orders to the bit.

    Members that enter or leave after the date are taken away too. In the other future the session
    after the date opens as it really did and closes elsewhere: what is ordered at that open must
    stay as well.

    Parameters
    ----------
    market : Market
    whole : Strategy
        The finished run on the whole market.
    run : callable
        Makes that run on any market, ``run(market, members)``.
    cuts : sequence of Timestamp
        Increasing.
    members : object with ``at(date)``, optional
        Default: the market's membership.
    seed : int
    past : callable, optional
        Makes the runs on bars that end in another process, see `Fresh.run`; default: `run` here.
    blind : callable, optional
        Makes the run of `whole` with bars handed over one by one, and of a session only what is
        known at its open; see `sameday.blindfolded`.
    beside : str
        What there is to say about the processes, for the summaries.

    Returns
    -------
    scores, orders, same_day : Check
    """
    members = market.membership if members is None else members
    apart = past is not None
    if past is None:

        def past(market: Market, members: Any) -> History:
            return history(run(market, members))

    found = _Comparison(history(whole), "open" in market.bars)
    for cut in cuts:
        known = None if members is None else MembersKnown(members, cut)
        how = f"without the bars after {cut.date()}{', in a process of its own' if apart else ''}"
        make = partial(past, market.until(cut), known)
        found.attempt(make, cut, how, PROCESSES if apart else 0.0)
    for cut, rng in zip(cuts, generators(seed, len(cuts)), strict=True):
        known = None if members is None else MembersKnown(members, cut)
        other = history(run(scrambled(market, cut, rng, BEYOND, keep_open=True), known))
        found.compare(other, cut, f"with other bars after {cut.date()}")
        found.compare_open(other, market, cut)
    if blind is not None:
        found.attempt_blind(lambda: history(blind()), market.bars.dates[-1])
    return found.checks(len(cuts), beside, blind is not None)


class _Comparison:
    """Keeps what was compared with the run on the whole market, and what differed."""

    def __init__(self, whole: History, has_opens: bool) -> None:
        self.whole = whole
        self.has_opens = has_opens
        self.compared = {SCORES: 0, ORDERS: 0, SAME_DAY: 0}
        self.wrong: dict[str, list[Finding]] = {SCORES: [], ORDERS: [], SAME_DAY: []}
        self.opens = 0

    def attempt(
        self, make: Callable[[], History], cut: pd.Timestamp, how: str, slack: float
    ) -> None:
        """Compare a run on less; that it breaks although the whole did not is a finding."""
        try:
            other = make()
        except CannotTravel:
            raise
        except Exception as error:
            self.wrong[ORDERS].append(_broken(error, cut, how))
            return
        self.compare(other, cut, how, slack)

    def compare(self, other: History, cut: pd.Timestamp, how: str, slack: float = 0.0) -> None:
        """Compare scores and orders up to a date."""
        n, difference = first_score(self.whole, other, cut, slack)
        self.compared[SCORES] += 0 if self.whole.given else n
        if difference is not None:
            month_end, asset, a, b = difference
            text = (
                f"the score of {asset} at the month-end {month_end.date()} is {_number(a)}, but "
                f"{_number(b)} {how}."
            )
            self.wrong[SCORES].append(Finding(text, asset, month_end, "score"))
        for what in ("log", "placed"):
            n, pair = first_entry(self.whole.until(cut, what), other.until(cut, what))
            self.compared[ORDERS] += n if what == "log" or not self.whole.log else 0
            if pair is not None:
                self.wrong[ORDERS].append(_differs(*pair, how, "the trade log has"))
                return

    def compare_open(self, other: History, market: Market, cut: pd.Timestamp) -> None:
        """Compare what was ordered at the open of the session after a date."""
        row = int(market.bars.dates.searchsorted(cut, side="right"))
        if not self.has_opens or row >= len(market.bars):
            return
        session = pd.Timestamp(market.bars.dates[row])
        want, got = self.whole.on(session), other.on(session)
        self.opens += bool(want)
        self._same_day(want, got, "if that session closes elsewhere (its open is the same)")

    def attempt_blind(self, make: Callable[[], History], end: pd.Timestamp) -> None:
        """Compare a run that is shown no more than there was to be seen."""
        how = "if of a session only what is known at its open is shown, and nothing of later ones"
        try:
            other = make()
        except Exception as error:
            self.wrong[SAME_DAY].append(_broken(error, end, how))
            return
        self._same_day(list(self.whole.placed), list(other.placed), how)

    def _same_day(self, want: list[Entry], got: list[Entry], how: str) -> None:
        n, pair = first_entry(want, got)
        self.compared[SAME_DAY] += n
        if pair is not None:
            self.wrong[SAME_DAY].append(_differs(*pair, how, "the order is"))

    def checks(self, n_cuts: int, beside: str, blind: bool) -> tuple[Check, Check, Check]:
        """Judge what was found."""
        return (
            self._judged(SCORES, n_cuts, beside),
            self._judged(ORDERS, n_cuts, beside),
            self._same_day_judged(n_cuts, blind),
        )

    def _judged(self, name: str, n_cuts: int, beside: str) -> Check:
        unit = UNITS[name]
        told = f"{self.compared[name]} {unit} of {2 * n_cuts} runs cut or scrambled at a date"
        if self.wrong[name]:
            text = f"{told}: {len(self.wrong[name])} runs differ from the uncut one{beside}."
            return failed(name, text, self.wrong[name])
        if name == SCORES and self.whole.given:
            return skipped(
                name,
                "the scores were given as a table, which no run computes anew; accuracy holds them "
                "against the bars.",
            )
        if not self.compared[name]:
            return skipped(name, f"no {unit} before any of {n_cuts} dates to compare.")
        return passed(name, f"{told}: the same as those of the uncut run{beside}.")

    def _same_day_judged(self, n_cuts: int, blind: bool) -> Check:
        if not self.has_opens:
            return skipped(
                SAME_DAY,
                "the bars have no open, so an order fills at the close it was sized on; bring data "
                "with opens.",
            )
        ways = [f"{self.opens} of {n_cuts} dates were followed by orders at the next open"]
        if blind:
            ways.append("one run was shown of each session only its open")
        told = f"{self.compared[SAME_DAY]} orders at the open; {', '.join(ways)}"
        if self.wrong[SAME_DAY]:
            return failed(
                SAME_DAY,
                f"{told}: orders change with the high, low, close or volume of the session they "
                "are placed at the open of, or of later ones.",
                self.wrong[SAME_DAY],
            )
        if not self.compared[SAME_DAY]:
            return skipped(SAME_DAY, f"no order after any of {n_cuts} dates to compare.")
        return passed(SAME_DAY, f"{told}: none changes when what comes after the open does.")


def _broken(error: Exception, date: pd.Timestamp, how: str) -> Finding:
    said = f"{type(error).__name__}{f': {error}' if str(error) else ''}"
    return Finding(f"the run breaks {how}, and not with all bars ({said}).", None, date, "run")


def _differs(a: Entry | None, b: Entry | None, how: str, what: str) -> Finding:
    row = a or b
    assert row is not None
    date, asset = pd.Timestamp(row[0]), str(row[1])
    text = f"{asset} on {date.date()}: {what} {worded(a)}, but {worded(b)} {how}."
    return Finding(text, asset, date, "order")


def _number(value: float) -> str:
    return "none" if np.isnan(value) else f"{value:.10g}"
