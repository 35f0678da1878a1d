"""Fees: commission with a minimum per order, dated stamp duty and transfer fee, to the cent."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import backtrader as bt

from attngru_bt.markets.limits import adjfactor, day_of
from attngru_bt.markets.rulebook import (
    FUNDS,
    STAMP_DUTY,
    TRANSFER_FEES,
    StampDuty,
    TransferFee,
    board_of,
    in_force,
)


def cents(amount: float) -> float:
    """Round half up to the cent; 1e-6 of a cent keeps 1.005 from becoming 1.00."""
    return math.floor(amount * 100 + 0.5 + 1e-6) / 100


@dataclass(frozen=True)
class Fees:
    """What a trade costs; fractions of the value traded unless told.

    Parameters
    ----------
    commission : float, default 0.00025
        The broker's, on both sides, with the exchange's handling fees in it.
    minimum : float, default 5.0
        Least commission of an order, CNY.
    stamp_duty : sequence of StampDuty
    transfer_fees : sequence of TransferFee
        Both on shares; funds are free of them.
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
        """Fees of an order, each part rounded to the cent as on a settlement note.

        Parameters
        ----------
        value : float
            Value traded, CNY.
        shares : float
            Real shares traded.
        side : {"buy", "sell"}
        date : date
            Day of the trade.
        exchange : {"SH", "SZ", "BJ"}
        board : str, default "main"
            As in `rulebook.LIMITS`. Funds pay the commission only.

        Examples
        --------
        >>> Fees().of(10_000.0, 1000, "sell", dt.date(2019, 1, 2), "SH")  # 5 + 10 + 0.20
        15.2
        """
        taxes = self.taxes(value, shares, side, date, exchange, board)
        return cents(self.commission_of(value) + taxes)

    def commission_of(self, value: float) -> float:
        """Return the broker's commission on an order of this value."""
        return cents(max(self.commission * value, self.minimum)) if value > 0 else 0.0

    def taxes(
        self, value: float, shares: float, side: str, date: dt.date, exchange: str, board: str
    ) -> float:
        """Stamp duty and transfer fee of a trade; arguments as in `of`."""
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

    backtrader tells a commission neither the date nor the order, so there is one object per feed,
    which knows both: the feed carries the date, and the filler leaves the order it lets fill here.
    A partial fill pays stamp duty and transfer fee at the rates of its own day, and the commission
    of the order so far, less what it paid before: the minimum is due once per order. What has no
    order yet (sizing, the check before it is accepted) is charged as an order of its own.
    """

    params: Any = dict(
        stocklike=True, commtype=bt.CommInfoBase.COMM_PERC, percabs=True, fees=None, feed=None
    )

    def __init__(self) -> None:
        super().__init__()
        self.order: Any = None  # being filled now
        self._traded: dict[int, float] = {}  # value of an order's fills so far, by its reference
        self._board, self._exchange = board_of(self.p.feed._name)

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
        """Fees of trading `size` feed units (negative = sale) at `price`, CNY."""
        order = self.order if self.order is not None and self.order.alive() else None
        if order is not None and order.info.get("settlement"):
            return 0.0  # nobody trades: the holding is written off into cash
        fees, feed, value = self.p.fees, self.p.feed, abs(size) * price
        before = 0.0 if order is None else self._traded.get(order.ref, 0.0)
        commission = fees.commission_of(before + value) - fees.commission_of(before)
        shares, side = abs(size) * adjfactor(feed), "sell" if size < 0 else "buy"
        taxes = fees.taxes(value, shares, side, day_of(feed), self._exchange, self._board)
        return cents(commission + taxes)

    def confirmexec(self, size: float, price: float) -> float:
        """Book an execution; called by the broker once it has taken the cash."""
        order = self.order
        if order is not None:
            if abs(size) < abs(order.executed.remsize):
                traded = self._traded.get(order.ref, 0.0)
                self._traded[order.ref] = traded + abs(size) * price
            else:
                self._traded.pop(order.ref, None)
            self.order = None
        return 0.0
