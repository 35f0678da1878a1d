"""Proposals beside what was traded and what the backtest traded, month by month."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd

from attngru_bt.data.bars import DataError
from attngru_bt.data.lock import sole_use
from attngru_bt.data.market import Market, as_market
from attngru_bt.picks.book.difference import CAUSES, Compared, Trade, in_cents, total
from attngru_bt.picks.book.fills import Fill, read_fills
from attngru_bt.picks.book.ledger import Entry, Ledger
from attngru_bt.picks.book.proposed import Proposed, in_force
from attngru_bt.picks.book.session import PlayedSession

logger = logging.getLogger(__name__)

PAPER = "paper"  # kind of entry
ORDERS = (
    "symbol", "side", "proposed", "reference", "backtest", "backtest_price", "traded",
    "traded_price", "mark", *CAUSES, "whole",
)  # fmt: skip

Key = tuple[str, str]  # symbol and side


@dataclass(frozen=True)
class Reconciled:
    """A proposal, what was traded of it, and what the backtest traded.

    Attributes
    ----------
    month_end, session : Timestamp
    marked : Timestamp or None
        At whose closes the orders are valued; None: at the reference prices of the proposal.
    model : str
    against : {"backtest", "open", "proposal"}
        What stands for the backtest: itself; without its settings the orders at the open of the
        session; without data the proposal.
    orders : DataFrame, columns `ORDERS`
        A row per symbol and side: shares and prices in the three forms, and the difference by
        cause, in currency.
    parts : dict of str to float
        The difference of all orders by cause, in hundredths of the currency; they sum to `whole`.
    whole : float
        What the account has more than if the backtest had traded it.
    value : float
        Of the account when the proposal was made.
    notes : list of str
        What else is to be known, a sentence each.
    """

    month_end: pd.Timestamp
    session: pd.Timestamp
    marked: pd.Timestamp | None
    model: str
    against: str
    orders: pd.DataFrame
    parts: dict[str, float]
    whole: float
    value: float
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Reconciliation:
    """All proposals of a book beside what was traded.

    Attributes
    ----------
    months : list of Reconciled
        In the order of their sessions.
    notes : list of str
        What is left out, a sentence each.
    faults : list of str
        Damaged lines of the ledger.
    """

    months: list[Reconciled]
    notes: list[str]
    faults: list[str]

    def frame(self) -> pd.DataFrame:
        """Return the orders of all months, with month_end and session in front."""
        parts = []
        for month in self.months:
            rows = month.orders.copy()
            rows.insert(0, "month_end", month.month_end)
            rows.insert(1, "session", month.session)
            parts.append(rows)
        if not parts:
            return pd.DataFrame(columns=["month_end", "session", *ORDERS])
        return pd.concat(parts, ignore_index=True)


def reconcile(
    book: str | os.PathLike[str],
    fills: str | os.PathLike[str] | pd.DataFrame | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    market: Market | pd.DataFrame | str | Path | None = None,
    paper: bool = False,
) -> Reconciliation:
    """Compare proposals of a book with what was traded, and split the difference by cause.

    Each proposal is compared over its period, from its session to that of the next proposal.

    Parameters
    ----------
    book : path
        Folder of the ledger.
    fills : path or DataFrame, default None
        What was traded, see `read_fills`. None: the paper fills of the book.
    columns : mapping of str to str, default None
        Names of the columns of `fills`, where they differ.
    market : Market, DataFrame or path, default None
        Data that have the sessions after the proposals; the backtest is run on them, and orders are
        valued at the last closes of their period. None: the proposals stand for the backtest.
    paper : bool, default False
        Fill proposals at the open of their session, where the data have it, and add these fills to
        the book; those that are in it already stay as they are.

    Returns
    -------
    Reconciliation

    Raises
    ------
    DataError
        If there is no book, or a line of the fills is wrong.
    BlockingIOError
        With `paper`, if another run works in the folder.
    """
    if paper and fills is not None:
        raise ValueError("`paper` fills the orders itself: leave `fills` (--fills) out.")
    if paper and market is None:
        raise ValueError("`paper` fills at opens of the data: give `market` (--data).")
    market = None if market is None else as_market(market)
    with sole_use(book) if paper and Path(book).is_dir() else nullcontext():
        ledger = Ledger(book)
        entries, faults = ledger.read()
        for fault in faults:
            logger.warning(fault)
        proposals = in_force(entries)
        sessions = _sessions(proposals, market)
        notes = []
        if fills is not None:
            names = {order["symbol"] for proposed in proposals for order in proposed.orders}
            names |= set() if market is None else set(market.bars.assets)
            executions = read_fills(fills, columns, names)
            traded, left_out = _by_proposal(executions, proposals)
            notes += left_out
        else:
            traded = _on_paper(ledger, entries, sessions if paper else {})
            if not traded and not paper:
                raise DataError(
                    f"{book}: the book has no paper fills; say what was traded with `fills` "
                    f"(--fills), or fill on paper with `paper` and `market` (--paper --data)."
                )
    months = []
    for proposed in proposals:
        digest = proposed.entry.digest
        if market is not None and sessions[digest] is None:
            notes.append(
                f"The picks of {proposed.month_end.date()} are left out: the data do not have "
                f"their session yet."
            )
        elif digest in traded:
            months.append(_reconciled(proposed, traded[digest], sessions.get(digest)))
    return Reconciliation(months, notes, faults)


def _sessions(
    proposals: Sequence[Proposed], market: Market | None
) -> dict[str, PlayedSession | None]:
    """Return the session of each proposal by its digest, None where the data do not have it."""
    if market is None:
        return {}
    nexts = [*(proposed.session for proposed in proposals[1:]), None]
    return {
        proposed.entry.digest: PlayedSession.of(proposed, market.bars, after)
        for proposed, after in zip(proposals, nexts, strict=True)
    }


def _by_proposal(
    executions: Iterable[Fill], proposals: Sequence[Proposed]
) -> tuple[dict[str, list[Fill]], list[str]]:
    """Return what was traded of each proposal, by its digest, and what belongs to none."""
    found: dict[str, list[Fill]] = {proposed.entry.digest: [] for proposed in proposals}
    early = []
    for execution in executions:
        begun = [proposed for proposed in proposals if proposed.session <= execution.date]
        if begun:
            found[begun[-1].entry.digest].append(execution)
        else:
            early.append(execution)
    if not early:
        return found, []
    more = f" and {len(early) - 1} more" if len(early) > 1 else ""
    why = "as the book has no proposal"
    if proposals:
        why = f"being before the first session of the book, {proposals[0].session.date()}"
    return found, [f"{early[0].place}{more}: left out, {why}."]


def _on_paper(
    ledger: Ledger, entries: Iterable[Entry], sessions: Mapping[str, PlayedSession | None]
) -> dict[str, list[Fill]]:
    """Return the paper fills of the book, and add those that can be made now."""
    kept = {e.content["proposal"]: e.content["fills"] for e in entries if e.kind == PAPER}
    for digest, session in sessions.items():
        if session is None or digest in kept:
            continue
        fills = [
            {
                "date": f"{done.date.date()}",
                "symbol": done.symbol,
                "side": done.side,
                "shares": done.shares,
                "price": done.price if done.shares else None,
                "fees": done.fees,
            }
            for done in session.paper()
        ]
        ledger.append(PAPER, {"proposal": digest, "fills": fills}, locked=True)
        kept[digest] = fills
    return {
        digest: [
            Fill(
                pd.Timestamp(row["date"]), row["symbol"], row["side"], row["shares"],
                math.nan if row["price"] is None else row["price"], row["fees"],
            )
            for row in fills
        ]
        for digest, fills in kept.items()
    }  # fmt: skip


def _reconciled(
    proposed: Proposed, traded: Sequence[Fill], session: PlayedSession | None
) -> Reconciled:
    """Compare a proposal, what was traded of it and the backtest."""
    content = proposed.entry.content
    against, done, notes = "proposal", None, []
    opens: dict[str, float] = {}
    marks: dict[str, float] = {}
    if session is not None:
        opens, marks = session.price("open"), session.price("mark")
        against, done = "backtest", session.backtest()
        if done is None:
            against, done = "open", session.paper()
            notes.append(
                "The backtest cannot be run from the book, whose settings are more than text and "
                "numbers or name a stock that the data do not have: the orders at the open stand "
                "for it."
            )
        if not session.same_data:
            notes.append(
                f"The data up to {proposed.last.date()} are not those that the picks were made on."
            )
    orders = {(order["symbol"], order["side"]): order for order in proposed.orders}
    if done is None:
        done = [
            Fill(proposed.session, o["symbol"], o["side"], o["shares"], o["price"], o["fees"])
            for o in proposed.orders
        ]
    sums, backtest = _sums(traded), _sums(done)
    compared = []
    for key in dict.fromkeys((*orders, *backtest, *sums)):
        reference = orders[key]["price"] if key in orders else math.nan
        known = [
            opens.get(key[0], math.nan),
            reference,
            float(sums[key].price) if key in sums else 0,
        ]
        price = next(_exact(value) for value in known if not math.isnan(value))
        tested = backtest.get(key, Trade(Fraction(0), price))
        price = tested.price if tested.shares else price
        marked = marks.get(key[0], math.nan)
        filled = sums.get(key, Trade(Fraction(0), price))
        compared.append(
            Compared(
                *key,
                proposed=_exact(orders[key]["shares"]) if key in orders else Fraction(0),
                backtest=Trade(tested.shares, price, tested.fees),
                traded=filled if filled.shares else Trade(Fraction(0), price, filled.fees),
                mark=_exact(marked) if marked == marked else price,
                placed=key in sums,
            )
        )
    parts, whole = total(compared)
    cents = in_cents(parts)
    return Reconciled(
        month_end=proposed.month_end,
        session=proposed.session if session is None else session.date,
        marked=None if session is None else session.bars.dates[-1],
        model=content["model"],
        against=against,
        orders=_table(compared, orders),
        parts={cause: float(part) for cause, part in cents.items()},
        whole=float(round(whole, 2)),
        value=content["value"],
        notes=notes,
    )


def _sums(executions: Iterable[Fill]) -> dict[Key, Trade]:
    """Return the shares, average price and fees of each symbol and side."""
    sums: dict[Key, Trade] = {}
    for done in executions:
        before = sums.get((done.symbol, done.side), Trade(Fraction(0), Fraction(0)))
        shares = before.shares + _exact(done.shares)
        paid = before.shares * before.price
        paid += _exact(done.shares) * _exact(done.price) if done.shares else 0
        sums[done.symbol, done.side] = Trade(
            shares, paid / shares if shares else Fraction(0), before.fees + _exact(done.fees)
        )
    return sums


def _exact(value: float) -> Fraction:
    """Return the number that the digits say."""
    return Fraction(repr(float(value)))


def _table(compared: Iterable[Compared], orders: Mapping[Key, Mapping[str, Any]]) -> pd.DataFrame:
    rows = []
    for order in compared:
        known = orders.get((order.symbol, order.side))
        traded = float(order.traded.price) if order.traded.shares else math.nan
        rows.append(
            {
                "symbol": order.symbol,
                "side": order.side,
                "proposed": float(order.proposed),
                "reference": math.nan if known is None else known["price"],
                "backtest": float(order.backtest.shares),
                "backtest_price": float(order.backtest.price),
                "traded": float(order.traded.shares),
                "traded_price": traded,
                "mark": float(order.mark),
                **{cause: float(part) for cause, part in order.parts().items()},
                "whole": float(order.whole),
            }
        )
    return pd.DataFrame(rows, columns=list(ORDERS))
