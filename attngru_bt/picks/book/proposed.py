"""A proposal as an entry of the ledger: what was proposed, on which data, by which model."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.data.bars import Bars
from attngru_bt.data.market import Market
from attngru_bt.picks.book.ledger import Entry, Ledger
from attngru_bt.picks.picks import Picks
from attngru_bt.reports import output
from attngru_bt.reports.plain import plain

KIND = "proposal"
_OF_ITS_TIME = ("at", "versions")  # the same picks, made again, may differ in these
_SET_BY_REHEARSAL = ("start", "benchmark")


@dataclass(frozen=True)
class Proposed:
    """A proposal of the ledger.

    Attributes
    ----------
    entry : Entry
    month_end, last, session : Timestamp
        Whose scores they are, the last session of the data, and the session to trade in.
    orders : list of dict
        symbol, side, shares, price, fees, limit_down and limit_up (None: there is none), and in
        real shares the least that can be bought and the steps it comes in.
    """

    entry: Entry
    month_end: pd.Timestamp
    last: pd.Timestamp
    session: pd.Timestamp
    orders: list[dict[str, Any]]

    @classmethod
    def of(cls, entry: Entry) -> Proposed:
        """Read an entry."""
        content = entry.content
        return cls(
            entry,
            month_end=pd.Timestamp(content["month_end"]),
            last=pd.Timestamp(content["last"]),
            session=pd.Timestamp(content["session"]),
            orders=list(content["orders"]),
        )


def record(
    book: str | os.PathLike[str],
    picks: Picks,
    market: Market,
    eligible: pd.Series,
    *,
    commission: float | None,
    slippage: float,
    rules: Any,
    params: Mapping[str, Any],
    locked: bool = False,
) -> Entry | None:
    """Add picks to a book; None if its last proposal for the session is the same.

    Parameters
    ----------
    book : path
        Its folder.
    picks : Picks
    market : Market
        All that was known.
    eligible : Series, index asset
        The scores that were ranked.
    commission, slippage, rules, params
        Of the account and of `MonthlyTopK`, as the rehearsal had them.
    locked : bool, default False
        See `Ledger.append`.
    """
    month, orders = picks.month, picks.orders
    account = {"commission": commission, "slippage": slippage, "rules": rules}
    kept = {k: v for k, v in params.items() if k not in _SET_BY_REHEARSAL and v is not None}
    content = {
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "versions": output.versions(),
        "month_end": f"{month.end.date()}",
        "last": f"{month.last.date()}",
        "session": f"{month.session.date()}",
        "model": picks.title,
        "settings": plain(picks.settings),
        "data": {"name": picks.data, "digest": data_digest(market.bars)},
        "value": picks.proposal.value,
        "cash": picks.portfolio.cash,
        "holdings": picks.portfolio.shares,
        "orders": [
            {**order, "least": lots[0], "step": lots[1]}
            for order in plain(orders.to_dict(orient="records"))
            for lots in [picks.proposal.lots[order["symbol"]]]
        ],
        "scores": {str(name): float(score) for name, score in eligible.items()},
        "backtest": _as_json(account | {"params": kept}),
    }
    ledger = Ledger(book)
    if ledger.path.exists():
        same_session = [
            entry
            for entry in ledger.read()[0]
            if entry.kind == KIND and entry.content["session"] == content["session"]
        ]
        new = json.loads(json.dumps(content))  # as it would be read: tuples are lists
        if same_session and _lasting(same_session[-1].content) == _lasting(new):
            return None
    return ledger.append(KIND, content, locked=locked)


def in_force(entries: list[Entry]) -> tuple[list[Proposed], list[str]]:
    """Return the proposals that count, in the order of their sessions, and what is left out.

    Of several for a session, the last one counts that was made before any for a later session: a
    proposal that was made afterwards may know what came of it.
    """
    of_session: dict[pd.Timestamp, Proposed] = {}
    left_out = []
    for entry in entries:
        if entry.kind != KIND:
            continue
        proposed = Proposed.of(entry)
        session = proposed.session
        # the last proposal for a session counts, unless a later session was proposed for before it
        if session in of_session and session < max(of_session):
            left_out.append(
                f"Line {entry.line} of the book is left out: it proposes for {session.date()} "
                f"again, after a proposal for {max(of_session).date()}; that of line "
                f"{of_session[session].entry.line} counts."
            )
        else:
            of_session[session] = proposed
    return [of_session[session] for session in sorted(of_session)], left_out


def data_digest(bars: Bars) -> str:
    """Return the digest of the bars of names that have any: others may join the data later."""
    traded = np.flatnonzero(bars.traded.any(axis=0))
    return bars.select(sorted(bars.assets[i] for i in traded)).digest()


def _lasting(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content by which two proposals are the same."""
    return {name: value for name, value in content.items() if name not in _OF_ITS_TIME}


def _as_json(settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return settings from which a backtest can be run again; None if JSON cannot hold them."""
    try:
        found: dict[str, Any] = json.loads(json.dumps(settings, allow_nan=False))
    except (TypeError, ValueError):
        return None
    return found
