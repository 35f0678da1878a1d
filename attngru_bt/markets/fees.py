"""Fees: commission with a minimum per order, dated stamp duty and transfer fee, to the cent."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.sessions import session_of
from attngru_bt.markets.limits import adjfactor
from attngru_bt.markets.rulebook import (
    FUNDS,
    STAMP_DUTY,
    TRANSFER_FEES,
    StampDuty,
    TransferFee,
    board_of,
    in_force,
)  # fmt: skip


def cents(amount: float) -> float:
    """Round half up to the cent."""
    # 1.005 is slightly less as a float: the 1e-6 rounds it to 1.01 all the same
    return math.floor(amount * 100 + 0.5 + 1e-6) / 100


@dataclass(frozen=True)
class Fees:
    """Fees of a trade, as fractions of the value traded unless stated.

    Parameters
    ----------
    commission : float, default 0.00025
        Commission of the broker on both sides, handling fees of the exchange included.
    minimum : float, default 5.0
        Smallest commission of an order, in CNY.
    stamp_duty : sequence of StampDuty
    transfer_fees : sequence of TransferFee
        On shares only; funds pay neither.
    """

    commission: float = 0.00025
    minimum: float = 5.0
    stamp_duty: Sequence[StampDuty] = STAMP_DUTY
    transfer_fees: Sequence[TransferFee] = TRANSFER_FEES

    def of(
        self,
        value: float,
        shares: float,
        side: str,
        date: dt.date,
        exchange: str,
        board: str = "main",
    ) -> float:
        """Return the fees of an order, each part rounded to the cent as on a settlement note.

        Parameters
        ----------
        value : float
            Value traded, in CNY.
        shares : float
            Number of real shares.
        side : {"buy", "sell"}
        date : date
            Day of the trade.
        exchange : {"SH", "SZ", "BJ"}
        board : str, default "main"
            See `rulebook.LIMITS`. Funds pay the commission only.

        Examples
        --------
        >>> Fees().of(10_000.0, 1000, "sell", dt.date(2019, 1, 2), "SH")  # 5 + 10 + 0.20
        15.2
        """
        taxes = self.taxes(value, shares, side, date, exchange, board)
        return cents(self.commission_of(value) + taxes)

    def commission_of(self, value: float) -> float:
        """Return the commission of the broker on an order of this value."""
        return cents(max(self.commission * value, self.minimum)) if value > 0 else 0.0

    def taxes(
        self, value: float, shares: float, side: str, date: dt.date, exchange: str, board: str
    ) -> float:
        """Return stamp duty and transfer fee of a trade; arguments as in `of`."""
        if value <= 0 or board in FUNDS:
            return 0.0
        total = 0.0
        duty = in_force(self.stamp_duty, date)
        if duty is not None:
            total += cents(value * (duty.buy if side == "buy" else duty.sell))
        fee = in_force([row for row in self.transfer_fees if row.exchange == exchange], date)
        if fee is not None:
            total += cents(value * fee.of_value + shares * fee.per_share)
        return cents(total)


class Commission(bt.CommInfoBase):
    """The fees of one feed, as backtrader asks for them.

    backtrader passes a commission neither the date nor the order, so there is one object per feed:
    the feed has the date, and the filler sets `order` before it lets an order fill. A partial fill
    pays stamp duty and transfer fee at the rates of its day, and the commission of the order so far
    less what was paid before, so that the minimum is due once per order. A size without an order
    (sizing, the check before an order is accepted) is charged as an order of its own.
    """

    params: Any = dict(
        stocklike=True, commtype=bt.CommInfoBase.COMM_PERC, percabs=True, fees=None, feed=None
    )

    def __init__(self) -> None:
        super().__init__()
        self.order: Any = None  # the order that is being filled
        self._traded: dict[int, float] = {}  # value of the fills so far, by reference of the order
        self._board, self._exchange = board_of(self.p.feed._name)

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
        """Return the fees, in CNY, of trading `size` feed units (negative = sale) at `price`."""
        order = self.order if self.order is not None and self.order.alive() else None
        if order is not None and order.info.get("settlement"):
            return 0.0  # no trade: the holding is turned into cash
        fees, feed, value = self.p.fees, self.p.feed, abs(size) * price
        before = 0.0 if order is None else self._traded.get(order.ref, 0.0)
        commission = fees.commission_of(before + value) - fees.commission_of(before)
        shares, side = abs(size) * adjfactor(feed), "sell" if size < 0 else "buy"
        taxes = fees.taxes(value, shares, side, session_of(feed), self._exchange, self._board)
        return cents(commission + taxes)

    def confirmexec(self, size: float, price: float) -> float:
        """Note an execution; the broker calls this once it has taken the cash."""
        order = self.order
        if order is not None:
            if abs(size) < abs(order.executed.remsize):
                traded = self._traded.get(order.ref, 0.0)
                self._traded[order.ref] = traded + abs(size) * price
            else:
                self._traded.pop(order.ref, None)
            self.order = None
        return 0.0
