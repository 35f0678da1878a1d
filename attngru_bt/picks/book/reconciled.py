"""A month of a book: the proposal, what was traded of it and what the backtest traded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pandas as pd

from attngru_bt.picks.book.difference import CAUSES, Compared, Trade, in_cents, total
from attngru_bt.picks.book.fills import Fill
from attngru_bt.picks.book.proposed import Proposed
from attngru_bt.picks.book.session import PlayedSession

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
        What is compared with: the backtest; if it cannot be run, the orders at the open of the
        session; without data, the proposal.
    orders : DataFrame, columns `ORDERS`
        A row per symbol and side: shares and prices in the three forms, and the difference by
        cause, in currency.
    parts : dict of str to float
        The difference of all orders by cause, in hundredths of the currency; they sum to `whole`.
    whole : float
        Value of the account less its value if the backtest had traded it.
    value : float
        Of the account when the proposal was made.
    notes : list of str
        Remarks, a sentence each.
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


def reconciled(
    proposed: Proposed, traded: Sequence[Fill], session: PlayedSession | None
) -> Reconciled:
    """Compare a proposal, what was traded of it and the backtest.

    Parameters
    ----------
    proposed : Proposed
    traded : sequence of Fill
    session : PlayedSession or None
        None: the proposal stands for the backtest.
    """
    content = proposed.entry.content
    against, done, notes = "proposal", None, []
    # what it is compared with: the backtest, else the orders at the open, else the proposal
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
        doubts = [(fill.place, session.doubt(fill)) for fill in traded]
        notes += [f"{place}: {doubt}." for place, doubt in doubts if place and doubt]
    notes += [_short(proposed, fill) for fill in traded if fill.why]
    orders = {(order["symbol"], order["side"]): order for order in proposed.orders}
    if done is None:
        done = [
            Fill(proposed.session, o["symbol"], o["side"], o["shares"], o["price"], o["fees"])
            for o in proposed.orders
        ]
    # a row for each symbol and side that is in the proposal, the backtest or the fills
    sums, backtest = _sums(traded), _sums(done)
    compared = []
    for key in dict.fromkeys((*orders, *backtest, *sums)):
        # the price at which shares could have been traded that the backtest did not trade
        candidates = [
            opens.get(key[0], math.nan),
            orders[key]["price"] if key in orders else math.nan,
            float(sums[key].price) if key in sums else 0,
        ]
        price = next(_exact(value) for value in candidates if not math.isnan(value))
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
                mark=price if math.isnan(marked) else _exact(marked),
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


def _short(proposed: Proposed, fill: Fill) -> str:
    """Say what a paper fill is short of."""
    wanted = next(
        order["shares"]
        for order in proposed.orders
        if (order["symbol"], order["side"]) == (fill.symbol, fill.side)
    )
    did = "bought" if fill.side == "buy" else "sold"
    return (
        f"On paper {fill.shares:,g} of {wanted:,g} shares of {fill.symbol} are {did}: {fill.why}."
    )


def _sums(fills: Iterable[Fill]) -> dict[Key, Trade]:
    """Return the shares, average price and fees of each symbol and side."""
    sums: dict[Key, Trade] = {}
    for fill in fills:
        before = sums.get((fill.symbol, fill.side), Trade(Fraction(0), Fraction(0)))
        shares = before.shares + _exact(fill.shares)
        paid = before.shares * before.price
        paid += _exact(fill.shares) * _exact(fill.price) if fill.shares else 0
        sums[fill.symbol, fill.side] = Trade(
            shares, paid / shares if shares else Fraction(0), before.fees + _exact(fill.fees)
        )
    return sums


def _exact(value: float) -> Fraction:
    """Return the number that the shortest decimal digits of a float stand for."""
    return Fraction(repr(float(value)))


def _table(compared: Iterable[Compared], orders: Mapping[Key, Mapping[str, Any]]) -> pd.DataFrame:
    """Return a row per order, its differences by cause beside it."""
    rows = []
    for order in compared:
        proposed = orders.get((order.symbol, order.side))
        traded = float(order.traded.price) if order.traded.shares else math.nan
        rows.append(
            {
                "symbol": order.symbol,
                "side": order.side,
                "proposed": float(order.proposed),
                "reference": math.nan if proposed is None else proposed["price"],
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
