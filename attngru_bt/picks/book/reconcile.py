"""The reconciliation of a book: proposals, what was traded and what the backtest traded."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from attngru_bt.data.bars import DataError
from attngru_bt.data.codes import other_spellings
from attngru_bt.data.lock import sole_use
from attngru_bt.data.market import Market, as_market
from attngru_bt.picks.book.fills import Fill, read_fills
from attngru_bt.picks.book.ledger import Ledger
from attngru_bt.picks.book.paper import on_paper
from attngru_bt.picks.book.proposed import Proposed, in_force
from attngru_bt.picks.book.reconciled import ORDERS, Reconciled, reconciled
from attngru_bt.picks.book.session import PlayedSession

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reconciliation:
    """All proposals of a book beside what was traded.

    Attributes
    ----------
    months : list of Reconciled
        In the order of their sessions.
    notes : list of str
        Remarks on what is left out, a sentence each.
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
        proposals, notes = in_force(entries)
        if not proposals:
            raise DataError(
                f"{ledger.path}: has no proposal that is sound; `attngru-bt picks --book {book}` "
                f"adds one."
            )
        market = None if market is None else _as_proposed(market, proposals)
        sessions = _sessions(proposals, market)
        if fills is not None:
            names = {order["symbol"] for proposed in proposals for order in proposed.orders}
            names |= set() if market is None else set(market.bars.assets)
            traded, left_out = _by_proposal(read_fills(fills, columns, names), proposals)
            notes += left_out
        else:
            traded = on_paper(ledger, entries, sessions if paper else {})
            if not traded and not paper:
                raise DataError(
                    f"{book}: the book has no paper fills; say what was traded with `fills` "
                    f"(--fills), or fill on paper with `paper` and `market` (--paper --data)."
                )
    # a proposal without fills has nothing to compare yet
    months = []
    for proposed in proposals:
        digest = proposed.entry.digest
        if market is not None and sessions[digest] is None:
            notes.append(
                f"The picks of {proposed.month_end.date()} are left out: the data do not have "
                f"their session yet."
            )
        elif digest in traded:
            months.append(reconciled(proposed, traded[digest], sessions.get(digest)))
    return Reconciliation(months, notes, faults)


def _as_proposed(market: Market, proposals: Sequence[Proposed]) -> Market:
    """Return the market with its names spelled as in the proposals."""
    symbols = {order["symbol"] for proposed in proposals for order in proposed.orders}
    for proposed in proposals:
        symbols |= {*proposed.entry.content["scores"], *proposed.entry.content["holdings"]}
    ours = other_spellings(market.bars.assets, symbols, market.name)
    if not ours:
        return market
    assets = tuple(ours.get(name, name) for name in market.bars.assets)
    return replace(market, bars=replace(market.bars, assets=assets))


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
    fills: Iterable[Fill], proposals: Sequence[Proposed]
) -> tuple[dict[str, list[Fill]], list[str]]:
    """Return what was traded of each proposal, by its digest, and what belongs to none."""
    found: dict[str, list[Fill]] = {proposed.entry.digest: [] for proposed in proposals}
    early = []
    for fill in fills:
        begun = [proposed for proposed in proposals if proposed.session <= fill.date]
        if begun:  # the period of a proposal ends where the next begins
            found[begun[-1].entry.digest].append(fill)
        else:
            early.append(fill)
    if not early:
        return found, []
    more = f" and {len(early) - 1} more" if len(early) > 1 else ""
    why = "as the book has no proposal"
    if proposals:
        why = f"being before the first session of the book, {proposals[0].session.date()}"
    return found, [f"{early[0].place}{more}: left out, {why}."]
