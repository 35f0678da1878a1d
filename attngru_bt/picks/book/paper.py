"""Proposals filled on paper, at the opens of the data, and kept in the book."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from attngru_bt.picks.book.fills import Fill
from attngru_bt.picks.book.ledger import Entry, Ledger
from attngru_bt.picks.book.session import PlayedSession

PAPER = "paper"  # kind of entry


def on_paper(
    ledger: Ledger, entries: Iterable[Entry], sessions: Mapping[str, PlayedSession | None]
) -> dict[str, list[Fill]]:
    """Return the paper fills of a book, and add those that can be made now.

    Parameters
    ----------
    ledger : Ledger
        Its folder is locked by the caller.
    entries : iterable of Entry
        The entries of the ledger.
    sessions : mapping of str to PlayedSession or None
        The session of each proposal that is to be filled, by its digest; None: not in the data yet.

    Returns
    -------
    dict of str to list of Fill
        By the digest of the proposal. An order that did not fill has 0 shares.
    """
    kept = {e.content["proposal"]: e.content["fills"] for e in entries if e.kind == PAPER}
    for digest, session in sessions.items():
        if session is None or digest in kept:
            continue
        fills = [_written(done) for done in session.paper()]
        ledger.append(PAPER, {"proposal": digest, "fills": fills}, locked=True)
        kept[digest] = fills
    return {digest: list(map(_read, fills)) for digest, fills in kept.items()}


def _written(done: Fill) -> dict[str, Any]:
    """Return a fill as the ledger keeps it."""
    return {
        "date": f"{done.date.date()}",
        "symbol": done.symbol,
        "side": done.side,
        "shares": done.shares,
        "price": done.price if done.shares else None,
        "fees": done.fees,
        "why": done.why,
    }


def _read(row: Mapping[str, Any]) -> Fill:
    """Return the fill that the ledger keeps."""
    return Fill(
        pd.Timestamp(row["date"]),
        row["symbol"],
        row["side"],
        row["shares"],
        math.nan if row["price"] is None else row["price"],
        row["fees"],
        why=row.get("why", ""),
    )
