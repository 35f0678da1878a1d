"""Checks: no past score and no past order changes when the future does.

Each run is a whole backtest: feeds, reader, factors, preprocessing, model, decisions, fills.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from attngru_bt.audit.altered import BEYOND, MembersKnown, generators, scrambled
from attngru_bt.audit.beside import Alter, changed, ended
from attngru_bt.audit.fresh import CannotTravel
from attngru_bt.audit.history import Entry, History, first_entry, first_score, history, worded
from attngru_bt.audit.report import Check, Finding, failed, passed, skipped
from attngru_bt.data.market import Market
from attngru_bt.data.membership import Universe
from attngru_bt.trading.monthly import MonthlyTopK

SCORES, ORDERS, SAME_DAY = "scores", "orders", "same day"
UNITS = {SCORES: "scores", ORDERS: "entries of the trade log"}
PROCESSES = 1e-6  # relative difference that arithmetic may make between two processes
Run = Callable[..., MonthlyTopK]
"""Market and members → finished strategy."""
Past = Callable[..., History]
"""Market and members → scores and orders of the finished run."""


def check(
    market: Market,
    finished: MonthlyTopK,
    run: Run,
    cuts: Sequence[pd.Timestamp],
    *,
    members: Universe | None = None,
    seed: int = 0,
    past: Past | None = None,
    blind: Callable[[], MonthlyTopK] | None = None,
    beside: str = "",
    trains_beside: bool = False,
) -> tuple[Check, Check, Check]:
    """Run again without the future, and with another one; compare scores and orders to the bit.

    Entries and exits of members after the date are removed as well. In the other future, the
    session after the date opens as it really did and closes elsewhere, so that the orders placed at
    its open must not change either.

    Parameters
    ----------
    market : Market
    finished : MonthlyTopK
        The finished run on the whole market.
    run : callable
        Makes the same run on any market, ``run(market, members)``.
    cuts : sequence of Timestamp
        Dates after which the future is cut, in increasing order.
    members : object with ``at(date)``, optional
        Default: the market's membership.
    seed : int
    past : callable, optional
        Makes the runs on bars that end in another process, see `Fresh.run`; default: `run`, in this
        process.
    blind : callable, optional
        Makes the same run on bars that come one by one, showing of each session only what is known
        at its open; see `sameday.blindfolded`.
    beside : str
        What the summaries add about the processes.
    trains_beside : bool
        Whether the model is trained on a market beside the feeds, whose future is removed or
        changed as well: `run` and `past` then take a third argument, the function that does so.

    Returns
    -------
    scores, orders, same_day : Check
    """
    members = market.membership if members is None else members
    comparison = _Comparison(history(finished), "open" in market.bars)
    place, slack = (", in a process of its own", PROCESSES) if past is not None else ("", 0.0)
    if past is None:

        def past(market: Market, members: Universe | None, *alter: Alter) -> History:
            return history(run(market, members, *alter))

    alter: tuple[Alter, ...] = ()
    # nothing after the date
    for cut in cuts:
        known = None if members is None else MembersKnown(members, cut)
        alter = (partial(ended, date=cut),) if trains_beside else ()
        make = partial(past, market.until(cut), known, *alter)
        comparison.attempt(make, cut, f"without the bars after {cut.date()}{place}", slack)
    # something else after the date, in this process
    for cut, rng in zip(cuts, generators(seed, len(cuts)), strict=True):
        known = None if members is None else MembersKnown(members, cut)
        future = scrambled(market, cut, rng, BEYOND, keep_open=True)
        if trains_beside:
            alter = (partial(changed, date=cut, seed=int(rng.integers(2**32))),)
        other = history(run(future, known, *alter))
        comparison.compare(other, cut, f"with other bars after {cut.date()}")
        comparison.compare_open(other, market, cut)
    # nothing of a session but what is known at its open
    if blind is not None:
        comparison.attempt_blind(lambda: history(blind()), market.bars.dates[-1])
    return comparison.checks(len(cuts), beside, blind is not None)


class _Comparison:
    """Compares runs with the one on the whole market, and keeps the differences."""

    def __init__(self, whole: History, has_opens: bool) -> None:
        self.whole = whole
        self.has_opens = has_opens
        self.compared = {SCORES: 0, ORDERS: 0, SAME_DAY: 0}
        self.wrong: dict[str, list[Finding]] = {SCORES: [], ORDERS: [], SAME_DAY: []}
        self.opens = 0

    def attempt(
        self, make: Callable[[], History], cut: pd.Timestamp, how: str, slack: float
    ) -> None:
        """Compare a run on fewer bars; if it raises an error, this is a finding as well."""
        try:
            other = make()
        except CannotTravel:
            raise  # says nothing about the strategy: the caller runs it in this process instead
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
            # orders placed are in the log as well, if there is one: they count once
            self.compared[ORDERS] += n if what == "log" or not self.whole.log else 0
            if pair is not None:
                self.wrong[ORDERS].append(_differs(*pair, how, "the trade log has"))
                return

    def compare_open(self, other: History, market: Market, cut: pd.Timestamp) -> None:
        """Compare the orders placed at the open of the session after a date."""
        row = int(market.bars.dates.searchsorted(cut, side="right"))
        if not self.has_opens or row >= len(market.bars):
            return
        session = pd.Timestamp(market.bars.dates[row])
        want, got = self.whole.on(session), other.on(session)
        self.opens += bool(want)
        self._same_day(want, got, "if that session closes elsewhere (its open is the same)")

    def attempt_blind(self, make: Callable[[], History], end: pd.Timestamp) -> None:
        """Compare a run that only sees what is known at each open."""
        how = "if of a session only what is known at its open is shown, and nothing of later ones"
        try:
            other = make()
        except Exception as error:
            self.wrong[SAME_DAY].append(_broken(error, end, how))
            return
        self._same_day(list(self.whole.placed), list(other.placed), how)

    def _same_day(self, want: list[Entry], got: list[Entry], how: str) -> None:
        """Compare orders at opens, and keep the first that differs."""
        n, pair = first_entry(want, got)
        self.compared[SAME_DAY] += n
        if pair is not None:
            self.wrong[SAME_DAY].append(_differs(*pair, how, "the order is"))

    def checks(self, n_cuts: int, beside: str, blind: bool) -> tuple[Check, Check, Check]:
        """Return the checks of scores, of orders, and of orders of the same day."""
        return (
            self._judged(SCORES, n_cuts, beside),
            self._judged(ORDERS, n_cuts, beside),
            self._same_day_judged(n_cuts, blind),
        )

    def _judged(self, name: str, n_cuts: int, beside: str) -> Check:
        """Return the check of scores, or of orders."""
        unit = UNITS[name]
        compared = f"{self.compared[name]} {unit} of {2 * n_cuts} runs cut or scrambled at a date"
        if self.wrong[name]:
            text = f"{compared}: {len(self.wrong[name])} runs differ from the uncut one{beside}."
            return failed(name, text, self.wrong[name])
        if name == SCORES and self.whole.given:
            return skipped(
                name,
                "the scores were given as a table, which no run computes anew; the accuracy check "
                "compares them with the bars.",
            )
        if not self.compared[name]:
            return skipped(name, f"no {unit} before any of {n_cuts} dates to compare.")
        return passed(name, f"{compared}: the same as those of the uncut run{beside}.")

    def _same_day_judged(self, n_cuts: int, blind: bool) -> Check:
        """Return the check of orders of the same day."""
        if not self.has_opens:
            return skipped(
                SAME_DAY,
                "the bars have no open, so an order fills at the close it was sized on; bring data "
                "with opens.",
            )
        ways = [f"{self.opens} of {n_cuts} dates were followed by orders at the next open"]
        if blind:
            ways.append("one run saw only the open of each session")
        compared = f"{self.compared[SAME_DAY]} orders at the open; {', '.join(ways)}"
        if self.wrong[SAME_DAY]:
            return failed(
                SAME_DAY,
                f"{compared}: orders change with the high, low, close or volume of the session "
                "they are placed at the open of, or of later ones.",
                self.wrong[SAME_DAY],
            )
        if not self.compared[SAME_DAY]:
            return skipped(SAME_DAY, f"no order after any of {n_cuts} dates to compare.")
        return passed(SAME_DAY, f"{compared}: no order changes with what comes after the open.")


def _broken(error: Exception, date: pd.Timestamp, how: str) -> Finding:
    message = f"{type(error).__name__}{f': {error}' if str(error) else ''}"
    return Finding(f"the run breaks {how}, and not with all bars ({message}).", None, date, "run")


def _differs(a: Entry | None, b: Entry | None, how: str, what: str) -> Finding:
    row = a or b
    assert row is not None
    date, asset = pd.Timestamp(row[0]), str(row[1])
    text = f"{asset} on {date.date()}: {what} {worded(a)}, but {worded(b)} {how}."
    return Finding(text, asset, date, "order")


def _number(value: float) -> str:
    return "none" if np.isnan(value) else f"{value:.10g}"
